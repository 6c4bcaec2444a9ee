"""Whole conversations on real servers: a hub, a Kannel with phones, and a mail server, in three languages.

The desk is a file, so that the records which the hub writes back can be read as they are. What mail alone does (one
tap and a page, a reply by mail, a bounce, an out-of-office note) is in `test_end_to_end`.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.running import HubProcess, wait_until
from tests.real import settings
from tests.real.desk import DeskPeople, plain
from tests.real.servers.kannel import Kannel
from tests.real.servers.mail import MailServer

PREVIEWED = "INC0012345"
"""The ticket that `hub surveys preview` speaks of."""
EXPIRES = timedelta(seconds=10)
"""Of the hub that is in a hurry."""


class World:
    """The hub, and everybody around it."""

    def __init__(self, folder: Path, mail: MailServer, kannel: Kannel) -> None:
        self.hub = HubProcess(folder, port=kannel.hook_port)
        self.mail = mail
        self.kannel = kannel
        self.people = DeskPeople(mail)
        self._previews = cache(self._preview)

    def close(self, key: str, *, service: str | None = None, **customer: str) -> None:
        """An agent closes a ticket of this customer."""
        ticket = {"id": key, "key": key, "closure_key": "c", "subject": f"matter {key}", "service": service}
        with (self.hub.folder / "tickets.jsonl").open("a") as file:
            file.write(json.dumps(ticket | {"customer": customer}) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def says(self, number: str, text: str, *, to: str = Kannel.desk_number) -> None:
        """A customer writes an SMS."""
        self.kannel.reply(number, to, text)

    def phone_shows(self, number: str, *texts: str) -> None:
        """Wait until a phone has got as many texts, and compare them: nothing else, nothing twice."""
        wait_until(lambda: len(self.kannel.texts_at(number)) >= len(texts), f"{len(texts)} texts on the phone")
        assert self.kannel.texts_at(number) == list(texts)

    def preview(self, language: str, ticket: str, kind: str, question: str | None = None) -> str:
        """The text of an SMS as the operator was shown it."""
        return self._previews(language)[kind, question].replace(PREVIEWED, ticket)

    def _preview(self, language: str) -> dict[tuple[str, str | None], str]:
        shown = self.hub.json("surveys", "preview", "closing", "--lang", language, "--channel", "sms")
        return {(one["kind"], one["question"]): one["text"] for one in shown["sms"]}

    def record(self, ticket: str, revision: int) -> dict[str, Any]:
        """What was written back to the desk in that revision, or in a later one."""

        def find() -> dict[str, Any] | None:
            records = self.records(ticket)
            return records[-1] if records and records[-1]["revision"] >= revision else None

        return dict(wait_until(find, f"revision {revision} on {ticket}"))

    def records(self, ticket: str) -> list[dict[str, Any]]:
        path = self.hub.folder / "written.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [record for record in map(json.loads, lines) if record["ticket"]["key"] == ticket]

    def survey_of(self, ticket: str) -> dict[str, Any]:
        """The hub's row of a survey; empty before there is one."""
        rows = self.hub.json("invitations", "list")["invitations"]
        return next((row for row in rows if row["ticket_key"] == ticket), {})

    def mails_about(self, customer: str, ticket: str) -> list[EmailMessage]:
        return [mail for mail in self.mail.read(customer) if mail["X-XM-Survey"] and ticket in plain(mail)]

    def write_config(self, *, hurry: bool = False) -> None:
        folder, limit = self.hub.folder, f"{EXPIRES.seconds}s"
        limits = f'expires = "{limit}"\nconversation = "{limit}"' if hurry else ""
        by_post_later = """
[[rules]]
name = "by post, later"
service = ["Post"]
delay = "18s"
gateways = ["mail"]
"""
        self.hub.config.write_text(
            settings.web(self.kannel)
            + settings.survey("sms", "mail", more=limits)
            + by_post_later
            + settings.desk_of_files(folder)
            + settings.sms(self.kannel, folder)
            + settings.mail(self.mail, folder)
        )


@pytest.fixture(scope="module")
def world(mail: MailServer, kannel: Kannel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    everybody = World(tmp_path_factory.mktemp("hub"), mail, kannel)
    everybody.write_config()
    everybody.hub.start()
    yield everybody
    everybody.hub.kill()


def scores(record: dict[str, Any]) -> dict[str, float]:
    return {score["question"]: score["value"] for score in record["scores"]}


def remarks(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(remark["question"], remark["text"]) for remark in record["remarks"]]


def items(record: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(item["kind"], item["by"], item["text"]) for item in record["items"]]


CONVERSATIONS = {
    "fi": (
        [
            ("solved", "5 kiitos"),
            ("three", "Kyllä, hyvin hoitui"),
            (None, "Tilaisin uuden näytön työhuoneeseen Ö 12 👍"),
        ],
        {"service": 5, "solved": 1},
        [("three", "Tilaisin uuden näytön työhuoneeseen Ö 12 👍"), ("service", "kiitos"), ("solved", "hyvin hoitui")],
        ["service", "praise", "praise"],
    ),
    "sv": (
        [
            ("solved", "2"),
            ("improve", "nej, det är fortfarande trasigt"),
            (None, "Kom hit nästa gång, jag väntade på Åsa 😞"),
        ],
        {"service": 2, "solved": 0},
        [("improve", "Kom hit nästa gång, jag väntade på Åsa 😞"), ("solved", "det är fortfarande trasigt")],
        ["complaint", "problem_fault"],
    ),
    "en": (
        [("solved", "👍"), ("three", "yes, Åsa Öhman was great"), (None, "Could you open earlier?")],
        {"service": 4, "solved": 1},
        [("three", "Could you open earlier?"), ("service", "👍"), ("solved", "Åsa Öhman was great")],
        ["idea", "praise", "praise"],
    ),
}
"""By language: which question follows a reply, None for the thanks; scores, own words and kinds in the record."""


@pytest.mark.parametrize(
    ("language", "number"), [("fi", "+358409000101"), ("sv", "+46709000102"), ("en", "+358409000103")]
)
def test_a_conversation_asks_what_was_previewed_and_ends_in_one_record(
    world: World, language: str, number: str
) -> None:
    ticket = f"TALK-{language}"
    turns, expected_scores, expected_remarks, expected_items = CONVERSATIONS[language]
    world.close(ticket, phone=number, language=language)
    texts = [world.preview(language, ticket, "survey", "service")]
    world.phone_shows(number, *texts)
    for turn, (question, reply) in enumerate(turns):
        world.says(number, reply, to=Kannel.post_number if turn % 2 else Kannel.desk_number)
        texts.append(world.preview(language, ticket, "question" if question else "thanks", question))
        world.phone_shows(number, *texts)
    record = world.record(ticket, len(turns))
    assert scores(record) == expected_scores
    assert remarks(record) == expected_remarks
    assert [item["kind"] for item in record["items"]] == expected_items
    assert (record["format"], record["survey"], record["language"]) == ("experience/1", "closing", language)
    assert (record["channel"], record["revision"], record["withdrawn"]) == ("sms", len(turns), False)


def test_words_after_the_end_are_added_and_answered_by_nothing(world: World) -> None:
    number = "+358409000101"
    before = world.kannel.texts_at(number)
    world.says(number, "Ja vielä: kiitos Äijälle 😀")
    record = world.record("TALK-fi", 4)
    assert remarks(record)[-1] == ("three", "Ja vielä: kiitos Äijälle 😀")
    assert scores(record) == {"service": 5, "solved": 1}
    assert world.kannel.texts_at(number) == before


def test_the_next_survey_waits_until_the_conversation_before_it_is_over(world: World) -> None:
    number = "+358409000104"
    world.close("ONE", phone=number, language="fi")
    first = world.preview("fi", "ONE", "survey", "service")
    world.phone_shows(number, first)
    world.close("TWO", phone=number, language="fi")
    wait_until(lambda: world.survey_of("TWO").get("state") == "waiting", "the second survey waits")
    world.says(number, "3")
    solved = world.preview("fi", "ONE", "question", "solved")
    world.phone_shows(number, first, solved)
    world.says(number, "Ei kiitos")
    world.phone_shows(number, first, solved, world.preview("fi", "ONE", "thanks"))
    assert scores(world.record("ONE", 1)) == {"service": 3}


def test_a_hub_killed_in_the_middle_goes_on_with_what_was_said_meanwhile(world: World) -> None:
    number = "+358409000109"
    world.close("KILL", phone=number, language="fi")
    asked = world.preview("fi", "KILL", "survey", "service")
    world.phone_shows(number, asked)
    world.says(number, "3 ihan ok")
    solved = world.preview("fi", "KILL", "question", "solved")
    world.phone_shows(number, asked, solved)
    world.hub.kill()
    world.says(number, "Ei")  # Kannel tries again until the hub is there
    world.hub.start()
    world.phone_shows(number, asked, solved, world.preview("fi", "KILL", "question", "three"))
    record = world.record("KILL", 2)
    assert (scores(record), remarks(record)) == ({"service": 3, "solved": 0}, [("service", "ihan ok")])


def test_stop_is_confirmed_once_and_holds_for_the_mail_address_until_start(world: World) -> None:
    number, mail = "+358409000105", "pekka@customer.test"
    world.close("STOP-1", phone=number, email=mail, language="fi")
    asked = world.preview("fi", "STOP-1", "survey", "service")
    world.phone_shows(number, asked)
    world.close("STOP-2", service="Post", email=mail, language="fi")
    wait_until(lambda: world.survey_of("STOP-2").get("state") == "waiting", "the mail is queued")
    world.says(number, "4")
    solved = world.preview("fi", "STOP-1", "question", "solved")
    world.phone_shows(number, asked, solved)
    world.says(number, "STOP")
    stopped = world.preview("fi", "STOP-1", "stopped")
    world.phone_shows(number, asked, solved, stopped)
    world.says(number, "stop!")
    wait_until(lambda: world.survey_of("STOP-2")["state"] != "waiting", "the mail's time has come")
    assert (world.survey_of("STOP-2")["state"], world.survey_of("STOP-2")["reason"]) == ("skipped", "opted_out")
    world.says(number, "START")
    started = world.preview("fi", "STOP-1", "started")
    world.phone_shows(number, asked, solved, stopped, started)
    world.close("STOP-3", email=mail, language="fi")
    wait_until(lambda: world.mails_about(mail, "STOP-3"), "mails come again")
    assert world.mails_about(mail, "STOP-2") == []
    record = world.record("STOP-1", 1)
    assert (scores(record), record["comment"], record["revision"]) == ({"service": 4}, None, 1)


def test_a_swedish_stopp_works_as_the_survey_says(world: World) -> None:
    number = "+46709000106"
    world.close("STOPP", phone=number, language="sv")
    asked = world.preview("sv", "STOPP", "survey", "service")
    world.phone_shows(number, asked)
    world.says(number, "Stopp")
    world.phone_shows(number, asked, world.preview("sv", "STOPP", "stopped"))
    assert world.records("STOPP") == []


def test_a_text_of_somebody_who_was_never_asked_is_kept(world: World) -> None:
    world.says("+358409000108", "Hej, är det här rätt nummer? Öppet på lördag?")

    def kept() -> list[str]:
        return [row["text"] for row in world.hub.json("answers", "list", "--unmatched")["answers"]]

    wait_until(kept, "the operator sees it")
    assert kept() == ["Hej, är det här rätt nummer? Öppet på lördag?"]
    assert world.kannel.texts_at("+358409000108") == []


def test_late_replies_are_kept_on_the_ticket_and_change_no_score(world: World) -> None:
    number = "+358409000107"
    assert world.hub.stop() == 0
    world.write_config(hurry=True)
    world.hub.start()
    world.close("LATE", phone=number, language="fi")
    asked = world.preview("fi", "LATE", "survey", "service")
    world.phone_shows(number, asked)
    world.says(number, "4")
    solved = world.preview("fi", "LATE", "question", "solved")
    world.phone_shows(number, asked, solved)
    assert scores(world.record("LATE", 1)) == {"service": 4}
    expires_at = datetime.fromisoformat(world.survey_of("LATE")["sent_at"]) + EXPIRES
    # gateways date replies in whole seconds
    wait_until(lambda: datetime.now(UTC) >= expires_at + timedelta(seconds=1), "the survey has expired")
    world.says(number, "1 Ääkköset unohtuivat 😕")
    record = world.record("LATE", 2)
    assert scores(record) == {"service": 4}
    assert remarks(record) == [("service", "1 Ääkköset unohtuivat 😕")]
    world.close("LATER", phone=number, language="fi")
    world.phone_shows(number, asked, solved, world.preview("fi", "LATER", "survey", "service"))


def test_at_the_end_nothing_was_written_twice_and_no_words_are_in_the_log(world: World) -> None:
    assert world.hub.stop() == 0
    written = [json.loads(line) for line in (world.hub.folder / "written.jsonl").read_text().splitlines()]
    assert max(Counter((record["id"], record["revision"]) for record in written).values()) == 1
    log = world.hub.log_text()
    for personal in ("35840900010", "4670900010", "pekka@", "näytön", "trasigt", "Öhman", "Ääkköset"):
        assert personal not in log
