"""Hints from webhooks, and the census that needs none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa

from hub import Cursor, Fetched, Hint, Page, Unavailable, Unexpected
from hub.journey import census, hints, intake
from hub.journey.hints import ATTEMPTS
from hub.store.tables import hints as table
from tests.journey.world import World, ticket


@pytest.fixture
async def started(world: World) -> World:
    """A world whose desk has been pulled before."""
    await intake.store_page(world.store, "desk", Page((), Cursor("c")), world.now)
    world.pass_time(minutes=1)
    world.desk.now = {}
    return world


async def _tell(world: World, *ids: str, delivery: str | None = None) -> None:
    await hints.store_hint(world.store, "desk", Hint(ids, delivery), world.now)


async def _follow(world: World) -> int:
    done = await hints.follow(world.store, "desk", world.desk.fetch, world.now)
    await world.decide()
    return done


async def _open(world: World) -> int:
    async with world.store.read() as connection:
        return await connection.scalar(sa.select(sa.func.count()).where(~table.c.followed))


async def test_a_hint_leads_to_a_survey_without_a_pull(started: World) -> None:
    closed = ticket(started.now)
    started.desk.now = {closed.id: closed}
    await _tell(started, closed.id)
    assert await _follow(started) == 1
    assert await started.states() == [("waiting", None)]
    assert await _follow(started) == 0


async def test_a_repeated_delivery_is_followed_once(started: World) -> None:
    closed = ticket(started.now)
    started.desk.now = {closed.id: closed}
    for _ in range(3):
        await _tell(started, closed.id, delivery="d-1")
        await _follow(started)
    assert len(started.desk.asked_for) == 1


async def test_hints_of_one_ticket_are_read_together(started: World) -> None:
    started.desk.now = {"a": None}
    await asyncio.gather(*(_tell(started, "a", delivery=f"d-{number}") for number in range(5)))
    assert await _follow(started) == 5
    assert started.desk.asked_for == [["a"]]


async def test_a_hint_of_reopening_takes_the_survey_back(started: World) -> None:
    closed = ticket(started.now)
    await started.close(closed)
    started.desk.now = {closed.id: None}
    await _tell(started, closed.id)
    await _follow(started)
    assert await started.states() == [("cancelled", "reopened")]


async def test_a_hint_of_deletion_takes_the_survey_back(started: World) -> None:
    closed = ticket(started.now)
    await started.close(closed)
    await _tell(started, closed.id)
    await _follow(started)
    assert await started.states() == [("cancelled", "gone")]


async def test_tickets_closed_before_the_first_pull_stay_unasked(started: World) -> None:
    old = ticket(started.now - timedelta(hours=1))
    started.desk.now = {old.id: old}
    await _tell(started, old.id)
    await _follow(started)
    assert await started.states() == []


async def test_hints_stay_open_while_the_desk_is_away(started: World) -> None:
    closed = ticket(started.now)
    started.desk.now = {closed.id: closed}
    started.desk.failures = [Unavailable("down")]
    await _tell(started, closed.id)
    with pytest.raises(Unavailable):
        await _follow(started)
    assert await _follow(started) == 1
    assert await started.states() == [("waiting", None)]


async def test_a_ticket_that_cannot_be_read_holds_up_no_other_and_is_left_to_the_pull(started: World) -> None:
    good = ticket(started.now)
    started.desk.now = {good.id: good, "bad": None}
    await _tell(started, "bad", delivery="1")
    await _tell(started, good.id, delivery="2")
    started.desk.failures = [Unexpected("both"), Unexpected("bad")]
    assert await _follow(started) == 2
    assert await started.states() == [("waiting", None)]
    started.desk.failures = [Unexpected("bad")]
    with pytest.raises(Unexpected):
        await _follow(started)
    started.pass_time(hours=25)
    assert await _follow(started) == 0


async def test_a_desk_that_answers_nonsense_uses_up_no_hint(started: World) -> None:
    closed = [ticket(started.now) for _ in range(10)]
    started.desk.now = {one.id: one for one in closed}
    for number, one in enumerate(closed):
        await _tell(started, one.id, delivery=str(number))
    for _ in range(ATTEMPTS + 1):
        started.desk.failures = [Unexpected("maintenance")] * 4
        with pytest.raises(Unexpected):
            await _follow(started)
    assert await _follow(started) == 10


async def test_a_ticket_that_the_census_cannot_read_holds_up_no_other(started: World) -> None:
    missed = [ticket(started.now) for _ in range(5)]
    started.desk.now = {one.id: one for one in missed}
    started.desk.unreadable.add(missed[1].id)
    assert await _census(started) == census.Census(present=5, missed=4, vanished=0)


async def test_a_ticket_that_always_answers_500_holds_up_no_other(started: World) -> None:
    good = ticket(started.now)
    started.desk.now = {good.id: good, "bad": None}
    started.desk.unreadable.add("bad")
    await _tell(started, "bad", delivery="1")
    await _tell(started, good.id, delivery="2")
    assert await _follow(started) == 2
    assert await started.states() == [("waiting", None)]
    assert await _open(started) == 1


async def test_followed_hints_are_forgotten_after_a_day(started: World) -> None:
    await _tell(started, "a")
    await _follow(started)
    started.pass_time(hours=25)
    await _tell(started, "b")
    await _follow(started)
    async with started.store.read() as connection:
        assert list((await connection.execute(sa.select(table.c.ticket_id))).scalars()) == ["b"]


async def _census(world: World) -> census.Census | None:
    found = await census.take_census(
        world.store, "desk", world.desk.census, world.desk.fetch, max_age=timedelta(days=3), now=world.now
    )
    await world.decide()
    return found


async def test_the_census_finds_what_the_pull_missed(started: World) -> None:
    known, missed = ticket(started.now), ticket(started.now)
    await started.close(known)
    started.desk.now = {known.id: known, missed.id: missed}
    assert await _census(started) == census.Census(present=2, missed=1, vanished=0)
    assert started.desk.asked_for == [[missed.id]]
    assert await started.states() == [("waiting", None)] * 2
    assert await _census(started) == census.Census(present=2, missed=0, vanished=0)


async def test_the_census_takes_back_surveys_of_tickets_that_vanished(started: World) -> None:
    gone, opened = ticket(started.now), ticket(started.now)
    await started.close(gone, opened)
    started.desk.now = {opened.id: None}
    assert await _census(started) == census.Census(present=0, missed=0, vanished=2)
    assert sorted(await started.states()) == [("cancelled", "gone"), ("cancelled", "reopened")]


async def test_a_vanished_ticket_that_was_surveyed_is_left_alone(started: World) -> None:
    closed = ticket(started.now)
    started.desk.now = {closed.id: closed}
    await started.close(closed)
    await started.deliver()
    started.desk.now, started.desk.asked_for = {}, []
    assert await _census(started) == census.Census(present=0, missed=0, vanished=0)
    assert started.desk.asked_for == []
    assert await started.states() == [("sent", None)]


async def test_the_census_leaves_what_was_closed_before_the_first_pull(started: World) -> None:
    old = ticket(started.now - timedelta(hours=1))
    started.desk.now = {old.id: old}
    assert await _census(started) == census.Census(present=0, missed=0, vanished=0)


async def test_there_is_no_census_before_the_first_pull(world: World) -> None:
    world.desk.now = {}
    assert await _census(world) is None


async def test_hints_that_cannot_be_read_go_behind_the_others(started: World) -> None:
    good = ticket(started.now)
    started.desk.now = {good.id: good, **dict.fromkeys("abc")}
    started.desk.unreadable |= set("abc")
    for id_ in ("a", "b", "c", good.id):
        await _tell(started, id_, delivery=id_)
    with pytest.raises(Unavailable):
        await _follow(started)
    assert await _follow(started) == 4
    assert await started.states() == [("waiting", None)]
    assert await _open(started) == 3


async def test_tickets_that_the_census_cannot_read_keep_it_from_no_others(
    started: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = sorted((ticket(started.now) for _ in range(hints.BATCH + 5)), key=lambda one: one.id)
    started.desk.now = {one.id: one for one in missed}
    bad, fetch = {one.id for one in missed[:3]}, started.desk.fetch

    async def fetch_good(ids: Sequence[str]) -> Fetched:
        if bad.intersection(ids):
            raise Unexpected("what?")
        return await fetch(ids)

    monkeypatch.setattr(started.desk, "fetch", fetch_good)
    found = await _census(started)
    assert found is not None
    assert found.missed == 5
