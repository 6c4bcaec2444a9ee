"""A number has one conversation at a time with a gateway, so that a reply is never taken for another survey's."""

from __future__ import annotations

import asyncio

import pytest

from hub import Customer, OutcomeUnknown, Rejected
from hub.journey import conversations
from hub.journey.claims import claim, take
from hub.journey.story import stories
from tests.journey.world import PHONE, World, on_sqlite, plan, ticket, tickets


async def test_a_second_survey_waits_until_the_first_conversation_is_over(world: World) -> None:
    await world.asked()
    await world.close(ticket(world.now))
    await world.deliver()
    assert len(world.texts()) == 1
    await world.hears("5")
    await world.hears("kyllä")
    world.pass_time(hours=1)
    await world.deliver()
    assert world.texts() == ["survey", "question solved", "thanks", "survey"]
    await world.hears("1")
    first, second = await world.surveys()
    assert (first["open_until"], second["answered_at"]) == (None, world.now)


async def test_a_survey_that_waits_leaves_a_minute_after_the_thanks_and_others_when_they_are_due(world: World) -> None:
    await world.asked()
    waiting = ticket(world.now)
    await world.close(waiting)
    await world.deliver()
    async with world.store.read() as connection:
        (told,) = await stories(connection, waiting.key)
    assert told.next_step.startswith("it is sent once another conversation with this number is over")
    assert [(row["state"], row["reason"]) for row in (await world.surveys())[1:]] == [("waiting", "other_conversation")]
    world.plan = plan(delay="2h")
    await world.close(ticket(world.now))
    await world.hears("5")
    await world.hears("kyllä")
    assert world.texts()[-1] == "thanks"
    world.pass_time(minutes=1)
    await world.deliver()
    assert await world.states() == [("delivered", None), ("sent", None), ("waiting", None)]


async def test_nobody_is_waited_for_longer_than_a_conversation_may_last(world: World) -> None:
    world.plan = plan(conversation="5h", max_age="30d")
    await world.asked()
    await world.close(ticket(world.now))
    for _ in range(5):
        await world.deliver()
        assert len(world.texts()) == 1
        world.pass_time(hours=1)
    await world.deliver()
    assert len(world.texts()) == 2
    await world.hears("5")
    first, second = await world.surveys()
    assert (first["answered_at"], first["open_until"]) == (None, None)
    assert second["answered_at"] is not None


@on_sqlite
async def test_a_conversation_that_goes_on_is_waited_for_longer(world: World) -> None:
    world.plan = plan(conversation="5h", max_age="30d")
    await world.asked()
    await world.close(ticket(world.now))
    world.pass_time(hours=4)
    await world.hears("5")
    world.pass_time(hours=4)
    await world.deliver()
    assert world.texts() == ["survey", "question solved"]


async def test_of_several_surveys_that_are_due_at_once_one_is_sent(world: World) -> None:
    await world.close(*(ticket(world.now) for _ in range(4)), *tickets(world.now, 2))
    await world.deliver()
    assert sorted(message.recipient for message in world.phones.messages) == [PHONE, "+358402000000", "+358402000001"]


@on_sqlite
async def test_what_was_refused_keeps_nobody_waiting(world: World) -> None:
    world.phones.failures = [Rejected("no")]
    await world.close(ticket(world.now))
    await world.deliver()
    await world.close(ticket(world.now))
    await world.deliver()
    assert await world.states() == [("failed", "rejected"), ("sent", None)]


@on_sqlite
async def test_what_may_have_left_keeps_others_waiting(world: World) -> None:
    world.phones.failures = [OutcomeUnknown("?")]
    await world.close(ticket(world.now))
    await world.deliver()
    await world.close(ticket(world.now))
    await world.deliver()
    assert await world.states() == [("unknown", "outcome_unknown"), ("waiting", "other_conversation")]


@on_sqlite
async def test_another_gateway_is_another_conversation(world: World) -> None:
    await world.asked()
    await world.close(ticket(world.now, customer=Customer(email="maija@customer.example")))
    assert len(await world.claim(world.post("mail"))) == 1


@on_sqlite
async def test_mails_do_not_wait_for_each_other(world: World) -> None:
    await world.close(*(ticket(world.now, customer=Customer(email="maija@customer.example")) for _ in range(3)))
    assert len(await world.claim(world.post("mail"))) == 3


async def test_two_workers_cannot_begin_two_conversations_at_once(world: World) -> None:
    await world.register("other")
    await world.close(ticket(world.now), *tickets(world.now, 2))
    mine = await take(world.store, world.post(), 10)
    await world.close(ticket(world.now), *tickets(world.now, 4)[2:])
    others = await take(world.store, world.post(worker="other"), 10)
    assert (len(mine), len(others)) == (3, 3)
    claimed = await asyncio.gather(
        claim(world.store, world.post(), world.plan, mine),
        claim(world.store, world.post(worker="other"), world.plan, others),
    )
    numbers = [row["address"] for rows in claimed for row in rows]
    assert len(numbers) == len(set(numbers)) == 5


async def test_a_worker_that_was_slower_by_a_moment_gives_way_and_sends_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sees_nothing(*_values: object) -> dict[int, object]:
        return {}

    await world.register("other")
    await world.close(ticket(world.now))
    assert len(await world.claim(world.post(worker="other"))) == 1
    await world.close(ticket(world.now), *tickets(world.now, 2))
    taken = await take(world.store, world.post(), 10)
    with monkeypatch.context() as patch:
        patch.setattr(conversations, "wait_for", sees_nothing)
        claimed = await claim(world.store, world.post(), world.plan, taken)
    assert [row["address"] for row in claimed] == ["+358402000000", "+358402000001"]
    assert await world.claim() == []
    assert sorted(await world.states()) == [*[("sending", None)] * 3, ("waiting", "other_conversation")]
    assert {row["claimed_by"] for row in await world.surveys() if row["state"] == "waiting"} == {None}
