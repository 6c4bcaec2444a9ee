"""A ticket goes all the way, and the metrics follow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub import Rejected
from hub.store.engine import Store
from tests.journey.world import World, ticket, tickets
from tests.metrics.exposed import Operator, parsed


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(await Store.open(f"sqlite:///{tmp_path}/hub.db"))
    await world.register("test")
    yield world
    await world.store.close()


@pytest.fixture
def operator(world: World) -> Operator:
    return Operator(world.store, world.clock)


def test_every_stage_of_a_ticket_is_counted(exposition: str) -> None:
    shown = parsed(exposition)
    expected = {
        ("hub_closures_total", "sources.desk"): 2,
        ("hub_replies_received_total", "gateways.sms"): 2,
        ("hub_experiences_total", "sources.desk"): 1,
        ("hub_closed_to_asked_seconds_count", "gateways.sms"): 1,
        ("hub_asked_to_answered_seconds_sum", "gateways.sms"): 120,
        ("hub_answered_to_written_seconds_count", "sources.desk"): 1,
    }
    assert {key: shown[key[0], (("component", key[1]),)] for key in expected} == expected
    assert shown["hub_sends_total", (("component", "gateways.sms"), ("outcome", "sent"))] == 1
    assert shown["hub_write_backs_total", (("component", "sources.desk"), ("outcome", "done"))] == 1
    assert shown["hub_delivery_reports_total", (("component", "gateways.sms"), ("status", "delivered"))] == 1
    assert shown["hub_answers_total", (("channel", "sms"), ("state", "used"))] == 1
    assert shown["hub_answers_total", (("channel", "sms"), ("state", "unmatched"))] == 1
    assert shown["hub_workers", (("role", "deliver"),)] == 1
    states = {labels[1][1]: value for (name, labels), value in shown.items() if name == "hub_invitations_total"}
    assert states == {"waiting": 2, "sent": 1, "delivered": 1}


async def test_a_survey_that_is_taken_back_is_counted_with_its_reason(world: World, operator: Operator) -> None:
    closed = ticket(world.now)
    await world.close(closed)
    await world.close(reopened=(closed.id,))
    assert await operator.value("hub_invitations_total", state="cancelled", reason="reopened") == 1


async def test_a_refusal_counts_under_the_family_of_its_reason(world: World, operator: Operator) -> None:
    await world.close(*tickets(world.now, 2))
    world.phones.failures += [Rejected("no", reason="smtp_550_5.1.1"), Rejected("no", reason="Maija Meikäläinen")]
    await world.deliver()
    assert await operator.value("hub_sends_total", component="gateways.sms", outcome="refused") == 2
    assert await operator.value("hub_invitations_total", state="failed", reason="smtp") == 1
    assert await operator.value("hub_invitations_total", state="failed", reason="other") == 1


async def test_what_a_dead_worker_left_is_counted_once(world: World, operator: Operator) -> None:
    await world.close(ticket(world.now))
    await world.claim()
    await world.take_over()
    await world.take_over()
    assert await operator.value("hub_invitations_total", state="unknown", reason="worker_died") == 1
