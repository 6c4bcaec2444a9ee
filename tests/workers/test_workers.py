"""Several workers on one PostgreSQL: everything once, whoever is killed, frozen or cut off."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.databases import Postgres, postgres
from tests.workers.crew import SILENCE_S, Crew, crew, wait_until

pytestmark = pytest.mark.timeout(180)

SOON_S = 8
"""For what another worker takes over as soon as it can: it looks every few seconds."""


@pytest.fixture
def fresh(tmp_path: Path, postgres_server: Postgres):
    with crew(tmp_path, postgres_server.new_database()) as made:
        yield made


def test_three_workers_do_everything_once_and_say_what_they_do(fresh: Crew) -> None:
    for _ in range(3):
        fresh.begin()
    fresh.close_tickets(30)
    fresh.wait_for_written(30)
    listed = wait_until(
        lambda: [one for one in fresh.json("status")["workers"] if "cpu_percent" in one["load"]], "they tell their load"
    )
    assert {role for one in listed for role in one["roles"]} == {"pull", "journey", "deliver", "write", "web"}
    assert all(one["load"]["memory_mb"] > 0 for one in listed)
    fresh.stop_all()
    fresh.assert_each_once(30)
    assert fresh.json("status")["workers"] == [], "who ends well leaves the list"


def test_when_the_worker_that_pulls_is_killed_another_one_goes_on_at_once(fresh: Crew) -> None:
    first = fresh.begin(fault="intake.before_commit", silence_s=600)
    fresh.wait_for_source(first)
    fresh.begin(silence_s=30)
    fresh.close_tickets(3)
    assert first.wait_for_death() == -9
    killed_at = time.monotonic()
    fresh.wait_for_written(3)
    assert time.monotonic() - killed_at < SOON_S
    fresh.assert_each_once(3)


def test_what_a_killed_worker_was_sending_is_settled_and_all_else_is_done(fresh: Crew) -> None:
    fresh.begin("pull,journey,write")
    dying = fresh.begin("deliver", "deliver.sent")
    fresh.close_tickets(5)
    assert dying.wait_for_death() == -9
    fresh.begin("deliver")

    def settled() -> bool:
        status = fresh.json("status")
        done = len(fresh.lines("written")) + status["unknown"].get("worker_died", 0)
        return done == 5 and not status["invitations"].get("sending")

    wait_until(settled, "each is answered or known to be in doubt")
    fresh.stop_all()
    assert len({line["to"] for line in fresh.lines("sent")}) == len(fresh.lines("sent"))
    assert len({line["ticket"]["key"] for line in fresh.lines("written")}) == len(fresh.lines("written"))


def test_what_a_killed_worker_was_writing_is_written_by_another_one(fresh: Crew) -> None:
    fresh.begin("pull,journey,deliver")
    dying = fresh.begin("write", "write_back.written")
    fresh.close_tickets(5)
    assert dying.wait_for_death() == -9
    killed_at = time.monotonic()
    fresh.begin("write")
    wait_until(lambda: fresh.json("status")["write_backs"] == {"done": 5}, "all are written")
    assert time.monotonic() - killed_at < SILENCE_S * 2 + SOON_S
    fresh.assert_each_once(5)


def test_a_frozen_worker_is_replaced_and_does_no_harm_when_it_comes_back(fresh: Crew) -> None:
    first = fresh.begin()
    fresh.wait_for_source(first)
    second = fresh.begin()
    first.freeze()
    fresh.close_tickets(3)
    wait_until(lambda: second.said("worker.died") == 1, "it is taken for dead")
    fresh.wait_for_written(3)
    first.thaw()
    wait_until(lambda: first.said("worker.buried_alive") == 1, "it finds out")
    assert len(fresh.json("status")["workers"]) == 2, "it goes on under a new name"
    with (fresh.folder / "tickets.jsonl").open("a") as file:
        file.write('{"id": "id3", "key": "T-3", "closure_key": "c", "customer": {"phone": "+358401230003"}}\n')
    fresh.wait_for_written(4)
    fresh.stop_all()
    fresh.assert_each_once(4)


def test_workers_outlive_a_restart_of_postgresql_and_nobody_takes_the_other_for_dead(tmp_path: Path) -> None:
    with postgres() as server, crew(tmp_path, server.new_database()) as both:
        first, second = both.begin(), both.begin()
        both.close_tickets(20)
        wait_until(lambda: both.lines("sent"), "they work")
        server.stop()
        time.sleep(SILENCE_S + 1)
        server.start()
        both.wait_for_written(20)
        both.stop_all()
        both.assert_each_once(20)
        assert first.said("worker.died") + second.said("worker.died") == 0


def test_a_webhook_on_any_worker_wakes_the_one_that_does_the_work(fresh: Crew) -> None:
    (fresh.folder / "quiet").touch()
    worker = fresh.begin("pull,journey,deliver,write")
    fresh.wait_for_source(worker)
    web = fresh.begin("web")
    fresh.port = web.port
    fresh.close_tickets(5)
    began = time.monotonic()
    for number in range(5):
        assert fresh.push(f"id{number}") == 200
        wait_until(lambda number=number: len(fresh.lines("sent")) > number, "it is sent")
    assert time.monotonic() - began < 5, "looking every 5 s would take longer, as each one begins after a look"


def test_sync_beside_a_worker_leaves_reading_to_it_and_does_the_rest(fresh: Crew) -> None:
    worker = fresh.begin("pull")
    fresh.wait_for_source(worker)
    fresh.close_tickets(2)
    wait_until(lambda: fresh.json("status")["closures"] == 2, "the worker has pulled them")
    summary = fresh.json("sync")
    assert summary["busy"] == ["sources.desk", "gateways.sms"]
    assert (summary["sent"], summary["failed"]) == (2, {})


def test_unknown_roles_and_addresses_are_refused_with_the_known_ones(fresh: Crew) -> None:
    refused = fresh.command("run", "--roles", "pull,dance")
    assert refused.returncode == 2
    assert "'dance' is not a role; write some of pull,journey,deliver,write,web" in refused.stderr
    refused = fresh.command("run", "--listen", "nowhere")
    assert refused.returncode == 2
    assert "127.0.0.1:8081" in refused.stderr
