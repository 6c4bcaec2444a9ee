"""Cursors and the queries made of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hub_jira import jql
from hub_jira.cursor import Position, millis, moment_of
from hypothesis import given
from hypothesis import strategies as st
from sandbox.jira import Answer

from hub import Cursor, Unexpected

NOW = datetime(2026, 3, 1, 12, 0, 30, 250_000, tzinfo=UTC)
MILLIS = st.integers(0, 4_000_000_000_000)


@given(MILLIS, MILLIS, MILLIS)
def test_position_reads_back_as_it_was_written(since: int, floor: int, looked: int) -> None:
    """To the millisecond."""
    position = Position(since=since, floor=floor, looked=looked)
    assert Position.read(position.write()) == position
    assert millis(moment_of(since)) == since


@given(st.text() | st.sampled_from(["{}", "null", '{"version":1}', '{"version":1,"since":-1,"floor":0,"looked":0}']))
def test_text_that_is_no_cursor_is_refused(text: str) -> None:
    """With one kind of error."""
    with pytest.raises(Unexpected, match="hub state reset"):
        Position.read(Cursor(text))


@given(MILLIS, st.none() | st.integers(0, 10**9), st.integers(-(10**8), 10**9))
def test_cursor_never_passes_what_was_seen_or_what_has_settled(since: int, newest: int | None, settled: int) -> None:
    """And never goes back."""
    begun = Position(since=since, floor=since, looked=since)
    at = None if newest is None else moment_of(since + newest)
    after = begun.after(at, moment_of(max(0, since + settled)))
    assert after.since >= since
    assert after.since == since or (newest is not None and after.since <= since + min(newest, settled))
    assert after.floor == since


@given(st.integers(0, 9 * 24 * 60 * 60 * 1000))
def test_lower_bound_is_never_later_than_the_moment_meant(gap: int) -> None:
    """A relative one at most three minutes earlier, counted on Jira's own clock; an absolute one exactly."""
    moment = NOW - timedelta(milliseconds=gap)
    clause = jql.since("updated", moment, NOW)
    if '"' in clause:
        minutes = int(clause.removeprefix('updated >= "-').removesuffix('m"'))
        bound = NOW - timedelta(minutes=minutes)
        assert bound <= moment - timedelta(minutes=1)  # Jira may cut to the minute, and a moment passes meanwhile
        assert bound >= moment - timedelta(minutes=3)
    else:
        assert gap >= 7 * 24 * 60 * 60 * 1000
        assert clause == f"updated >= {millis(moment)}"


async def test_ticket_that_leaves_the_second_being_read_hides_no_other(data_center: Any, new_hub: Any) -> None:
    """By offset, the row that moves up into its place would be passed over."""
    hub = new_hub(data_center.source(page_size=5))
    await hub.pull()
    data_center.advance(minutes=1)
    issues = [data_center.close() for _ in range(20)]
    data_center.advance(minutes=1)
    moved: list[Any] = []
    walk = hub.source.pull(hub.cursor)
    found: set[str] = set()
    async for page in walk:
        found |= {ticket.id for ticket in page.tickets}
        if len(moved) < 6:
            for _ in range(3):
                moved.append(issues[len(moved)])
                data_center.site.touch(moved[-1])
    assert len(moved) == 6
    assert found == {issue.id for issue in issues}


async def test_search_that_never_keeps_its_order_is_given_up(data_center: Any, new_hub: Any) -> None:
    """Not walked for ever."""
    hub = new_hub(data_center.source())
    await hub.pull()
    rows = [
        {
            "id": str(number),
            "key": f"SUP-{number}",
            "fields": {"updated": "2026-03-02T09:00:30.000+0000", "status": {"statusCategory": {"key": "done"}}},
            "changelog": {"histories": [{"id": "1", "created": "2026-03-02T09:00:30.000+0000", "items": []}]},
        }
        for number in (1, 2)
    ]
    for row in rows:
        row["fields"]["created"] = "2026-03-02T09:00:30.000+0000"  # type: ignore[index]
    answer = Answer(200, {"issues": rows, "total": 100}, {"content-type": "application/json"})
    data_center.site.faults.on("POST", "/search", answer, times=0)
    with pytest.raises(Unexpected, match="another order"):
        await hub.pull()
