"""Surveys and questions in hub.toml: what is accepted, and what is said of mistakes."""

from __future__ import annotations

import tomllib
from collections.abc import Callable

import pytest

from hub.config.asking import builtin
from hub.config.effective import effective
from hub.config.models import HubConfig
from hub.config.texts import LANGUAGES, replaceable
from hub.survey.model import surveys_of
from tests.config.conftest import GOOD

Complaints = Callable[[str], list[str]]
Read = Callable[[str], HubConfig]

FIRST_LINE = GOOD.count("\n") + 1


def said(complaints: Complaints, tables: str) -> list[str]:
    """What is said of tables at the end of a good file, with lines counted from their beginning."""
    found = []
    for line in complaints(GOOD + tables)[:-1]:
        file, number, text = line.split(":", 2)
        assert file == "hub.toml"
        found.append(f"{int(number) - FIRST_LINE + 1}:{text}")
    return found


def test_the_built_in_tables_are_right(read: Read) -> None:
    config = read(GOOD)
    for kind, tables in builtin().items():
        assert getattr(config, kind).keys() == tables.keys()
    for question in config.questions.values():
        assert question.text.keys() == set(LANGUAGES)
        assert all(option.text.keys() == set(LANGUAGES) for option in question.options.values())


def test_a_built_in_question_is_changed_in_part(read: Read) -> None:
    service = read(GOOD + '[questions.service.text]\nen = "How did it go?"\n').questions["service"]
    assert (service.text["en"], service.text["sv"]) == ("How did it go?", "Hur var servicen?")
    assert service.labels["en"][-1] == "Excellent"


def test_the_informal_and_short_forms_go_with_the_text_they_belonged_to(read: Read) -> None:
    questions = read(GOOD + '[questions.three.text]\nfi = "Mitä mielessä?"\n').questions
    assert (questions["three"].informal.keys(), questions["three"].sms.keys()) == ({"sv"}, {"sv", "en"})
    kept = read(GOOD + '[questions.three]\ntext.fi = "A"\ninformal.fi = "B"\nsms.fi = "C"\n').questions["three"]
    assert (kept.informal["fi"], kept.sms["fi"]) == ("B", "C")


def test_what_is_asked_stands_in_the_effective_settings(read: Read) -> None:
    shown = effective(
        read(GOOD + '[surveys.closing]\ntexts.fi.greeting = "Moi!"\n[[rules]]\nname = "r"\ndelay = "1h"\n')
    )
    assert shown["surveys"]["closing"]["texts"] == {"fi": {"greeting": "Moi!"}}
    assert [(rule["name"], rule.get("delay")) for rule in shown["rules"]] == [("r", "1h"), ("default", None)]
    assert shown["exclusions"]["silence"]["silent_for"] == "14d"
    assert shown["questions"]["improve"]["ask_if"] == {"service": ["low"]}
    assert shown["places"] == {}


KNOWN = ", ".join(replaceable())


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        (
            "texts.fi.greetng = 'Moi'",
            f"2: surveys.closing.texts.fi.greetng: there is no such text. Did you mean 'greeting'? There are: {KNOWN}.",
        ),
        ("texts.fi.name = 'Suomi'", f"2: surveys.closing.texts.fi.name: there is no such text. There are: {KNOWN}."),
        (
            "texts.fi.sms_thanks = 'Kiitos {nimi}'",
            "2: surveys.closing.texts.fi.sms_thanks: unknown placeholder {nimi}. "
            "There are: {sender}, {ticket}, {link}.",
        ),
        (
            "texts.fi.sms_thanks = '{sender.__class__}'",
            "2: surveys.closing.texts.fi.sms_thanks: unknown placeholder {sender.__class__}. "
            "There are: {sender}, {ticket}, {link}.",
        ),
        (
            "texts.fi.sms_thanks = '{sender:>999999999}'",
            "2: surveys.closing.texts.fi.sms_thanks: write {sender} with nothing else in its braces.",
        ),
        (
            "texts.fi.greeting = 'Moi {sender}'",
            "2: surveys.closing.texts.fi.greeting: unknown placeholder {sender}. There are: none.",
        ),
        (
            "texts.fi.greeting = 'Moi {'",
            "2: surveys.closing.texts.fi.greeting: a brace stands alone. Write {{ or }} for one. Placeholders: none.",
        ),
        ("texts.fi.greeting = ' '", "2: surveys.closing.texts.fi.greeting: must not be empty."),
        ("texts.de.greeting = 'Tag'", "2: surveys.closing.texts.de: must be 'fi', 'sv' or 'en'."),
    ],
)
def test_a_text_that_cannot_be_replaced_so_is_explained(complaints: Complaints, tables: str, complaint: str) -> None:
    assert said(complaints, f"[surveys.closing]\n{tables}\n") == [complaint]


ASKED = '[surveys.s]\nquestions = ["q"]\nlanguages = ["en"]\n[questions.q]\ntext.en = "?"\n'


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (
            'kind = "rating"\nlabels.en = ["a", "b", "c"]',
            "4: questions.q: a question of the kind rating has 2 or 5 labels.",
        ),
        ('kind = "yes_no"\nlabels.en = ["a"]', "4: questions.q: a question of the kind yes_no has 2 labels."),
        ('kind = "items"\nlabels.en = ["a", "b"]', "4: questions.q: a question of the kind items has 3 labels."),
        ('kind = "text"\nlabels.en = ["a", "b"]', "4: questions.q: a question of the kind text has no labels."),
        ('kind = "rating"\nmaximum = 11', "7: questions.q.maximum: must be 10 or less."),
        ('kind = "rating"\nminimum = -1', "7: questions.q.minimum: must be 0 or more."),
        (
            'kind = "text"\nhint.en = "About {ticket}"',
            "7: questions.q.hint: has no placeholders. The texts around questions have: surveys.NAME.texts.",
        ),
        (
            'kind = "choice"\noptions.a.text.fi = "A"',
            "7: questions.q.options.a.text: survey 's' needs it in en too.",
        ),
    ],
)
def test_a_question_that_cannot_be_asked_is_explained(complaints: Complaints, settings: str, complaint: str) -> None:
    assert said(complaints, f"{ASKED}{settings}\n") == [complaint]


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [
        (
            'service = ["bad"]',
            "'bad' is no answer to 'service'. There are: low, middle, high, 1, 2, 3, 4, 5.",
        ),
        ('solved = ["not"]', "'not' is no answer to 'solved'. Did you mean 'no'? There are: yes, no."),
        (
            'which = ["mack"]',
            "'mack' is no answer to 'which'. Did you mean 'mac'? There are: mac, pc.",
        ),
        (
            'slved = ["no"]',
            "no question 'slved' is configured. Did you mean 'solved'? There are: service, solved, taken_care_of, "
            "recommend, effort, factors, lost_time, comment, improve, three, visit, q, which.",
        ),
    ],
)
def test_a_condition_that_no_answer_meets_is_explained(complaints: Complaints, condition: str, complaint: str) -> None:
    tables = f"""[surveys.s]
questions = ["service", "solved", "which", "q"]
languages = ["en"]
[questions.q]
kind = "text"
text.en = "?"
ask_if = {{ {condition} }}
[questions.which]
kind = "choice"
text.en = "?"
options = {{ mac = {{ text.en = "Mac" }}, pc = {{ text.en = "PC" }} }}
"""
    (earlier,) = tomllib.loads(condition)
    assert said(complaints, tables) == [f"7: questions.q.ask_if.{earlier}: {complaint}"]


def test_conditions_on_bands_values_words_and_options_are_accepted(read: Read) -> None:
    config = read(
        f"""{GOOD}
[surveys.s]
questions = ["service", "solved", "factors", "comment", "q"]
[questions.q]
kind = "text"
text = {{ fi = "?", sv = "?", en = "?" }}
ask_if = {{ service = ["low", "3"], solved = ["no"], factors = ["process_no"], comment = ["anything"] }}
"""
    )
    assert config.questions["q"].ask_if["service"] == ("low", "3")


CHOICE = """
[surveys.s]
questions = ["which", "solved"]
languages = ["en"]
[questions.which]
kind = "choice"
text.en = "Which?"
options = { mac = { text.en = "Mac" }, pc = { text.en = "PC" } }
"""


@pytest.mark.parametrize(
    ("before", "after", "is_another"),
    [
        ('"Which?"', '"Which one?"', True),
        ('"PC"', '"A PC"', True),
        (
            'mac = { text.en = "Mac" }, pc = { text.en = "PC" }',
            'pc = { text.en = "PC" }, mac = { text.en = "Mac" }',
            True,
        ),
        ('"which", "solved"', '"solved", "which"', True),
        ('kind = "choice"', 'kind = "factors"', True),
        ("[surveys.s]", '[surveys.s]\ntone = "informal"\nmessages = 5\ntexts.en.greeting = "Hi"', False),
        ('kind = "choice"\ntext.en = "Which?"', 'text.en = "Which?"\nkind = "choice"', False),
    ],
)
def test_a_version_is_another_one_when_something_else_is_asked(
    read: Read, before: str, after: str, *, is_another: bool
) -> None:
    assert before in CHOICE
    versions = [surveys_of(read(GOOD + tables))["s"].version for tables in (CHOICE, CHOICE.replace(before, after))]
    assert (versions[0] != versions[1]) is is_another
