"""Kinds of values that settings have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, WithJsonSchema

from hub.api.settings import Duration

LONGEST = timedelta(days=3650)
"""Longer durations are a slip, and would lead to times that no calendar has."""


def _sane(value: timedelta) -> timedelta:
    if value < timedelta():
        raise ValueError("must not be negative")
    if value > LONGEST:
        raise ValueError(f"must be {LONGEST.days}d or less")
    return value


def _at_least_a_second(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("must be 1s or more")
    return value


Span = Annotated[Duration, AfterValidator(_sane)]
"""A duration of zero or more."""
Interval = Annotated[Span, AfterValidator(_at_least_a_second)]
"""A duration that a loop can wait for."""
Network = Annotated[IPv4Network | IPv6Network, WithJsonSchema({"type": "string"})]
"""An address or a network, such as "10.0.0.0/8"."""
Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The part of each day, in the customer's time zone, in which nothing is sent. It may span midnight."""

    start: time
    end: time

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


QUIET_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-3]):([0-5]\d)")
"""How quiet hours are written."""


def read_quiet_hours(value: Any) -> Any:
    """Quiet hours from how they are written."""
    if value is None or isinstance(value, QuietHours) or value == "":
        return value or None
    match = QUIET_HOURS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('must be two times of day, such as "20:00-08:00", or "" for none')
    hours = [int(part) for part in match.groups()]
    quiet = QuietHours(time(hours[0], hours[1]), time(hours[2], hours[3]))
    if quiet.start == quiet.end:
        raise ValueError('must start and end at different times; write "" for no quiet hours')
    return quiet


class Section(BaseModel):
    """Base of the hub's own settings: frozen, and an unknown setting is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
