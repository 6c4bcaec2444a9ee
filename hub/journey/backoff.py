"""How long to wait before something that failed is tried again."""

from __future__ import annotations

from datetime import timedelta


def backoff(failures: int, first: timedelta, longest: timedelta) -> timedelta:
    """Twice as long after each failure in a row, up to `longest`. `failures` counts from 0."""
    doubled: timedelta = first * 2 ** min(failures, 16)
    return min(doubled, longest)
