"""Any text, as an answer to any question: nothing of it is lost, and no answer is one that the question cannot have."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.config.questions import Question
from hub.survey import time_words, wish_words, words
from hub.survey.model import Value, scale_of
from hub.survey.reading import Reading, Wish, read, wishes
from hub.survey.reading.lost_time import MOST_MINUTES
from tests.survey.asked import QUESTIONS, question

BUILT_IN = (
    "service",
    "solved",
    "recommend",
    "effort",
    "factors",
    "lost_time",
    "comment",
    "three",
    "reasons",
    "channel",
)
ASKED = {name: QUESTIONS[name] for name in BUILT_IN} | {
    "stress": question("rating", minimum=0, maximum=8, better="lower"),
    "digits": question("yes_no", sms={"en": "Solved? 1 = yes, 0 = no"}),
    "minutes": question("lost_time", sms={"fi": "Montako min?"}),
}
LANGUAGES = ("fi", "sv", "en")
KNOWN = frozenset().union(
    wish_words.OPT_OUT, wish_words.OPT_OUT_OBJECTS, wish_words.OPT_IN, *wish_words.OPT_OUT_LINES,
    words.COURTESY, words.NUMBERS, words.BEFORE_NUMBER, words.POINTS, words.OUT_OF,
    words.AND, time_words.MINUTES_OF, time_words.AFTER_SPAN, *words.YES.values(), *words.NO.values(),
    *words.BEFORE_YES_NO.values(), *time_words.SPANS, *time_words.COUPLE, *time_words.NO_TIME,
    ("en", "of", "out", "av", "ratkesi", "tuntuu"),
    *(words.keys(text) for asked in ASKED.values() for labels in asked.labels.values() for text in labels),
    *(words.keys(text) for asked in ASKED.values() for one in asked.options.values() for text in one.text.values()),
)  # fmt: skip
"""Words that can be an answer, or a wish; all others must be in a comment."""

PIECES = st.sampled_from([
    "1", "2", "5", "9", "0", "10", "/5", " ", " ", " ", "\n", ".", ",", "-", ":", "!", "STOP", "lopeta", "pois",
    "START", "kiitos", "viisi", "en", "no", "⭐", "☆", "5️⃣", "\u200b",
    "😀", "👍", "👎🏽", "x", "ja", "ei", "kyllä", "inte",
    "not", "ratkennut", "mutta", "ok", "hyvä", "huono", "ihan", "Hyvää", "2 h", "min", "tunti", "puoli tuntia", "noin",
    "a day", "ei yhtään", "Kesti liian kauan", "nopeus", "Portaalista", "tilata", "ei toimi", "tarkoitin",
    "nej tack", "½", "…", "(", "\r\n",
    "arvosana", "det är", "a", "toimii", "löst", "valitettavasti", "kunnossa", "“", "*",
])  # fmt: skip
REPLIES = st.text() | st.lists(PIECES, max_size=12).map("".join) | st.lists(PIECES, max_size=8).map(" ".join)
QUESTION = st.sampled_from(sorted(ASKED))
LANGUAGE = st.sampled_from(LANGUAGES)


def words_in(text: str) -> list[str]:
    """The words of a text, a number with letters behind it being two."""
    return re.findall(r"[^\W\d_]+|\d+", unicodedata.normalize("NFKC", text).casefold())


def own_words(value: Value | None) -> str:
    """What an answer in own words holds."""
    return " ".join(value.values()) if isinstance(value, dict) else value if isinstance(value, str) else ""


def is_blank(text: str) -> bool:
    """Whether a text holds nothing that can be seen."""
    return re.fullmatch(r"[\s\u200b-\u200f\u2060\ufeff]*", text) is not None


def is_valid(asked: Question, value: Value) -> bool:
    """Whether a question can have this answer."""
    if scale := scale_of(asked):
        return isinstance(value, int) and scale.minimum <= value <= scale.maximum
    match asked.kind:
        case "choice":
            return value in asked.options
        case "factors":
            return isinstance(value, list) and 0 < len(value) == len(set(value)) and set(value) <= set(asked.options)
        case "lost_time":
            return isinstance(value, int) and 0 <= value <= MOST_MINUTES
        case "items":
            return isinstance(value, dict) and len(value) > 0 and value.keys() <= {"service", "problem", "feedback"}
    return isinstance(value, str) and value != ""


@given(REPLIES, QUESTION, LANGUAGE)
@example("\ud800 5", "service", "fi")
@example("5/" + "9" * 5000, "service", "fi")
@example("²", "lost_time", "fi")
@example("٣ ja ½", "lost_time", "fi")
@example("１ = yes", "digits", "en")
@example("ei, näyttö pimeä", "solved", "fi")
@example("no, 1 x", "digits", "en")
def test_any_text_is_read_and_no_word_of_it_is_lost(text: str, name: str, language: str) -> None:
    reading = read(text, ASKED[name], language)
    assert reading.value is None or is_valid(ASKED[name], reading.value)
    assert reading.comment is None or (reading.comment.strip() == reading.comment != "")
    if reading.value is None and not reading.opt_out and not reading.opt_in:
        assert reading.comment == (text.strip() or None) or is_blank(text)
    if not reading.literal:
        assert reading.opt_out or reading.opt_in or reading.comment == text.strip()
    kept = words_in(f"{reading.comment or ''} {own_words(reading.value)}")
    for word in words_in(text):
        if word in kept:
            kept.remove(word)
        else:
            assert word.isdecimal() or word in KNOWN or words.key(word) in KNOWN


@given(REPLIES, QUESTION, LANGUAGE)
def test_a_comment_is_made_of_the_customers_own_characters_in_their_order(text: str, name: str, language: str) -> None:
    reading = read(text, ASKED[name], language)
    for written in (reading.comment or "", reading.value if isinstance(reading.value, str) else ""):
        remaining = iter(text)
        assert name in ("factors", "reasons", "channel") or all(char.isspace() or char in remaining for char in written)


@given(REPLIES, QUESTION, LANGUAGE)
@example(" 0", "digits", "en")
@example("\u200b2 h", "lost_time", "fi")
def test_reading_again_what_held_no_answer_changes_nothing(text: str, name: str, language: str) -> None:
    reading = read(text, ASKED[name], language)
    if reading.value is None and reading.comment is not None and not (reading.opt_out or reading.opt_in):
        assert read(reading.comment, ASKED[name], language) == Reading(comment=reading.comment)


@given(REPLIES, QUESTION, LANGUAGE)
def test_a_wish_is_the_same_whatever_was_asked(text: str, name: str, language: str) -> None:
    reading = read(text, ASKED[name], language)
    assert (reading.opt_out, reading.opt_in) == (wishes(text) is Wish.STOP, wishes(text) is Wish.START)


@given(st.integers(1, 5), st.text(alphabet=st.characters(whitelist_categories=["Lu", "Ll"]), min_size=1))
def test_a_digit_on_its_own_line_always_counts(rating: int, text: str) -> None:
    reading = read(f"{rating}\n{text}", ASKED["service"], "fi")
    assert reading.value == rating
    assert reading.opt_out or reading.opt_in or reading.comment == text.strip()


@pytest.mark.parametrize("name", sorted(ASKED))
@pytest.mark.parametrize(
    "text",
    [
        "5" * 10_000,
        "5" + " " * 10_000 + "x",
        "1," * 5_000 + "x",
        "1" + " ja 1" * 2_000 + "x",
        "⭐ " * 5_000 + "x",
        "1. x" + "\n" * 10_000 + "x",
        "1. x" + "\n " * 5_000 + "2",
        "a\u0300\u0316" * 5_000,
        "STOP " * 2_000 + "x",
        "stop\n" * 2_000 + "start",
        "start " * 2_000,
        "5" + ". " * 5_000,
        "ei " * 3_000 + "toimi",
        "ei" + " " * 10_000 + "x",
        "viisi " + "x" * 10_000,
        "viisi " + "sta" * 3_000,
        "2 h " * 2_500,
        "hyvä " * 2_000,
        "👍" * 5_000,
        "a. " * 3_000,
        "no " * 3_000,
    ],
)
def test_a_long_hostile_text_is_read_at_once(text: str, name: str) -> None:
    started = time.process_time()
    read(text, ASKED[name], "fi")
    assert time.process_time() - started < 0.2
