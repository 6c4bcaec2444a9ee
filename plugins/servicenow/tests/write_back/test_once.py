"""No customer's words stand on a ticket twice, and none are shown to customers."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hub_servicenow.source import ServiceNowSource
from sandbox.servicenow import faults
from sandbox.servicenow.schema import Column, Kind

from hub import AuthFailed, DeliveryStatus, RateLimited, Unavailable
from hub.testing.fakes import FakeContext

JOURNAL = "sys_journal_field"
FIELDS = {"write_back": ["fields"]}
BLIND = {"result_fields": {}}
QUOTA = timedelta(seconds=90)


def notes(desk: Any, ticket: str) -> list[str]:
    return desk.instance.journal(ticket, "work_notes")


async def statuses(desk: Any, item: Any, times: int, **settings: Any) -> list[DeliveryStatus]:
    """Write again and again, each time by a new process."""
    return [(await desk.source(**settings).write_back([item]))[0].status for _ in range(times)]


class Killed(BaseException):
    """The hub ends in the middle of a request."""


class Deadly(httpx.AsyncBaseTransport):
    """Carries a PATCH out, and kills the hub before the answer."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if request.method == "PATCH":
            raise Killed
        return response


async def test_a_note_that_nobody_can_look_for_is_not_repeated_when_the_hub_was_killed(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.deny_table(JOURNAL)
    context = FakeContext(transport=Deadly(desk.transport), clock=desk.clock)
    context.vault = desk.context.vault
    with pytest.raises(BaseExceptionGroup):
        await ServiceNowSource(desk.config(**BLIND), context).write_back([answer(ticket)])
    assert await statuses(desk, answer(ticket), 2, **BLIND) == [DeliveryStatus.SENT] * 2
    assert len(notes(desk, ticket)) == 1


async def test_a_note_whose_receipt_was_not_stored_is_not_repeated(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.deny_table(JOURNAL)
    assert await statuses(desk, answer(ticket), 3, **BLIND) == [DeliveryStatus.SENT] * 3
    assert len(notes(desk, ticket)) == 1
    assert await statuses(desk, answer(ticket, revision=2), 1, **BLIND) == [DeliveryStatus.SENT]
    assert len(notes(desk, ticket)) == 2


@pytest.mark.parametrize("fault", [faults.UNAUTHENTICATED, faults.SEMAPHORES_TAKEN, faults.ACL_REFUSES])
async def test_what_certainly_did_nothing_is_written_later_though_nobody_can_look(
    desk: Any, answer: Any, fault: Any
) -> None:
    [ticket] = desk.resolved()
    desk.instance.deny_table(JOURNAL)
    desk.instance.faults.plan(fault, method="PATCH", times=100)
    with suppress(AuthFailed, RateLimited):
        await desk.source(**BLIND).write_back([answer(ticket)])
    desk.instance.faults.clear()
    desk.clock.advance(timedelta(minutes=5))
    assert await statuses(desk, answer(ticket), 1, **BLIND) == [DeliveryStatus.SENT]
    assert len(notes(desk, ticket)) == 1


@pytest.mark.parametrize("write_back", ["fields", "note"])
async def test_a_column_that_keeps_no_ids_makes_no_second_note(desk: Any, answer: Any, write_back: str) -> None:
    """Neither with a journal that can be read, nor without."""
    for ticket, hidden in zip(desk.resolved(2), (False, True), strict=True):
        desk.instance.protect_field("incident", "u_xm_response_id")
        if hidden:
            desk.instance.deny_table(JOURNAL)
        await statuses(desk, answer(ticket), 3, write_back=[write_back])
        assert len(notes(desk, ticket)) == 1


async def test_a_cut_response_id_makes_no_second_note(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.drop_column("task", "u_xm_response_id")
    desk.instance.add_column("task", Column("u_xm_response_id", max_length=20))
    await statuses(desk, answer(ticket, id="x" * 33), 2, **FIELDS)
    desk.instance.deny_table(JOURNAL)
    await statuses(desk, answer(ticket, id="y" * 33), 2, **FIELDS)
    assert len(notes(desk, ticket)) == 2


@pytest.mark.parametrize("hidden", [False, True])
async def test_two_answers_on_one_ticket_do_not_take_turns(desk: Any, answer: Any, hidden: bool) -> None:
    """The column holds the later one. That does not make the earlier one new."""
    [ticket] = desk.resolved()
    if hidden:
        desk.instance.deny_table(JOURNAL)
    items = [answer(ticket, id="aaa"), answer(ticket, id="bbb", comment="Second")]
    for _ in range(2):
        await desk.source(**FIELDS).write_back(items)
    await desk.source(**FIELDS).write_back(items[:1])
    assert len(notes(desk, ticket)) == 2
    assert desk.instance.record(ticket)["u_xm_comment"] == "Second"


async def test_an_earlier_revision_does_not_overwrite_a_later_one(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    await statuses(desk, answer(ticket, revision=10, comment="Last"), 1, **FIELDS)
    [receipt] = await desk.source(**FIELDS).write_back([answer(ticket, revision=9, comment="First")])
    assert (receipt.status, receipt.reason) == (DeliveryStatus.DELIVERED, "work note")
    row = desk.instance.record(ticket)
    assert (row["u_xm_comment"], row["u_xm_response_id"]) == ("Last", "x991.10")


class Late(httpx.AsyncBaseTransport):
    """Never answers a request that writes, and carries it out when it is told to."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.held: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return await self._inner.handle_async_request(request)
        content = await request.aread()
        self.held.append(httpx.Request(request.method, request.url, headers=request.headers, content=content))
        raise httpx.ReadTimeout("no answer")

    async def carry_out(self) -> None:
        for request in self.held:
            await self._inner.handle_async_request(request)


@pytest.mark.parametrize("write_back", ["fields", "note", "table"])
async def test_a_request_that_may_still_be_running_is_waited_for(desk: Any, answer: Any, write_back: str) -> None:
    """An instance gives a transaction 60 seconds."""
    [ticket] = desk.resolved()
    network = Late(desk.transport)
    context = FakeContext(transport=network, clock=desk.clock)
    source = ServiceNowSource(desk.config(write_back=[write_back]), context)
    for _ in range(3):
        [receipt] = await source.write_back([answer(ticket)])
        assert receipt.status is DeliveryStatus.UNKNOWN
        desk.clock.advance(timedelta(seconds=20))
    assert len(network.held) == 1
    await network.carry_out()
    desk.clock.advance(QUOTA)
    [receipt] = await source.write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.DELIVERED
    assert len(network.held) == 1


async def test_a_journal_of_ones_own_is_no_column_for_answers(desk: Any, answer: Any) -> None:
    """What is appended there goes out by mail."""
    desk.instance.add_column("task", Column("u_public", Kind.JOURNAL, max_length=4000))
    [ticket] = desk.resolved()
    settings = {"result_fields": {"comment": "u_public", "response": "u_xm_response_id"}, **FIELDS}
    [receipt] = await desk.source(**settings).write_back([answer(ticket)])
    assert "u_public of incident is a journal" in (receipt.reason or "")
    assert desk.instance.journal(ticket, "u_public") == notes(desk, ticket) == []
    found = {result.what: result for result in await desk.source(**settings).check()}
    assert not found["write back: fields"].ok
    assert "u_public of incident is a journal" in found["write back: fields"].detail


async def test_an_own_table_that_keeps_no_ids_gets_one_row_at_most(desk: Any, answer: Any) -> None:
    """An instance that finds nothing for an unknown column would get a row with each attempt."""
    tickets = desk.resolved(2)
    desk.instance.invalid_query_returns_no_rows = True
    desk.instance.drop_column("u_experience", "u_xm_response_id")
    source = desk.source(write_back=["table"])
    [receipt] = await source.write_back([answer(tickets[0])])
    assert receipt.reason == "not table: u_experience has no column u_xm_response_id"
    assert desk.instance.store.rows("u_experience") == []
    desk.instance.deny_table("sys_dictionary")
    receipts = [(await source.write_back([answer(one)]))[0] for one in tickets]
    assert [one.status for one in receipts] == [DeliveryStatus.SENT, DeliveryStatus.UNKNOWN]
    assert len(desk.instance.store.rows("u_experience")) == 1


async def test_an_outage_during_the_proof_of_columns_is_an_outage(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.faults.plan(faults.MAINTENANCE, path="sys_dictionary", times=100)
    with pytest.raises(Unavailable):
        await desk.source(**FIELDS).write_back([answer(ticket)])
    assert notes(desk, ticket) == []
