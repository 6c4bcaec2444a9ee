"""`kill -9` between any two steps: nothing lost, no second message, no second write-back."""

from __future__ import annotations

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


def test_killed_after_sending_the_answers_settle_what_became_of_the_messages(hub: RunningHub) -> None:
    _die_at(hub, "deliver.sent")
    sent = len(hub.lines("sent"))
    assert sent >= 1
    hub.start()
    wait_until(lambda: len(hub.lines("written")) == sent, "what was sent is answered and written")
    assert hub.json("status")["invitations"].get("unknown", 0) == TICKETS - sent
    _retry_what_certainly_did_not_leave(hub)
    wait_until(lambda: len(hub.lines("written")) == TICKETS, "all results are written")
    _assert_each_once(hub)


def test_killed_before_sending_nothing_is_sent_until_the_operator_says_so(hub: RunningHub) -> None:
    _die_at(hub, "deliver.claimed")
    hub.start()
    wait_until(lambda: hub.json("status")["unknown"] == {"worker_died": TICKETS}, "the outcome is unknown")
    assert hub.lines("sent") == []
    story = hub.command("why", "T-0").stdout
    assert "the worker ended while it was sending" in story
    assert "hub invitations retry" in story
    _retry_what_certainly_did_not_leave(hub)
    wait_until(lambda: len(hub.lines("written")) == TICKETS, "all results are written")
    _assert_each_once(hub)


def _retry_what_certainly_did_not_leave(hub: RunningHub) -> None:
    """What an operator does who can look at the phones: those without the message get it."""
    wait_until(lambda: not hub.json("status")["invitations"].get("sending"), "nothing is being sent")
    answered = len(hub.lines("sent"))
    wait_until(lambda: hub.json("status")["answered"] >= answered, "every message that left is answered")
    unknown = hub.json("invitations", "list", "--state", "unknown")["invitations"]
    if unknown:
        result = hub.command("invitations", "retry", "--yes", *(str(row["id"]) for row in unknown))
        assert result.returncode == 0, result.stderr
