"""What one ticket, or a slow instance, does to the others of a batch."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hub_servicenow.source import ServiceNowSource
from sandbox.servicenow import faults
from sandbox.servicenow.exchange import failure, page

from hub import AuthFailed, DeliveryStatus, Unexpected
from hub.testing.fakes import FakeContext

OUTAGE = faults.answer(page(404, "<html><body>404 Not Found</body></html>"))
NO_RESOURCE = faults.answer(failure(404, "Requested URI does not represent any resource"))
NOTES = "work_notes"


class Slow(httpx.AsyncBaseTransport):
    """A network on which each request takes some seconds of the fake clock, and counts those that are under way."""

    def __init__(self, desk: Any, seconds: float) -> None:
        self._desk = desk
        self._seconds = seconds
        self._under_way = 0
        self.most = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        for _ in range(3):
            await asyncio.sleep(0)
        self._desk.clock.advance(timedelta(seconds=self._seconds))
        try:
            return await self._desk.transport.handle_async_request(request)
        finally:
            self._under_way -= 1


def slow_source(desk: Any, transport: Slow) -> ServiceNowSource:
    return ServiceNowSource(desk.config(), FakeContext(transport=transport, clock=desk.clock))


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_one_ticket_that_may_not_be_read_does_not_stop_the_others(desk: Any, answer: Any, place: int) -> None:
    tickets = desk.resolved(3)
    desk.instance.faults.plan(faults.NO_RIGHTS, method="GET", path=tickets[place], times=1000)
    desk.instance.faults.plan(faults.SERVER_ERROR, method="GET", path="/table/incident", times=6)  # all in one look
    receipts = await desk.source().write_back([answer(one, id=one) for one in tickets])
    refused = receipts[place]
    assert refused.status is DeliveryStatus.UNKNOWN
    assert "Insufficient rights" in (refused.reason or "")
    written = {one for one in tickets if desk.instance.journal(one, NOTES)}
    assert written == set(tickets) - {tickets[place]}


async def test_a_ticket_that_may_not_be_read_is_told_from_an_account_that_may_not(desk: Any, answer: Any) -> None:
    """Alone in its batch too: an error would pause the whole source, for good."""
    [ticket] = desk.resolved()
    desk.instance.faults.plan(faults.NO_RIGHTS, method="GET", path=ticket, times=1000)
    [receipt] = await desk.source().write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.UNKNOWN
    desk.instance.deny_table("incident")
    with pytest.raises(AuthFailed):
        await desk.source().write_back([answer(ticket)])


@pytest.mark.parametrize("fault", [OUTAGE, NO_RESOURCE], ids=["web page", "no resource"])
async def test_a_404_that_does_not_come_from_the_table_is_no_ticket_that_is_gone(
    desk: Any, answer: Any, fault: Any
) -> None:
    tickets = desk.resolved(2)
    desk.instance.faults.plan(fault, method="GET", times=100)
    with pytest.raises(Unexpected, match="404"):
        await desk.source().write_back([answer(one) for one in tickets])
    desk.instance.faults.clear()
    receipts = await desk.source().write_back([answer(one) for one in tickets])
    assert {receipt.status for receipt in receipts} == {DeliveryStatus.DELIVERED}


async def test_a_slow_instance_gets_receipts_back_before_the_hub_stops_waiting(desk: Any, answer: Any) -> None:
    tickets = desk.resolved(50)
    source = slow_source(desk, Slow(desk, 2))
    began = desk.clock.now()
    items = [answer(one, id=one) for one in tickets]
    receipts = await source.write_back(items)
    assert desk.clock.now() - began < timedelta(seconds=120)
    waiting = [receipt for receipt in receipts if receipt.reason == "waits for its turn"]
    assert 0 < len(waiting) < 50
    assert {receipt.status for receipt in waiting} == {DeliveryStatus.UNKNOWN}
    for _ in range(10):
        left = {receipt.key for receipt in receipts if receipt.status is not DeliveryStatus.DELIVERED}
        receipts = await source.write_back([item for item in items if item.id in left])
    assert receipts == []
    assert {len(desk.instance.journal(one, NOTES)) for one in tickets} == {1}


async def test_a_few_tickets_are_written_at_once_and_the_answers_of_one_in_order(desk: Any, answer: Any) -> None:
    tickets = desk.resolved(10)
    network = Slow(desk, 0.01)
    items = [answer(one, id=f"x{number}") for number in range(3) for one in tickets]
    receipts = await slow_source(desk, network).write_back(items)
    assert {receipt.status for receipt in receipts} == {DeliveryStatus.DELIVERED}
    assert [receipt.key for receipt in receipts] == [item.id for item in items]
    assert network.most == 4
    for one in tickets:
        marks = [note.split(":")[0] for note in desk.instance.journal(one, NOTES)]
        assert marks == ["Survey answer x0.1", "Survey answer x1.1", "Survey answer x2.1"]


async def test_an_account_that_is_refused_does_not_keep_asking(desk: Any, answer: Any) -> None:
    """Not once for each ticket: accounts get locked."""
    tickets = desk.resolved(50)
    desk.instance.faults.plan(faults.UNAUTHENTICATED, times=1000)
    with pytest.raises(AuthFailed):
        await desk.source().write_back([answer(one) for one in tickets])
    assert len(desk.instance.requests) <= 4
