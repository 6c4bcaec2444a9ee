"""The tickets of a batch are looked at together; what that does not show is looked at singly."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hub_servicenow.source import ServiceNowSource
from sandbox.servicenow import faults

from hub import AuthFailed, DeliveryStatus, RateLimited
from hub.testing.fakes import FakeClock, FakeContext

NOTES = "work_notes"
JOURNAL = "sys_journal_field"
DELIVERED = DeliveryStatus.DELIVERED
FAILURES = {
    "no rights": faults.NO_RIGHTS, "broken": faults.SERVER_ERROR, "bad gateway": faults.BAD_GATEWAY,
    "cut": faults.cut, "cancelled": faults.cancelled, "no answer": faults.time_out, "wrong types": faults.wrong_types,
    "deep": faults.deep, "no result": faults.NO_RESULT[0], "hibernating": faults.HIBERNATING,
}  # fmt: skip


def asked(desk: Any, start: int = 0) -> Counter[str]:
    """How many requests there were to each table, and to single records of it."""
    found: Counter[str] = Counter()
    for request in desk.instance.requests[start:]:
        table, _, record = request.path.partition("/table/")[2].partition("/")
        found[f"{request.method} {table}{'/…' if record else ''}"] += 1
    return found


async def write(desk: Any, items: list[Any], **settings: Any) -> list[Any]:
    return list(await desk.source(**settings).write_back(items))


async def test_two_requests_write_an_ordinary_note_of_a_batch(desk: Any, answer: Any) -> None:
    tickets = desk.resolved(50)
    receipts = await write(desk, [answer(one, id=one) for one in tickets])
    assert {receipt.status for receipt in receipts} == {DELIVERED}
    assert asked(desk) == {"GET incident": 2, f"GET {JOURNAL}": 2 + 50, "PATCH incident/…": 50}
    assert {len(desk.instance.journal(one, NOTES)) for one in tickets} == {1}


async def test_four_requests_write_a_note_that_is_alone(desk: Any, answer: Any) -> None:
    await write(desk, [answer(desk.resolved()[0])])
    assert asked(desk) == {"GET incident/…": 1, f"GET {JOURNAL}": 2, "PATCH incident/…": 1}


@pytest.mark.parametrize("write_back", ["note", "fields"])
async def test_what_is_there_already_is_found_among_many(desk: Any, answer: Any, write_back: str) -> None:
    tickets = desk.resolved(30)
    items = [answer(one, id=one) for one in tickets]
    await write(desk, items[3:9], write_back=[write_back])
    for _ in range(2):
        receipts = await write(desk, items, write_back=[write_back])
        assert {receipt.status for receipt in receipts} == {DELIVERED}
    assert {len(desk.instance.journal(one, NOTES)) for one in tickets} == {1}


async def test_a_later_revision_among_many_is_not_overwritten(desk: Any, answer: Any) -> None:
    tickets = desk.resolved(5)
    await write(desk, [answer(tickets[2], 2, id=tickets[2], comment="Last")], write_back=["fields"])
    receipts = await write(desk, [answer(one, id=one) for one in tickets], write_back=["fields"])
    assert [receipt.reason for receipt in receipts].count("work note") == 1
    assert desk.instance.record(tickets[2])["u_xm_comment"] == "Last"


async def test_answers_of_one_ticket_see_each_other(desk: Any, answer: Any) -> None:
    busy, quiet = desk.resolved(2)
    items = [answer(busy, 3, comment="Last"), answer(quiet, id="other"), answer(busy, 2)]
    await write(desk, items, write_back=["fields"])
    assert desk.instance.record(busy)["u_xm_comment"] == "Last"
    assert len(desk.instance.journal(busy, NOTES)) == 2


async def test_gone_and_hidden_tickets_are_told_from_the_others(desk: Any, answer: Any) -> None:
    gone, hidden, *kept = desk.resolved(8)
    desk.instance.delete(gone)
    desk.instance.hide(hidden)
    receipts = await write(desk, [answer(one, id=one) for one in (gone, hidden, *kept)])
    assert [receipt.status for receipt in receipts] == [DeliveryStatus.REJECTED] * 2 + [DELIVERED] * 6


@pytest.mark.parametrize("table", ["incident", JOURNAL])
@pytest.mark.parametrize("failure", FAILURES)
async def test_a_look_at_all_that_fails_is_made_good_singly(desk: Any, answer: Any, failure: str, table: str) -> None:
    tickets = desk.resolved(3)
    retried = failure in {"broken", "bad gateway", "cut", "no answer"}
    desk.instance.faults.plan(FAILURES[failure], method="GET", path=f"/table/{table}", times=6 if retried else 1)
    receipts = await write(desk, [answer(one, id=one) for one in tickets])
    assert {receipt.status for receipt in receipts} == {DELIVERED}
    assert asked(desk)["GET incident/…"] == 3
    assert {len(desk.instance.journal(one, NOTES)) for one in tickets} == {1}


@pytest.mark.parametrize(
    ("fault", "error"), [(faults.UNAUTHENTICATED, AuthFailed), (faults.rate_limited(FakeClock(), 1800), RateLimited)]
)
async def test_what_concerns_the_account_is_not_tried_for_each_ticket(
    desk: Any, answer: Any, fault: Any, error: Any
) -> None:
    desk.instance.faults.plan(fault, times=1000)
    with pytest.raises(error):
        await write(desk, [answer(one, id=one) for one in desk.resolved(20)])
    assert len(desk.instance.requests) <= 2


async def test_a_journal_that_is_hidden_in_part_is_looked_at_ticket_by_ticket(desk: Any, answer: Any) -> None:
    """A note that cannot be seen may be there all the same: the column with the response id tells."""
    tickets = desk.resolved(3)
    items = [answer(one, id=one) for one in tickets]
    await write(desk, items[:1], write_back=["fields"])
    for row in desk.instance.store.rows(JOURNAL):
        desk.instance.hide(row["sys_id"])
    await write(desk, items, write_back=["fields"])
    assert {len(desk.instance.journal(one, NOTES)) for one in tickets} == {1}


class Overtaken(httpx.AsyncBaseTransport):
    """Holds the first request that writes, and carries it out right after the next look into the journal."""

    def __init__(self, desk: Any) -> None:
        self._desk = desk
        self._held: httpx.Request | None = None
        self.carried_out = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH" and self._held is None:
            content = await request.aread()
            self._held = httpx.Request(request.method, request.url, headers=request.headers, content=content)
            raise httpx.ReadTimeout("no answer")
        response = await self._desk.transport.handle_async_request(request)
        if self._desk.late and self._held is not None and not self.carried_out and JOURNAL in request.url.path:
            self.carried_out = True
            await self._desk.transport.handle_async_request(self._held)
            self._desk.clock.advance(timedelta(seconds=10))
        return response


async def test_a_note_that_comes_after_the_look_at_all_is_not_repeated(desk: Any, answer: Any) -> None:
    """Its answer was lost 85 seconds ago; when its turn comes it is 95."""
    desk.late = False
    tickets = desk.resolved(2)
    items = [answer(one, id=one) for one in tickets]
    source = ServiceNowSource(desk.config(), FakeContext(transport=Overtaken(desk), clock=desk.clock))
    [receipt] = await source.write_back(items[:1])
    assert receipt.status is DeliveryStatus.UNKNOWN
    desk.clock.advance(timedelta(seconds=85))
    desk.late = True
    receipts = await source.write_back(items)
    assert [receipt.status for receipt in receipts] == [DELIVERED] * 2
    assert {len(desk.instance.journal(one, NOTES)) for one in tickets} == {1}
