"""What all kinds of replies have in common: lines, wishes to stop and to start again, separators."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hub.config.questions import Question
from hub.survey.model import Value
from hub.survey.wish_words import OPT_IN, OPT_OUT, OPT_OUT_LINES, OPT_OUT_OBJECTS
from hub.survey.words import (
    COURTESY,
    NEEDS_MORE,
    NO,
    NUMBERS,
    POINTS,
    THANKS,
    YES,
    key,
)

INVISIBLE = r"[\s\u200b-\u200f\u2060\ufeff]*"
WORD = re.compile(rf"{INVISIBLE}(?P<word>[^\W\d_]+)(?P<rest>.*)$", re.DOTALL)
"""The first word of a text and what follows it."""

_BLANK = re.compile(INVISIBLE)
_SEPARATOR = re.compile(r"[.,!…]*\s*(?:[-–—:;=)](?=\s|$))?\s*")
_BARE_NUMBER = re.compile(r"\d{1,2}(?:\s?/\s?\d{1,2})?[.,!:;)]*")
_BARE_WORDS = POINTS.union(NUMBERS, *YES.values(), *NO.values()) - NEEDS_MORE
_SHORTEST_WISH = 3
_MOST_WORDS = 12
"""A line with more is no wish, whatever is in it."""


class Wish(StrEnum):
    """What a customer wants of surveys as such."""

    STOP = "stop"
    START = "start"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a text is read as an answer to."""

    question: Question
    language: str

    @property
    def text(self) -> str:
        """The question as an SMS asks it."""
        return next((text for words in (self.question.sms, self.question.text) for language, text in words.items()
                     if language == self.language), "")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """An answer found in a text."""

    value: Value
    words: str
    """The customer's own words besides it."""
    literal: bool = True


@dataclass(frozen=True, slots=True)
class Said:
    """A text without its wishes."""

    head: str
    """The first line that holds anything, without white space around it; empty when there is none."""
    tail: str
    """What follows it, its line end included."""
    text: str
    """All of it."""


def wishes(text: str) -> Wish | None:
    """What a reply wants of surveys as such, whichever question it answers. A wish to stop comes first."""
    return split(text)[1] if len(text) >= _SHORTEST_WISH else None


def without_wishes(text: str) -> str:
    """The customer's own words in a reply, without words that are a wish."""
    return "".join(split(text)[0]).strip()


def first_line(text: str) -> str:
    """The first line that holds own words."""
    return say(split(text)[0]).head


def split(text: str) -> tuple[list[str], Wish | None]:
    """The lines of a text without words that are a wish, and the wish.

    Words to stop count on a line that holds nothing but them, thanks and a bare answer, or where a whole line says so.
    Words to start count only when nothing but thanks stands beside them.
    """
    lines, wish, may_start = [], None, False
    for line in text.splitlines(keepends=True):
        words = line.split(maxsplit=_MOST_WORDS)
        folded = list(map(key, words)) if len(words) <= _MOST_WORDS else []
        rest = None
        if len(folded) > 1 and tuple(word for word in folded if word and word not in COURTESY) in OPT_OUT_LINES:
            rest = ""
        elif not OPT_OUT.isdisjoint(folded):
            rest = _without_stop(words, folded)
        if rest is not None:
            wish = Wish.STOP
        lines.append(line if rest is None else rest + line_end(line))
        may_start = may_start or not OPT_IN.isdisjoint(folded)
    if may_start and wish is None and (others := _without_start(text)) is not None:
        return [others], Wish.START
    return lines, wish


def _without_stop(words: Sequence[str], folded: Sequence[str]) -> str | None:
    """What a line with a word to stop holds besides; None when it says more than that."""
    others = [
        word for word, one in zip(words, folded, strict=True) if one not in OPT_OUT and one not in OPT_OUT_OBJECTS
    ]
    remaining = [word for word in others if (one := key(word)) and one not in COURTESY]
    bare = (
        not remaining
        or _BARE_NUMBER.fullmatch(" ".join(remaining)) is not None
        or all(key(word) in _BARE_WORDS or _BARE_NUMBER.fullmatch(word) for word in remaining)
    )
    return " ".join(others) if bare else None


def _without_start(text: str) -> str | None:
    """What a text with a word to start holds besides; None when that is more than thanks."""
    words = [(word, key(word)) for word in text.split()]
    if not all(folded in OPT_IN or folded in THANKS or not folded for _, folded in words):
        return None
    return " ".join(word for word, folded in words if folded not in OPT_IN)


def say(lines: Sequence[str]) -> Said:
    """The lines as their readers want them."""
    for number, line in enumerate(lines):
        start = _BLANK.match(line)
        if start and start.end() < len(line):
            head = line[start.end() :]
            return Said(head.rstrip(), line_end(head) + "".join(lines[number + 1 :]), "".join(lines))
    return Said("", "", "")


def own_words(rest: str) -> str:
    """What follows an answer, without what separates it."""
    return rest[match.end() :] if (match := _SEPARATOR.match(rest)) else rest


def line_end(line: str) -> str:
    """The white space at the end of a line."""
    return line[len(line.rstrip()) :]
