"""Times as Jira writes them, in the caller's zone."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo


@lru_cache(100_000)
def stamp(at: datetime, zone: str) -> str:
    """The platform's form: milliseconds and an offset without a colon."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03d}{local:%z}"


def optional_stamp(at: datetime | None, zone: str) -> str | None:
    """The platform's form, or None."""
    return None if at is None else stamp(at, zone)


def epoch_millis(at: datetime) -> int:
    """Milliseconds since 1970."""
    return round(at.timestamp() * 1000)


def portal_date(at: datetime, zone: str) -> dict[str, Any]:
    """Service Management's form: the same time four times."""
    local = at.astimezone(ZoneInfo(zone))
    return {
        "iso8601": f"{local:%Y-%m-%dT%H:%M:%S%z}",
        "jira": stamp(at, zone),
        "friendly": f"{local:%d/%b/%y} {local.hour % 12 or 12}:{local:%M %p}",
        "epochMillis": epoch_millis(at),
    }
