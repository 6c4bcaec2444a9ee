"""Questions in words."""

from __future__ import annotations

from typing import Any

import pytest

from hub.config.questions import Question
from hub.survey.texts import texts_in
from hub.survey.wording import Choice, best_of, choices, hint, items, question_text, sms_text
from tests.surveys import surveys

BUILTIN = surveys("[surveys.nps]\nquestions = ['recommend', 'effort']")
CLOSING = BUILTIN["closing"].questions
EN = texts_in("en")


def rating(**settings: Any) -> Question:
    return Question.model_validate({"kind": "rating", "text": {"en": "How?"}} | settings)


def shown(question: Question) -> list[tuple[int | str, str]]:
    return [(one.value, one.label) for one in choices(question, EN)]


def test_a_scale_with_words_for_all_values_begins_with_the_best() -> None:
    assert shown(CLOSING["service"])[0] == (5, "Excellent")
    assert [value for value, _ in shown(CLOSING["service"])] == [5, 4, 3, 2, 1]
    lower = rating(maximum=3, better="lower", labels={"en": ["Light", "Medium", "Heavy"]})
    assert shown(lower) == [(1, "Light"), (2, "Medium"), (3, "Heavy")]


def test_a_scale_with_words_at_its_ends_begins_with_the_lowest_value() -> None:
    nps = shown(BUILTIN["nps"].questions["recommend"])
    assert [value for value, _ in nps] == list(range(11))
    assert [label for _, label in nps if label] == ["Not at all likely", "Very likely"]
    assert shown(BUILTIN["nps"].questions["effort"])[::6] == [(1, "Strongly disagree"), (7, "Strongly agree")]
    assert shown(rating(labels={"en": ["Cold", "Hot"]})) == [(1, "Cold"), (2, ""), (3, ""), (4, ""), (5, "Hot")]


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_yes_stands_before_no_whichever_is_the_good_answer(better: str) -> None:
    question = Question.model_validate({"kind": "yes_no", "text": {"en": "Twice?"}, "better": better})
    assert shown(question) == [(1, "Yes"), (0, "No")]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "5=best"),
        ({"better": "lower"}, "1=best"),
        ({"labels": {"en": ["Cold", "Hot"]}}, "5=hot"),
        ({"labels": {"en": ["Cold", "Hot"]}, "better": "lower"}, "1=cold"),
        ({"labels": {"en": ["Bad", "IT heaven"]}}, "5=IT heaven"),
        ({"minimum": 0, "maximum": 10}, "10=best"),
    ],
)
def test_the_good_end_of_a_scale_is_said(settings: dict[str, Any], words: str) -> None:
    assert best_of(rating(**settings), EN, equals="=") == words


def test_options_and_lost_time_can_be_chosen() -> None:
    assert choices(CLOSING["factors"], EN)[0] == Choice("speed_bad", "It took too long")
    assert choices(CLOSING["lost_time"], EN)[1] == Choice(15, "About 15 minutes")
    assert choices(CLOSING["comment"], EN) == ()


def test_an_items_question_has_three_parts() -> None:
    assert items(CLOSING["three"], EN) == (
        ("service", "I want to order"),
        ("problem", "This does not work"),
        ("feedback", "I want to tell you"),
    )


def test_a_question_is_asked_in_the_tone_and_length_there_is() -> None:
    solved, progress = CLOSING["solved"], BUILTIN["progress"].questions["taken_care_of"]
    assert question_text(solved, "fi", "formal") == "Ratkesiko asianne?"
    assert question_text(solved, "fi", "informal") == "Ratkesiko asiasi?"
    assert question_text(solved, "en", "informal") == "Was your request resolved?"
    assert sms_text(solved, "fi", "informal") == "Ratkesiko asiasi?"
    assert sms_text(progress, "fi", "informal") == "Tuntuuko, että asiasta pidetään huolta?"
    assert (hint(CLOSING["comment"], "sv"), hint(solved, "sv")) == ("Vad gick bra, vad kan vi göra bättre?", "")


def test_a_text_that_is_replaced_takes_its_other_forms_with_it() -> None:
    survey = surveys('[surveys.s]\nquestions = ["three"]\n[questions.three.text]\nfi = "Mitä mielessä?"')["s"]
    three = survey.questions["three"]
    assert question_text(three, "fi", "informal") == sms_text(three, "fi", "formal") == "Mitä mielessä?"
    assert sms_text(three, "en", "formal") == "Anything to order, anything that does not work, anything to tell us?"
