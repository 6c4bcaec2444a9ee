"""Open tickets that were handed over or wait: which are told of, and under which key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub import Milestone, Ticket, Unexpected


async def told(desk: Any, **settings: Any) -> list[Ticket]:
    """What a source tells of the last day."""
    source = desk.source(**settings)
    since = desk.clock.now() - timedelta(days=1)
    return [ticket async for page in source.milestones(since) for ticket in page]


def opened(desk: Any, **fields: str) -> str:
    caller = desk.instance.add_user("mia@example.com")
    return str(desk.instance.open_record("incident", caller, "VPN drops", **fields))


def groups(desk: Any, *names: str) -> list[str]:
    return [desk.instance.insert("sys_user_group", {"name": name}) for name in names]


async def test_a_source_without_the_setting_asks_nothing(desk: Any) -> None:
    opened(desk)
    desk.clock.advance(timedelta(days=2))
    assert await told(desk) == []
    assert desk.instance.requests == []


async def test_each_hand_over_has_a_key_of_its_own(desk: Any) -> None:
    """However often the row is changed in between, and whatever time it then bears."""
    one, two, three = groups(desk, "Desk", "Network", "Servers")
    ticket_id = opened(desk, assignment_group=one)
    assert await told(desk, milestones=["handed_over"]) == []
    keys, teams = [], []
    for group in (two, three):
        desk.clock.advance(timedelta(minutes=10))
        desk.instance.change(ticket_id, {"assignment_group": group})
        for _ in range(2):
            [ticket] = await told(desk, milestones=["handed_over"])
            keys.append(ticket.closure_key)
            desk.clock.advance(timedelta(minutes=10))
            desk.instance.change(ticket_id, {"work_notes": "Looking at it"})
        teams.append(ticket.team)
    assert keys == ["handed_over:1", "handed_over:1", "handed_over:2", "handed_over:2"]
    assert teams == ["Network", "Servers"]
    assert (ticket.milestone, ticket.customer.email) == (Milestone.HANDED_OVER, "mia@example.com")


async def test_a_ticket_waits_once_it_has_been_open_for_long(desk: Any) -> None:
    started = desk.clock.now()
    ticket_id = opened(desk)
    settings = {"milestones": ["waiting"], "waiting_after": "4h"}
    desk.clock.advance(timedelta(hours=3, minutes=59))
    assert await told(desk, **settings) == []
    desk.clock.advance(timedelta(minutes=1))
    [ticket] = await told(desk, **settings)
    assert (ticket.id, ticket.milestone) == (ticket_id, Milestone.WAITING)
    assert ticket.closed_at == started.replace(microsecond=0) + timedelta(hours=4)
    desk.clock.advance(timedelta(days=1, minutes=1))
    assert await told(desk, **settings) == [], "it began to wait more than a day ago"


async def test_resolved_and_cancelled_tickets_do_not_wait(desk: Any) -> None:
    """A resolved incident is still active."""
    resolved, cancelled, other = (opened(desk) for _ in range(3))
    desk.instance.resolve(resolved)
    desk.instance.change(cancelled, {"state": "8"})
    desk.clock.advance(timedelta(days=2))
    assert [ticket.id for ticket in await told(desk, milestones=["waiting"])] == [other]


async def test_the_filter_holds_for_open_tickets_too(desk: Any) -> None:
    ours, theirs = groups(desk, "Desk", "Other")
    mine = opened(desk, assignment_group=ours)
    opened(desk, assignment_group=theirs)
    desk.clock.advance(timedelta(days=2))
    found = await told(desk, milestones=["waiting"], filter="assignment_group.name=Desk")
    assert [ticket.id for ticket in found] == [mine]


async def test_hand_overs_need_a_column_that_counts_them(desk: Any) -> None:
    """Otherwise ServiceNow would drop the condition and tell of every ticket."""
    desk.instance.drop_column("task", "reassignment_count")
    with pytest.raises(Unexpected, match="reassignment_count"):
        await told(desk, milestones=["handed_over"])
