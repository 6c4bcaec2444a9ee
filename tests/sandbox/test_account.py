"""The sandbox's stories, and the account it gives of them."""

from __future__ import annotations

import random
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.browser import Form
from sandbox.desk import Ticket
from sandbox.ledger import Case, Ledger, Survey
from sandbox.people import Person, read_people
from sandbox.story import Answer, Closing, Said, Story, plan
from sandbox.summary import is_clean, summarise
from sandbox.wiring import NotTheDemo, move_ports, read_wiring

MAIJA = Person("Maija Meikäläinen", "maija@asiakas.example", "fi", "+358400000001")
STATUS = {"closures": 1, "skipped": {}}


def case(
    ledger: Ledger, *, surveys: int = 1, said: Said | None = None, results: tuple[str, ...] = (), thread: str = "<1@x>"
) -> Case:
    """The only case of a ledger, with what has come of it."""
    (one,) = ledger.cases
    one.tickets.append(Ticket(1001, MAIJA, "VPN", thread=[thread]))
    for _ in range(surveys):
        ledger.note_survey("+358400000001", Survey("Arvioi"))
    one.said, one.done = said, True
    for text in results:
        mail = EmailMessage()
        mail["Subject"], mail["References"] = text.partition("\n")[0], "<0@x> <1@x>"
        mail.set_content(text.partition("\n")[2])
        ledger.note_result(mail)
    return one


def ledger(answer: Answer = Answer.WORDS, closing: Closing = Closing.MOVED) -> Ledger:
    return Ledger([Story(1, MAIJA, closing, answer, "VPN", None)])


def summary(book: Ledger) -> dict[str, object]:
    return summarise(book, STATUS, seed=1, seconds=1.0)


def test_an_answer_on_its_ticket_is_written_back() -> None:
    book = ledger()
    case(book, said=Said(4, "Kiitos  avusta"), results=("RATING 4/5\nComment: Kiitos\navusta",))
    assert is_clean(summary(book))
    assert (summary(book)["answered"], summary(book)["written_back"]) == (1, 1)


@pytest.mark.parametrize("result", ["RATING 3/5\nKiitos", "RATING 4/5\nMoi", "answer\nKiitos"])
def test_an_answer_that_is_not_on_its_ticket_as_given_is_lost(result: str) -> None:
    book = ledger()
    case(book, said=Said(4, "Kiitos"), results=(result,))
    assert (summary(book)["lost"], summary(book)["concerned"]) == (1, {"lost": [1001]})
    assert not is_clean(summary(book))


def test_words_without_a_rating_must_not_come_with_one() -> None:
    book = ledger(Answer.RUBBISH)
    case(book, said=Said(None, "mikä tämä on"), results=("RATING 1/5\nmikä tämä on",))
    assert summary(book)["lost"] == 1


def test_a_second_survey_and_a_second_result_are_duplicates() -> None:
    book = ledger()
    case(book, surveys=2, said=Said(4), results=("RATING 4/5", "RATING 4/5"))
    assert summary(book)["duplicates"] == 2


def test_an_answer_in_two_messages_may_be_written_twice() -> None:
    book = ledger(Answer.TWICE)
    case(book, said=Said(4, "Kiitos"), results=("RATING 4/5", "RATING 4/5\nKiitos"))
    assert is_clean(summary(book))


def test_a_result_of_a_customer_who_said_nothing_is_invented() -> None:
    book = ledger(Answer.FILTERED)
    case(book, results=("RATING 1/5",))
    assert summary(book)["concerned"] == {"invented": [1001]}


def test_a_customer_without_the_survey_they_should_get_is_missing() -> None:
    book = ledger()
    case(book, surveys=0)
    assert summary(book)["concerned"] == {"missing": [1001]}


def test_a_survey_about_old_mail_is_unwanted() -> None:
    book = ledger(closing=Closing.OLD)
    case(book)
    assert summary(book)["concerned"] == {"unwanted": [1001]}


def test_what_belongs_to_nobody_is_a_stray() -> None:
    book = ledger()
    case(book, said=Said(4), results=("RATING 4/5",))
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


def test_a_form_is_filled_in_where_it_asks_for_rating_and_words() -> None:
    form = Form(values={"csrf": "x", "q1": "5"}, choices={"q1": ["1", "2", "5"], "again": ["y"]}, text_areas=["note"])
    assert form.fill(2, "Moi") == {"csrf": "x", "q1": "2", "note": "Moi"}


def test_ports_move_together() -> None:
    assert move_ports('a = 8642\nb = "http://127.0.0.1:8645/x" # 86421 8646', 9000) == (
        'a = 9000\nb = "http://127.0.0.1:9003/x" # 86421 8646'
    )


def test_a_configuration_that_reaches_beyond_this_machine_is_refused(root: Path, tmp_path: Path) -> None:
    text = (root / "hub.toml").read_text(encoding="utf-8")
    (tmp_path / "contrib").symlink_to(root / "contrib")
    (tmp_path / "hub.toml").write_text(text.replace('smtp_host = "127.0.0.1"', 'smtp_host = "smtp.example.org"'))
    with pytest.raises(NotTheDemo, match=r"gateways\.mail\.smtp_host in hub\.toml is 'smtp\.example\.org'"):
        read_wiring(tmp_path / "hub.toml")


def test_a_configuration_without_the_demo_tables_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text("[sources.jira]\n")
    with pytest.raises(NotTheDemo, match="'desk'"):
        read_wiring(tmp_path / "hub.toml")
