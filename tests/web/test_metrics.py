"""The operators' listener: what it shows, to whom, and at which cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from hub import metrics
from hub.journey import invite
from hub.store import components
from hub.store.engine import Store
from hub.store.tables import InvitationState, invitations
from hub.testing.fakes import FakeClock
from tests.journey.world import World, ticket
from tests.metrics.conftest import nothing_counted  # noqa: F401 - a fixture
from tests.metrics.exposed import Operator


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(await Store.open(f"sqlite:///{tmp_path}/hub.db"))
    await world.register("test")
    yield world
    await world.store.close()


@pytest.fixture
def operator(world: World) -> Operator:
    return Operator(world.store, world.clock)


async def test_the_public_port_has_no_metrics(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/metrics")).status_code == 404


async def test_health_is_told_there_too(operator: Operator) -> None:
    assert (await operator.get("/healthz")).status_code == 200
    assert (await operator.get("/readyz")).status_code == 200
    operator.reasons["hub"] = "starting or stopping"
    assert (await operator.get("/readyz")).status_code == 503


async def test_openmetrics_is_given_to_those_who_ask_for_it(operator: Operator) -> None:
    shown = await operator.get("/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert shown.headers["content-type"].startswith("application/openmetrics-text")
    assert "hub_sends" in {family.name for family in text_string_to_metric_families(shown.text)}


async def test_components_are_there_before_anything_happened(operator: Operator) -> None:
    assert await operator.value("hub_sends_total", component="gateways.sms", outcome="refused") == 0
    assert await operator.value("hub_write_backs_total", component="sources.desk", outcome="failed") == 0
    assert await operator.value("hub_workers_buried_total") == 0


async def test_queues_are_shown_with_their_age(world: World, operator: Operator) -> None:
    await world.close(ticket(world.now), ticket(world.now))
    world.pass_time(minutes=3)
    assert await operator.value("hub_queue_length", queue="invitations", component="gateways.sms") == 2
    assert await operator.value("hub_queue_oldest_seconds", queue="invitations", component="gateways.sms") == 180
    assert await operator.value("hub_queue_length", queue="invitations", component="gateways.mail") == 0
    assert await operator.value("hub_queue_oldest_seconds", queue="invitations", component="gateways.mail") == 0


async def test_what_nobody_has_looked_at_is_shown(world: World, operator: Operator) -> None:
    await world.close(ticket(world.now))
    async with world.store.write() as connection:
        await connection.execute(sa.text("UPDATE closures SET decided = false"))
    await world.reply("5")
    world.pass_time(seconds=30)
    for queue in ("closures", "answers"):
        assert await operator.value("hub_queue_length", queue=queue, component="hub") == 1
        assert await operator.value("hub_queue_oldest_seconds", queue=queue, component="hub") == 30


async def test_a_result_that_cannot_be_written_grows_old(world: World, operator: Operator) -> None:
    await world.asked()
    await world.reply("5")
    await world.process()
    async with world.store.write() as connection:  # put off, as after a failure
        await connection.execute(
            sa.text("UPDATE write_backs SET next_at = :at").bindparams(at=world.now.replace(tzinfo=None))
        )
    world.pass_time(hours=2)
    assert await operator.value("hub_queue_length", queue="write_backs", component="sources.desk") == 1
    assert await operator.value("hub_queue_oldest_seconds", queue="write_backs", component="sources.desk") == 7200


async def test_unknown_surveys_and_workers_are_shown(world: World, operator: Operator) -> None:
    await world.asked()
    async with world.store.write() as connection:
        await connection.execute(invitations.update().values(state=InvitationState.UNKNOWN))
    assert await operator.value("hub_queue_length", queue="unknown", component="gateways.sms") == 1
    assert await operator.value("hub_queue_length", queue="unknown", component="gateways.mail") == 0


async def test_a_failing_component_is_shown_and_one_that_is_gone_is_not(world: World, operator: Operator) -> None:
    later = world.now + timedelta(minutes=10)
    async with world.store.write() as connection:
        for id_ in ("sources.desk:write", "sources.gone"):
            await components.failed(connection, id_, error="no", failures=3, since=world.now, retry_at=later)
    world.pass_time(minutes=4)
    labels = {"component": "sources.desk", "loop": "write"}
    assert await operator.value("hub_component_failing_seconds", **labels) == 240
    assert await operator.value("hub_component_pause_seconds", **labels) == 360
    assert await operator.value("hub_component_failing_seconds", component="sources.gone", loop="main") is None


async def test_the_store_is_asked_once_in_a_while(world: World, operator: Operator) -> None:
    labels = {"queue": "invitations", "component": "gateways.sms"}
    assert await operator.value("hub_queue_length", **labels) == 0
    await world.close(ticket(world.now))
    operator.seconds = 14
    assert await operator.value("hub_queue_length", **labels) == 0
    operator.seconds = 15
    assert await operator.value("hub_queue_length", **labels) == 1


async def test_a_store_that_is_away_hides_nothing_else(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/hub.db")
    async with store.write() as connection:
        await connection.execute(sa.text("DROP TABLE workers"))
    operator = Operator(store, FakeClock())
    metrics.http_request("sources.desk", 200, 0.1)
    assert await operator.value("hub_store_up") == 0
    assert await operator.value("hub_http_requests_total", component="sources.desk", outcome="2xx") == 1
    assert await operator.value("hub_queue_length", queue="answers", component="hub") is None
    await store.close()


async def test_hostile_words_stay_inside_their_label(world: World) -> None:
    hostile = 'gateways.a"} 1\nhub_store_up 0\n# \\'
    operator = Operator(world.store, world.clock, [hostile])
    shown = await operator.series()
    assert shown["hub_store_up", ()] == 1
    assert ("hub_sends_total", (("component", hostile), ("outcome", "sent"))) in shown


async def test_no_address_and_no_word_of_a_customer_is_shown(world: World, operator: Operator) -> None:
    token = await world.asked()
    await world.reply("5 Kiitos Anna", id_="secret-id")
    await world.reply("1 buu", sender="+358409999999")
    await world.finish()
    text = (await operator.get("/metrics")).text
    for private in (token, "Kiitos", "Anna", "buu", "secret-id", "35840", "T-"):
        assert private not in text


async def test_queues_are_counted_up_to_the_cap(
    world: World, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.journey.gauges.CAP", 3)
    await world.close(*(ticket(world.now) for _ in range(5)))
    await invite.decide_new(world.store, world.plan, world.now)
    assert await operator.value("hub_queue_length", queue="invitations", component="gateways.sms") == 3
