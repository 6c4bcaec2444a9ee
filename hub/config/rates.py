"""Rates in hub.toml: `rate = "200 per second"`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

import durationpy
from pydantic import PlainValidator, WithJsonSchema

from hub.api.component import RateLimit
from hub.config.messages import duration_text
from hub.registry import did_you_mean

_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
_HINT = 'write for example "200 per second", "5000 per hour" or "100 per 10s"'
_MOST = 1_000_000
_LONGEST = timedelta(days=31)
_FORM = re.compile(r"(\d{1,9}) +per +([\w.]+)", re.ASCII)


def parse_rate(value: Any) -> RateLimit:
    """Read "CALLS per UNIT"; the unit is second, minute, hour, day, or a duration.

    :raises ValueError: it is not written so.
    """
    if isinstance(value, RateLimit):
        return value
    match = _FORM.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"not a rate; {_HINT}")
    calls, per = int(match[1]), _per(match[2])
    if not 1 <= calls <= _MOST:
        raise ValueError(f"must allow 1 to {_MOST} calls; to switch a component off, set enabled = false")
    if not timedelta(seconds=1) <= per <= _LONGEST:
        raise ValueError(f"must be per second or longer, up to {_LONGEST.days}d")
    return RateLimit(calls, per)


def _per(unit: str) -> timedelta:
    if unit in _UNITS:
        return _UNITS[unit]
    try:
        length: timedelta = durationpy.from_str(unit)
    except (durationpy.DurationError, ValueError, OverflowError):
        raise ValueError(f"{unit!r} is not a unit of time.{did_you_mean(unit, _UNITS)} Otherwise {_HINT}") from None
    return length


def rate_text(rate: RateLimit) -> str:
    """A rate as it is written in hub.toml."""
    unit = next((name for name, length in _UNITS.items() if length == rate.per), duration_text(rate.per))
    return f"{rate.calls} per {unit}"


Rate = Annotated[
    RateLimit,
    PlainValidator(parse_rate),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\s*\d+ +per +(second|minute|hour|day|(\d+(\.\d+)?(ms|s|m|h|d|w))+)\s*$"}
    ),
]
"""At most so many calls within any such time, written "200 per second"."""
