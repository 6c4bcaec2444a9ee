"""Stages that change the same messages at the same time lock them in one order: a circle would end one of them."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from hub import DeliveryReport, DeliveryStatus, Inbound, Receipt
from hub.journey import outcome, report
from hub.journey.outcome import Attempt
from hub.store.engine import Store
from hub.store.tables import invitations
from tests.journey.world import World, tickets

pytestmark = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)

_WAITING = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def _until_waiting(store: Store, count: int) -> None:
    async with asyncio.timeout(10):
        while True:
            async with store.read() as connection:
                if await connection.scalar(_WAITING) == count:
                    return


async def test_outcomes_reports_and_answers_of_the_same_messages_wait_for_each_other_in_a_line(world: World) -> None:
    await world.close(*tickets(world.now, 6))
    await world.deliver()
    sent = await world.invitations()
    backwards = sent[::-1]  # each of the stages is handed the messages in the order that makes a circle most likely
    late = [
        (Attempt("sms", False, row, world.now, world.now), Receipt(key=row["token"], status=DeliveryStatus.SENT))
        for row in backwards
    ]
    news = [DeliveryReport(status=DeliveryStatus.DELIVERED, at=world.now, key=row["token"]) for row in backwards]
    await world.store_inbound(Inbound(reports=tuple(news)))
    for row in backwards:
        await world.reply("5", row["address"])

    async def store_outcomes() -> None:
        async with world.store.write() as connection:
            await outcome.store_outcomes(connection, late)

    async with world.store.write() as other:
        middle = invitations.c.id == sent[3]["id"]
        await other.execute(sa.select(invitations.c.id).where(middle).with_for_update())
        stages = (world.process(), report.apply_reports(world.store, world.now), store_outcomes())
        running = [asyncio.create_task(stage) for stage in stages]
        await _until_waiting(world.store, len(running))
    await asyncio.gather(*running)
    assert {state for state, _ in await world.states()} == {"delivered"}


async def _change_tables(store: Store, ready: asyncio.Event, go: asyncio.Event, *names: str) -> None:
    """What a migration does: takes whole tables, one after the other."""
    async with store.write() as connection:
        await connection.execute(sa.text("SET LOCAL deadlock_timeout = '20s'"))  # the other one finds the circle
        for name in names:
            await connection.execute(sa.text(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"))
            ready.set()
            await go.wait()


async def test_a_claim_that_meets_a_migration_in_a_circle_is_tried_again_at_once(world: World) -> None:
    await world.asked()
    await world.reply("5")
    await world.process()
    ready, go = asyncio.Event(), asyncio.Event()
    migration = asyncio.create_task(_change_tables(world.store, ready, go, "invitations", "write_backs"))
    await ready.wait()
    writing = asyncio.create_task(world.write_back())
    await _until_waiting(world.store, 1)
    go.set()
    assert await writing == 1
    await migration
    assert len(world.desk.written) == 1
