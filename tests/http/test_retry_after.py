"""How long a service asks the hub to wait."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.http.answers import LONGEST_RETRY_AFTER, limit_ends, retry_after

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        (" 30 ", 30),
        ("0", 0),
        ("99999999999999999999999", 3600),
        ("Mon, 02 Mar 2026 09:00:30 GMT", 30),
        ("Mon, 02 Mar 2026 09:00:30 -0000", 30),
        ("Monday, 02-Mar-26 09:00:30 GMT", 30),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0),
        ("Mon, 02 Mar 2126 08:00:00 GMT", 3600),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("٣٠", None),
        ("soon", None),
        ("Mon, 99 Mar 2026 09:00:30 GMT", None),
    ],
)
def test_reads_seconds_and_dates(value: str, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after({"retry-after": value}, NOW) == expected


def test_a_date_counts_from_the_clock_of_the_service() -> None:
    theirs = NOW + timedelta(hours=5)
    headers = {"retry-after": format_datetime(theirs + timedelta(seconds=7)), "date": format_datetime(theirs)}
    assert retry_after(headers, NOW) == timedelta(seconds=7)


def test_without_the_header_nothing_is_asked() -> None:
    assert retry_after({}, NOW) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1772442030", 30),  # ServiceNow: Unix seconds
        ("2026-03-02T09:00:30Z", 30),  # Jira Cloud
        ("2026-03-02T09:01Z", 60),
        ("2026-03-02T09:00:30", None),
        ("1772438400", 0),
        ("9" * 40, None),
        ("soon", None),
    ],
)
def test_without_it_the_end_of_the_limit_is_read(value: str, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert limit_ends({"x-ratelimit-reset": value}, NOW) == expected
    assert limit_ends({"x-ratelimit-reset": value, "retry-after": "5"}, NOW) == timedelta(seconds=5)
    assert retry_after({"x-ratelimit-reset": value}, NOW) is None


@given(
    value=st.text() | st.from_regex(r"\w{3}, \d+ (Mar|Xyz) \d+ \d+:\d+:\d+ ([+-]\d+|GMT)", fullmatch=True),
    date=st.text(),
)
def test_whatever_is_sent_the_wait_stays_within_its_bounds(value: str, date: str) -> None:
    wait = retry_after({"retry-after": value, "date": date}, NOW)
    assert wait is None or timedelta() <= wait <= LONGEST_RETRY_AFTER
