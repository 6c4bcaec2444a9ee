"""Hints, rereading, the census and milestones in a hub that runs: also when it is killed."""

from __future__ import annotations

import json
import sqlite3

import pytest

from tests.daemon.running import RunningHub, wait_until


def _start_quiet(hub: RunningHub) -> None:
    """A hub whose source has been pulled once, and whose pulls find nothing from now on."""
    (hub.folder / "quiet").touch()
    hub.start()
    wait_until(lambda: hub.json("status")["components"].get("sources.desk", {}).get("last_ok_at"), "the first pull")


def test_a_pushed_ticket_is_surveyed_and_written_back_without_a_pull(hub: RunningHub) -> None:
    _start_quiet(hub)
    hub.close_tickets(1)
    assert [hub.push("id0", delivery="d-1") for _ in range(3)] == [200] * 3
    wait_until(lambda: hub.lines("written"), "the answer is on the ticket")
    assert len(hub.lines("sent")) == 1


def test_a_push_without_the_secret_is_refused_and_told_in_the_log(hub: RunningHub) -> None:
    import httpx

    _start_quiet(hub)
    response = httpx.post(f"http://127.0.0.1:{hub.port}/push/desk/guess", json={"ids": ["id0"]})
    assert response.status_code == 403
    assert "web.hook_refused" in {event["event"] for event in hub.events()}


@pytest.mark.parametrize("point", ["hints.stored", "hints.fetched"])
def test_a_pushed_ticket_is_not_lost_when_the_hub_is_killed(hub: RunningHub, point: str) -> None:
    _start_quiet(hub)
    hub.kill()
    hub.close_tickets(1)
    hub.start(point)
    hub.push("id0", delivery="d-1")
    assert hub.wait_for_death() == -9
    hub.start()
    wait_until(lambda: hub.lines("written"), "the answer is on the ticket")
    assert len(hub.lines("sent")) == 1


def test_while_tickets_cannot_be_reread_their_surveys_wait_and_status_says_why(hub: RunningHub) -> None:
    (hub.folder / "unreadable").touch()
    hub.start()
    hub.close_tickets(1)
    shown = wait_until(lambda: hub.json("status")["components"].get("sources.desk:reread"), "the reread fails")
    assert "the desk is down" in shown["error"]
    assert hub.lines("sent") == []
    assert hub.json("status")["invitations"] == {"waiting": 1}


def test_the_census_finds_a_ticket_that_no_pull_and_no_push_told_of(hub: RunningHub) -> None:
    _start_quiet(hub)
    hub.stop()
    hub.close_tickets(1)
    with sqlite3.connect(hub.folder / "hub.db") as store:  # as if the last census was long ago
        store.execute("UPDATE components SET cursor = '2020-01-01T00:00:00+00:00' WHERE id = 'sources.desk:census'")
    store.close()
    hub.start()
    wait_until(lambda: hub.lines("written"), "the answer is on the ticket")
    assert {"event": "census.taken", "missed": 1}.items() <= wait_until(
        lambda: next((event for event in hub.events() if event.get("missed")), None), "it is told"
    ).items()


def test_sync_follows_the_hints_that_wait(hub: RunningHub) -> None:
    _start_quiet(hub)
    hub.close_tickets(1)
    hub.kill()
    hub.start("hints.stored")
    hub.push("id0")
    hub.wait_for_death()
    assert hub.command("sync").returncode == 0
    assert len(hub.lines("sent")) == 1


def test_sync_asks_how_it_goes_where_a_rule_wants_to_know(hub: RunningHub) -> None:
    (hub.folder / "quiet").touch()
    with hub.config.open("a") as file:
        file.write('[[rules]]\nname = "early"\nmilestone = ["handed_over"]\nsurvey = "progress"\n')
    assert hub.command("sync").returncode == 0
    ticket = {"id": "id0", "key": "T-0", "closure_key": "handed_over:1", "milestone": "handed_over"}
    (hub.folder / "handed_over.jsonl").write_text(json.dumps(ticket | {"customer": {"phone": "+358401230000"}}) + "\n")
    assert hub.json("sync")["milestones"] == {"desk": 1}
    assert {line["to"] for line in hub.lines("sent")} == {"+358401230000"}
