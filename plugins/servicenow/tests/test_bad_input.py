"""Answers that are wrong in every way that instances, proxies and access rules have: an error that says what is wrong,
a cursor that stays, and nothing private told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hub_servicenow.cursor import Position
from hub_servicenow.source import ServiceNowSource
from sandbox.servicenow import Instance, build_app, faults
from sandbox.servicenow.exchange import Reply

from hub import AuthFailed, Cursor, Page, Rejected, RemoteError, Unavailable, Unexpected
from hub.testing.clock import FakeClock
from hub.testing.fakes import FakeContext
from hub.testing.redaction import assert_redacted

TABLE = "/table/incident"
PRIVATE = ("mia@example.com", "+43 660 1234567", "1234567", "VPN drops", "correct-horse", "s3cret-in-body")
JSON = {"Content-Type": "application/json;charset=UTF-8"}


def reply(status: int, text: str, **headers: str) -> Any:
    return faults.answer(Reply(status, text.encode(), {"Content-Type": "application/json"} | headers))


def shaped(change: Any) -> Any:
    """Change the records of an answer, as text of JSON."""

    def fault(proceed: Any) -> Reply:
        whole = proceed()
        return Reply(whole.status, change(whole.body), whole.headers)

    return fault


ECHO = '{"error":{"message":"mia@example.com s3cret-in-body","detail":"VPN drops"},"status":"failure"}'

# what the instance answers, the error, and words of its message
ANSWERS = {
    "missing accept": (reply(400, '{"error":{"message":"Bad Request","detail":null}}'), Rejected, "did not take"),
    "invalid table": (faults.INVALID_TABLE, Rejected, "Invalid table"),
    "not authenticated": (faults.UNAUTHENTICATED, AuthFailed, "User Not Authenticated"),
    "acl": (faults.ACL_REFUSES, AuthFailed, "ACL Exception Update Failed due to security constraints"),
    "business rule": (faults.RULE_ABORTS, AuthFailed, "aborted by Business Rule"),
    "no rights": (faults.NO_RIGHTS, AuthFailed, "Insufficient rights to query records"),
    "no record": (faults.NOT_FOUND, Rejected, "No Record found"),
    "hibernating": (faults.HIBERNATING, Unexpected, "hibernating"),
    "login": (faults.LOGIN, Unexpected, "redirect instead of data"),
    "login page with 200": (
        reply(200, "<!DOCTYPE html><p>Log in</p>", **{"Content-Type": "text/html"}),
        Unexpected,
        "web page instead of data",
    ),
    "maintenance": (faults.MAINTENANCE, Unavailable, "answered 503"),
    "bad gateway": (faults.BAD_GATEWAY, Unavailable, "answered 502"),
    "server error": (faults.SERVER_ERROR, Unavailable, "answered 500"),
    "cancelled": (faults.cancelled, Unexpected, "cancelled the transaction"),
    "cut json": (shaped(lambda body: body[: len(body) // 2]), Unexpected, "ends in the middle"),
    "time-out": (faults.time_out, Unavailable, "no answer in time"),
    "cut connection": (faults.cut, Unavailable, "connection broke"),
    "cut before": (faults.cut_before, Unavailable, "connection broke"),
    "wrong types": (faults.wrong_types, Unexpected, "incident"),
    "ten megabytes": (faults.huge, Unexpected, "incident"),
    "twenty megabytes": (reply(200, '{"result":"' + "s" * 20_000_000 + '"}'), Unexpected, "too large"),
    "deep": (faults.deep, Unexpected, "not JSON"),
    "not utf-8": (faults.answer(Reply(200, b'{"result":[{"sys_id":"\xff\xfe"}]}', JSON)), Unexpected, "not JSON"),
    "no total": (reply(200, '{"result":[]}'), Unexpected, "X-Total-Count"),
    "a total that is no number": (
        reply(200, '{"result":[]}', **{"X-Total-Count": "many"}),
        Unexpected,
        "X-Total-Count",
    ),
    "echoed request": (reply(403, ECHO), AuthFailed, "may not do this"),
    "echoed request with 500": (reply(500, ECHO), Unavailable, "answered 500"),
    "echoed request with 200": (reply(200, ECHO), Unexpected, "no 'result'"),
    **{f"no result {number}": (body, Unexpected, "") for number, body in enumerate(faults.NO_RESULT)},
}


async def begin(desk: Any, **settings: Any) -> tuple[ServiceNowSource, Cursor, list[str]]:
    """A source that has begun, and five tickets to find."""
    source = desk.source(page_size=2, **settings)
    [start] = [page async for page in source.pull(None)]
    tickets = desk.resolved(5)
    return source, start.cursor, sorted(tickets)


async def walk(source: ServiceNowSource, cursor: Cursor) -> tuple[list[Page], RemoteError | None]:
    """The pages that came, and the error that ended them."""
    pages = []
    try:
        async for page in source.pull(cursor):
            pages.append(page)  # noqa: PERF401 - what came before an error counts
    except RemoteError as error:
        return pages, error
    return pages, None


def found(pages: list[Page]) -> list[str]:
    return sorted({ticket.id for page in pages for ticket in page.tickets})


@pytest.mark.parametrize("after", [0, 1], ids=["first page", "second page"])
@pytest.mark.parametrize("name", ANSWERS)
async def test_checklist_15_a_bad_answer_ends_the_walk_where_it_stood(desk: Any, name: str, after: int) -> None:
    """Checklist 15: and once the instance is well again, everything is found."""
    fault, kind, words = ANSWERS[name]
    source, cursor, tickets = await begin(desk)
    desk.instance.faults.plan(fault, method="GET", path=TABLE, times=1000, after=after)
    pages, error = await walk(source, cursor)
    assert isinstance(error, kind)
    assert words in str(error)
    assert {page.cursor for page in pages} <= {cursor}
    assert_redacted([error, *desk.context.log.entries], *PRIVATE)
    desk.instance.faults.clear()
    desk.clock.advance(timedelta(minutes=5))
    pages, error = await walk(source, cursor)
    assert error is None
    assert found(pages) == tickets


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_bad_answer_is_not_taken_for_a_ticket_that_is_gone(desk: Any, name: str) -> None:
    fault, kind, _ = ANSWERS[name]
    source, _, tickets = await begin(desk)
    desk.instance.faults.plan(fault, method="GET", path=TABLE, times=1000)
    with pytest.raises(kind) as raised:
        await source.fetch(tickets)
    assert_redacted([raised.value, *desk.context.log.entries], *PRIVATE)


@pytest.mark.parametrize("name", ANSWERS)
async def test_checklist_8_a_misspelt_filter_pulls_nothing_however_its_proof_is_answered(desk: Any, name: str) -> None:
    """Checklist 8: where the dictionary cannot be read names are proven by counting, where that fails not at all."""
    desk.resolved(5)
    desk.instance.faults.plan(ANSWERS[name][0], method="GET", path="sys_dictionary", times=1000)
    source = desk.source(filter="asignment_group.name=Service Desk")
    pages, error = await walk(source, Position.beginning(desk.clock.now() - timedelta(hours=1)).write())
    assert (found(pages), [page.cursor for page in pages]) == ([], [])
    assert error is not None
    assert_redacted([error, *desk.context.log.entries], *PRIVATE)


@pytest.mark.parametrize("fault", [faults.cancelled, faults.time_out])
async def test_an_instance_that_is_too_slow_is_asked_for_less(desk: Any, fault: Any) -> None:
    source = desk.source(page_size=100)
    [start] = [page async for page in source.pull(None)]
    tickets = desk.resolved(120)
    # a slow answer is asked for again by the lent client before anything else
    desk.instance.faults.plan(fault, method="GET", path=TABLE, times=6 if fault is faults.time_out else 1)
    pages, error = await walk(source, start.cursor)
    assert error is None
    assert found(pages) == sorted(tickets)
    asked = [request.query for request in desk.instance.requests if "sys_updated_on>" in str(request.query)]
    limits = [query["sysparm_limit"] for query in asked if query["sysparm_query"].startswith("stateIN6,7")]
    assert limits[0] == "100"
    assert limits[-1] == "50"


@pytest.mark.parametrize("absent", [True, False], ids=["key absent", "empty"])
@pytest.mark.parametrize("name", ["sys_id", "state", "sys_updated_on"])
async def test_a_row_without_what_it_must_have_is_not_worked_on(desk: Any, name: str, absent: bool) -> None:
    source, cursor, _ = await begin(desk)
    desk.instance.hide_field("incident", name, absent=absent)
    desk.instance.hide_field("task", name, absent=absent)
    pages, error = await walk(source, cursor)
    assert isinstance(error, Unexpected)
    assert name in str(error)
    assert found(pages) == []


@pytest.mark.parametrize("absent", [True, False], ids=["key absent", "empty"])
async def test_checklist_19_an_address_that_is_hidden_is_left_out(desk: Any, absent: bool) -> None:
    """Checklist 19."""
    source, cursor, tickets = await begin(desk)
    desk.instance.hide_field("sys_user", "email", absent=absent)
    desk.instance.hide_field("sys_user", "mobile_phone", absent=absent)
    pages, error = await walk(source, cursor)
    assert error is None
    assert found(pages) == tickets
    customers = [ticket.customer for page in pages for ticket in page.tickets]
    assert {(customer.email, customer.phone) for customer in customers} == {(None, None)}


async def test_an_empty_answer_of_200_is_not_taken_for_no_tickets(desk: Any) -> None:
    source, cursor, tickets = await begin(desk)
    for ticket in tickets:
        desk.instance.hide(ticket)
    pages, error = await walk(source, cursor)
    assert error is None
    assert (pages[-1].warning or "").startswith("5 of 5 rows are hidden")


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo"])
async def test_checklist_1_the_zone_of_the_account_does_not_matter(desk: Any, zone: str) -> None:
    """Checklist 1."""
    desk.instance.account.zone = ZoneInfo(zone)
    source, cursor, tickets = await begin(desk)
    pages, error = await walk(source, cursor)
    assert error is None
    assert found(pages) == tickets
    closed_at = {ticket.closed_at for page in pages for ticket in page.tickets}
    assert closed_at == {desk.clock.now()}


@pytest.mark.parametrize("skew", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "behind"])
async def test_a_clock_that_is_an_hour_off_loses_nothing_and_asks_nobody_twice(desk: Any, skew: timedelta) -> None:
    """The instance's clock counts, not the hub's."""
    theirs = FakeClock(desk.clock.now() + skew)
    instance = Instance(theirs, "https://acme.service-now.com")
    context = FakeContext(transport=httpx.ASGITransport(build_app(instance)), clock=desk.clock)
    source = ServiceNowSource(desk.config(), context)

    def resolve() -> str:
        ticket = instance.open_record("incident", instance.add_user("mia@example.com"), "VPN drops")
        instance.resolve(ticket)
        return ticket

    old = resolve()
    theirs.advance(timedelta(minutes=1))
    [start] = [page async for page in source.pull(None)]
    cursor, seen = start.cursor, []
    expected = []
    for _ in range(3):
        theirs.advance(timedelta(minutes=20))
        desk.clock.advance(timedelta(minutes=20))
        expected.append(resolve())
        pages, error = await walk(source, cursor)
        assert error is None
        seen += found(pages)
        cursor = pages[-1].cursor
    assert old not in seen
    assert sorted(set(seen)) == sorted(expected)


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Mar 2026 09:00:00 GMT"])
async def test_without_a_readable_date_the_hubs_clock_must_do(desk: Any, date: str) -> None:
    inner = httpx.ASGITransport(build_app(desk.instance))

    async def without_date(request: httpx.Request) -> httpx.Response:
        response = await inner.handle_async_request(request)
        content = await response.aread()
        headers = [(name, value) for name, value in response.headers.items() if name.lower() != "date"]
        return httpx.Response(response.status_code, headers=[*headers, ("date", date)], content=content)

    context = FakeContext(transport=httpx.MockTransport(without_date), clock=desk.clock)
    source = ServiceNowSource(desk.config(), context)
    [start] = [page async for page in source.pull(None)]
    tickets = desk.resolved(3)
    pages, error = await walk(source, start.cursor)
    assert error is None
    assert found(pages) == sorted(tickets)
