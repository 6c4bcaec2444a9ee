"""The words in each language, and the rules they must keep."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api.records import Milestone
from hub.config.texts import FIXED, LANGUAGES, PLACEHOLDERS, TONES, builtin_texts, fault_in, replaceable
from hub.survey.texts import pick_language, texts_in, texts_of
from hub.survey.wording import question_text, sms_text
from tests.surveys import surveys

EACH = [(language, tone) for language in LANGUAGES for tone in TONES]
ADDRESSES_OF = {
    (
        "fi",
        "formal",
    ): r"\b(sin(ä|u\w*)|sait|saat|olet|voit|et|vastaa|valitse|paina|kirjoita|\w+(uksesi|yyntösi|tosi))\b",
    ("fi", "informal"): r"\b(te|teidän|teille|teiltä|\w+(nne|tte)|\w+[^i]kaa|\w+kää)\b",
    ("sv", "formal"): r"\b(du|dig|din|ditt|dina)\b",
    ("sv", "informal"): r"\b(ni|er|ert|era)\b",
}
"""What shows that a text is in the other tone. Buttons, which customers say themselves, may be in either."""
BUTTONS = {"open_survey", "unsubscribe_button"}


def placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


@pytest.mark.parametrize(("language", "tone"), EACH)
def test_every_language_and_tone_has_every_text_with_the_same_placeholders(language: str, tone: str) -> None:
    texts, english = builtin_texts(language, tone), builtin_texts("en", "formal")
    assert texts.keys() == english.keys()
    for name, text in texts.items():
        assert text.strip() == text != "", name
        assert fault_in(text, PLACEHOLDERS.get(name, ())) is None, name
        assert placeholders(text) == placeholders(english[name]), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_stands_either_in_both_tones_or_above_them(language: str) -> None:
    content = tomllib.loads(files("hub.config").joinpath("languages", f"{language}.toml").read_text("utf-8"))
    formal, informal = content.pop("formal"), content.pop("informal")
    assert formal.keys() == informal.keys()
    assert not formal.keys() & content.keys()
    assert [name for name in formal if formal[name] == informal[name]] == []


def spoken(language: str, tone: str) -> Iterator[tuple[str, str]]:
    yield from builtin_texts(language, tone).items()
    for survey in surveys().values():
        for id_, question in survey.questions.items():
            yield id_, question_text(question, language, tone)
            yield id_, sms_text(question, language, tone)


@pytest.mark.parametrize(("language", "tone"), ADDRESSES_OF)
def test_no_text_falls_out_of_its_tone(language: str, tone: str) -> None:
    wrong = re.compile(ADDRESSES_OF[language, tone], re.IGNORECASE)
    assert [(name, text) for name, text in spoken(language, tone) if name not in BUTTONS and wrong.search(text)] == []


def test_every_placeholder_belongs_to_a_text() -> None:
    assert PLACEHOLDERS.keys() <= set(replaceable())
    assert not FIXED & set(replaceable())


def test_a_survey_speaks_with_its_own_texts_and_the_built_in_others() -> None:
    survey = surveys('[surveys.closing]\ntone = "informal"\ntexts.fi.greeting = "Moi!"')["closing"]
    assert texts_of(survey, "fi").greeting == "Moi!"
    assert texts_of(survey, "fi", "formal").greeting == "Moi!"
    assert texts_of(survey, "sv").greeting == "Hej!"
    assert texts_of(survey, "fi").thanks_title == "Kiitos vastauksestasi!"
    assert texts_of(survey, "fi", "formal").thanks_title == "Kiitos vastauksestanne!"


def test_a_survey_speaks_no_other_language_than_its_own() -> None:
    survey = surveys('[surveys.closing]\nlanguages = ["sv", "fi"]')["closing"]
    assert [texts_of(survey, wish).code for wish in ("fi-FI", "sv", "en", "de", None)] == ["fi", "sv", "sv", "sv", "sv"]


def test_without_a_survey_english_stands_in_for_unknown_languages() -> None:
    assert texts_in("de").code == "en"
    assert texts_in("sv").failed_title == "Något gick fel"


@pytest.mark.parametrize(
    ("milestone", "words"),
    [
        (Milestone.CLOSED, "Your request A-1 “Printer” has been closed."),
        (Milestone.HANDED_OVER, "Your request A-1 “Printer” is now with another person or team."),
        (Milestone.WAITING, "Your request A-1 “Printer” is still open."),
    ],
)
def test_the_ticket_is_named_with_what_happened_to_it(milestone: Milestone, words: str) -> None:
    assert texts_in("en").about_ticket(ticket="A-1", subject="Printer", milestone=milestone) == words


def test_lost_time_is_chosen_in_minutes() -> None:
    choices = texts_in("fi").lost_time()
    assert choices[0] == (0, "Ei lainkaan")
    assert [minutes for minutes, _ in choices] == sorted(minutes for minutes, _ in choices)
    assert len({words for _, words in choices}) == len(choices)


@pytest.mark.parametrize(
    ("candidates", "default", "picked"),
    [
        (("fi-FI",), "en", "fi"),
        (("sv_FI.UTF-8",), "en", "sv"),
        (("SV",), "fi", "sv"),
        ((None, "", "de", "en-US"), "fi", "en"),
        (("de", None), "fi", "fi"),
        (("finnish",), "sv", "sv"),
    ],
)
def test_the_first_language_the_survey_speaks_is_picked(
    candidates: tuple[str | None, ...], default: str, picked: str
) -> None:
    assert pick_language(*candidates, default=default) == picked


def test_a_survey_without_the_usual_language_begins_with_its_first() -> None:
    assert pick_language("de", default="fi", languages=("sv", "en")) == "sv"
    assert pick_language("en", default="fi", languages=("sv", "en")) == "en"


@given(st.lists(st.none() | st.text()), st.text())
def test_any_wish_gives_a_language_with_texts(candidates: list[str | None], default: str) -> None:
    assert pick_language(*candidates, default=default) in LANGUAGES


@given(st.text(alphabet="{}sender!:.[]0 a"))
def test_a_text_without_a_fault_can_be_filled_in(text: str) -> None:
    if fault_in(text, ("sender", "s")) is None:
        assert text.format(sender="<1>", s="<2>")
