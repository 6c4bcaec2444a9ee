"""The sandbox's stories, and the account it gives of them."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.browser import Form
from sandbox.desk import Place, Result, Ticket
from sandbox.ledger import Case, Ledger, Line
from sandbox.people import Person, read_people
from sandbox.questions import Questions
from sandbox.story import Answer, Closing, Story, System, plan, plan_by_hand
from sandbox.summary import is_clean, summarise
from sandbox.wiring import NotTheDemo, move_ports, read_wiring
from sandbox.words import Said

from hub.api.records import Channel
from hub.config.load import load
from hub.survey.conversation import Given, gather
from hub.survey.model import surveys_of

MAIJA = Person("Maija Meikäläinen", "maija@asiakas.example", "fi", "+358400000001")
STATUS = {"closures": 1, "skipped": {}}
ASKS = Line("hub", "sms", "Arvioi", "service")
FOUR = {"service": 4}


@dataclass(kw_only=True)
class Matter(Ticket):
    """A ticket that lies nowhere."""

    key: str = "1001"


def case(
    ledger: Ledger,
    *,
    surveys: int = 1,
    said: Said | None = None,
    results: tuple[tuple[Mapping[str, int], str], ...] = (),
    places: tuple[Place, ...] = (Place.MESSAGE,),
) -> Case:
    """The only case of a ledger, with what has come of it."""
    (one,) = ledger.cases
    ticket = Matter(system=one.story.system, person=MAIJA)
    one.tickets.append(ticket)
    for _ in range(surveys):
        ledger.note_message("+358400000001", ASKS)
    one.said, one.done = said, True
    for scores, words in results:
        for place in places:
            ledger.note_result(Result(ticket, place, scores, words))
    return one


def ledger(answer: Answer = Answer.WORDS, closing: Closing = Closing.PLAIN, system: System = System.MAILBOX) -> Ledger:
    return Ledger([Story(1, system, MAIJA, closing, answer, "VPN")])


def summary(book: Ledger) -> dict[str, Any]:
    return summarise(book, STATUS, seed=1, seconds=1.0)


def test_an_answer_on_its_ticket_is_written_back() -> None:
    book = ledger()
    case(book, said=Said(FOUR, ("Kiitos  avusta",)), results=((FOUR, "Comment: Kiitos\navusta"),))
    assert is_clean(summary(book))
    assert (summary(book)["answered"], summary(book)["written_back"]) == (1, 1)


@pytest.mark.parametrize(
    "result", [({"service": 3}, "Kiitos"), (FOUR, "Moi"), ({}, "Kiitos"), ({**FOUR, "solved": 1}, "Kiitos")]
)
def test_an_answer_that_is_not_on_its_ticket_as_given_is_lost(result: tuple[Mapping[str, int], str]) -> None:
    book = ledger()
    case(book, said=Said(FOUR, ("Kiitos",)), results=(result,))
    assert (summary(book)["lost"], summary(book)["concerned"]) == (1, {"lost": ["1001"]})
    assert not is_clean(summary(book))


def test_words_without_a_rating_must_not_come_with_one() -> None:
    book = ledger(Answer.RUBBISH)
    case(book, said=Said({}, ("mikä tämä on",)), results=(({"service": 1}, "mikä tämä on"),))
    assert summary(book)["lost"] == 1


def test_a_second_survey_and_a_second_result_are_duplicates() -> None:
    book = ledger()
    case(book, surveys=2, said=Said(FOUR), results=((FOUR, ""), (FOUR, "")))
    assert summary(book)["duplicates"] == 2


def test_an_answer_in_two_messages_may_be_written_twice() -> None:
    book = ledger(Answer.TWICE)
    case(book, said=Said(FOUR, ("Kiitos",)), results=((FOUR, ""), (FOUR, "Kiitos")))
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
    case(book, said=Said(FOUR, ("Kiitos",)), results=((FOUR, "Kiitos"),), places=places)
    assert summary(book)["written_back"] == int(written)
    assert is_clean(summary(book)) is written


def test_an_answer_where_customers_see_it_is_exposed() -> None:
    book = ledger(system=System.SERVICENOW)
    case(book, said=Said(FOUR), results=((FOUR, ""),), places=(Place.NOTE, Place.PUBLIC))
    assert summary(book)["concerned"] == {"exposed": ["1001"]}


def test_each_desk_has_its_own_account() -> None:
    book = ledger(system=System.JIRA)
    case(book, said=Said(FOUR))
    desks = summary(book)["desks"]
    assert {name: (desk["answered"], desk["lost"]) for name, desk in desks.items()} == {
        "mailbox": (0, 0),
        "jira": (1, 1),
        "servicenow": (0, 0),
    }


def test_a_result_of_a_customer_who_said_nothing_is_invented() -> None:
    book = ledger(Answer.FILTERED)
    case(book, results=(({"service": 1}, ""),))
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
    case(book, said=Said(FOUR), results=((FOUR, ""),))
    book.note_message("+358409999999", ASKS)
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
    assert {story.answer for story in stories} == set(Answer) - {Answer.BY_HAND}
    assert {story.person.language for story in stories} == {"fi", "sv", "en"}


def test_enough_tickets_bring_everything_to_each_desk_that_knows_it(root: Path) -> None:
    stories = plan(3 * 2 * 19, read_people(root / "contrib/sandbox/contacts.csv"), random.Random(1))
    closings = {system: {story.closing for story in stories if story.system is system} for system in System}
    assert set(Closing) - closings[System.MAILBOX] == {Closing.PASSED_ON, Closing.HIDDEN}
    assert closings[System.JIRA] == closings[System.SERVICENOW] == set(Closing)


def talk(book: Ledger, *lines: Line | str) -> Case:
    """A conversation: what the hub says, and texts of the customer."""
    one = case(book, surveys=0)
    for line in lines:
        if isinstance(line, Line):
            book.note_message("+358400000001", line)
        else:
            one.say("sms", line)
    return one


SOLVED, THANKS = Line("hub", "sms", "Ratkesiko?", "solved"), Line("hub", "sms", "Kiitos!")


def test_a_conversation_within_its_limits_is_as_promised() -> None:
    book = ledger(Answer.SILENT)
    talk(book, ASKS, "ehkä", SOLVED, "ehkä", Line("hub", "sms", "Muuta?", "three"), "ei", THANKS)
    assert is_clean(summary(book))
    assert (summary(book)["messages"], summary(book)["replies"], summary(book)["invited"]) == (4, 3, 1)


def test_a_question_asked_twice_and_a_message_too_many_nag() -> None:
    book = ledger(Answer.SILENT)
    again = Line("hub", "sms", "Ratkesiko nyt?", "solved")
    talk(book, ASKS, "x", SOLVED, again, Line("hub", "sms", "Muuta?", "three"), THANKS)
    assert summary(book)["nagged"] == 2
    assert not is_clean(summary(book))


def test_after_a_stop_word_only_its_confirmation_is_wanted() -> None:
    book = ledger(Answer.STOP)
    one = talk(book, ASKS, "STOP", Line("hub", "sms", "Ette saa enää kyselyitä."))
    one.wishes = 1
    assert is_clean(summary(book))
    book.note_message("+358400000001", SOLVED)
    assert summary(book)["unwanted"] == 1


def test_a_customer_whom_the_hub_owes_a_message_is_let_down() -> None:
    book = ledger(Answer.SILENT)
    talk(book, ASKS).let_down = True
    assert summary(book)["concerned"] == {"let_down": ["1001"]}


def test_conversations_are_told_with_what_stands_on_the_ticket() -> None:
    book = ledger()
    one = case(book, said=Said(FOUR, ("Kiitos",)), results=((FOUR, "Kiitos"),))
    one.say("sms", "4 Kiitos")
    (told,) = summary(book)["conversations"]
    assert [(line["from"], line["text"]) for line in told["lines"]] == [("hub", "Arvioi"), ("customer", "4 Kiitos")]
    assert (told["ticket"], told["scores"], told["words"]) == ("1001", FOUR, ["Kiitos"])


def test_what_is_to_be_done_must_be_among_the_items() -> None:
    said = Said({}, ("Tilaisin hiiren.",), {"service": "Tilaisin hiiren."})
    result = Result(None, Place.PROPERTY, {}, "Tilaisin hiiren.", [("service", "Tilaisin hiiren.")])
    assert result.says(said)
    assert not replace(result, items=[("praise", "Tilaisin hiiren.")]).says(said)
    assert replace(result, items=None).says(said)


def test_the_hub_understands_what_customers_of_the_stories_mean(root: Path) -> None:
    """Otherwise the demo would blame the hub for what its stories say."""
    survey = surveys_of(load(root / "hub.toml"))["closing"]
    stories = plan(300, read_people(root / "contrib/sandbox/contacts.csv"), random.Random(1))
    for story in stories:
        meant, given = Said(), []
        question: str | None = survey.first if story.replies and story.by_sms else None
        while question and question in story.replies:
            reply = story.replies[question]
            meant = meant.plus(question, reply)
            given.append(Given(Channel.SMS, reply.text, asked=question))
            question = gather(survey, given, story.person.language).next
        if given and (thought := story.second_thought):
            meant = meant.plus(survey.first, thought)
            given.append(Given(Channel.SMS, thought.text, asked=survey.first))
        found = gather(survey, given, story.person.language)
        assert {id_: value for id_, value in found.values.items() if isinstance(value, int)} == meant.scores
        parts = found.values.get("three", {})
        assert isinstance(parts, dict)
        assert meant.items.items() <= parts.items()


def test_questions_are_recognised_in_each_language(root: Path) -> None:
    questions = Questions(load(root / "hub.toml"))
    assert questions.messages == 4
    assert questions.asked_in("Acme (1001): Millaista palvelua saitte? Vastatkaa 1-5") == "service"
    assert questions.asked_in("Tack. Blev ert ärende löst? Svara J=ja eller N=nej") == "solved"
    assert questions.asked_in("Thank you for your answer!") is None


def test_customers_to_play_by_hand_are_of_all_languages_with_phones_and_without(root: Path) -> None:
    people = read_people(root / "contrib/sandbox/contacts.csv")
    stories = plan_by_hand(6, people, random.Random(1))
    assert {(story.by_sms, story.person.language) for story in stories} == {
        (by_sms, language) for by_sms in (True, False) for language in ("fi", "sv", "en")
    }
    assert len(plan_by_hand(2000, people, random.Random(1))) == len(people)


def test_a_form_takes_what_it_asks_for_and_notes_a_finger_on_its_button() -> None:
    form = Form(values={"stamp": "x", "hand": ""}, choices={"q.service": ["1", "2", "5"]}, text_areas=["q.comment"])
    assert form.takes("service", "2")
    assert form.takes("comment", "Moi")
    assert not form.takes("service", "3")
    assert not form.takes("solved", "1")
    sent = form.filled({"service": "2"})
    assert sent == {"stamp": "x", "hand": "touch", "q.service": "2", "q.comment": ""}


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
