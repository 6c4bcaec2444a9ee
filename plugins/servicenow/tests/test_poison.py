"""Single rows that cannot be worked on: they are counted and told, and hold up nobody."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hub_servicenow.source import ServiceNowSource
from sandbox.servicenow import faults
from sandbox.servicenow.exchange import page

from hub import Cursor, Page, Unexpected
from hub.testing.fakes import FakeContext

MINUTE = timedelta(minutes=1)


class Spoiling(httpx.AsyncBaseTransport):
    """Takes fields of one record away, as rules on rows do that look at what is in them."""

    def __init__(self, desk: Any, spoilt: str, fields: Sequence[str]) -> None:
        self._desk = desk
        self._spoilt = spoilt
        self._fields = fields

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._desk.transport.handle_async_request(request)
        content = await answer.aread()
        if request.url.path.endswith("/table/incident"):
            body = json.loads(content)
            for row in body["result"]:
                if row["sys_id"] == self._spoilt:
                    row.update(dict.fromkeys(self._fields, ""))
            content = json.dumps(body).encode()
        headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
        return httpx.Response(answer.status_code, headers=headers, content=content)


def spoilt(desk: Any, ticket: str, *fields: str, **settings: Any) -> ServiceNowSource:
    context = FakeContext(transport=Spoiling(desk, ticket, fields), clock=desk.clock)
    return ServiceNowSource(desk.config(**settings), context)


async def begin(desk: Any, **settings: Any) -> Cursor:
    [start] = [page async for page in desk.source(**settings).pull(None)]
    desk.clock.advance(MINUTE)
    return start.cursor


async def pull(source: ServiceNowSource, cursor: Cursor) -> tuple[list[Page], set[str]]:
    pages = [page async for page in source.pull(cursor)]
    return pages, {ticket.id for page in pages for ticket in page.tickets}


@pytest.mark.parametrize("page_size", [2, 100])
@pytest.mark.parametrize("name", ["sys_id", "state", "sys_updated_on"])
async def test_a_row_without_what_it_must_have_is_told_and_holds_up_nobody(
    desk: Any, name: str, page_size: int
) -> None:
    cursor = await begin(desk)
    tickets = []
    for _ in range(5):
        tickets += desk.resolved()
        desk.clock.advance(timedelta(seconds=1))
    source = spoilt(desk, tickets[3], name, page_size=page_size)
    pages, found = await pull(source, cursor)
    assert found == {*tickets} - {tickets[3]}
    assert (pages[-1].warning or "").startswith("1 of 5 rows are hidden from the account, some of them in part")
    assert pages[-1].cursor != cursor


async def test_a_row_whose_filter_field_is_hidden_holds_up_nobody(desk: Any) -> None:
    company = desk.instance.add("core_company", name="ACME")
    settings = {"filter": "caller_id.company.name=ACME"}
    cursor = await begin(desk, **settings)
    callers = [desk.instance.add_user(f"u{number}@example.com", company=company) for number in range(3)]
    tickets = [desk.instance.open_record("incident", caller, "VPN drops") for caller in callers]
    for ticket in tickets:
        desk.instance.resolve(ticket)
    _, found = await pull(spoilt(desk, tickets[1], "caller_id.company.name", **settings), cursor)
    assert found == {tickets[0], tickets[2]}


async def test_a_row_without_a_number_is_known_by_its_sys_id(desk: Any) -> None:
    cursor = await begin(desk)
    tickets = desk.resolved(3)
    desk.instance.update(tickets[1], number="")
    pages, found = await pull(desk.source(), cursor)
    assert found == {*tickets}
    keys = {ticket.id: ticket.key for page in pages for ticket in page.tickets}
    assert keys[tickets[1]] == tickets[1]


@pytest.mark.parametrize("name", ["sys_id", "state", "sys_updated_on"])
async def test_fetch_says_nothing_of_a_ticket_that_it_sees_in_part(desk: Any, name: str) -> None:
    tickets = desk.resolved(3)
    for asked in (tickets, tickets[:1]):
        fetched = await spoilt(desk, tickets[0], name).fetch(asked)
        assert {ticket.id for ticket in fetched.tickets} == {*asked} - {tickets[0]}
        assert (fetched.open, fetched.gone) == ((), ())


async def test_fetch_takes_no_outage_for_tickets_that_are_gone(desk: Any) -> None:
    tickets = desk.resolved(2)
    source = desk.source()
    await source.fetch(tickets)
    desk.instance.faults.plan(faults.answer(page(404, "<html>")), times=10)
    with pytest.raises(Unexpected, match="not in ServiceNow's words"):
        await source.fetch(tickets)


async def test_closed_tickets_without_a_time_of_closing_are_told_and_asked_about_once_they_have_one(desk: Any) -> None:
    """An instance with a state of its own that leaves closed_at empty, on a table that has no other time."""
    settings = {"table": "sc_req_item", "closed_states": ["12", "3", "4"]}
    desk.instance.add_choice("sc_req_item", "state", "12", "Fulfilled")
    cursor = await begin(desk, **settings)
    [ticket] = desk.resolved(table="sc_req_item")
    desk.instance.update(ticket, state="12", closed_at="")
    pages, found = await pull(desk.source(**settings), cursor)
    assert found == set()
    assert pages[-1].warning == "1 closed tickets have no readable closed_at; their customers are asked once they have"
    assert (await desk.source(**settings).fetch([ticket])).gone == ()
    desk.clock.advance(timedelta(days=3))
    desk.instance.close(ticket)
    _, found = await pull(desk.source(**settings), pages[-1].cursor)
    assert found == {ticket}


async def test_a_job_that_touches_tickets_of_last_year_has_nobody_asked(desk: Any) -> None:
    old = desk.resolved(3)
    desk.clock.advance(timedelta(days=400))
    for table in ("incident", "task"):
        for field in ("resolved_at", "closed_at"):
            desk.instance.hide_field(table, field)
    cursor = await begin(desk)
    for ticket in old:
        desk.instance.update(ticket, priority="3")
    pages, found = await pull(desk.source(), cursor)
    assert found == set()
    assert (pages[-1].warning or "").startswith("3 closed tickets have no readable resolved_at or closed_at")


@pytest.mark.parametrize("table", ["incident", "sn_customerservice_case"])
@pytest.mark.parametrize("gone", ["dropped", "hidden", "empty"])
async def test_a_second_closing_is_told_without_a_count_of_reopenings(desk: Any, table: str, gone: str) -> None:
    if gone == "dropped":
        desk.instance.drop_column(table, "reopen_count")
    else:
        desk.instance.hide_field(table, "reopen_count", absent=gone == "hidden")
    cursor = await begin(desk, table=table)
    [ticket] = desk.resolved(table=table)
    keys = []
    for again in (False, True):
        desk.clock.advance(timedelta(hours=1))
        if again:
            desk.instance.reopen(ticket)
            desk.clock.advance(timedelta(hours=1))
            desk.instance.resolve(ticket)
        pages, _ = await pull(desk.source(table=table), cursor)
        keys.append({one.closure_key for page in pages for one in page.tickets})
    assert [len(found) for found in keys] == [1, 1]
    assert keys[0] != keys[1]


async def test_rows_that_move_while_empty_pages_are_passed_are_not_lost(desk: Any) -> None:
    """Hidden rows are touched, move to the end, and all others move up past the offset."""
    cursor = await begin(desk, page_size=10)
    tickets = []
    for _ in range(40):
        desk.clock.advance(timedelta(seconds=1))
        tickets += desk.resolved()
    for ticket in tickets[:15]:
        desk.instance.hide(ticket)
    desk.clock.advance(timedelta(hours=1))
    for before in (2, 3):
        source = desk.source(page_size=10)
        await source.fetch([])
        await source._guard.fields()
        desk.instance.before_page(before, lambda: [desk.instance.update(one) for one in tickets[:10]])
        _, found = await pull(source, cursor)
        assert found == {*tickets[15:]}


async def test_a_smaller_page_is_kept_and_grows_again_slowly(desk: Any) -> None:
    """Not found out anew with each pull: that costs a time-out each."""
    cursor = await begin(desk)
    desk.resolved(120)
    source = desk.source(page_size=100)
    desk.instance.faults.plan(faults.cancelled, method="GET", path="/table/incident")
    await pull(source, cursor)
    first = len(desk.instance.requests)
    await pull(source, cursor)
    limits = [one.query["sysparm_limit"] for one in desk.instance.requests[first:] if one.path.endswith("/incident")]
    assert set(limits) == {"50"}
    for _ in range(20):
        await pull(source, cursor)
    assert desk.instance.requests[-1].query["sysparm_limit"] == "100"
