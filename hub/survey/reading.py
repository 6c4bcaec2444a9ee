"""Reads what a customer wrote back, by SMS or mail: a rating, their own words, a wish not to be asked again.

A number counts only where a rating is expected, at the very start. One from elsewhere in the text would sooner or
later be a date, a ticket number or "5 days", and a false rating hurts more than a comment that a person must read.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from hub.survey.words import COURTESY, NUMBERS, OPT_OUT, UNITS

WORST, BEST = 1, 5


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says. Together the parts cover all of it."""

    rating: int | None = None
    comment: str | None = field(default=None, repr=False)
    """The customer's own words as written, without the rating and the opt-out word; None when there are none."""
    opt_out: bool = False


_INVISIBLE = r"[\s\u200b-\u200f\u2060\ufeff]*"
_NUMBER = re.compile(rf"{_INVISIBLE}(?P<number>\d)\ufe0f?\u20e3?(?!\d)(?:\s?/\s?(?P<scale>\d{{1,3}}))?")
# What may follow a number that is a rating: nothing, a space, punctuation or, checked apart, an emoji.
_AFTER = re.compile(r"$|[\s.,!?…:;=()\"'–—-]")
# What shows that a number goes on (3.5, 1-5, 12:30, 1. 6. 2026, 5 000) or counts something (5 days).
_GOES_ON = re.compile(
    rf"[.,:]\d|\s*[-–—/+*]\s*\d|\s+\d|\.\s+\d+\.|\s*(?:{UNITS})(?!\w)|\s*/",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"[.,!…]*\s*(?:[-–—:;=)](?=\s|$))?\s*")
_STARS = re.compile(r"(?P<full>[⭐★🌟]+)(?P<empty>☆*)[.!]*")
_FIRST_ITEM = re.compile(rf"{_INVISIBLE}1(?P<mark>[.)])\s*\S")
_BLANK = re.compile(_INVISIBLE)
_WORD = re.compile(rf"{_INVISIBLE}(?P<word>[^\W\d_]+)(?P<rest>.*)$", re.DOTALL)


def read(text: str) -> Reading:
    """Read a reply. Any text gives a reading; where no rating is certain, all of it is the comment."""
    lines, opt_out = _without_opt_out(text)
    first = next((number for number, line in enumerate(lines) if not _blank(line)), None)
    if first is None:
        return Reading(opt_out=opt_out)
    rest = "".join(lines[first + 1 :])
    found = None if _is_list(lines[first], rest) else _rating(lines[first].rstrip())
    rating, own_words = found or (None, lines[first])
    comment = (own_words + _line_end(lines[first]) + rest if found else "".join(lines)).strip()
    return Reading(rating=rating, comment=comment or None, opt_out=opt_out)


def _without_opt_out(text: str) -> tuple[list[str], bool]:
    """The lines without opt-out words, which count only on a line that holds nothing but them and a rating."""
    lines, opt_out = [], False
    for line in text.splitlines(keepends=True):
        words = line.split()
        others = [word for word in words if _key(word) not in OPT_OUT]
        if len(others) < len(words) and _says_nothing_more(others):
            opt_out = True
            lines.append(" ".join(others) + _line_end(line))
        else:
            lines.append(line)
    return lines, opt_out


def _says_nothing_more(words: list[str]) -> bool:
    remaining = " ".join(word for word in words if _key(word) not in COURTESY)
    if not remaining:
        return True
    found = _rating(remaining)
    return found is not None and not found[1]


def _rating(line: str) -> tuple[int, str] | None:
    """The rating a line starts with and what follows it, or None."""
    return _from_number(line) or _from_stars(line) or _from_word(line)


def _from_number(line: str) -> tuple[int, str] | None:
    match = _NUMBER.match(line)
    if match is None or int(match["scale"] or BEST) != BEST:
        return None
    rating, rest = int(match["number"]), line[match.end() :]
    if not WORST <= rating <= BEST or _GOES_ON.match(rest) or not (_AFTER.match(rest) or _is_emoji(rest[0])):
        return None
    return rating, _own_words(rest)


def _from_stars(line: str) -> tuple[int, str] | None:
    """Stars count when the line holds nothing else: one star before a text is decoration."""
    match = _STARS.fullmatch(re.sub(r"[\s\ufe0f]+", "", line))
    if match is None:
        return None
    rating, empty = len(match["full"]), len(match["empty"])
    return (rating, "") if rating <= BEST and (not empty or rating + empty == BEST) else None


def _from_word(line: str) -> tuple[int, str] | None:
    """A number word counts when it stands alone, before punctuation or before thanks: "one laptop" is no rating."""
    match = _WORD.match(line)
    rating = NUMBERS.get(_key(match["word"])) if match else None
    if match is None or rating is None:
        return None
    rest = match["rest"]
    thanks = _key(rest.split()[0]) in COURTESY if rest.split() else True
    return (rating, _own_words(rest)) if thanks or rest[0] in ".,!:;" else None


def _own_words(rest: str) -> str:
    return rest[match.end() :] if (match := _SEPARATOR.match(rest)) else rest


def _is_list(line: str, rest: str) -> bool:
    """Whether the lines are a numbered list, whose "1." is no rating."""
    match = _FIRST_ITEM.match(line)
    return match is not None and re.search(rf"^[ \t]*2{re.escape(match['mark'])}", rest, re.MULTILINE) is not None


def _is_emoji(char: str) -> bool:
    return unicodedata.category(char) == "So" and char != "°"


def _blank(line: str) -> bool:
    return _BLANK.fullmatch(line) is not None


def _line_end(line: str) -> str:
    return line[len(line.rstrip()) :]


def _key(word: str) -> str:
    """A word without case, width and punctuation, to compare it. Cut, as no known word is that long."""
    folded = unicodedata.normalize("NFKC", word[:40]).casefold()
    return folded if folded.isalnum() else "".join(filter(str.isalnum, folded))
