"""Numbers on a scale: digits, number words, "4/5", keycaps and stars."""

from __future__ import annotations

import re
import unicodedata
from itertools import takewhile

from hub.api.records import QuestionKind
from hub.config.questions import Question
from hub.survey.reading.common import INVISIBLE, WORD, Asked, Found, Said, own_words
from hub.survey.words import (
    BEFORE_NUMBER,
    COURTESY,
    NUMBERS,
    NUMBERS_OF,
    OUT_OF,
    POINTS,
    SMALL_TALK,
    UNITS,
    key,
    keys,
)

_DIGIT = r"\d\ufe0f?\u20e3?"
_NUMBER = re.compile(
    rf"{INVISIBLE}(?P<number>🔟|{_DIGIT}(?:{_DIGIT})?)(?!\d)"
    r"(?:\s?(?:/|out\s+of|of|av)\s?(?P<scale>\d{1,3}))?",
    re.IGNORECASE,
)
# What may follow a number that is an answer: nothing, a space, punctuation, thanks or, checked apart, an emoji.
_AFTER = re.compile(r"$|[\s.,!?…:;=()\"'–—-]|(?:kiito|kiitt|kiits|tack|thank|thx)", re.IGNORECASE)
# What shows that a number goes on (3.5, 1-5, 12:30, 1. 6. 2026, 5 000, 3 or 4) or counts something (5 days, 2. time).
_GOES_ON = re.compile(
    rf"[.,:]\d|\s*[-–—/+*]\s*\d|\s+\d|\.\s+\d+\.|\.?\s*(?:{UNITS})(?!\w)|\s*/|\s+(?:av|out)(?!\w)|"
    r"\s+(?:tai|vai|eller|or)\s+\d|\s+(?:ja|och|and)\s+(?:puoli|en\s+halv|(?:a\s+)?half)(?!\w)",
    re.IGNORECASE,
)
_POINTS = re.compile(rf"\s*(?:[⭐★🌟]\ufe0f?\s*)+|\s+(?:{'|'.join(sorted(POINTS))})(?!\w)", re.IGNORECASE)
_SCALE = re.compile(r"\s+(?:(?:out\s+of|of|av)\s+(?P<number>[^\W\d_]+)|(?P<finnish>\w+st[aä]))(?!\w)", re.IGNORECASE)
_STARS = re.compile(r"(?P<full>[⭐★🌟]+)(?P<empty>☆*)[.!]*")
_FIRST_ITEM = re.compile(rf"{INVISIBLE}1(?P<mark>[.)])\s*\S")
_USUAL_STARS = 5
_AROUND = "\"'“”„»«()*"
_MOST_WORDS = 12


def read_number(said: Said, asked: Asked) -> Found | None:
    """The number a text starts with, when the question's scale has it."""
    if is_list(said):
        return None
    line, question = said.head, asked.question
    found = _from_digits(line, question) or _from_stars(line, question) or _from_word(line, question, asked.language)
    return Found(found[0], found[1] + said.tail) if found else _introduced(said, asked)


def _introduced(said: Said, asked: Asked) -> Found | None:
    """A number with nothing else on its line but greetings, thanks and words that introduce it: "Hei, arvosana 5"."""
    words = said.head.split(maxsplit=_MOST_WORDS)
    before = list(takewhile(lambda folded: folded in BEFORE_NUMBER or folded in SMALL_TALK, map(key, words)))
    if len(words) > _MOST_WORDS:
        return None
    rest = " ".join(words[len(before) :]).strip(_AROUND)
    found = _from_digits(rest, asked.question) or _from_word(rest, asked.question, asked.language)
    if found is None or not SMALL_TALK.issuperset(keys(found[1])):
        return None
    return Found(found[0], said.tail if BEFORE_NUMBER.issuperset(before) and not found[1] else said.text)


def _from_digits(line: str, question: Question) -> tuple[int, str] | None:
    match = _NUMBER.match(line)
    if match is None or int(match["scale"] or question.maximum) != question.maximum:
        return None
    number, rest = _whole(match["number"]), line[match.end() :]
    if number is None or not question.minimum <= number <= question.maximum:
        return None
    return (number, _words_after(rest)) if ends_here(rest) else None


def _whole(digits: str) -> int | None:
    if digits == "🔟":
        return 10
    digits = digits.translate({0xFE0F: None, 0x20E3: None})
    if len(digits) > 1 and int(digits[0]) == 0:
        return None
    return int(digits)


def ends_here(rest: str) -> bool:
    """Whether what follows a number leaves it a number of its own."""
    return not _GOES_ON.match(rest) and bool(_AFTER.match(rest) or _is_emoji(rest[0]))


def _words_after(rest: str) -> str:
    return own_words(rest[match.end() :] if (match := _POINTS.match(rest)) else rest)


def _from_stars(line: str, question: Question) -> tuple[int, str] | None:
    """Stars count when the line holds nothing else: one star before a text is decoration."""
    match = _STARS.fullmatch(re.sub(r"[\s\ufe0f]+", "", line))
    if match is None or question.kind is not QuestionKind.RATING or question.better != "higher":
        return None
    full, empty = len(match["full"]), len(match["empty"])
    known = full + empty == question.maximum if empty else question.maximum == _USUAL_STARS
    return (full, "") if known and question.minimum <= full <= question.maximum else None


def _from_word(line: str, question: Question, language: str) -> tuple[int, str] | None:
    """A number word counts when it stands alone, before punctuation, thanks or "stars": "one laptop" is no rating."""
    match = WORD.match(line)
    number = number_of(match["word"], language) if match else None
    if match is None or number is None or not question.minimum <= number <= question.maximum:
        return None
    rest = match["rest"]
    if scale := _SCALE.match(rest):
        out_of = number_of(scale["number"], language) if scale["number"] else OUT_OF.get(key(scale["finnish"]))
        if out_of != question.maximum:
            return None
        rest = rest[scale.end() :]
    if points := _POINTS.match(rest):
        rest = rest[points.end() :]
    following = rest.split(maxsplit=1)
    ends = not following or rest[0] in ".,!:;" or key(following[0]) in COURTESY | {""}
    return (number, own_words(rest)) if ends else None


def number_of(word: str, language: str) -> int | None:
    """The number a word is called in a language or, unless it is another word there, in any."""
    folded = key(word)
    found = NUMBERS.get(folded)
    return NUMBERS_OF.get(language, {}).get(folded) if found is None else found


def is_list(said: Said) -> bool:
    """Whether a text is a numbered list, whose "1." is no answer."""
    match = _FIRST_ITEM.match(said.head)
    return match is not None and re.search(rf"^[ \t]*2{re.escape(match['mark'])}", said.tail, re.MULTILINE) is not None


def _is_emoji(char: str) -> bool:
    return unicodedata.category(char) == "So" and char != "°"
