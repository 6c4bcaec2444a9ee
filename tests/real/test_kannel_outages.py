"""A real Kannel killed, frozen and restarted while surveys leave and replies come in.

One hub runs through all tests of this module, on purpose: what one outage put off is still to leave in the next one.
Each test has customers of its own, and the last one counts what became of everybody.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.running import HubProcess, wait_until
from tests.real import settings
from tests.real.servers.kannel import Kannel

ROOT = Path(__file__).parents[2]


class ImpatientHub(HubProcess):
    """A hub that gives a gateway 3 s to answer."""

    def start(self, fault: str = "", *, ready: bool = True) -> None:
        with (self.folder / "log.jsonl").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.real.impatient", "run"],
                cwd=ROOT,
                env=self.environment | {"HUB_FAULT_POINT": fault},
                stderr=log,
                text=True,
            )
        if ready:
            wait_until(self.is_ready, "the hub is ready")


class World:
    """The hub with a desk of files, Kannel, and the customers' phones."""

    def __init__(self, hub: HubProcess, kannel: Kannel) -> None:
        self.hub = hub
        self.kannel = kannel
        self.asked: dict[str, str] = {}
        """The customers' numbers, by ticket."""
        self.words: dict[str, str] = {}
        """What customers answered, by ticket."""
        self._numbers = itertools.count(100)

    def close_tickets(self, count: int) -> list[str]:
        """Close tickets of customers who have a phone each; gives the tickets."""
        tickets = []
        with (self.hub.folder / "tickets.jsonl").open("a") as file:
            for number in itertools.islice(self._numbers, count):
                ticket, phone = f"T-{number}", f"+35850{number}0100"
                line = {"id": f"id{number}", "key": ticket, "closure_key": "c", "subject": "Printer"}
                file.write(json.dumps(line | {"customer": {"phone": phone}}) + "\n")
                self.asked[ticket] = phone
                tickets.append(ticket)
        return tickets

    def answer(self, tickets: Sequence[str]) -> None:
        """Let customers answer, half of them by the number that comes in by GET and half by POST."""
        for index, ticket in enumerate(tickets):
            self.words[ticket] = f"5 kiitos {ticket}"
            to = self.kannel.post_number if index % 2 else self.kannel.desk_number
            self.kannel.reply(self.asked[ticket], to, self.words[ticket])

    def texts(self) -> Counter[str]:
        """How many texts each customer got, by ticket."""
        arrived = Counter(f"+{to.lstrip('+')}" for to, _ in self.kannel.sent())
        return Counter({ticket: arrived[phone] for ticket, phone in self.asked.items() if arrived[phone]})

    def have_text(self, tickets: Sequence[str]) -> bool:
        texts = self.texts()
        return all(texts[ticket] for ticket in tickets)

    def states(self) -> dict[str, tuple[str, str | None]]:
        """State and reason of each invitation, by ticket."""
        return {
            ticket: (state, reason)
            for ticket, state, reason in self._select(
                "SELECT ticket_key, state, reason FROM invitations JOIN closures ON closures.id = closure_id"
            )
        }

    def in_doubt(self) -> list[str]:
        """The tickets of surveys that may have left or not because Kannel gave no answer."""
        return [ticket for ticket, state in self.states().items() if state == ("unknown", "outcome_unknown")]

    def come_into_doubt(self) -> list[str]:
        """Close tickets, and wait until the hub cannot say what became of a survey; gives the tickets in doubt.

        Those that were in doubt before, of a request that ended with its Kannel, are not among them. What Kannel had
        taken before may still arrive meanwhile.
        """
        before = self.in_doubt()
        self.close_tickets(5)
        doubtful: list[str] = wait_until(
            lambda: [ticket for ticket in self.in_doubt() if ticket not in before and not self.texts()[ticket]],
            "the hub cannot say what became of a survey",
        )
        return doubtful

    def sending_works(self) -> bool:
        """Whether the hub finds that it can send."""
        return self._select("SELECT error FROM components WHERE id = 'gateways.sms:send'") == [(None,)]

    def goes_on(self) -> None:
        """Wait until the hub sends again. It learns that from a survey that leaves."""
        last = self.close_tickets(1)
        wait_until(lambda: self.have_text(last), "a survey leaves again")
        wait_until(self.sending_works, "the hub knows")

    def is_settled(self) -> bool:
        """Whether each survey arrived, or is in doubt without having arrived."""
        states, texts = self.states(), self.texts()
        return all(
            states.get(ticket, ("", None))[0] == ("delivered" if texts[ticket] else "unknown") for ticket in self.asked
        )

    def _select(self, query: str) -> list[tuple[Any, ...]]:
        """Look into the store: asking with a command each time would take minutes."""
        with closing(sqlite3.connect(self.hub.folder / "hub.db")) as connection:
            return connection.execute(query).fetchall()

    def written(self) -> dict[str, list[dict[str, Any]]]:
        """The results at the desk, by ticket."""
        found: dict[str, list[dict[str, Any]]] = {}
        path = self.hub.folder / "written.jsonl"
        whole, _, _ = (path.read_text() if path.exists() else "").rpartition("\n")  # the last line may be half there
        for line in whole.splitlines():
            record = json.loads(line)
            found.setdefault(record["ticket"]["key"], []).append(record)
        return found


@pytest.fixture(scope="module")
def world(kannel: Kannel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    hub = ImpatientHub(tmp_path_factory.mktemp("hub"), port=kannel.hook_port)
    hub.config.write_text(
        settings.web(kannel)
        + settings.survey("sms")
        + "[surveys.closing]\nmessages = 1\n"
        + settings.desk_of_files(hub.folder)
        + settings.sms(kannel, hub.folder)
    )
    hub.start()
    yield World(hub, kannel)
    hub.kill()


def test_a_crash_of_the_http_interface_puts_surveys_off_and_sends_none_twice(world: World) -> None:
    tickets = world.close_tickets(40)
    wait_until(lambda: len(world.texts()) >= 3, "some surveys arrived")
    world.kannel.kill_box()
    try:
        wait_until(lambda: not world.sending_works(), "the hub notices")
        assert len(world.texts()) < len(tickets), "the crash came in the middle"
    finally:
        world.kannel.start_box()
    world.goes_on()


def test_surveys_that_a_frozen_core_took_are_in_doubt_until_it_reports_them(world: World) -> None:
    with world.kannel.frozen():
        doubtful = world.come_into_doubt()
    wait_until(lambda: world.have_text(doubtful), "what it took arrives when it goes on")
    wait_until(lambda: not set(doubtful) & set(world.in_doubt()), "its reports settle what was in doubt")
    world.goes_on()


def test_surveys_that_a_frozen_http_interface_never_read_are_the_operator_s_to_send_again(world: World) -> None:
    with world.kannel.box_frozen():
        doubtful = world.come_into_doubt()
    world.goes_on()
    # Kannel is free to carry out requests whose caller has gone, but none of them is left now
    rows = world.hub.json("invitations", "list", "--state", "unknown")["invitations"]
    if never_read := [str(row["id"]) for row in rows if not world.texts()[row["ticket_key"]]]:
        world.hub.json("invitations", "retry", "--yes", *never_read)
    wait_until(lambda: world.have_text(doubtful), "they arrive")


def test_replies_wait_in_a_core_whose_http_interface_crashed_and_survive_its_own_crash(world: World) -> None:
    tickets = list(world.texts())[:10]
    world.kannel.kill_box()
    try:
        world.answer(tickets)
        world.kannel.kill()
    finally:
        world.kannel.start()
    wait_until(lambda: set(tickets) <= world.written().keys(), "the answers are on their tickets")


def test_replies_that_find_no_hub_are_tried_again(world: World) -> None:
    tickets = [ticket for ticket in world.texts() if ticket not in world.words][:10]
    world.hub.kill()
    world.answer(tickets)
    world.hub.start()
    wait_until(lambda: set(tickets) <= world.written().keys(), "the answers are on their tickets")


def test_at_the_end_everybody_was_asked_once_and_every_answer_counts_once(world: World) -> None:
    wait_until(world.is_settled, "what was put off has left")
    late = [ticket for ticket in world.texts() if ticket not in world.words]
    world.answer(late)
    wait_until(lambda: set(late) <= world.written().keys(), "the answers are on their tickets")
    texts, states, written = world.texts(), world.states(), world.written()
    assert set(texts.values()) == {1}, "nobody was asked twice"
    unasked = world.asked.keys() - texts.keys()
    assert {states[ticket] for ticket in unasked} <= {("unknown", "outcome_unknown")}, "the operator hears of the rest"
    assert {ticket: [record["comment"] for record in records] for ticket, records in written.items()} == {
        ticket: [words.removeprefix("5 ")] for ticket, words in world.words.items()
    }
    assert world.hub.stop() == 0
