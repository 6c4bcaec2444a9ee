"""Answers in words on a scale: its own labels, and words and signs for how good something was."""

from __future__ import annotations

import math

from hub.config.questions import Question
from hub.survey.reading.common import Asked, Found, Said
from hub.survey.words import COURTESY, EMOJI_LEVELS, FILLERS, LEVELS, STRONGLY, key, keys

LONGEST_ANSWER = 200
"""Characters of the longest text that is looked at as an answer in words."""

_MIDDLE = 0.5
_MOST_WORDS = 12
_PUNCTUATION = str.maketrans("", "", ".,!?…;\"'”“()\ufe0f\u200d🏻🏼🏽🏾🏿")


def read_label(said: Said, asked: Asked) -> Found | None:
    """The value whose label is the first line, in the language of the conversation or in another."""
    question = asked.question
    if not question.labels or len(said.head) > LONGEST_ANSWER:
        return None
    words = keys(said.head)
    bare = tuple(word for word in words if word not in COURTESY)
    for labels in _labels(question, asked.language):
        for value, label in labels:
            if (label_words := keys(label)) == words:
                return Found(value, said.tail)
            if label_words == bare and bare:
                return Found(value, said.text)
    return None


def _labels(question: Question, language: str) -> list[list[tuple[int, str]]]:
    """The values of a scale with their labels by language, the language of the conversation first.

    A scale has labels for all its values or for its two ends.
    """
    values = range(question.minimum, question.maximum + 1)
    ordered = sorted(question.labels, key=lambda one: one != language)
    found = [question.labels[one] for one in ordered]
    return [list(zip(values if len(labels) == len(values) else (values[0], values[-1]), labels, strict=False))
            for labels in found]  # fmt: skip


def read_degree(said: Said, asked: Asked) -> Found | None:
    """What words or signs of one degree mean on a scale: the middle of it for "ok", its good end for "loistavaa".

    "Good" and 👍 are a quarter of the scale below its good end: 4 of 1 to 5. "Ok" means nothing on a scale without a
    middle value. The words stay a comment, as this is an interpretation.
    """
    degree = _degree(said.text)
    if degree is None:
        return None
    question = asked.question
    share = degree if question.better == "higher" else 1 - degree
    place = question.minimum + share * (question.maximum - question.minimum)
    if degree == _MIDDLE and not place.is_integer():
        return None
    value = math.floor(place + 0.5) if share > _MIDDLE else math.ceil(place - 0.5)
    return Found(value, said.text, literal=False)


def _degree(text: str) -> float | None:
    """How good a text says it was, from 0 to 1; None unless all of it says so and nothing else."""
    words = text.split(maxsplit=_MOST_WORDS)
    if len(words) > _MOST_WORDS or len(text) > LONGEST_ANSWER:
        return None
    by_word: set[float] = set()
    by_sign: set[float] = set()
    strongly = False
    for word in words:
        signs = _signs(word)
        if signs is None:
            return None
        by_sign |= signs
        folded = "" if word in EMOJI_LEVELS else key(word)
        if folded in LEVELS:
            by_word.add(LEVELS[folded])
        elif folded and folded not in FILLERS:
            return None
        strongly = strongly or folded in STRONGLY
    degree = _one_degree(by_word, by_sign)
    return {0.75: 1.0, 0.25: 0.0}.get(degree, degree) if degree is not None and strongly and by_word else degree


def _signs(word: str) -> set[float] | None:
    """The degrees of the signs in a word; None when one is not known, as it may be irony."""
    if word in EMOJI_LEVELS:
        return {EMOJI_LEVELS[word]}
    signs = [char for char in word.translate(_PUNCTUATION) if not char.isalnum() and char != "-"]
    return {EMOJI_LEVELS[char] for char in signs} if all(char in EMOJI_LEVELS for char in signs) else None


def _one_degree(by_word: set[float], by_sign: set[float]) -> float | None:
    """The mildest degree that was said; None when good and bad things were."""
    degrees = by_word | by_sign
    sides = {(degree > _MIDDLE) - (degree < _MIDDLE) for degree in degrees}
    if len(sides) != 1 and not (by_word == {_MIDDLE} and sides == {0, 1}):  # "ok 👍" is no more than ok
        return None
    return min(by_word or by_sign, key=lambda degree: abs(degree - _MIDDLE))
