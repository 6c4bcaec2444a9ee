"""429 in its forms. The waits pass on the fake clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sandbox.servicenow import faults
from sandbox.servicenow.exchange import Reply

from hub import Cursor, RateLimited

TABLE = "/table/incident"


async def begin(desk: Any) -> tuple[Any, Cursor]:
    source = desk.source()
    [start] = [page async for page in source.pull(None)]
    desk.clock.slept.clear()
    return source, start.cursor


async def walk(source: Any, cursor: Cursor) -> list[str]:
    return [ticket.id async for page in source.pull(cursor) for ticket in page.tickets]


async def test_checklist_12_retry_after_is_kept_to(desk: Any) -> None:
    """Checklist 12."""
    source, cursor = await begin(desk)
    tickets = desk.resolved(2)
    desk.instance.faults.plan(faults.rate_limited(desk.clock, 30), path=TABLE)
    assert sorted(await walk(source, cursor)) == sorted(tickets)
    assert 30 <= sum(desk.clock.slept) <= 45


async def test_checklist_12_a_reset_in_unix_seconds_is_kept_to(desk: Any) -> None:
    """Checklist 12: the header as ServiceNow writes it, without Retry-After."""
    source, cursor = await begin(desk)
    tickets = desk.resolved(2)

    def limited(proceed: Any) -> Reply:
        reset = str(int((desk.clock.now() + timedelta(seconds=40)).timestamp()))
        return Reply(429, b'{"error":{"message":"Rate limit exceeded"}}', {"X-RateLimit-Reset": reset})

    desk.instance.faults.plan(limited, path=TABLE)
    assert sorted(await walk(source, cursor)) == sorted(tickets)
    assert 40 <= sum(desk.clock.slept) <= 60


async def test_checklist_12_without_headers_it_backs_off(desk: Any) -> None:
    """Checklist 12: semaphores."""
    source, cursor = await begin(desk)
    tickets = desk.resolved(2)
    desk.instance.faults.plan(faults.SEMAPHORES_TAKEN, path=TABLE, times=3)
    assert sorted(await walk(source, cursor)) == sorted(tickets)
    assert desk.clock.slept
    assert sum(desk.clock.slept) < 60


async def test_checklist_12_a_quota_of_half_an_hour_is_reported_at_once(desk: Any) -> None:
    """Checklist 12: the hub does something else meanwhile."""
    source, cursor = await begin(desk)
    desk.resolved(2)
    desk.instance.faults.plan(faults.rate_limited(desk.clock, 1800), path=TABLE, times=100)
    asked = len(desk.instance.requests)
    with pytest.raises(RateLimited) as limited:
        await walk(source, cursor)
    assert limited.value.retry_after is not None
    assert 1790 <= limited.value.retry_after.total_seconds() <= 1800
    assert sum(desk.clock.slept) < 10
    assert len(desk.instance.requests) == asked + 1, "a refused account must not keep asking"


async def test_checklist_12_after_the_quota_the_walk_finds_everything(desk: Any) -> None:
    """Checklist 12."""
    source, cursor = await begin(desk)
    tickets = desk.resolved(2)
    desk.instance.faults.plan(faults.rate_limited(desk.clock, 1800), path=TABLE)
    with pytest.raises(RateLimited):
        await walk(source, cursor)
    desk.clock.advance(timedelta(seconds=1801))
    assert sorted(await walk(source, cursor)) == sorted(tickets)


async def test_a_limit_on_the_second_page_repeats_that_page_only(desk: Any) -> None:
    source = desk.source(page_size=2)
    [start] = [page async for page in source.pull(None)]
    tickets = desk.resolved(5)
    desk.instance.faults.plan(faults.rate_limited(desk.clock, 5), path=TABLE, after=1)
    assert sorted(await walk(source, start.cursor)) == sorted(tickets)
