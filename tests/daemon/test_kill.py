"""`kill -9` between any two steps: nothing lost, no second message, no second write-back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.daemon.running import RunningHub, wait_until

TICKETS = 3

HARMLESS = (
    "intake.before_commit",
    "intake.stored",
    "invite.before_commit",
    "invite.decided",
    "deliver.before_claim_commit",
    "deliver.stored",
    "answer.before_commit",
    "answer.stored",
    "answer.before_process_commit",
    "answer.processed",
    "write_back.before_claim_commit",
    "write_back.claimed",
    "write_back.written",
    "write_back.stored",
)
"""Whoever is killed here leaves no doubt behind, or one that the customers' answers settle."""


def _die_at(hub: RunningHub, point: str) -> None:
    hub.close_tickets(TICKETS)
    hub.start(point, ready=False)
    assert hub.wait_for_death() == -9


def _assert_each_once(hub: RunningHub) -> None:
    assert sorted(line["to"] for line in hub.lines("sent")) == [f"+35840123{n:04}" for n in range(TICKETS)]
    assert sorted(line["ticket"]["key"] for line in hub.lines("written")) == [f"T-{n}" for n in range(TICKETS)]


@pytest.mark.parametrize("point", HARMLESS)
def test_a_hub_that_is_killed_and_started_again_does_everything_once(hub: RunningHub, point: str) -> None:
    _die_at(hub, point)
    hub.start()
    if point == "deliver.stored":  # its neighbours in the batch were on their way
        _retry_what_certainly_did_not_leave(hub)
    wait_until(lambda: len(hub.lines("written")) >= TICKETS, "all results are written")
    assert hub.stop() == 0
    _assert_each_once(hub)


def test_a_conversation_goes_on_where_it_was_when_the_hub_was_killed(tmp_path: Path) -> None:
    hub = RunningHub(tmp_path, answer="5 {text}", messages=3)
    try:
        _die_at(hub, "answer.before_process_commit")
        hub.start()
        wait_until(lambda: len(hub.lines("sent")) >= 3 * TICKETS, "all conversations are over")
        wait_until(lambda: hub.json("status")["follow_ups"] == {"sent": 2 * TICKETS}, "nothing is under way")
        assert hub.stop() == 0
        numbers = Counter(line["to"] for line in hub.lines("sent"))
        assert numbers == {f"+35840123{number:04}": 3 for number in range(TICKETS)}
        texts = Counter((line["to"], line["text"]) for line in hub.lines("sent"))
        assert set(texts.values()) == {1}, "no message twice"
    finally:
        hub.kill()


def test_killed_after_sending_the_answers_settle_what_became_of_the_messages(hub: RunningHub) -> None:
    _die_at(hub, "deliver.sent")
    assert len(hub.lines("sent")) >= 1
    hub.start()
    unknown = _settled(hub)
    assert len(hub.lines("sent")) == TICKETS - unknown
    wait_until(lambda: len(hub.lines("written")) == TICKETS - unknown, "what was sent is answered and written")
    _retry_what_certainly_did_not_leave(hub)
    wait_until(lambda: len(hub.lines("written")) == TICKETS, "all results are written")
    _assert_each_once(hub)


def test_killed_before_sending_nothing_is_sent_until_the_operator_says_so(hub: RunningHub) -> None:
    _die_at(hub, "deliver.claimed")
    assert hub.lines("sent") == []
    hub.start()
    unknown = _settled(hub)
    assert unknown >= 1
    assert len(hub.lines("sent")) == TICKETS - unknown, "only what the dead worker had not claimed"
    (row, *_) = hub.json("invitations", "list", "--state", "unknown")["invitations"]
    story = hub.command("why", row["ticket_key"]).stdout
    assert "the worker ended while it was sending" in story
    assert "hub invitations retry" in story
    _retry_what_certainly_did_not_leave(hub)
    wait_until(lambda: len(hub.lines("written")) == TICKETS, "all results are written")
    _assert_each_once(hub)


def _settled(hub: RunningHub) -> int:
    """Wait until no message is on its way or about to be; gives how many are in doubt."""

    def counts() -> dict[str, int] | None:
        status = hub.json("status")
        found: dict[str, int] = status["invitations"]
        on_the_way = status["undecided"] + sum(found.get(state, 0) for state in ("waiting", "sending", "sent"))
        return found if sum(found.values()) == TICKETS and not on_the_way else None

    found = wait_until(counts, "every message is answered or in doubt")
    return int(found.get("unknown", 0))


def _retry_what_certainly_did_not_leave(hub: RunningHub) -> None:
    """What an operator does who can look at the phones: those without the message get it."""
    _settled(hub)
    unknown = hub.json("invitations", "list", "--state", "unknown")["invitations"]
    if unknown:
        result = hub.command("invitations", "retry", "--yes", *(str(row["id"]) for row in unknown))
        assert result.returncode == 0, result.stderr
