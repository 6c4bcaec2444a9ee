"""Spans of lost time: "2 h 30 min", "puoli tuntia", "en halvtimme", "a day".

A bare number counts only where the question names one unit, minutes or hours, as in "how many minutes did you lose?".
Whatever may make a span something else makes it a comment: "2 h a day", "1 h x 3", "2 days later it broke again".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, takewhile

from hub.survey.reading.common import Asked, Found, Said, own_words
from hub.survey.reading.numbers import number_of
from hub.survey.time_words import ABOUT, AFTER_SPAN, BEFORE_SPAN, COUPLE, MINUTES_OF, NO_TIME, SPANS
from hub.survey.words import AND, COURTESY, key

MOST_MINUTES = 22_500
"""Ten working weeks: a reply with more is a slip, or something for a person to look at."""

_MOST_WORDS = 24
# one decimal, or a quarter: 1.30 may be a time of day
_WORD = re.compile(r"\d{1,4}(?:[.,](?:\d|[27]5)(?!\d))?½?|½|[^\W\d_]+|\S")
_BETWEEN = AND | {","}
_DASHES = ("-", "–", "—")
_ROUGH_SIGNS = ("~", "≈", "<", ">")
_ENDS = (".", ",", "!", "?", ";", ":", "(", "…", *_DASHES)
_HOUR = 60
_COUPLE = 2
_MINUTES_NAMED = re.compile(r"(?<!\w)min(?!\w)|minuut|minut", re.IGNORECASE)
_HOURS_NAMED = re.compile(r"(?<!\w)h(?!\w)|tunti|tunnei|timm|hour", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Span:
    minutes: float
    end: int
    """The index of the word after it."""
    rough: bool = False
    hours: bool = False
    """Whether it ends with a number of hours, which a bare number of minutes may follow: "1 h 30"."""


def read_lost_time(said: Said, asked: Asked) -> Found | None:
    """The minutes of work lost."""
    found = list(islice(_WORD.finditer(said.head), _MOST_WORDS))
    words = [key(match[0]) if match[0][0].isalpha() else match[0] for match in found]
    start = _start(words)
    span = _no_time(words, start) or _spans(words, start, asked.language) or _bare(words, start, asked)
    if span is None or span.minutes > MOST_MINUTES:
        return None
    thought = list(takewhile(lambda word: word not in _ENDS, words[span.end :]))
    end = span.end + len(thought)
    if not AFTER_SPAN.issuperset(thought) or _goes_on(words[end:]):
        return None
    if span.rough or not ABOUT.isdisjoint(words[:start] + thought) or set(words[:start]).intersection(_ROUGH_SIGNS):
        return Found(round(span.minutes), said.text, literal=False)
    last = span.end if not COURTESY.isdisjoint(thought) else end
    return Found(round(span.minutes), own_words(said.head[found[last - 1].end() :]) + said.tail)


def _start(words: Sequence[str]) -> int:
    """The index of the first word that is not only an introduction: "it took about"."""
    before = takewhile(lambda word: word in BEFORE_SPAN or word in ABOUT or word in _ROUGH_SIGNS or word == ".", words)
    return len(list(before))


def _goes_on(words: Sequence[str]) -> bool:
    """Whether a number follows, which may multiply the span."""
    return len(words) > 1 and words[0] != "." and words[1][0].isdecimal()


def _no_time(words: Sequence[str], start: int) -> _Span | None:
    thought = list(takewhile(lambda word: word not in _ENDS, words[start:]))
    while thought:
        if tuple(thought) in NO_TIME:
            return _Span(0, start + len(thought))
        if thought.pop() not in AFTER_SPAN:
            break
    return None


def _spans(words: Sequence[str], start: int, language: str) -> _Span | None:
    """The sum of the spans that stand there one after another."""
    total, minutes = _called(words, start) or _span(words, start, language), 0.0
    rough = False
    while total is not None:
        minutes, rough, end = minutes + total.minutes, rough or total.rough, total.end
        more = _span(words, end, language, after_hours=total.hours)
        if more is None and end < len(words) and words[end] in _BETWEEN:
            more = _called(words, end + 1) if words[end] in AND else None
            more = more or _span(words, end + 1, language)
        if more is None:
            return _Span(minutes, end, rough)
        total = more
    return None


def _span(words: Sequence[str], at: int, language: str, *, after_hours: bool = False) -> _Span | None:
    number = _number(words, at, language)
    if number is None:
        return None
    if unit := _unit(words, at + 1):
        return _Span(number * unit, at + 2, hours=unit == _HOUR)
    if after_hours and number < _HOUR and words[at].isdecimal():
        return _Span(number, at + 1)
    highest = _number(words, at + 2, language) if at + 2 < len(words) and words[at + 1] in _DASHES else None
    if highest is not None and (unit := _unit(words, at + 3)):
        return _Span((number + highest) / 2 * unit, at + 4, rough=True)
    return None


def _called(words: Sequence[str], at: int) -> _Span | None:
    """A span that has a name of its own: "half an hour", "a couple of days"."""
    for size in range(min(5, len(words) - at), 0, -1):
        phrase = tuple(words[at : at + size])
        if phrase in SPANS:
            return _Span(SPANS[phrase], at + size)
        if phrase in COUPLE and (unit := _unit(words, at + size)):
            return _Span(_COUPLE * unit, at + size + 1, rough=True)
    return None


def _unit(words: Sequence[str], at: int) -> int | None:
    return MINUTES_OF.get(words[at]) if at < len(words) else None


def _number(words: Sequence[str], at: int, language: str) -> float | None:
    if at >= len(words):
        return None
    word = words[at]
    if not (word[0].isdecimal() or word[0] == "½"):
        return number_of(word, language)
    whole, half = word.removesuffix("½").replace(",", "."), word.endswith("½")
    return float(whole or 0) + (0.5 if half else 0)


def _bare(words: Sequence[str], at: int, asked: Asked) -> _Span | None:
    """A number without a unit, where the question names it."""
    unit = _named_unit(asked.text)
    number = _number(words, at, asked.language)
    if unit is None or number is None or words[at].isalpha():
        return None
    return _Span(number * unit, at + 1)


@lru_cache(maxsize=64)
def _named_unit(asked: str) -> int | None:
    """The unit in minutes that a question names; None when it names both or none."""
    minutes, hours = _MINUTES_NAMED.search(asked) is not None, _HOURS_NAMED.search(asked) is not None
    return None if minutes == hours else 1 if minutes else _HOUR
