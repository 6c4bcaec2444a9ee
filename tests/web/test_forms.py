"""Reading what forms bring: whatever it is, only what the survey asks and offers becomes a value."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import QuestionKind
from hub.survey.model import Survey, scale_of
from hub.survey.texts import LOST_MINUTES, texts_in
from hub.web import forms
from hub.web.questions import MAX_CHARACTERS, Entered, first_page, follow_ups, in_form
from tests.web.asked import BUILTIN, CLOSING, ODD

SURVEYS = [*BUILTIN.values(), *ODD.values()]
NAMES = sorted({f"q.{id_}" for one in SURVEYS for id_ in one.questions} | {"q.three.service", "q.three.x", "part"})
WORDS = ["0", "1", "3", "5", "10", "60", "not_solved", "friendly", "phone", "<mail>", "", "x", "-1", "1e1", "٣"]


def is_sound(survey: Survey, id_: str, value: object) -> bool:
    """Whether a question can have this value."""
    question = survey.questions[id_]
    match question.kind:
        case QuestionKind.TEXT:
            return isinstance(value, str) and value.strip() == value != ""
        case QuestionKind.ITEMS:
            return isinstance(value, dict) and bool(value) and set(value) <= {"service", "problem", "feedback"}
        case QuestionKind.FACTORS:
            return isinstance(value, list) and bool(value) and set(value) <= set(question.options)
        case QuestionKind.CHOICE:
            return value in question.options
        case QuestionKind.LOST_TIME:
            return value in LOST_MINUTES
    scale = scale_of(question)
    return scale is not None and type(value) is int and scale.minimum <= value <= scale.maximum


@given(
    st.sampled_from(SURVEYS),
    st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=9), st.sampled_from(WORDS) | st.text(max_size=30)),
             max_size=12),
    st.booleans(),
)  # fmt: skip
def test_any_form_gives_values_that_the_survey_can_have(
    survey: Survey, pairs: list[tuple[str, str]], complete: bool
) -> None:
    entered = forms.read(survey, forms.parse(urlencode(pairs, errors="replace").encode()), complete=complete)
    assert set(entered.values) <= set(survey.questions)
    assert all(is_sound(survey, id_, value) for id_, value in entered.values.items())
    assert ("missing" in entered.problems.values()) == (complete and survey.first not in entered.values)
    again = forms.parse(urlencode(list(forms.hidden(entered.values))).encode())
    assert forms.read(survey, again, complete=False).values == entered.values, "values can be sent once more"


@given(st.sampled_from(SURVEYS), st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(survey: Survey, body: bytes) -> None:
    forms.read(survey, forms.parse(body), complete=True)


@given(st.sampled_from(SURVEYS), st.sampled_from(WORDS) | st.text(max_size=20))
def test_what_was_tapped_is_a_value_or_nothing(survey: Survey, text: str) -> None:
    value = forms.tapped(survey, text)
    assert value is None or is_sound(survey, survey.first, value)


def test_each_text_is_bounded_by_itself() -> None:
    body = urlencode(
        {"q.service": "5", "q.three.problem": "x" * (MAX_CHARACTERS + 1), "q.comment": "x" * MAX_CHARACTERS}
    )
    assert forms.read(CLOSING, forms.parse(body.encode()), complete=True).problems == {"three": "too_long"}


@pytest.mark.parametrize("survey", SURVEYS, ids=lambda survey: survey.name)
def test_every_question_is_asked_once_on_one_of_the_pages(survey: Survey) -> None:
    first = first_page(survey)
    assert first[0] == survey.first
    low = {id_: 1 for id_, question in survey.questions.items() if scale_of(question) and id_ in first}
    after = follow_ups(survey, low, "t")
    assert not set(first) & set(after)
    asked = {id_ for id_ in survey.questions if survey.applies(id_, low)}
    assert {*first, *after} == asked


@pytest.mark.parametrize("survey", SURVEYS, ids=lambda survey: survey.name)
def test_what_is_shown_in_a_form_is_read_back(survey: Survey) -> None:
    texts = texts_in(survey.languages[0])
    for asked in in_form(survey, list(survey.questions), texts, Entered(), values={}, token="t"):
        for control in asked.controls:
            entered = forms.read(survey, {asked.name: [control.value]}, complete=False)
            assert entered.values, (asked.name, control.value)
        for area in asked.areas:
            assert forms.read(survey, {area.name: ["words"]}, complete=False).values


def test_factors_are_asked_again_when_the_score_has_become_another_one() -> None:
    values = {"service": 1, "factors": ["unfriendly"], "lost_time": 0, "three": {"feedback": "x"}, "improve": "y"}
    assert follow_ups(CLOSING, values, "t") == []
    assert follow_ups(CLOSING, values | {"service": 5}, "t") == ["factors"]
