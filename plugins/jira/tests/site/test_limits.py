"""Jira's rate limits: the connector waits where waiting helps, and says so where it does not. Checklist 12."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sandbox.jira.faults import html, rate_limited
from sandbox.jira.limits import Bucket

from hub import DeliveryStatus, RateLimited
from hub.http import LentClient, Pauses

SEARCH = r"/search(/jql)?$"


async def pulled(world: Any, start: Any, walk: Any, settled: timedelta, before_walk: Any = None) -> list[str]:
    """Ids found after three tickets were closed, with something going wrong in between."""
    source = world.source(page_size=2)
    cursor = await start(source)
    closed = [world.closed().id for _ in range(3)]
    world.clock.advance(settled)
    if before_walk:
        before_walk()
    found = {ticket.id for page in await walk(source, cursor) for ticket in page.tickets}
    assert found == set(closed)
    return closed


@pytest.mark.parametrize("answer", [
    rate_limited(7), rate_limited(None), rate_limited(None, reason="something new"),
    rate_limited("Mon, 02 Mar 2026 09:10:07 GMT"), html(429, "Too Many Requests"),
    html(429, "Rate limited", {"Retry-After": "7"}),
])  # fmt: skip
async def test_a_search_that_is_limited_goes_on(
    world: Any, start: Any, walk: Any, settled: timedelta, answer: Any
) -> None:
    """With Retry-After in seconds or as a date, without it, and as HTML."""
    await pulled(world, start, walk, settled, lambda: world.site.faults.on("*", SEARCH, answer, times=2, after=1))
    asks = next((value for name, value in answer.headers.items() if name == "Retry-After"), "0.5")
    assert len(world.clock.slept) >= 2
    assert world.clock.slept[0] >= (float(asks) if asks[0].isdigit() else 7)


async def test_the_token_bucket_of_data_center_is_waited_for(
    dc: Any, start: Any, walk: Any, settled: timedelta
) -> None:
    dc.site.limits.bucket = Bucket(capacity=2)
    await pulled(dc, start, walk, settled)
    assert dc.site.limits.refused > 0


async def test_the_published_limits_are_kept_to_in_the_end(
    cloud: Any, start: Any, walk: Any, settled: timedelta
) -> None:
    cloud.site.limits.burst("POST", "/search/jql$", 1, retry_after=None)
    await pulled(cloud, start, walk, settled)
    assert cloud.site.limits.refused > 0


async def test_a_used_up_quota_is_reported_and_nothing_is_asked_meanwhile(cloud: Any, start: Any, walk: Any) -> None:
    source = cloud.source()
    cursor = await start(source)
    cloud.site.limits.use_up_quota(1800)
    with pytest.raises(RateLimited) as limit:
        await walk(source, cursor)
    assert timedelta(minutes=25) < limit.value.retry_after <= timedelta(minutes=30)
    asked = len(cloud.site.requests)
    with pytest.raises(RateLimited):
        await walk(source, cursor)
    with pytest.raises(RateLimited):
        await cloud.writer().write([cloud.experience(cloud.closed())])
    assert len(cloud.site.requests) == asked
    cloud.clock.advance(timedelta(minutes=31))
    assert await walk(source, cursor)


async def test_other_tenants_keep_running(cloud: Any, start: Any, walk: Any) -> None:
    """Two sites behind the same host, api.atlassian.com, each with a token of its own; one has used up its quota."""
    pauses = Pauses(cloud.clock, cloud.context.random)
    other = type(cloud)("cloud")
    other.site.cloud_id = "99999999-a1b2-3b33-c444-def123456789"
    sources = []
    for number, world in enumerate((cloud, other)):
        world.site.clock = world.context.clock = cloud.clock
        world.site.clock = cloud.clock.now
        world.site.auth.add_token(world.site.account, f"scoped-{number}", scoped=True)
        world.sign_in = {
            "email": "hub@acme.example", "api_token": f"scoped-{number}", "cloud_id": world.site.cloud_id
        }  # fmt: skip
        world.context._http = LentClient(
            world.context._transport, name=f"tenant-{number}", clock=cloud.clock, random=world.context.random,
            log=world.context.log, pauses=pauses,
        )  # fmt: skip
        source = world.source()
        sources.append((source, await start(source)))
    cloud.site.limits.use_up_quota(1800)
    with pytest.raises(RateLimited):
        await walk(*sources[0])
    slept = len(cloud.clock.slept)
    assert await walk(*sources[1])
    assert len(cloud.clock.slept) == slept


async def test_a_limit_in_the_middle_of_a_walk_leaves_the_cursor(world: Any, start: Any, settled: timedelta) -> None:
    source = world.source(page_size=2)
    cursor = await start(source)
    for _ in range(7):
        world.clock.advance(timedelta(seconds=20))
        world.closed()
    world.clock.advance(settled)
    world.site.faults.on("*", SEARCH, rate_limited(1800, reason="jira-quota-tenant-based"), times=0, after=2)
    cursors = []

    async def pull() -> None:
        async for page in source.pull(cursor):
            cursors.append(page.cursor)  # noqa: PERF401 - those before the error count too

    with pytest.raises(RateLimited):
        await pull()
    assert cursors
    assert set(cursors) == {cursor}


async def test_a_burst_limit_holds_up_its_own_endpoint_only(cloud: Any) -> None:
    client = cloud.client()
    cloud.site.faults.on("GET", "/comment$", rate_limited(600))
    path = "rest/api/3/issue/{}/comment"
    one, other = cloud.closed(), cloud.closed()
    for issue in (one, other):
        with pytest.raises(RateLimited):
            await client.json("GET", path.format(issue.id))
    assert len(cloud.asked()) == 1
    await client.json("GET", "rest/api/3/myself")
    await client.json("GET", f"rest/api/3/issue/{one.id}")
    await client.json("POST", path.format(one.id), json={"body": _document("other method")})
    assert cloud.clock.slept == []


def _document(text: str) -> dict[str, Any]:
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": text}]}],
    }


async def test_writes_to_one_ticket_are_spaced_and_other_tickets_do_not_wait(world: Any) -> None:
    busy, quiet = world.closed(), [world.closed() for _ in range(10)]
    items = [world.experience(busy, id=f"aaa-{number}") for number in range(30)]
    writer = world.writer()
    receipts = await writer.write([*items, *map(world.experience, quiet)])
    assert {receipt.status for receipt in receipts[30:]} == {DeliveryStatus.DELIVERED}
    while left := [item for item, receipt in zip(items, receipts, strict=False) if receipt.status.value == "unknown"]:
        world.clock.advance(timedelta(seconds=15))
        items, receipts = left, await writer.write(left)
    assert (world.site.limits.refused > 0) == (world.site.kind == "cloud")
    assert len(busy.comments) == 30
    assert len({comment.text.splitlines()[-1] for comment in busy.comments}) == 30
    assert [len(issue.comments) for issue in quiet] == [1] * 10


@pytest.mark.parametrize("retry_after", [1, None])
async def test_a_limited_comment_is_written_once(world: Any, retry_after: int | None) -> None:
    issue = world.closed()
    writer = world.writer()
    world.site.faults.on("POST", "/comment$", rate_limited(retry_after, reason="jira-per-issue-on-write"))
    for _ in range(2):
        [receipt] = await writer.write([world.experience(issue)])
    assert receipt.status is DeliveryStatus.DELIVERED
    assert len(issue.comments) == 1
