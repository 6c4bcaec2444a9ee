"""Early surveys: about tickets that are handed over or wait while they are still open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hub import Cursor, Customer, Fetched, Milestone, Page, Ticket, Unavailable, Unexpected
from hub.config.survey import Rule
from hub.journey import census, intake, milestones
from hub.journey.overview import overview
from hub.journey.story import stories
from hub.store.tables import closures
from tests.journey.world import World, plan, ticket

PROGRESS = {"name": "early", "milestone": ["handed_over", "waiting"], "survey": "progress"}
DAY = timedelta(days=1)


@pytest.fixture
async def desk(world: World) -> World:
    """A desk that was pulled an hour ago, and a rule that asks how it goes."""
    world.plan = plan(rules=[PROGRESS], contact_interval="30d")
    await world.close()
    world.pass_time(hours=1)
    return world


def handed_over(world: World, change: int = 1, **values: Any) -> Ticket:
    """An open ticket that was handed over just now."""
    key = f"handed_over:{change}"
    return ticket(world.now, milestone=Milestone.HANDED_OVER, closure_key=key, **values)


class Source:
    """Tells of tickets, and remembers since when it was asked."""

    def __init__(self, *tickets: Ticket) -> None:
        self.tickets = list(tickets)
        self.asked_since: list[datetime] = []
        self.failure: Exception | None = None

    async def milestones(self, since: datetime) -> AsyncIterator[Sequence[Ticket]]:
        self.asked_since.append(since)
        for one in self.tickets:
            yield [one]
        if self.failure:
            raise self.failure


async def look(world: World, source: Source, *, mine: bool = True) -> int | None:
    new = await milestones.look(world.store, "desk", source.milestones, max_age=DAY, now=world.now, mine=lambda: mine)
    await world.decide()
    return new


async def reached(world: World, *tickets: Ticket) -> int | None:
    """The desk tells of these, and they are decided on; they are open."""
    world.desk.now = {one.id: None for one in tickets}
    return await look(world, Source(*tickets))


async def test_a_customer_is_asked_once_how_it_goes(desk: World) -> None:
    """However often the desk tells of it."""
    one = handed_over(desk)
    assert await reached(desk, one) == 1
    assert await reached(desk, one) == 0
    await desk.deliver()
    [row] = await desk.invitations()
    assert (row["state"], row["survey"], row["rule"]) == ("sent", "progress", "early")
    assert len(desk.phones.messages) == 1


async def test_several_hand_overs_ask_the_customer_once(desk: World) -> None:
    first, second = handed_over(desk, 1, id="1"), handed_over(desk, 2, id="1")
    assert await reached(desk, first, second) == 2
    await desk.deliver()
    assert await desk.states() == [("sent", None), ("skipped", "asked_recently")]


async def test_no_rule_means_no_question(desk: World) -> None:
    """A ticket that none of the rules for open tickets fits is skipped, and the reason is kept."""
    desk.plan = plan(rules=[PROGRESS | {"service": ["SAP"]}])
    await reached(desk, handed_over(desk, service="VPN"))
    assert await desk.states() == [("skipped", "no_rule")]


@pytest.mark.parametrize("decided", [True, False], ids=["decided", "not decided yet"])
async def test_a_ticket_that_is_closed_first_is_asked_about_as_closed(desk: World, decided: bool) -> None:
    desk.plan = plan(rules=[PROGRESS], delay="1h", contact_interval="30d")
    open_ticket = handed_over(desk, id="1", key="T-1")
    await look(desk, Source(open_ticket)) if decided else await intake.store_milestones(
        desk.store, "desk", [open_ticket], desk.now
    )
    desk.pass_time(minutes=10)
    closed = ticket(desk.now, id="1", key="T-1")
    await desk.close(closed)
    reason = ("cancelled", "closed_meanwhile") if decided else ("skipped", "closed_meanwhile")
    assert await desk.states() == [reason, ("waiting", None)]
    desk.pass_time(hours=2)
    desk.desk.now = {"1": closed}
    await desk.deliver()
    assert await desk.states() == [reason, ("sent", None)]


async def test_a_closing_that_only_the_last_look_shows_withdraws_the_early_survey(desk: World) -> None:
    """The pull has not seen it yet."""
    one = handed_over(desk, id="1")
    await reached(desk, one)
    desk.desk.now = {"1": ticket(desk.now + timedelta(minutes=1), id="1")}
    desk.pass_time(minutes=2)
    await desk.deliver()
    await desk.decide()
    assert await desk.states() == [("cancelled", "closed_meanwhile"), ("waiting", None)]
    assert desk.phones.messages == []


async def test_a_closing_that_was_known_withdraws_what_an_index_behind_it_told(desk: World) -> None:
    """The time at which a ticket would have begun to wait may be after its closing."""
    closed = ticket(desk.now, id="1", customer=Customer(phone="+358401234568"))
    await desk.close(closed)
    desk.pass_time(minutes=5)
    await look(desk, Source(handed_over(desk, id="1")))
    desk.desk.now = {"1": closed}
    await desk.deliver()
    assert ("cancelled", "closed_meanwhile") in await desk.states()
    assert [message.recipient for message in desk.phones.messages] == ["+358401234568"]


async def test_a_ticket_that_is_gone_is_not_asked_about(desk: World) -> None:
    await reached(desk, handed_over(desk))
    desk.desk.now = {}
    await desk.deliver()
    assert await desk.states() == [("cancelled", "gone")]


async def test_an_open_ticket_is_no_reason_to_withdraw_what_is_about_its_progress(desk: World) -> None:
    """Pulls, webhooks and the census speak of open tickets all the time."""
    desk.plan = plan(rules=[PROGRESS], delay="1h")
    one = handed_over(desk)
    await reached(desk, one)
    await desk.close(reopened=(one.id,))
    async with desk.store.write() as connection:
        await intake.store_fetched(connection, "desk", Fetched(open=(one.id,)), desk.now)
    found = await census.take_census(desk.store, "desk", desk.desk.census, desk.desk.fetch, max_age=DAY, now=desk.now)
    assert found == census.Census(present=0, missed=0, vanished=0)
    assert await desk.states() == [("waiting", None)]


def closed(one: Ticket, world: World, key: str = "closed") -> Ticket:
    """The same ticket, closed just now."""
    return one.model_copy(update={"milestone": Milestone.CLOSED, "closure_key": key, "closed_at": world.now})


async def test_the_closing_is_asked_about_too_and_no_other_ticket_is(desk: World) -> None:
    one = handed_over(desk)
    await reached(desk, one)
    await desk.deliver()
    desk.desk.now = None
    desk.pass_time(days=3)
    await desk.close(ticket(desk.now))
    await desk.close(closed(one, desk))
    await desk.deliver()
    desk.pass_time(days=28)  # a month after the first survey, not after the second one
    await desk.close(closed(one, desk, "again"))
    await desk.close(ticket(desk.now))
    recently = ("skipped", "asked_recently")
    assert await desk.states() == [("sent", None), recently, ("sent", None), recently, recently]


async def test_who_was_asked_how_it_goes_was_asked_also_when_the_survey_of_the_closing_is_taken_back(
    desk: World,
) -> None:
    one = handed_over(desk)
    await reached(desk, one)
    await desk.deliver()
    desk.pass_time(days=3)
    await desk.close(closed(one, desk))
    await desk.close(reopened=(one.id,))
    await desk.close(ticket(desk.now))
    desk.pass_time(days=28)
    await desk.close(ticket(desk.now))
    assert await desk.states() == [
        ("sent", None),
        ("cancelled", "reopened"),
        ("skipped", "asked_recently"),
        ("waiting", None),
    ]


async def test_an_early_answer_does_not_count_as_a_closed_ticket(desk: World) -> None:
    await reached(desk, handed_over(desk))
    await desk.close(ticket(desk.now))
    async with desk.store.read() as connection:
        assert (await overview(connection, desk.now)).closed == {"desk": 1}
        kinds = await connection.execute(sa.select(closures.c.milestone).order_by(closures.c.id))
    assert list(kinds.scalars()) == ["handed_over", "closed"]


async def test_hub_why_tells_what_the_ticket_has_reached(desk: World) -> None:
    await reached(desk, handed_over(desk, key="T-1"))
    async with desk.store.read() as connection:
        [story] = await stories(connection, "T-1")
    assert story.lines[0].what == "the ticket was handed over"


async def test_nothing_is_looked_for_before_the_first_pull(world: World) -> None:
    source = Source(handed_over(world))
    assert await look(world, source) is None
    assert source.asked_since == []


async def test_what_was_reached_before_the_hub_was_there_is_left_alone(desk: World) -> None:
    """Or longer ago than anybody remembers. A source that tells of it all the same is not believed."""
    begin = desk.now - timedelta(hours=1)
    source = Source(handed_over(desk).model_copy(update={"closed_at": begin - timedelta(seconds=1)}))
    assert await look(desk, source) == 0
    desk.pass_time(days=3)
    await look(desk, source)
    assert source.asked_since[0] == begin
    assert source.asked_since[1] == desk.now - DAY


async def test_each_look_begins_a_while_before_the_last_one(desk: World) -> None:
    """And where it did before when that failed. What was told until then is kept."""
    desk.pass_time(hours=5)
    first, source = desk.now, Source(handed_over(desk))
    await look(desk, source)
    desk.pass_time(minutes=5)
    source.tickets, source.failure = [handed_over(desk)], Unavailable("answered 500")
    with pytest.raises(Unavailable):
        await look(desk, source)
    await desk.decide()
    assert len(await desk.invitations()) == 2
    source.failure = None
    await look(desk, source)
    assert source.asked_since[1:] == [first - milestones.OVERLAP] * 2


async def test_a_worker_that_lost_its_turn_stores_nothing(desk: World) -> None:
    assert await look(desk, Source(handed_over(desk)), mine=False) == 0
    assert await desk.invitations() == []


async def test_a_closed_ticket_among_them_is_the_plugins_fault(desk: World) -> None:
    with pytest.raises(Unexpected, match="closed ticket"):
        await look(desk, Source(ticket(desk.now)))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], False),
        ([{"name": "a", "milestone": ["closed"]}], False),
        ([{"name": "a", "milestone": ["waiting"], "ask": False}], False),
        ([{"name": "a"}, {"name": "b", "milestone": ["closed", "waiting"]}], True),
    ],
)
def test_sources_are_left_in_peace_when_no_rule_asks(rules: list[dict[str, Any]], expected: bool) -> None:
    assert milestones.are_asked_about(map(Rule.model_validate, rules)) is expected


async def test_a_page_of_a_pull_may_bring_closings_only_and_withdraw_nothing_else(desk: World) -> None:
    """Another ticket's closing."""
    desk.plan = plan(rules=[PROGRESS], delay="1h")
    await reached(desk, handed_over(desk, id="1"))
    page = Page((ticket(desk.now, id="2", customer=Customer(phone="+358401234568")),), Cursor("c"))
    await intake.store_page(desk.store, "desk", page, desk.now)
    assert await desk.states() == [("waiting", None)]
