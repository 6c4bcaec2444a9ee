"""Sending: each message once, and an outcome for each."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hub import (
    AuthFailed,
    DeliveryStatus,
    Message,
    OutcomeUnknown,
    RateLimited,
    Receipt,
    Rejected,
    Unavailable,
    Unexpected,
)
from hub.journey.claims import claim, take
from hub.journey.deliver import Sender
from tests.journey.world import PHONE, World, plan, ticket, tickets


async def test_what_is_due_is_sent_once(world: World) -> None:
    await world.close(ticket(world.now))
    await world.deliver()
    await world.deliver()
    assert [message.recipient for message in world.phones.messages] == [PHONE]
    assert await world.states() == [("sent", None)]


async def test_the_delay_after_closing_is_kept(world: World) -> None:
    world.plan = plan(delay="15m")
    await world.close(ticket(world.now))
    await world.deliver()
    assert world.phones.messages == []
    world.pass_time(minutes=15)
    await world.deliver()
    assert len(world.phones.messages) == 1


async def test_nothing_is_sent_in_quiet_hours_even_when_the_daemon_was_down_before(world: World) -> None:
    world.plan = plan(quiet_hours="20:00-08:00", max_age="30d")
    await world.close(ticket(world.now))
    world.pass_time(hours=14)  # 01:00 in Helsinki
    await world.deliver()
    assert world.phones.messages == []
    world.pass_time(hours=7)
    await world.deliver()
    assert len(world.phones.messages) == 1


@pytest.mark.parametrize("error", [Unavailable("down"), RateLimited("slow"), AuthFailed("no")])
async def test_what_certainly_did_not_leave_is_sent_later(world: World, error: Exception) -> None:
    world.phones.failures = [error]
    await world.close(ticket(world.now))
    batch = await world.deliver()
    assert batch.error is error
    assert await world.states() == [("waiting", None)]
    await world.deliver()
    assert world.phones.messages == [], "it waits before it tries again"
    world.pass_time(minutes=5)
    await world.deliver()
    assert await world.states() == [("sent", None)]


@pytest.mark.parametrize("error", [OutcomeUnknown("?"), Unexpected("?"), KeyError("a bug"), asyncio.CancelledError()])
async def test_what_may_have_left_is_not_sent_again(world: World, error: Exception) -> None:
    world.phones.failures = [error]
    await world.close(ticket(world.now))
    assert (await world.deliver()).error is not None, "the gateway seems out of order"
    world.pass_time(hours=2)
    await world.deliver()
    assert world.phones.messages == []
    assert await world.states() == [("unknown", "outcome_unknown")]


async def test_what_may_have_left_is_repeated_where_that_reaches_nobody_twice(world: World) -> None:
    world.repeatable = True
    world.phones.failures = [OutcomeUnknown("?")]
    await world.close(ticket(world.now))
    await world.deliver()
    world.pass_time(minutes=5)
    await world.deliver()
    assert [message.repeated for message in world.phones.messages] == [True]


async def test_a_refused_message_is_closed_and_the_customer_may_be_asked_about_something_else(world: World) -> None:
    world.plan = plan(contact_interval="30d")
    world.phones.failures = [Rejected("no", reason="bad_number")]
    await world.close(ticket(world.now))
    await world.deliver()
    assert await world.states() == [("failed", "bad_number")]
    await world.close(ticket(world.now))
    assert (await world.states())[-1] == ("waiting", None)


async def test_a_dead_address_is_not_used_again(world: World) -> None:
    world.phones.failures = [Rejected("no", reason="gone", address_unusable=True)]
    await world.close(ticket(world.now))
    await world.deliver()
    await world.close(ticket(world.now))
    assert (await world.states())[-1] == ("skipped", "unusable_address")


async def test_one_refused_message_does_not_hold_up_the_others(world: World) -> None:
    world.phones.failures = [Unavailable("greylisted")]
    await world.close(*tickets(world.now, 5))
    batch = await world.deliver()
    assert (batch.sent, batch.error) == (4, None)


async def test_work_of_a_worker_that_died_is_taken_over_as_unknown(world: World) -> None:
    await world.close(ticket(world.now))
    await _die_while_sending(world)
    assert await world.take_over("another") == 0
    assert await world.take_over() == 1
    assert await world.states() == [("unknown", "worker_died")]


async def test_work_of_a_worker_that_died_is_repeated_where_that_is_safe(world: World) -> None:
    world.repeatable = True
    await world.close(ticket(world.now))
    await _die_while_sending(world)
    await world.take_over()
    await world.deliver()
    assert [message.repeated for message in world.phones.messages] == [True]


async def _die_while_sending(world: World) -> None:
    assert len(await world.claim()) == 1


async def test_what_a_dead_worker_only_looked_at_is_looked_at_by_others(world: World) -> None:
    await world.register("dead")
    await world.close(ticket(world.now))
    assert len(await take(world.store, world.post(worker="dead"), 100)) == 1
    assert (await world.deliver()).looked_at == 0
    await world.take_over("dead")
    assert (await world.deliver()).sent == 1


async def test_a_worker_that_was_taken_for_dead_claims_nothing(world: World) -> None:
    from hub.store import workers

    await world.close(ticket(world.now))
    taken = await take(world.store, world.post(), 100)
    async with world.store.write() as connection:
        await workers.leave(connection, "test")
    await world.take_over()
    assert await claim(world.store, world.post(), world.plan, taken) == []
    assert (await world.deliver()).looked_at == 0
    await world.register("test")
    assert (await world.deliver()).sent == 1


async def test_surveys_are_begun_while_others_are_under_way(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gates = [asyncio.Event() for _ in range(8)]
    under_way: list[int] = []
    good = world.phones.send

    async def send(message: Message) -> Receipt:
        number = len(under_way)
        under_way.append(number)
        await gates[number].wait()
        return await good(message)

    monkeypatch.setattr(world.phones, "send", send)
    await world.close(*tickets(world.now, 8))
    async with Sender(world.store, world.post()) as sender:
        assert (await sender.step(world.plan, await sender.room(4))).tried == 4
        waiting = asyncio.create_task(sender.room(4))
        gates[0].set()
        gates[1].set()
        assert await waiting == 2
        await sender.step(world.plan, 2)
        assert len(under_way) == 6
        for gate in gates:
            gate.set()
    assert len(world.phones.messages) == 6


async def test_two_workers_claim_different_rows(world: World) -> None:
    await world.close(*tickets(world.now, 20))
    names = ["w1", "w2", "w3", "w4"]
    for name in names:
        await world.register(name)
    await asyncio.gather(*(world.deliver(name) for name in names))
    assert len({message.key for message in world.phones.messages}) == len(world.phones.messages) == 20


async def test_a_report_settles_an_unknown_outcome(world: World) -> None:
    world.phones.failures = [OutcomeUnknown("?")]
    await world.close(ticket(world.now))
    await world.deliver()
    (row,) = await world.invitations()
    await world.report(DeliveryStatus.DELIVERED, key=row["token"])
    assert await world.states() == [("delivered", None)]


async def test_reports_never_lead_back(world: World) -> None:
    await world.close(ticket(world.now))
    await world.deliver()
    for status in (DeliveryStatus.DELIVERED, DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.DELIVERED):
        await world.report(status, key=world.phones.messages[0].key)
    assert await world.states() == [("delivered", None)]


async def test_a_failed_report_with_a_dead_address_stops_the_address(world: World) -> None:
    await world.close(ticket(world.now))
    await world.deliver()
    await world.report(DeliveryStatus.FAILED, provider_id="p1", reason="5.1.1", address_unusable=True)
    assert await world.states() == [("failed", "5.1.1")]
    await world.close(ticket(world.now))
    assert (await world.states())[-1] == ("skipped", "unusable_address")


async def test_a_report_that_is_early_waits_for_the_id_that_it_names(world: World) -> None:
    from hub.journey.report import apply_reports

    await world.close(ticket(world.now))
    await world.report(DeliveryStatus.DELIVERED, provider_id="p1")
    await world.deliver()
    assert await world.states() == [("sent", None)]
    await apply_reports(world.store, world.now)
    assert await world.states() == [("delivered", None)]


async def test_a_report_for_nothing_is_dropped_after_a_week_and_harms_nothing(world: World) -> None:
    import sqlalchemy as sa

    from hub.store.tables import reports

    await world.report(DeliveryStatus.DELIVERED, key="nobody")
    world.pass_time(days=8)
    await world.report(DeliveryStatus.DELIVERED, key="nobody either")
    async with world.store.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(reports)) == 1


async def test_a_message_that_cannot_be_made_has_certainly_not_left(world: World) -> None:
    from dataclasses import replace

    def compose(_row: object) -> None:
        raise KeyError("a fault")

    await world.close(ticket(world.now))
    async with Sender(world.store, replace(world.post(), compose=compose)) as sender:
        await sender.step(world.plan, 10)
    assert await world.states() == [("failed", "cannot_compose")]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (DeliveryStatus.REJECTED, ("failed", "said so")),
        (DeliveryStatus.FAILED, ("failed", "said so")),
        (DeliveryStatus.UNKNOWN, ("unknown", "outcome_unknown")),
        (None, ("unknown", "outcome_unknown")),
    ],
)
async def test_a_receipt_that_is_none_or_bad_news_does_not_count_as_sent(
    world: World, status: DeliveryStatus | None, state: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send(message: Message) -> Receipt | None:
        return Receipt(key=message.key, status=status, reason="said so") if status else None

    monkeypatch.setattr(world.phones, "send", send)
    await world.close(ticket(world.now))
    await world.deliver()
    assert await world.states() == [state]


async def test_a_worker_that_was_taken_for_dead_does_not_undo_what_another_did(world: World) -> None:
    from hub.journey.outcome import Attempt, store_outcomes

    world.repeatable = True
    await world.register("slow")
    await world.close(ticket(world.now))
    (row,) = await world.claim(world.post(worker="slow"))
    await world.take_over("slow")
    assert await world.claim()
    late = Attempt("sms", True, row, world.now, world.now)
    async with world.store.write() as connection:
        await store_outcomes(connection, [(late, Unavailable("late"))])
    assert await world.states() == [("sending", None)]


async def test_an_operator_s_retry_reserves_the_customer_again_and_refuses_what_is_too_old(world: World) -> None:
    from hub.journey import operate

    world.plan = plan(contact_interval="30d")
    world.phones.failures = [Rejected("no")]
    await world.close(ticket(world.now))
    await world.deliver()
    (row,) = await world.invitations()
    assert await operate.retry(world.store, [row["id"]], world.now, timedelta(days=3)) == {}
    await world.close(ticket(world.now))
    assert (await world.states())[-1] == ("skipped", "asked_recently")
    world.phones.failures = [Rejected("no")]
    await world.deliver()
    world.pass_time(days=4)
    refused = await operate.retry(world.store, [row["id"]], world.now, timedelta(days=3))
    assert "survey.max_age" in refused[row["id"]]
