"""A moment, and a hub that has counted nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hub.journey.overview import Overview, Queue

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=400)
EMPTY = Queue(0, 0, None)
NOTHING = Overview(
    since=NOW - timedelta(days=1),
    closed={},
    asked={},
    follow_ups={},
    skipped={},
    received={},
    experiences=0,
    answered=0,
    written={},
    undecided=EMPTY,
    unread=EMPTY,
    held=EMPTY,
    surveys={},
    results={},
    doubts=(),
    paused=(),
)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)
