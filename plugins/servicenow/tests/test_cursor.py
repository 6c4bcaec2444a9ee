"""Where a pull goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hub_servicenow.cursor import Position
from hypothesis import given
from hypothesis import strategies as st

from hub import Cursor, Unexpected

TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
MINUTE = timedelta(minutes=1)


@given(TIMES, TIMES, st.none() | TIMES, TIMES)
def test_a_position_never_moves_back_nor_into_what_may_still_change(
    since: datetime, updated: datetime, newest: datetime | None, server_now: datetime
) -> None:
    before = Position(since=since, updated=updated)
    after = before.after(newest, server_now, settle=MINUTE, overlap=5 * MINUTE)
    assert after.since == since
    assert after.updated >= updated
    if after.updated > updated:
        assert after.updated <= server_now - MINUTE
        assert after.updated in (newest, server_now - MINUTE, server_now - 6 * MINUTE)


@pytest.mark.parametrize(
    ("seen_minutes_ago", "moves_to_minutes_ago"), [(0, 1), (0.5, 1), (1, 1), (3, 3), (6, 6), (60, 6), (None, 6)]
)
def test_a_position_follows_what_was_seen_and_lags_behind_on_a_quiet_table(
    seen_minutes_ago: float | None, moves_to_minutes_ago: float
) -> None:
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    newest = None if seen_minutes_ago is None else now - seen_minutes_ago * MINUTE
    after = Position.beginning(now - 60 * MINUTE).after(newest, now, settle=MINUTE, overlap=5 * MINUTE)
    assert after.updated == now - moves_to_minutes_ago * MINUTE


@given(TIMES, TIMES)
def test_a_position_is_read_as_it_was_written(since: datetime, updated: datetime) -> None:
    position = Position(since=since, updated=updated)
    assert Position.read(position.write()) == position


@pytest.mark.parametrize("text", ["", "{}", "null", "2026-03-01 10:00:00", '{"version": 2}', '{"since": "now"}'])
def test_a_cursor_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(Unexpected, match="hub state reset"):
        Position.read(Cursor(text))
