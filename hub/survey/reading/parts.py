"""The three-part question: something to order, something that does not work, something to tell."""

from __future__ import annotations

import re
from itertools import pairwise

from hub.survey.reading.common import Asked, Found, Said
from hub.survey.words import NEGATIONS, NOTHING, ORDER, PROBLEM, THANKS, keys

_PROBLEM = re.compile(rf"(?<!\w)(?:{PROBLEM})", re.IGNORECASE)
_ORDER = re.compile(rf"(?<!\w)(?:{ORDER})", re.IGNORECASE)
_LONGEST_NOTHING = 40
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+(?=\w)|[\r\n]+")


def read_parts(said: Said, asked: Asked) -> Found | None:
    """The sentences by what they are, word for word: a table with some of "service", "problem" and "feedback".

    A sentence is a problem when it says that something does not work, an order when it asks for something, and else
    feedback. A reply that only says "nothing" answers nothing.
    """
    text = said.text.strip()
    if is_nothing(text):
        return None
    parts: dict[str, str] = {}
    for part, sentence in _merged(text, asked.language):
        parts[part] = f"{parts[part]}\n{sentence}" if part in parts else sentence
    return Found(parts, "")


def is_nothing(text: str) -> bool:
    """Whether a text says no more than that there is nothing to say."""
    return len(text) <= _LONGEST_NOTHING and tuple(word for word in keys(text) if word not in THANKS) in NOTHING


def _merged(text: str, language: str) -> list[tuple[str, str]]:
    """The text cut where its kind changes."""
    starts = [0, *(match.end() for match in _SENTENCE_ENDS.finditer(text)), len(text)]
    found: list[tuple[str, int, int]] = []
    for start, end in pairwise(starts):
        part = _part(text[start:end], language)
        same = found and found[-1][0] == part
        found.append((part, found.pop()[1] if same else start, end))
    return [(part, text[start:end].strip()) for part, start, end in found]


def _part(sentence: str, language: str) -> str:
    if _PROBLEM.search(sentence):
        return "problem"
    wanted = _ORDER.search(sentence) and NEGATIONS.get(language, frozenset()).isdisjoint(keys(sentence))
    return "service" if wanted else "feedback"
