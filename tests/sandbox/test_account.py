"""The sandbox's stories, and the account it gives of them."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.browser import Form
from sandbox.desk import Place, Result, Ticket
from sandbox.ledger import Case, Ledger, Survey
from sandbox.people import Person, read_people
from sandbox.story import Answer, Closing, Said, Story, System, plan
from sandbox.summary import is_clean, summarise
from sandbox.wiring import NotTheDemo, move_ports, read_wiring

MAIJA = Person("Maija Meikäläinen", "maija@asiakas.example", "fi", "+358400000001")
STATUS = {"closures": 1, "skipped": {}}


@dataclass(kw_only=True)
class Matter(Ticket):
    """A ticket that lies nowhere."""

    key: str = "1001"


def case(
    ledger: Ledger,
    *,
    surveys: int = 1,
    said: Said | None = None,
    results: tuple[tuple[int | None, str], ...] = (),
    places: tuple[Place, ...] = (Place.MESSAGE,),
) -> Case:
    """The only case of a ledger, with what has come of it."""
    (one,) = ledger.cases
    ticket = Matter(system=one.story.system, person=MAIJA)
    one.tickets.append(ticket)
    for _ in range(surveys):
        ledger.note_survey("+358400000001", Survey("Arvioi"))
    one.said, one.done = said, True
    for rating, words in results:
        for place in places:
            ledger.note_result(Result(ticket, place, rating, words))
    return one


def ledger(answer: Answer = Answer.WORDS, closing: Closing = Closing.PLAIN, system: System = System.MAILBOX) -> Ledger:
    return Ledger([Story(1, system, MAIJA, closing, answer, "VPN", None)])


def summary(book: Ledger) -> dict[str, Any]:
    return summarise(book, STATUS, seed=1, seconds=1.0)


def test_an_answer_on_its_ticket_is_written_back() -> None:
    book = ledger()
    case(book, said=Said(4, "Kiitos  avusta"), results=((4, "Comment: Kiitos\navusta"),))
    assert is_clean(summary(book))
    assert (summary(book)["answered"], summary(book)["written_back"]) == (1, 1)


@pytest.mark.parametrize("result", [(3, "Kiitos"), (4, "Moi"), (None, "Kiitos")])
def test_an_answer_that_is_not_on_its_ticket_as_given_is_lost(result: tuple[int | None, str]) -> None:
    book = ledger()
    case(book, said=Said(4, "Kiitos"), results=(result,))
    assert (summary(book)["lost"], summary(book)["concerned"]) == (1, {"lost": ["1001"]})
    assert not is_clean(summary(book))


def test_words_without_a_rating_must_not_come_with_one() -> None:
    book = ledger(Answer.RUBBISH)
    case(book, said=Said(None, "mikä tämä on"), results=((1, "mikä tämä on"),))
    assert summary(book)["lost"] == 1


def test_a_second_survey_and_a_second_result_are_duplicates() -> None:
    book = ledger()
    case(book, surveys=2, said=Said(4), results=((4, ""), (4, "")))
    assert summary(book)["duplicates"] == 2


def test_an_answer_in_two_messages_may_be_written_twice() -> None:
    book = ledger(Answer.TWICE)
    case(book, said=Said(4, "Kiitos"), results=((4, ""), (4, "Kiitos")))
    assert is_clean(summary(book))


@pytest.mark.parametrize(
    ("places", "written"),
    [
        ((Place.PROPERTY, Place.NOTE), True),
        ((Place.PROPERTY, Place.PROPERTY, Place.NOTE), True),
        ((Place.PROPERTY,), False),
        ((Place.NOTE,), False),
    ],
)
def test_an_answer_is_on_an_issue_when_property_and_comment_have_it(
    places: tuple[Place, ...], *, written: bool
) -> None:
    book = ledger(system=System.JIRA)
    case(book, said=Said(4, "Kiitos"), results=((4, "Kiitos"),), places=places)
    assert summary(book)["written_back"] == int(written)
    assert is_clean(summary(book)) is written


def test_an_answer_where_customers_see_it_is_exposed() -> None:
    book = ledger(system=System.SERVICENOW)
    case(book, said=Said(4), results=((4, ""),), places=(Place.NOTE, Place.PUBLIC))
    assert summary(book)["concerned"] == {"exposed": ["1001"]}


def test_each_desk_has_its_own_account() -> None:
    book = ledger(system=System.JIRA)
    case(book, said=Said(4))
    desks = summary(book)["desks"]
    assert {name: (desk["answered"], desk["lost"]) for name, desk in desks.items()} == {
        "mailbox": (0, 0),
        "jira": (1, 1),
        "servicenow": (0, 0),
    }


def test_a_result_of_a_customer_who_said_nothing_is_invented() -> None:
    book = ledger(Answer.FILTERED)
    case(book, results=((1, ""),))
    assert summary(book)["concerned"] == {"invented": ["1001"]}


def test_a_customer_without_the_survey_they_should_get_is_missing() -> None:
    book = ledger()
    case(book, surveys=0)
    assert summary(book)["concerned"] == {"missing": ["1001"]}


def test_a_survey_about_an_old_ticket_is_unwanted() -> None:
    book = ledger(closing=Closing.OLD)
    case(book)
    assert summary(book)["concerned"] == {"unwanted": ["1001"]}


def test_what_belongs_to_nobody_is_a_stray() -> None:
    book = ledger()
    case(book, said=Said(4), results=((4, ""),))
    book.note_survey("+358409999999", Survey("Arvioi"))
    assert summary(book)["strays"] == 1
    assert not is_clean(summary(book))


@given(st.integers(0, 120), st.integers())
def test_the_same_seed_gives_the_same_stories(tickets: int, seed: int) -> None:
    people = [MAIJA, Person("Eero", "eero@asiakas.example"), Person("Astrid", "astrid@kund.example", "sv")]
    first, second = (plan(tickets, people, random.Random(seed)) for _ in range(2))
    assert first == second
    assert len(first) == tickets
    surveyed = [story.person for story in first if story.surveyed]
    assert len(surveyed) == len(set(surveyed))


def test_forty_tickets_hold_every_way_to_close_and_to_answer(root: Path) -> None:
    stories = plan(40, read_people(root / "contrib/sandbox/contacts.csv"), random.Random(1))
    assert {story.closing for story in stories} == set(Closing)
    assert {story.answer for story in stories} == set(Answer)
    assert {story.person.language for story in stories} == {"fi", "sv", "en"}


def test_enough_tickets_bring_everything_to_each_desk_that_knows_it(root: Path) -> None:
    stories = plan(3 * 2 * 19, read_people(root / "contrib/sandbox/contacts.csv"), random.Random(1))
    closings = {system: {story.closing for story in stories if story.system is system} for system in System}
    assert set(Closing) - closings[System.MAILBOX] == {Closing.PASSED_ON, Closing.HIDDEN}
    assert closings[System.JIRA] == closings[System.SERVICENOW] == set(Closing)


def test_a_form_is_filled_in_where_it_asks_for_rating_and_words() -> None:
    form = Form(values={"csrf": "x", "q1": "5"}, choices={"q1": ["1", "2", "5"], "again": ["y"]}, text_areas=["note"])
    assert form.fill(2, "Moi") == {"csrf": "x", "q1": "2", "note": "Moi"}


def test_ports_move_together() -> None:
    assert move_ports('a = 8642\nb = "http://127.0.0.1:8647/x" # 86421 8648', 9000) == (
        'a = 9000\nb = "http://127.0.0.1:9005/x" # 86421 8648'
    )


@pytest.mark.parametrize(
    ("here", "elsewhere", "complaint"),
    [
        ('smtp_host = "127.0.0.1"', 'smtp_host = "smtp.example.org"', "gateways.mail.smtp_host"),
        ("http://127.0.0.1:8646", "https://jira.example.org", "sources.jira.url"),
        ("http://127.0.0.1:8647", "https://now.example.org", "sources.servicenow.url"),
    ],
)
def test_a_configuration_that_reaches_beyond_this_machine_is_refused(
    here: str, elsewhere: str, complaint: str, root: Path, tmp_path: Path
) -> None:
    text = (root / "hub.toml").read_text(encoding="utf-8")
    assert here in text
    (tmp_path / "contrib").symlink_to(root / "contrib")
    (tmp_path / "hub.toml").write_text(text.replace(here, elsewhere))
    with pytest.raises(NotTheDemo, match=re.escape(complaint)):
        read_wiring(tmp_path / "hub.toml")


def test_a_configuration_without_the_demo_tables_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text('[web]\npublic_url = "http://127.0.0.1:8642"\n')
    with pytest.raises(NotTheDemo, match="'sources'"):
        read_wiring(tmp_path / "hub.toml")
