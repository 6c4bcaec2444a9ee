"""What the source makes of the desk's life."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hub_servicenow.client import ServiceNowClient

from hub import Cursor, Page, Unexpected

TABLES = ["incident", "sc_req_item", "sn_customerservice_case"]
MINUTE = timedelta(minutes=1)


async def pull(source: Any, cursor: Cursor | None) -> list[Page]:
    return [page async for page in source.pull(cursor)]


async def started(desk: Any, **settings: Any) -> tuple[Any, Cursor]:
    source = desk.source(**settings)
    [page] = await pull(source, None)
    desk.clock.advance(MINUTE)
    return source, page.cursor


def closures(pages: Sequence[Page]) -> set[tuple[str, str]]:
    return {(ticket.id, ticket.closure_key) for page in pages for ticket in page.tickets}


def reopened(pages: Sequence[Page]) -> set[str]:
    return {one for page in pages for one in page.reopened}


async def test_tickets_resolved_before_the_hub_came_are_not_surveyed_when_they_are_closed(desk: Any) -> None:
    """Auto-close jobs and comments touch old tickets for weeks."""
    [old] = desk.resolved()
    desk.clock.advance(MINUTE)
    source, cursor = await started(desk)
    desk.instance.close(old)
    desk.clock.advance(MINUTE)
    assert closures(await pull(source, cursor)) == set()


async def test_resolving_and_closing_is_one_closure(desk: Any) -> None:
    """Checklist 4."""
    source, cursor = await started(desk)
    [ticket] = desk.resolved()
    first = await pull(source, cursor)
    desk.clock.advance(timedelta(days=5))
    desk.instance.close(ticket)
    second = await pull(source, first[-1].cursor)
    assert closures(first) == closures(second) == {(ticket, "0:resolved")}


async def test_a_ticket_closed_in_the_very_second_of_the_cursor_is_found(desk: Any) -> None:
    source = desk.source(overlap="0s", settle="0s")
    [page] = await pull(source, None)
    [ticket] = desk.resolved()
    assert closures(await pull(source, page.cursor)) == {(ticket, "0:resolved")}


@pytest.mark.parametrize("table", TABLES)
async def test_a_write_by_the_hub_makes_no_second_closure(desk: Any, table: str) -> None:
    """Checklist 5: `sys_updated_on` moves, and the ticket is pulled again under the same key."""
    source, cursor = await started(desk, table=table)
    [ticket] = desk.resolved(table=table)
    first = await pull(source, cursor)
    desk.clock.advance(timedelta(hours=1))
    client = ServiceNowClient(desk.config(), desk.context)
    await client.patch(table, ticket, {"work_notes": "CSAT 4/5", "u_csat": "4"}, ("sys_id",))
    second = await pull(source, first[-1].cursor)
    assert {one for one, _ in closures(second)} == {ticket}
    assert closures(first) == closures(second)


@pytest.mark.parametrize("table", TABLES)
async def test_a_reopened_ticket_is_held_back(desk: Any, table: str) -> None:
    """Checklist 3: the pull names it, and `fetch` before sending tells that it is open."""
    source, cursor = await started(desk, table=table)
    [ticket] = desk.resolved(table=table)
    pages = await pull(source, cursor)
    desk.instance.reopen(ticket)
    fetched = await source.fetch([ticket])
    assert (fetched.tickets, fetched.open, fetched.gone) == ((), (ticket,), ())
    desk.clock.advance(MINUTE)
    assert reopened(await pull(source, pages[-1].cursor)) == {ticket}


async def test_a_ticket_that_is_reopened_into_another_group_is_named(desk: Any) -> None:
    """It no longer satisfies the filter."""
    ours, other = (desk.instance.add("sys_user_group", name=name) for name in ("Service Desk", "Network"))
    source, cursor = await started(desk, filter="assignment_group.name=Service Desk")
    [ticket, stranger] = desk.resolved(2)
    desk.instance.update(ticket, assignment_group=ours)
    pages = await pull(source, cursor)
    assert closures(pages) == {(ticket, "0:resolved")}
    desk.instance.update(ticket, assignment_group=other)
    desk.instance.reopen(ticket)
    assert reopened(await pull(source, pages[-1].cursor)) == {ticket}
    assert closures(await pull(source, cursor)) == set()
    assert stranger not in reopened(await pull(source, cursor))


async def test_a_reopened_ticket_is_named_though_access_rules_hide_how_it_was_found(desk: Any) -> None:
    source, cursor = await started(desk)
    [ticket] = desk.resolved()
    pages = await pull(source, cursor)
    desk.instance.reopen(ticket)
    for field in ("reopen_count", "resolved_at"):
        desk.instance.hide_field("incident", field, absent=True)
    assert reopened(await pull(source, pages[-1].cursor)) == {ticket}


async def test_a_resolved_ticket_that_is_cancelled_is_held_back(desk: Any) -> None:
    source, cursor = await started(desk)
    [ticket] = desk.resolved()
    pages = await pull(source, cursor)
    desk.instance.update(ticket, state="8")
    assert reopened(await pull(source, pages[-1].cursor)) == {ticket}


@pytest.mark.parametrize("table", TABLES)
async def test_only_the_states_that_mean_done_are_surveyed(desk: Any, table: str) -> None:
    """State 7 is Closed, Closed Skipped and Cancelled."""
    source, cursor = await started(desk, table=table)
    tickets = {}
    for state in desk.instance.models[table].labels:
        [ticket] = desk.resolved(table=table)
        desk.instance.update(ticket, state=state)
        tickets[ticket] = state
    found = {tickets[one] for one, _ in closures(await pull(source, cursor))}
    expected = {"incident": {"6", "7"}, "sc_req_item": {"3", "4"}, "sn_customerservice_case": {"6", "3"}}
    assert found == expected[table]


async def test_a_state_of_the_customers_own_can_be_surveyed(desk: Any) -> None:
    desk.instance.add_closed_state("incident", "9", "Solved by robot")
    source, cursor = await started(desk, closed_states=["9"])
    one, _ = desk.resolved(2)
    desk.instance.update(one, state="9")
    assert {ticket for ticket, _ in closures(await pull(source, cursor))} == {one}


async def test_the_instances_clock_counts_not_the_hubs(desk: Any, new_desk: Any) -> None:
    """A hub whose clock is an hour ahead misses nothing."""
    ahead = new_desk()
    ahead.clock.advance(timedelta(hours=1))
    ahead.context._transport = desk.transport
    source = ahead.source()
    [page] = await pull(source, None)
    desk.clock.advance(MINUTE)
    [ticket] = desk.resolved()
    assert closures(await pull(source, page.cursor)) == {(ticket, "0:resolved")}


async def test_a_push_about_a_ticket_of_another_group_surveys_nobody(desk: Any) -> None:
    ours = desk.instance.add("sys_user_group", name="Service Desk")
    source, _ = await started(desk, filter="assignment_group.name=Service Desk")
    [ticket, stranger] = desk.resolved(2)
    desk.instance.update(ticket, assignment_group=ours)
    fetched = await source.fetch([ticket, stranger])
    assert [one.id for one in fetched.tickets] == [ticket]
    assert (fetched.open, fetched.gone) == ((), (stranger,))


async def test_fetch_reads_any_number_of_tickets_in_short_requests(desk: Any) -> None:
    source, _ = await started(desk)
    closed, open_ = desk.resolved(45), desk.resolved(5)
    for ticket in open_:
        desk.instance.reopen(ticket)
    desk.instance.delete(closed[0])
    desk.instance.hide(closed[1])
    nonsense = ["", "x^NQsys_idISNOTEMPTY", "f" * 32]
    before = len(desk.instance.requests)
    fetched = await source.fetch([*closed, *open_, *nonsense, closed[2]])
    assert sorted(ticket.id for ticket in fetched.tickets) == sorted(closed[2:])
    assert sorted(fetched.open) == sorted(open_)
    assert sorted(fetched.gone) == sorted([closed[0], closed[1], *nonsense])
    for request in desk.instance.requests[before:]:
        assert len(urlencode(request.query)) < 2000


async def test_the_census_counts_by_the_time_of_closing(desk: Any) -> None:
    """Not by the last update: a ticket resolved long ago and closed today is not among them."""
    source, _ = await started(desk, page_size=3)
    [old] = desk.resolved()
    desk.clock.advance(timedelta(days=2))
    since = desk.clock.now()
    tickets = desk.resolved(10)
    desk.instance.close(old)
    desk.instance.close(tickets[0])
    desk.instance.reopen(tickets[1])
    desk.instance.hide(tickets[2])
    listed = [one async for ids in source.census(since) for one in ids]
    assert sorted(listed) == sorted({*tickets} - {tickets[1], tickets[2]})


async def test_rewinding_finds_what_was_closed_since(desk: Any) -> None:
    source, _ = await started(desk)
    before = desk.resolved(2)
    desk.clock.advance(timedelta(days=1))
    since = desk.clock.now()
    after = desk.resolved(2)
    desk.clock.advance(timedelta(days=1))
    desk.instance.close(before[0])
    cursor = await source.rewind(since)
    assert {ticket for ticket, _ in closures(await pull(desk.source(), cursor))} == set(after)


async def test_a_foreign_cursor_is_refused(desk: Any) -> None:
    with pytest.raises(Unexpected, match="hub state reset"):
        await pull(desk.source(), Cursor("2026-03-01"))


async def test_the_first_pull_proves_that_the_table_can_be_read(desk: Any) -> None:
    desk.instance.deny_table("incident")
    with pytest.raises(Exception, match="Insufficient rights to query records"):
        await pull(desk.source(), None)
