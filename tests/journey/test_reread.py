"""Tickets are read once more before their surveys leave."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub import Cursor, Customer, Fetched, Hint, Page, Rejected, Unavailable, Unexpected
from hub.journey import hints, intake
from hub.journey.deliver import Sender
from hub.journey.hints import BATCH
from hub.journey.intake import store_fetched
from hub.journey.singly import ENOUGH
from hub.store.tables import invitations
from tests.journey.world import World, plan, ticket, tickets


async def test_a_ticket_that_is_still_closed_is_surveyed(world: World) -> None:
    closed = ticket(world.now)
    world.desk.now = {closed.id: closed}
    await world.close(closed)
    await world.deliver()
    assert len(world.phones.messages) == 1
    assert world.desk.asked_for == [[closed.id]]


async def test_a_source_that_cannot_read_single_tickets_is_not_asked(world: World) -> None:
    await world.close(ticket(world.now))
    await world.deliver()
    assert len(world.phones.messages) == 1


async def test_a_ticket_that_the_desk_itself_showed_a_moment_ago_is_not_read_again(world: World) -> None:
    closed, older = ticket(world.now), ticket(world.now, id="older", customer=Customer(phone="+358401234568"))
    world.desk.now = {closed.id: closed, older.id: older}
    await world.close(older, read_at=world.now)
    world.pass_time(seconds=29)
    await world.close(closed, read_at=world.now)
    world.pass_time(seconds=2)
    await world.deliver()
    assert len(world.phones.messages) == 2
    assert world.desk.asked_for == [[older.id]]


async def test_a_ticket_whose_survey_had_to_wait_is_read_again(world: World) -> None:
    world.plan = plan(delay="2s")
    closed = ticket(world.now)
    world.desk.now = {closed.id: None}
    await world.close(closed, read_at=world.now)
    world.pass_time(seconds=3)
    await world.deliver()
    assert world.phones.messages == []
    assert await world.states() == [("cancelled", "reopened")]


async def test_what_the_desk_showed_is_believed_for_some_seconds_only_while_surveys_wait_their_turn(
    world: World,
) -> None:
    several = [ticket(world.now, id=f"t{n}", customer=Customer(phone=f"+3584012345{n:02}")) for n in range(4)]
    world.desk.now = {each.id: each for each in several}
    await world.close(*several, read_at=world.now)
    async with Sender(world.store, world.post()) as sender:
        world.pass_time(seconds=29)
        await sender.step(world.plan, 2)
        assert world.desk.asked_for == []
        world.pass_time(seconds=2)
        await sender.step(world.plan, 2)
        await sender.finish()
    assert len(world.phones.messages) == 4
    assert len(world.desk.asked_for) == 1


async def test_a_ticket_that_a_hint_led_to_is_not_read_twice(world: World) -> None:
    closed = ticket(world.now)
    world.desk.now = {closed.id: closed}
    await intake.store_page(world.store, "desk", Page((), Cursor("c")), world.now)
    await hints.store_hint(world.store, "desk", Hint((closed.id,)), world.now)
    await hints.follow(world.store, "desk", world.desk.fetch, world.now)
    await world.decide()
    await world.deliver()
    assert len(world.phones.messages) == 1
    assert world.desk.asked_for == [[closed.id]]


async def test_a_ticket_opened_again_between_pull_and_send_is_not_surveyed(world: World) -> None:
    closed = ticket(world.now)
    world.desk.now = {closed.id: None}
    await world.close(closed)
    await world.deliver()
    assert world.phones.messages == []
    assert await world.states() == [("cancelled", "reopened")]


async def test_a_ticket_that_was_seen_closed_by_a_clock_ahead_is_not_read_without_a_pause(world: World) -> None:
    closed = ticket(world.now)
    world.desk.now = {closed.id: None}
    world.pass_time(hours=1)
    await world.close(closed)
    world.pass_time(minutes=-59)
    async with world.store.write() as connection:
        await connection.execute(invitations.update().values(due_at=world.now))
    async with Sender(world.store, world.post()) as sender:
        for _ in range(5):
            await sender.step(world.plan, 10)
    assert len(world.desk.asked_for) == 1
    assert await world.states() == [("waiting", None)]


async def test_a_ticket_that_is_gone_is_not_surveyed(world: World) -> None:
    closed = ticket(world.now)
    world.desk.now = {}
    await world.close(closed)
    await world.deliver()
    assert world.phones.messages == []
    assert await world.states() == [("cancelled", "gone")]


async def test_a_ticket_closed_anew_is_surveyed_once_and_for_its_last_closing(world: World) -> None:
    closed = ticket(world.now)
    await world.close(closed)
    world.pass_time(minutes=5)
    world.desk.now = {closed.id: closed.model_copy(update={"closure_key": "second", "closed_at": world.now})}
    await world.deliver()
    assert world.phones.messages == []
    await world.decide()
    await world.deliver()
    assert len(world.phones.messages) == 1
    assert sorted(await world.states()) == [("cancelled", "reopened"), ("sent", None)]


@pytest.mark.parametrize("error", [Unavailable("down"), Rejected("no"), Unexpected("what")])
async def test_while_the_desk_cannot_be_read_surveys_wait(world: World, error: Exception) -> None:
    closed = ticket(world.now)
    world.desk.now = {closed.id: closed}
    world.desk.failures = [error]
    await world.close(closed)
    await world.deliver()
    await world.deliver()
    assert world.phones.messages == []
    assert await world.states() == [("waiting", None)]
    world.pass_time(minutes=1)
    await world.deliver()
    assert len(world.phones.messages) == 1


async def test_a_desk_that_does_not_speak_of_a_ticket_lets_its_survey_wait(world: World) -> None:
    one, other = ticket(world.now), ticket(world.now)
    world.desk.now = {one.id: one, other.id: other}
    await world.close(one, other)
    del world.desk.now[other.id]
    world.desk.silent_about.add(other.id)
    await world.deliver()
    assert len(world.phones.messages) == 1
    assert sorted(await world.states()) == [("sent", None), ("waiting", None)]


async def test_many_tickets_are_read_in_batches(world: World) -> None:
    closed = tickets(world.now, BATCH + 1)
    world.desk.now = {one.id: one for one in closed}
    await world.close(*closed)
    async with Sender(world.store, world.post()) as sender:
        await sender.step(world.plan, BATCH + 1)
    assert [len(ids) for ids in world.desk.asked_for] == [BATCH, 1]
    assert len(world.phones.messages) == BATCH + 1


async def test_one_ticket_that_cannot_be_read_holds_up_no_other(world: World) -> None:
    closed = tickets(world.now, 10)
    world.desk.now = {one.id: one for one in closed}
    world.desk.unreadable.add(closed[0].id)
    await world.close(*closed)
    await world.deliver()
    assert len(world.phones.messages) == 9
    assert sorted(await world.states()) == [("sent", None)] * 9 + [("waiting", None)]


async def test_a_desk_that_is_down_is_not_asked_for_each_ticket(world: World) -> None:
    closed = tickets(world.now, 40)
    world.desk.now = {one.id: one for one in closed}
    world.desk.unreadable |= set(world.desk.now)
    await world.close(*closed)
    await world.deliver()
    assert len(world.desk.asked_for) == 1 + ENOUGH


async def test_tickets_that_failed_by_themselves_come_back_after_the_others(world: World) -> None:
    closed = tickets(world.now, 10)
    world.desk.now = {one.id: one for one in closed}
    world.desk.unreadable |= {one.id for one in closed[:ENOUGH]}
    await world.close(*closed)
    await world.deliver()
    assert world.phones.messages == []
    world.pass_time(minutes=1)
    await world.deliver()
    assert len(world.phones.messages) == 7


async def test_waiting_for_a_desk_that_never_comes_back_ends_with_the_age_limit(world: World) -> None:
    closed = ticket(world.now)
    world.desk.now = {closed.id: closed}
    world.desk.unreadable.add(closed.id)
    await world.close(closed)
    world.pass_time(days=4)
    await world.deliver()
    assert await world.states() == [("skipped", "too_old")]
    assert world.desk.asked_for == []


async def test_an_answer_that_is_older_than_the_closing_does_not_undo_it(world: World) -> None:
    """The desk says open; while that is on its way the ticket is closed and pulled."""
    closed = ticket(world.now)
    began = world.now
    world.pass_time(seconds=30)
    await world.close(closed)
    async with world.store.write() as connection:
        await store_fetched(connection, "desk", Fetched(open=(closed.id,)), began)
    assert await world.states() == [("waiting", None)]


async def test_an_older_closing_that_is_stored_late_does_not_cancel_the_newer_one(world: World) -> None:
    newer = ticket(world.now).model_copy(update={"closure_key": "second"})
    older = newer.model_copy(update={"closure_key": "first", "closed_at": world.now - timedelta(hours=1)})
    await world.close(newer)
    await world.close(older)
    assert sorted(await world.states()) == [("skipped", "reopened"), ("waiting", None)]
