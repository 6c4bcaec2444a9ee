"""The first moment at which a customer may be reached, against a search minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.config.values import QuietHours
from hub.journey.calendar import EVERY_DAY, Calendar, next_allowed
from hub.public_holidays import public_holidays

MONDAY_TO_FRIDAY = frozenset(range(5))
NIGHT = QuietHours(time(20), time(8))
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
HELSINKI = ZoneInfo("Europe/Helsinki")


def allowed(at: datetime, calendar: Calendar) -> bool:
    """What "allowed" means, as directly as it can be said."""
    local = at.astimezone(calendar.zone)
    if local.weekday() not in calendar.working_days:
        return False
    if calendar.holidays and local.date() in public_holidays(calendar.holidays, local.year):
        return False
    if calendar.quiet is None:
        return True
    start, end, clock = calendar.quiet.start, calendar.quiet.end, local.time()
    return not (start <= clock < end) if start <= end else end <= clock < start


def helsinki(at: str, calendar: Calendar) -> str:
    found = next_allowed(datetime.fromisoformat(at).replace(tzinfo=HELSINKI), calendar)
    return f"{found.astimezone(HELSINKI):%a %Y-%m-%dT%H:%M}"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-02T12:00", "Mon 2026-03-02T12:00"),
        ("2026-03-02T19:59", "Mon 2026-03-02T19:59"),
        ("2026-03-02T20:00", "Tue 2026-03-03T08:00"),
        ("2026-03-03T02:30", "Tue 2026-03-03T08:00"),
        ("2026-03-06T19:59", "Fri 2026-03-06T19:59"),
        ("2026-03-06T20:00", "Mon 2026-03-09T08:00"),
        ("2026-03-28T21:00", "Mon 2026-03-30T08:00"),  # summer time begins in between
        ("2026-10-24T21:00", "Mon 2026-10-26T08:00"),  # and ends
        ("2026-04-02T21:00", "Tue 2026-04-07T08:00"),  # Good Friday, Easter Sunday and Monday
        ("2026-05-13T21:00", "Fri 2026-05-15T08:00"),  # Ascension Day
        ("2026-06-18T21:00", "Mon 2026-06-22T08:00"),  # Midsummer Eve is a public holiday in Finland
        ("2026-12-23T21:00", "Mon 2026-12-28T08:00"),  # so is Christmas Eve
        ("2026-12-31T12:00", "Thu 2026-12-31T12:00"),  # New Year's Eve is not
        ("2026-12-31T21:00", "Mon 2027-01-04T08:00"),  # and the next year has its own
    ],
)
def test_working_days_in_finland(at: str, expected: str) -> None:
    assert helsinki(at, Calendar(HELSINKI, NIGHT, MONDAY_TO_FRIDAY, "FI")) == expected


def test_midsummer_eve_is_custom_in_sweden_and_no_public_holiday() -> None:
    assert helsinki("2026-06-18T21:00", Calendar(HELSINKI, NIGHT, MONDAY_TO_FRIDAY, "SE")) == "Fri 2026-06-19T08:00"


@pytest.mark.parametrize("place", ["AX", "FI-01"])
def test_aland_has_a_day_of_its_own(place: str) -> None:
    assert helsinki("2026-06-08T21:00", Calendar(HELSINKI, NIGHT, EVERY_DAY, place)) == "Wed 2026-06-10T08:00"
    assert helsinki("2026-06-08T21:00", Calendar(HELSINKI, NIGHT, EVERY_DAY, "FI")) == "Tue 2026-06-09T08:00"


def test_a_substitute_day_is_a_holiday() -> None:
    assert date(2027, 12, 27) in public_holidays("GB", 2027)


def test_quiet_hours_within_a_day() -> None:
    lunch = Calendar(HELSINKI, QuietHours(time(12), time(13)))
    assert helsinki("2026-03-02T12:30", lunch) == "Mon 2026-03-02T13:00"
    assert helsinki("2026-03-02T13:00", lunch) == "Mon 2026-03-02T13:00"


def test_equal_ends_are_no_quiet_hours() -> None:
    assert helsinki("2026-03-02T02:00", Calendar(HELSINKI, QuietHours(time(8), time(8)))) == "Mon 2026-03-02T02:00"


def test_quiet_hours_that_end_in_a_skipped_hour_end_when_it_is_skipped() -> None:
    early = Calendar(HELSINKI, QuietHours(time(20), time(3, 30)))
    assert helsinki("2026-03-29T02:59", early) == "Sun 2026-03-29T04:00"


def test_an_hour_that_comes_twice_is_open_twice() -> None:
    late = Calendar(HELSINKI, QuietHours(time(3, 30), time(5)))
    first, second = (datetime(2026, 10, 25, hour, 45, tzinfo=UTC) for hour in (0, 1))
    assert next_allowed(first, late) == datetime(2026, 10, 25, 1, 0, tzinfo=UTC)  # 03:45, then 03:00 again
    assert next_allowed(second, late) == datetime(2026, 10, 25, 3, 0, tzinfo=UTC)  # 03:45 again, then 05:00


def test_a_day_that_a_country_skipped_is_passed() -> None:
    """Samoa went from Thursday 29 to Saturday 31 December 2011."""
    fridays_too = Calendar(ZoneInfo("Pacific/Apia"), None, frozenset({4, 5}))
    found = next_allowed(datetime(2011, 12, 29, 12, tzinfo=UTC), fridays_too)
    assert found == datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert found.astimezone(fridays_too.zone).isoformat() == "2011-12-31T00:00:00+14:00"


def test_the_result_is_in_utc() -> None:
    assert next_allowed(datetime(2026, 3, 2, 12, tzinfo=HELSINKI), Calendar(HELSINKI)).tzinfo is UTC


@pytest.mark.parametrize("days", [frozenset[int](), frozenset({7}), frozenset({-1, 0})])
def test_days_that_never_come_are_refused(days: frozenset[int]) -> None:
    with pytest.raises(ValueError, match="working days must be one or more of 0"):
        Calendar(HELSINKI, NIGHT, days)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("XX", "of 'XX' are not known$"),
        ("FI-99", "of 'FI-99' are not known; the parts of FI are 01, 02"),
        ("fi", 'write a country such as "FI"'),
        ("FIN", 'write a country such as "FI"'),
        ("", 'write a country such as "FI"'),
        ("NYSE", 'write a country such as "FI"'),
    ],
)
def test_a_place_without_known_holidays_is_refused(place: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Calendar(HELSINKI, NIGHT, EVERY_DAY, place)


CHANGES = {
    "forward": (HELSINKI, datetime(2026, 3, 28, 18, tzinfo=UTC)),
    "back": (HELSINKI, datetime(2026, 10, 24, 18, tzinfo=UTC)),
    "at_midnight": (ZoneInfo("America/Havana"), datetime(2026, 3, 7, 23, tzinfo=UTC)),
    "back_over_midnight": (ZoneInfo("America/Havana"), datetime(2026, 10, 31, 23, tzinfo=UTC)),
    "by_half_an_hour": (ZoneInfo("Australia/Lord_Howe"), datetime(2026, 10, 3, 8, tzinfo=UTC)),
    "by_a_day": (ZoneInfo("Pacific/Apia"), datetime(2011, 12, 30, 0, tzinfo=UTC)),
}
QUIET = {
    "never": None,
    "at_night": NIGHT,
    "into_the_change": QuietHours(time(21), time(2, 15)),
    "out_of_the_change": QuietHours(time(2, 15), time(6)),
    "after_midnight": QuietHours(time(0, 15), time(0, 45)),
    "to_midnight": QuietHours(time(18), time(0)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("quiet", QUIET)
def test_every_minute_around_a_change_of_clocks(change: str, quiet: str) -> None:
    """What a search forward finds first is what is returned, for a day and every third minute."""
    zone, start = CHANGES[change]
    calendar = Calendar(zone, QUIET[quiet])
    grid = [start + n * MINUTE for n in range(42 * 60)]
    expected, following = {}, None
    for at in reversed(grid):
        following = at if allowed(at, calendar) else following
        expected[at] = following
    for at in grid[: 24 * 60 : 3]:
        assert next_allowed(at, calendar) == expected[at], at


zones = st.sampled_from(
    [ZoneInfo(name) for name in ("Europe/Helsinki", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")]
    + [ZoneInfo(name) for name in ("Africa/Casablanca", "America/St_Johns", "Pacific/Chatham", "America/Santiago")]
)
clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
calendars = st.builds(
    Calendar,
    zones,
    st.none() | st.builds(QuietHours, clocks, clocks),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.sampled_from([None, "FI", "SE", "AX", "CU"]),
)
moments = st.integers(0, 20 * 365 * 86_400).map(lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + seconds * SECOND)


@given(moments, calendars)
def test_the_result_is_allowed_never_early_and_stays(at: datetime, calendar: Calendar) -> None:
    found = next_allowed(at, calendar)
    assert found >= at
    assert allowed(found, calendar)
    assert next_allowed(found, calendar) == found
    assert found == at or not allowed(at, calendar)
    assert found == at or not allowed(found - timedelta(microseconds=1), calendar)


@given(moments, moments, calendars)
def test_asking_later_never_gives_an_earlier_moment(one: datetime, other: datetime, calendar: Calendar) -> None:
    first, second = sorted((one, other))
    assert next_allowed(first, calendar) <= next_allowed(second, calendar)


@settings(max_examples=50)
@given(moments, calendars)
def test_no_allowed_minute_lies_before_the_result(at: datetime, calendar: Calendar) -> None:
    found = next_allowed(at, calendar)
    minutes = (found - at) // MINUTE
    step = max(1, minutes // 300)  # a sample, when days lie between
    assert not any(allowed(at + n * MINUTE, calendar) for n in range(0, minutes, step))
