"""What becomes of messages that may have left, where the service can be asked."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from hub import (
    AuthFailed,
    Customer,
    DeliveryStatus,
    NotSupported,
    OutcomeUnknown,
    RateLimited,
    Receipt,
    Ticket,
    Unavailable,
    Unexpected,
)
from hub.journey import operate
from hub.journey.look_up import look_up
from hub.journey.story import stories
from tests.journey.world import World, plan, ticket

_numbers = itertools.count()


def another(world: World, **values: Any) -> Ticket:
    """A closed ticket of a customer with whom there is no other conversation."""
    return ticket(world.now, customer=Customer(phone=f"+35840200{next(_numbers):04}"), **values)


async def in_doubt(world: World, key: str = "T-in-doubt") -> None:
    """A survey whose answer was lost ten minutes ago."""
    world.phones.failures = [OutcomeUnknown("no answer in time")]
    await world.close(another(world, key=key))
    await world.deliver()
    assert (await world.states())[-1] == ("unknown", "outcome_unknown")
    world.pass_time(minutes=10)


def found(status: DeliveryStatus = DeliveryStatus.SENT, provider_id: str = "SM1", reason: str | None = None) -> Receipt:
    return Receipt(key="k", status=status, provider_id=provider_id, reason=reason)


async def told(world: World) -> str:
    async with world.store.read() as connection:
        *_, story = await stories(connection, "T-in-doubt")
    return "\n".join([story.next_step, *(line.what for line in story.lines)])


async def test_a_message_that_the_service_has_is_settled(world: World) -> None:
    for number, (status, reason, state) in enumerate(
        [
            (DeliveryStatus.QUEUED, None, ("sent", None)),
            (DeliveryStatus.SENT, None, ("sent", None)),
            (DeliveryStatus.DELIVERED, None, ("delivered", None)),
            (DeliveryStatus.FAILED, "30003", ("failed", "30003")),
            (DeliveryStatus.REJECTED, None, ("failed", "not_delivered")),
            (DeliveryStatus.UNKNOWN, None, ("unknown", "looked_up")),
        ]
    ):
        await in_doubt(world)
        world.phones.found = found(status, f"SM{number}", reason)
        assert await look_up(world.store, world.post()) == 1
        assert (await world.states())[-1] == state
    await world.deliver()
    assert world.phones.messages == []


async def test_a_message_found_counts_as_sent_when_it_was_sent_and_is_known_by_its_id(world: World) -> None:
    await in_doubt(world)
    world.phones.found = found()
    world.pass_time(hours=5)
    await look_up(world.store, world.post())
    [row] = await world.invitations()
    assert (world.now - row["sent_at"]).total_seconds() == pytest.approx(5 * 3600 + 600, abs=5)
    await world.report(DeliveryStatus.DELIVERED, provider_id="SM1")
    assert await world.states() == [("delivered", None)]


async def test_a_message_that_the_service_has_not_is_sent_again(world: World) -> None:
    await in_doubt(world)
    await look_up(world.store, world.post())
    await world.deliver()
    assert [row["state"] for row in await world.invitations()] == ["sent"]
    assert len(world.phones.messages) == 1
    assert "the service has no such message; it is sent again" in await told(world)


async def test_what_has_become_too_old_meanwhile_is_not_sent_again(world: World) -> None:
    await in_doubt(world)
    world.pass_time(days=30)
    await look_up(world.store, world.post())
    await world.deliver()
    assert world.phones.messages == []
    assert await world.states() == [("skipped", "too_old")]


async def test_a_customer_who_said_stop_meanwhile_is_not_sent_it_again(world: World) -> None:
    await in_doubt(world)
    [row] = await world.invitations()
    await world.reply("STOP", sender=row["address"])
    await look_up(world.store, world.post())
    await world.process()
    await world.deliver()
    assert [message.text for message in world.phones.messages] == ["stopped"]


async def test_a_message_of_a_worker_that_may_only_sleep_is_never_sent_again(world: World) -> None:
    await world.close(another(world, key="T-in-doubt"))
    await world.claim()
    await world.take_over()
    world.pass_time(minutes=10)
    await look_up(world.store, world.post())
    await world.deliver()
    assert world.phones.messages == []
    assert await world.states() == [("unknown", "looked_up")]
    assert "the worker may only have been asleep" in await told(world)


async def test_a_message_of_a_dead_worker_that_the_service_has_is_sent(world: World) -> None:
    await world.close(another(world))
    await world.claim()
    await world.take_over()
    world.pass_time(minutes=10)
    world.phones.found = found()
    await look_up(world.store, world.post())
    assert await world.states() == [("sent", None)]


async def test_what_cannot_be_told_is_left_to_the_operator_and_asked_only_once(world: World) -> None:
    for error in (OutcomeUnknown("two of them"), Unexpected("?"), KeyError("a bug"), NotSupported("?")):
        await in_doubt(world)
        world.phones.found = error
        assert await look_up(world.store, world.post()) == 1
        assert (await world.states())[-1] == ("unknown", "looked_up")
        assert await look_up(world.store, world.post()) == 0
    assert "the service was asked and could not settle it" in await told(world)
    ids = [row["id"] for row in await world.invitations()]
    assert await operate.retry(world.store, ids, world.now, plan().survey.max_age) == {}
    await world.deliver()
    assert set(await world.states()) == {("sent", None)}


async def test_a_service_that_is_out_of_order_is_asked_again_later(world: World) -> None:
    await in_doubt(world)
    for error in (Unavailable("down"), RateLimited("slow"), AuthFailed("no"), TimeoutError()):
        world.phones.found = error
        with pytest.raises(Unavailable if isinstance(error, TimeoutError) else type(error)):
            await look_up(world.store, world.post())
        assert await world.states() == [("unknown", "outcome_unknown")]
    world.phones.found = found()
    assert await look_up(world.store, world.post()) == 1
    assert await world.states() == [("sent", None)]


async def test_nothing_is_looked_up_before_the_service_can_know(world: World) -> None:
    world.phones.failures = [OutcomeUnknown("?")]
    await world.close(another(world))
    await world.deliver()
    world.pass_time(minutes=9)
    assert await look_up(world.store, world.post()) == 0
    world.pass_time(minutes=1)
    assert await look_up(world.store, world.post()) == 1


async def test_the_plugin_learns_the_message_and_the_earliest_time_it_can_have_left(world: World) -> None:
    began = world.now
    await in_doubt(world)
    await look_up(world.store, world.post())
    [(message, since)] = world.phones.looked_up
    [row] = await world.invitations()
    assert (message.key, message.recipient, since) == (row["token"], row["address"], began)


async def test_another_surveys_message_is_not_taken_for_this_one(world: World) -> None:
    """Two surveys to one customer may have the same words."""
    await world.asked()
    await in_doubt(world)
    world.phones.found = found(provider_id="p1")
    await look_up(world.store, world.post())
    assert await world.states() == [("sent", None), ("unknown", "looked_up")]
    assert "another survey's message" in await told(world)


async def test_a_report_that_came_first_counts(world: World) -> None:
    await in_doubt(world)
    [row] = await world.invitations()
    await world.report(DeliveryStatus.DELIVERED, key=row["token"])
    assert await look_up(world.store, world.post()) == 0
    assert await world.states() == [("delivered", None)]


async def test_a_report_that_comes_while_the_service_is_asked_is_not_undone(world: World) -> None:
    await in_doubt(world)
    [row] = await world.invitations()
    ask = world.phones.look_up

    async def slowly(message, since):  # type: ignore[no-untyped-def]
        await world.report(DeliveryStatus.DELIVERED, key=row["token"])
        return await ask(message, since)

    world.phones.look_up = slowly  # type: ignore[method-assign]
    assert await look_up(world.store, world.post()) == 1
    assert await world.states() == [("delivered", None)]
    await world.deliver()
    assert world.phones.messages == []


async def test_a_failure_found_lets_the_customer_be_asked_about_something_else(world: World) -> None:
    world.plan = plan(contact_interval="30d")
    await in_doubt(world)
    world.phones.found = found(DeliveryStatus.FAILED)
    await look_up(world.store, world.post())
    await world.close(another(world))
    assert (await world.states())[-1] == ("waiting", None)


async def test_many_are_looked_up_in_portions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.journey.look_up.BATCH", 2)
    world.phones.failures = [OutcomeUnknown("?") for _ in range(5)]
    await world.close(*(another(world) for _ in range(5)))
    await world.deliver()
    world.pass_time(minutes=10)
    portions = [await look_up(world.store, world.post()) for _ in range(4)]
    assert portions == [2, 2, 1, 0]
