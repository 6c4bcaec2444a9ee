"""When a customer may be reached: outside the quiet hours, on a working day that is no public holiday. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hub.config.values import QuietHours
from hub.journey.zones import zone_of
from hub.public_holidays import public_holidays

__all__ = ["EVERY_DAY", "Calendar", "next_allowed", "zone_of"]

EVERY_DAY = frozenset(range(7))
_ANY_YEAR = 2026  # whether a place is known does not depend on the year
_MOST_STEPS = 1000
"""Each step passes the quiet hours or ends a day, so this is more than a year. No country rests that long."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When customers of one place may be reached. Cheap to make: one for each ticket is fine.

    :raises ValueError: no day of the week is allowed, or nobody knows the holidays of the place.
    """

    zone: ZoneInfo
    quiet: QuietHours | None = None
    """The customer's own time of day counts. Equal ends are no quiet hours."""
    working_days: frozenset[int] = EVERY_DAY
    """0 is Monday."""
    holidays: str | None = None
    """A country, "FI", or a part of one, "DE-BY", whose public holidays are no working days."""

    def __post_init__(self) -> None:
        if not self.working_days or not self.working_days <= EVERY_DAY:
            raise ValueError("working days must be one or more of 0 (Monday) to 6 (Sunday)")
        if self.holidays is not None:
            public_holidays(self.holidays, _ANY_YEAR)


def next_allowed(at: datetime, calendar: Calendar) -> datetime:
    """The first moment from `at` on that is allowed, in UTC.

    A clock that is put forward or back is taken as people see it: a time of day that comes twice is allowed twice,
    and quiet hours that end within a skipped hour end with it.
    """
    moment = at.astimezone(UTC)
    for _ in range(_MOST_STEPS):
        local = moment.astimezone(calendar.zone)
        wait = _wait(local.replace(tzinfo=None), calendar)
        if not wait:
            return moment
        moment = _pass(moment, moment + wait, calendar.zone)
    raise ValueError("no moment of the coming year is allowed")


def _wait(local: datetime, calendar: Calendar) -> timedelta:
    """How long until the clock on the wall shows the end of what forbids this moment; zero when nothing does."""
    day = local.date()
    if not _is_working_day(day, calendar):
        return _midnight_after(day) - local
    quiet = calendar.quiet
    if quiet is None or not _is_quiet(local.time(), quiet):
        return timedelta()
    ends = datetime.combine(day, quiet.end)
    return (ends if ends > local else ends + timedelta(days=1)) - local


def _is_working_day(day: date, calendar: Calendar) -> bool:
    if day.weekday() not in calendar.working_days:
        return False
    return calendar.holidays is None or day not in public_holidays(calendar.holidays, day.year)


def _is_quiet(clock: time, quiet: QuietHours) -> bool:
    if quiet.start <= quiet.end:
        return quiet.start <= clock < quiet.end
    return clock >= quiet.start or clock < quiet.end


def _midnight_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time())


def _pass(start: datetime, end: datetime, zone: ZoneInfo) -> datetime:
    """`end`, or an earlier moment at which the clocks of the zone are changed, after which the wait is another one."""
    offset = start.astimezone(zone).utcoffset()
    if end.astimezone(zone).utcoffset() == offset:
        return end
    before, after = int(start.timestamp()), int(end.timestamp())
    while after - before > 1:  # clocks are changed at whole seconds
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return datetime.fromtimestamp(after, UTC)
