"""What is particular to yes and no, options, lost time and the three-part question."""

from __future__ import annotations

import pytest

from hub.survey.reading import Reading, read
from hub.survey.reading.lost_time import MOST_MINUTES
from tests.survey.asked import QUESTIONS, question


@pytest.mark.parametrize(
    ("asked", "values"),
    [
        ("Was it solved?", {"1": None, "0": None, "2": None}),
        (
            "Was it solved? 1 = yes, 0 = no",
            {"1": 1, "0": 0, "2": None, "1, thanks": 1, "0.": 0, "10": None, "1 h": None},
        ),
        ("Was it solved? 1=yes 2=no", {"1": 1, "2": 0, "0": None}),
        ("Was it solved? (1: no)", {"1": 0}),
    ],
)
def test_a_digit_is_a_yes_or_no_only_where_the_sms_says_so(asked: str, values: dict[str, int | None]) -> None:
    solved = question("yes_no", text={"en": "Was it solved?"}, sms={"en": asked})
    assert {text: read(text, solved, "en").value for text in values} == values


def test_labels_of_yes_and_no_are_answers() -> None:
    solved = question("yes_no", labels={"en": ("Still broken", "Working")})
    assert read("still broken!", solved, "en") == Reading(value=0)
    assert read("Working", solved, "en") == Reading(value=1)


@pytest.mark.parametrize(
    ("language", "values"),
    [
        (
            "fi",
            {"no": None, "en": 0, "jo": None, "ja": 1, "e": 0, "k": 1, "y": None, "n": None, "nej": 0, "inte": None},
        ),
        (
            "sv",
            {"no": 0, "en": None, "jo": 1, "ja": 1, "e": None, "k": None, "y": None, "n": 0, "kyllä": 1, "not": None},
        ),
        ("en", {"no": 0, "en": None, "jo": None, "ja": 1, "e": None, "k": None, "y": 1, "n": 0, "nej": 0, "ei": 0}),
    ],
)
def test_a_word_of_two_languages_is_read_in_that_of_the_question(language: str, values: dict[str, int | None]) -> None:
    assert {word: read(word, QUESTIONS["solved"], language).value for word in values} == values


@pytest.mark.parametrize("text", ["ja ei toiminut", "no way to know", "jo viime viikolla", "nej det var bra"])
def test_another_languages_yes_or_no_counts_only_alone(text: str) -> None:
    assert read(text, QUESTIONS["solved"], "fi") == Reading(comment=text)


def test_a_number_means_an_option_only_where_the_sms_lists_them() -> None:
    always, after_a_score = QUESTIONS["reasons"], QUESTIONS["factors"]
    assert read("1", always, "fi").value == ["time"]
    assert read("1", after_a_score, "fi") == Reading(comment="1")
    assert read("nopeus", after_a_score, "fi").value == ["speed_good"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,3", ["a", "c"]), ("1, 3", ["a", "c"]), ("1 3", ["a", "c"]), ("1;3", ["a", "c"]), ("1 & 3", ["a", "c"]),
        ("3. 1.", ["c", "a"]), ("1, 1 ja 3", ["a", "c"]), ("1 sekä 3", ["a", "c"]), ("yksi ja kolme", ["a", "c"]),
        ("fast answers", ["a"]), ("fast p", ["b"]), ("Fast answers, fast people", ["a", "b"]), ("kind", ["c"]),
        ("1-3", None), ("1.3.", None), ("1/3", None), ("0", None), ("4", None), ("1, 4", None), ("13", None),
        ("fast", None), ("ki", None), ("kind, whatever", None), ("1 h", None), ("1 h, 3", None), ("3 kertaa", None),
        ("1. slow\n2. late", None),
    ],
)  # fmt: skip
def test_several_options_are_read_by_number_or_name(text: str, value: list[str] | None) -> None:
    names = {"a": "Fast answers", "b": "Fast people", "c": "Kind"}
    factors = question("factors", options={name: {"text": {"en": text}} for name, text in names.items()})
    assert read(text, factors, "fi") == Reading(value=value, comment=text if value is None else None)


@pytest.mark.parametrize(
    ("asked", "values"),
    [
        ("How much time did you lose?", {"15": None, "0": 0, "15 min": 15}),
        ("How many minutes did you lose?", {"15": 15, "15!": 15, "15 kiitos": 15, "1 500": None, "15 laptops": None}),
        ("How many hours did you lose?", {"2": 120, "1,5": 90, "½": 30, "30 min": 30}),
        ("How long? For example 30 min or 2 h", {"15": None}),
    ],
)
def test_a_bare_number_is_a_time_only_where_the_sms_names_one_unit(asked: str, values: dict[str, int | None]) -> None:
    lost = question("lost_time", sms={"en": asked})
    assert {text: read(text, lost, "en").value for text in values} == values


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("1 h 30", 90), ("2h30", 150), ("2h 30min", 150), ("1½ h", 90), ("½ tuntia", 30), (" 30 min", 30),
        ("0,25 h", 15), ("0 h", 0),
        ("tunti ja vartti", 75), ("2 tuntia ja 15 minuuttia", 135), ("1 päivä 2 tuntia", 570), ("viikko", 2250),
        ("10 viikkoa", MOST_MINUTES), ("11 viikkoa", None), ("9999 h", None), ("99999 min", None), ("-2 h", None),
        ("1.30 h", None), ("1:30", None), ("2 h x 4", None), ("2 h, 4 henkilöä", None), ("2 h per henkilö", None),
        ("2 tuntia sitten", None), ("2 h sisällä", None), ("ei tuntia", None), ("1 ja puoli tuntia", None),
        ("2 ja 30", None), ("tunti tunti", None), ("h", None),
    ],
)  # fmt: skip
def test_lost_time_is_read_in_minutes(text: str, minutes: int | None) -> None:
    assert read(text, QUESTIONS["lost_time"], "fi") == Reading(value=minutes, comment=text if minutes is None else None)


@pytest.mark.parametrize(
    "text", ["noin 2 h", "n. 2 h", "~2 h", "yli 2 h", "2 h ehkä", "1-3 h", "1–3 tuntia", "pari tuntia"]
)
def test_a_rough_time_is_marked_as_one_and_keeps_its_words(text: str) -> None:
    assert read(text, QUESTIONS["lost_time"], "fi") == Reading(value=120, comment=text, literal=False)


def test_a_reply_to_the_three_part_question_is_divided_by_its_sentences() -> None:
    text = "Kiitos avusta! Haluaisin tilata uuden näytön. Se olisi iso.\nVanha on rikki.\nTilaus: hiiri"
    assert read(text, QUESTIONS["three"], "fi").value == {
        "feedback": "Kiitos avusta!\nSe olisi iso.",
        "service": "Haluaisin tilata uuden näytön.\nTilaus: hiiri",
        "problem": "Vanha on rikki.",
    }


@pytest.mark.parametrize(
    ("language", "text", "part"),
    [
        ("fi", "En halua tilata mitään uutta", "feedback"),
        ("fi", "Tarvitsisin oikeudet kansioon", "service"),
        ("fi", "VPN ei enää toimi kotona", "problem"),
        ("sv", "Jag skulle behöva en ny dator", "service"),
        ("sv", "Jag behöver inget mer", "feedback"),
        ("sv", "Skrivaren funkar fortfarande inte", "problem"),
        ("en", "We need two more licences", "service"),
        ("en", "I don't need anything", "feedback"),
        ("en", "The lift is out of order", "problem"),
        ("en", "Tilaus: hiiri", "service"),
    ],
)
def test_a_sentence_is_an_order_a_problem_or_feedback(language: str, text: str, part: str) -> None:
    assert read(text, QUESTIONS["three"], language).value == {part: text}


def test_a_negative_question_is_not_answered_yes_by_its_own_verb() -> None:
    asked = question("yes_no", text={"fi": "Eikö asianne ratkennut?"})
    assert read("ei", asked, "fi").value == 0
