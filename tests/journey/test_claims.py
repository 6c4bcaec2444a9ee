"""What a worker has taken or begun is settled whatever breaks off, and never harms what another one does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import DeliveryReport, DeliveryStatus, Inbound, Message, Receipt, Unavailable
from hub.daemon import steps
from hub.journey import claims, operate
from hub.journey.claims import claim, take
from hub.journey.deliver import Sender
from tests.journey.world import World, plan, sms_instance, ticket, tickets


async def test_a_claim_whose_commit_was_not_confirmed_is_sent_by_the_same_worker(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[AsyncConnection]:
        async with real() as connection:
            yield connection
        raise OperationalError("COMMIT", None, Exception("connection lost"))

    real, taking = world.store.write, claims.take

    async def take_then_break(*values: Any) -> Any:
        taken = await taking(*values)
        monkeypatch.setattr(world.store, "write", broken)
        return taken

    await world.close(ticket(world.now))
    async with Sender(world.store, world.post()) as sender:
        await sender.step(world.plan, 0)
        monkeypatch.setattr(claims, "take", take_then_break)
        with pytest.raises(OperationalError):
            await sender.step(world.plan, 10)
        monkeypatch.undo()
        assert await world.states() == [("sending", None)]
        await sender.step(world.plan, 10)
    assert await world.states() == [("sent", None)]
    assert len(world.phones.messages) == 1


async def _cancel_while_sending(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A sender is cancelled, as by a reload that waited too long; gives what was sent to the end."""
    begun, sent = asyncio.Event(), []

    async def send(message: Message) -> Receipt:
        begun.set()
        await asyncio.sleep(0.05)
        sent.append(message.key)
        return Receipt(key=message.key, status=DeliveryStatus.SENT)

    async def loop() -> None:
        async with Sender(world.store, world.post()) as sender:
            await sender.step(world.plan, 10)

    with monkeypatch.context() as patch:
        patch.setattr(world.phones, "send", send)
        task = asyncio.create_task(loop())
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.06)
    return sent


async def test_sends_end_with_the_sender_that_is_cancelled_and_its_successor_settles_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.close(ticket(world.now))
    assert await _cancel_while_sending(world, monkeypatch) == []
    await world.deliver()
    assert await world.states() == [("unknown", "worker_died")]
    assert world.phones.messages == []


async def test_a_fault_after_sending_leaves_no_row_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_values: object) -> None:
        raise KeyError("a fault")

    await world.close(ticket(world.now))
    async with Sender(world.store, world.post()) as sender:
        with monkeypatch.context() as patch:
            patch.setattr(world.store, "commit_with", fail)
            await sender.step(world.plan, 10)
            with pytest.raises(KeyError):
                await sender.finish()
        await sender.step(world.plan, 10)
    assert await world.states() == [("unknown", "worker_died")]


async def test_a_sender_that_cannot_hand_back_waits_for_what_is_under_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_values: object) -> None:
        raise OperationalError("UPDATE", None, Exception("down"))

    await world.close(*tickets(world.now, 5))
    monkeypatch.setattr(claims, "release", fail)
    async with Sender(world.store, world.post()) as sender:
        await sender.step(world.plan, 2)
    assert sorted(await world.states()) == [("sent", None)] * 2 + [("waiting", None)] * 3


async def test_a_worker_that_thaws_touches_nothing_that_another_one_is_sending(world: World) -> None:
    world.plan = plan(quiet_hours="20:00-08:00", max_age="30d")
    await world.register("other")
    await world.close(*tickets(world.now, 2))
    taken = await take(world.store, world.post(), 10)
    await world.take_over()
    assert len(await world.claim(world.post(worker="other"))) == 2
    before = await world.invitations()
    world.pass_time(hours=12)  # into the quiet hours
    assert await claim(world.store, world.post(), world.plan, taken) == []
    world.plan = plan(max_age="1h")
    assert await claim(world.store, world.post(), world.plan, taken) == []
    assert await world.invitations() == before


async def test_a_worker_that_cannot_reach_the_gateway_keeps_no_survey_from_the_others(world: World) -> None:
    await world.register("other")
    await world.close(*tickets(world.now, 20))
    world.phones.failures = [Unavailable("down")] * 5
    async with Sender(world.store, world.post()) as sender:
        await steps.deliver(world.store, sms_instance(world.phones), sender, world.plan, 5)
        await sender.room(1)
        with pytest.raises(Unavailable):
            await steps.deliver(world.store, sms_instance(world.phones), sender, world.plan, 5)
        assert len(await take(world.store, world.post(worker="other"), 100)) == 10


async def test_where_sending_is_slow_tickets_are_not_read_again_and_again(world: World) -> None:
    closed = tickets(world.now, 60)
    world.desk.now = {one.id: one for one in closed}
    await world.close(*closed)
    async with Sender(world.store, world.post()) as sender:
        for _ in range(8):
            await sender.step(world.plan, 1)
            await sender.room(1)
            world.pass_time(seconds=31)
    assert len(world.phones.messages) == 8
    assert sum(map(len, world.desk.asked_for)) <= 60 + 2 * 8


async def test_what_a_report_moved_on_names_no_dead_worker_for_ever(world: World) -> None:
    await world.close(ticket(world.now))
    (row,) = await world.claim()
    await world.report(DeliveryStatus.DELIVERED, key=row["token"])
    await world.take_over()
    assert await world.states() == [("delivered", None)]
    assert [one["claimed_by"] for one in await world.invitations()] == [None]


async def test_outcomes_and_reports_in_opposite_orders_do_not_block_each_other(world: World) -> None:
    from hub.journey.outcome import Attempt, store_outcomes
    from hub.journey.report import apply_reports

    await world.close(*tickets(world.now, 100))
    rows = await world.claim()
    reports = [DeliveryReport(status=DeliveryStatus.DELIVERED, at=world.now, key=row["token"]) for row in rows]
    await world.store_inbound(Inbound(reports=tuple(reports[::-1])))
    sent = [
        (Attempt("sms", False, row, world.now, world.now), Receipt(key="k", status=DeliveryStatus.SENT)) for row in rows
    ]

    async def store_sent() -> None:
        async with world.store.write() as connection:
            await store_outcomes(connection, sent)

    await asyncio.gather(store_sent(), apply_reports(world.store, world.now))
    assert await world.states() == [("delivered", None)] * 100


async def test_a_survey_sent_again_by_the_operator_names_no_worker(world: World) -> None:
    await world.close(ticket(world.now))
    (row,) = await world.claim()
    await world.report(DeliveryStatus.FAILED, key=row["token"])
    assert await operate.retry(world.store, [row["id"]], world.now, world.plan.survey.max_age) == {}
    (row,) = await world.invitations()
    assert (row["state"], row["claimed_by"], row["lease_until"]) == ("waiting", None, None)
