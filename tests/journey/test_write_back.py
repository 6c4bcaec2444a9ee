"""Results come onto their tickets: each once, the last answer last, and no bad one in the way of others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa

from hub import (
    Customer,
    DeliveryStatus,
    Experience,
    RateLimited,
    Receipt,
    Rejected,
    Unavailable,
    Unexpected,
)
from hub.store.tables import closures, write_backs
from tests.journey.world import World, ticket


async def _write_back_states(world: World) -> list[tuple[str, int]]:
    async with world.store.read() as connection:
        found = await connection.execute(sa.select(write_backs.c.state, write_backs.c.attempts))
        return [(row.state, row.attempts) for row in found]


async def test_a_write_back_that_failed_is_tried_again_until_it_works(world: World) -> None:
    await world.asked()
    await world.reply("5")
    await world.process()
    world.desk.failures = [Unavailable("down")] * 3
    for _ in range(3):
        with pytest.raises(Unavailable):
            await world.write_back()
        world.pass_time(hours=1)
    assert await world.write_back() == 1
    assert await _write_back_states(world) == [("done", 4)]


async def test_a_write_back_that_is_never_possible_is_recorded_and_blocks_nothing(world: World) -> None:
    await world.asked()
    await world.reply("5")
    await world.process()
    world.desk.status = DeliveryStatus.REJECTED
    await world.write_back()
    assert await _write_back_states(world) == [("failed", 1)]


async def test_a_rejected_batch_is_given_up_after_some_attempts(world: World) -> None:
    await world.asked()
    await world.reply("5")
    await world.process()
    world.desk.failures = [Rejected("no")] * 40
    for _ in range(12):
        await world.write_back()
        world.pass_time(hours=2)
    assert await _write_back_states(world) == [("failed", 10)]


async def test_a_write_back_of_a_worker_that_died_is_taken_over(world: World) -> None:
    from hub.journey.write_back import _claim

    await world.asked()
    await world.reply("5")
    await world.process()
    await world.register("dead")
    assert await _claim(world.store, world.target("dead"), 10)
    assert await world.write_back() == 0
    assert await world.take_over("dead") == 1
    assert await world.write_back() == 1


async def _answered(world: World, count: int) -> list[str]:
    """Several customers are asked and answer."""
    numbers = [f"+35840100{n:04}" for n in range(count)]
    await world.close(*(ticket(world.now, customer=Customer(phone=number)) for number in numbers))
    await world.deliver()
    for number in numbers:
        await world.reply("5", number)
    await world.process()
    return numbers


@pytest.mark.parametrize("error", [KeyError("a bug"), Rejected("no"), Unexpected("what?"), asyncio.CancelledError()])
async def test_one_result_that_a_target_cannot_take_holds_up_no_other(
    world: World, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _answered(world, 5)
    good = world.desk.write_back

    async def write_back(items: Sequence[Experience]) -> Sequence[Receipt]:
        if any(item.ticket.key == bad for item in items):
            raise error
        return await good(items)

    async with world.store.read() as connection:
        bad = await connection.scalar(sa.select(sa.func.min(closures.c.ticket_key)))
    monkeypatch.setattr(world.desk, "write_back", write_back)
    await world.write_back()
    assert len(world.desk.written) == 4
    assert sorted(state for state, _ in await _write_back_states(world)) == ["done"] * 4 + ["pending"]


async def test_a_target_that_hangs_is_given_up_for_now(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_items: object) -> None:
        await asyncio.Event().wait()

    await _answered(world, 1)
    monkeypatch.setattr("hub.journey.write_back.PUT_LIMIT", timedelta(seconds=0.05))
    monkeypatch.setattr(world.desk, "write_back", hang)
    with pytest.raises(Unavailable, match="too long"):
        await world.write_back()
    assert await _write_back_states(world) == [("pending", 1)]


async def test_a_batch_that_is_too_slow_is_written_one_by_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await _answered(world, 5)
    good = world.desk.write_back

    async def slow(items: Sequence[Experience]) -> Sequence[Receipt]:
        receipts = [(await good([item]))[0] for item in items[:1]]
        if len(items) > 1:
            await asyncio.Event().wait()
        return receipts

    monkeypatch.setattr("hub.journey.write_back.PUT_LIMIT", timedelta(seconds=0.5))
    monkeypatch.setattr(world.desk, "write_back", slow)
    assert await world.write_back() == 5
    assert [state for state, _ in await _write_back_states(world)] == ["done"] * 5


async def test_the_ticket_never_ends_with_an_older_answer(world: World) -> None:
    """A second answer comes while the first is being written, and writing the first fails."""
    from hub.journey.write_back import _claim, _put_off

    await world.asked()
    await world.reply("2")
    await world.process()
    await world.register("slow")
    slow = world.target("slow")
    rows = await _claim(world.store, slow, 10)
    await world.reply("4")
    await world.process()
    assert await world.write_back() == 0, "the first one is still being written"
    await _put_off(world.store, slow, rows, Unavailable("down"))
    world.pass_time(hours=2)
    await world.write_back()
    await world.write_back()
    assert [record.scores[0].value for record in world.desk.written] == [4]
    assert sorted(state for state, _ in await _write_back_states(world)) == ["done", "superseded"]


async def test_a_target_that_returns_nothing_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def write_back(_items: object) -> None:
        return None

    await _answered(world, 1)
    monkeypatch.setattr(world.desk, "write_back", write_back)
    with pytest.raises(Unexpected):
        await world.write_back()
    assert await _write_back_states(world) == [("pending", 1)]


async def test_a_target_that_asks_for_a_pause_is_left_alone_with_the_rest_of_the_batch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    async def write_back(items: Sequence[Experience]) -> Sequence[Receipt]:
        calls.append(len(items))
        raise Rejected("one is bad") if len(items) > 1 else RateLimited("slow down")

    await _answered(world, 5)
    monkeypatch.setattr(world.desk, "write_back", write_back)
    with pytest.raises(RateLimited):
        await world.write_back()
    assert calls == [5, 1]
    assert {state for state, _ in await _write_back_states(world)} == {"pending"}


async def test_a_result_that_this_worker_began_to_write_and_lost_is_written_again(world: World) -> None:
    """The answer to the claim's commit was lost, or its loop was cancelled."""
    from hub.journey.write_back import _claim

    await world.asked()
    await world.reply("5")
    await world.process()
    assert await _claim(world.store, world.target(), 10)
    assert await world.write_back() == 1
    assert await _write_back_states(world) == [("done", 2)]


async def test_a_lost_result_blocks_no_newer_one(world: World) -> None:
    from hub.journey.write_back import _claim

    await world.asked()
    await world.reply("2")
    await world.process()
    assert await _claim(world.store, world.target(), 10)
    await world.reply("4")
    await world.process()
    assert await world.write_back() == 1
    assert [record.scores[0].value for record in world.desk.written] == [4]
    assert sorted(await _write_back_states(world)) == [("done", 1), ("superseded", 1)]


async def test_an_older_result_that_comes_back_in_the_last_moment_is_not_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.journey import write_back

    await world.asked()
    await world.reply("2")
    await world.process()
    await world.register("dead")
    assert await write_back._claim(world.store, world.target("dead"), 10)
    await world.reply("4")
    await world.process()
    await world.take_over("dead")
    too_early = write_back._SUPERSEDE.where(sa.false())
    monkeypatch.setattr(write_back, "_SUPERSEDE", too_early)
    await world.write_back()
    assert [record.scores[0].value for record in world.desk.written] == [4]
