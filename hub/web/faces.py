"""Faces for a scale, drawn alike but for the mouth: no colours and no pictures that say more than the words below."""

from __future__ import annotations

from markupsafe import Markup

from hub.config.questions import Question
from hub.survey.model import scale_of
from hub.survey.scale import normalised

MOST_FACES = 7
"""A scale with more values is shown as numbers."""


def face(question: Question, value: str) -> Markup:
    """The face of a value as an SVG, for an eye only; empty where the question has no faces."""
    scale = scale_of(question)
    if scale is None or scale.maximum - scale.minimum >= MOST_FACES:
        return Markup()
    mood = 2 * normalised(int(value), scale.minimum, scale.maximum, scale.higher_is_better) - 1  # -1 worst, 1 best
    corner, middle = 31 - 3 * mood, 31 + 8 * mood
    return Markup(
        '<svg viewBox="0 0 48 48" aria-hidden="true" focusable="false" fill="none" stroke="currentColor" '
        'stroke-width="2.5" stroke-linecap="round"><circle cx="24" cy="24" r="22"/><path d="M16 18v3M32 18v3"/>'
        '<path d="M14 {corner:.1f}Q24 {middle:.1f} 34 {corner:.1f}"/></svg>'
    ).format(corner=corner, middle=middle)
