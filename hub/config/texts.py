"""The hub's own words, one file a language in `languages/`, and which of them a survey may put in other words."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import get_args

from hub.config.survey import Language, Tone

LANGUAGES: tuple[Language, ...] = get_args(Language)
TONES: tuple[Tone, ...] = get_args(Tone)

FIXED = frozenset({"name", "unknown_title", "unknown_text", "failed_title", "failed_text"})
"""Texts of pages that belong to no survey."""

_ASKING = ("sender", "ticket", "question", "how", "link")
_TELLING = ("sender", "ticket", "link")
_SCALE = ("minimum", "maximum", "best")
PLACEHOLDERS: Mapping[str, tuple[str, ...]] = {
    "sms_survey": _ASKING,
    "sms_reminder": _ASKING,
    "sms_question": _ASKING,
    "sms_thanks": _TELLING,
    "sms_stopped": _TELLING,
    "sms_started": _TELLING,
    "sms_how_scale": _SCALE,
    "sms_how_nps": _SCALE,
    "sms_how_choice": ("options",),
    "sms_how_factors": ("options",),
    "sms_how_page": ("link",),
    "mail_subject": ("sender", "ticket"),
    "mail_subject_open": ("sender", "ticket"),
    "mail_reminder_subject": ("mail_subject",),
    "about_closed": ("ticket",),
    "about_handed_over": ("ticket",),
    "about_waiting": ("ticket",),
    "ticket_with_subject": ("ticket", "subject"),
    "mail_how_scale": _SCALE,
    "privacy": ("sender", "ticket"),
    "place_privacy": ("sender",),
    "too_long": ("limit",),
    "change_until": ("until",),
    "unsubscribe_text": ("sender",),
    "place_returns": ("seconds",),
    "place_returns_minutes": ("minutes",),
}
"""What each text can hold as `{name}`. The others hold nothing."""


@cache
def builtin_texts(language: Language, tone: Tone) -> Mapping[str, str]:
    """All texts in a language and tone, by name."""
    content = tomllib.loads(files("hub.config").joinpath("languages", f"{language}.toml").read_text("utf-8"))
    of_tone: dict[Tone, dict[str, str]] = {each: content.pop(each) for each in TONES}
    return {**content, **of_tone[tone]}


@cache
def replaceable() -> tuple[str, ...]:
    """The names that `surveys.NAME.texts.LANGUAGE` can have."""
    return tuple(name for name in builtin_texts("en", "formal") if name not in FIXED)


def fault_in(text: str, allowed: Collection[str]) -> str | None:
    """Why a text cannot be filled in; None when it can."""
    if not text.strip():
        return "must not be empty."
    known = ", ".join(f"{{{name}}}" for name in allowed) or "none"
    try:
        fields = [field for _, *field in Formatter().parse(text) if field[0] is not None]
    except ValueError:
        return f"a brace stands alone. Write {{{{ or }}}} for one. Placeholders: {known}."
    for name, form, conversion in fields:
        if name not in allowed:
            return f"unknown placeholder {{{name}}}. There are: {known}."
        if form or conversion:
            return f"write {{{name}}} with nothing else in its braces."
    return None
