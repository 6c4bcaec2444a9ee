"""The moment of the last closing, from whatever Jira shows of it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hub_jira.closures import closing, departures, moment, transitions
from hypothesis import given
from hypothesis import strategies as st

from hub import Unexpected

CATEGORIES = {"1": "new", "3": "indeterminate", "5": "done", "6": "done"}
DONE = {"status": {"statusCategory": {"key": "done", "name": "Fertig"}}}
START = datetime(2026, 3, 1, tzinfo=UTC)


def history(statuses: list[str]) -> list[dict[str, Any]]:
    """A changelog in which a ticket goes through these statuses, a minute each."""
    steps = itertools.pairwise(statuses)
    return [
        {
            "id": str(number),
            "created": (START + timedelta(minutes=number)).isoformat(),
            "items": [{"field": "status", "from": before, "to": after}],
        }
        for number, (before, after) in enumerate(steps, 1)
    ]


@given(st.lists(st.sampled_from(sorted(CATEGORIES)), min_size=1, max_size=12), st.randoms())
def test_last_closing_is_the_last_step_into_done(statuses: list[str], random: Any) -> None:
    """However often it was opened again, and in whatever order the changelog comes."""
    entries = history(["1", *statuses, "6"])
    random.shuffle(entries)
    done = [CATEGORIES[each] == "done" for each in ["1", *statuses, "6"]]
    entered = [number for number in range(1, len(done)) if done[number] and not done[number - 1]]
    left = [number for number in range(1, len(done)) if not done[number] and done[number - 1]]
    steps = transitions(entries)
    found = closing(DONE, steps, CATEGORIES)
    assert found
    assert found.at == START + timedelta(minutes=entered[-1])
    assert found.reopen_count == len(left)
    assert departures(steps, CATEGORIES) == [START + timedelta(minutes=number) for number in left]


def test_category_date_comes_before_the_changelog() -> None:
    """Both are written by the same change, but need not agree to the millisecond."""
    fields = {**DONE, "statuscategorychangedate": "2026-03-01T11:15:30.123+0100"}
    found = closing(fields, transitions(history(["1", "5"])), CATEGORIES)
    assert found
    assert found.key == "1772360130123"


def test_deleted_statuses_and_no_history_leave_the_resolution_date_then_the_creation() -> None:
    """A ticket may be made in a closed status."""
    unknown = transitions(history(["1", "99"]))
    resolved = {**DONE, "resolutiondate": "2026-03-01T10:00:00.000+0000", "created": "2026-02-01T10:00:00.000+0000"}
    made = {**DONE, "resolutiondate": None, "created": "2026-02-01T10:00:00.000+0000"}
    assert closing(resolved, unknown, CATEGORIES).at == datetime(2026, 3, 1, 10, tzinfo=UTC)  # type: ignore[union-attr]
    assert closing(made, None, CATEGORIES).at == datetime(2026, 2, 1, 10, tzinfo=UTC)  # type: ignore[union-attr]


def test_open_ticket_has_no_closing() -> None:
    """Though it has been closed before."""
    fields = {"status": {"statusCategory": {"key": "indeterminate"}}}
    assert closing(fields, transitions(history(["1", "5", "3"])), CATEGORIES) is None


@pytest.mark.parametrize("fields", [{}, {"status": None}, {"status": {"name": "Done"}}, DONE])
def test_ticket_that_says_too_little_is_not_guessed_at(fields: dict[str, Any]) -> None:
    """Neither its state nor its time."""
    with pytest.raises(Unexpected):
        closing(fields, (), CATEGORIES)


@given(st.integers(631_152_000_000, 7_258_118_400_000), st.integers(-14 * 60, 14 * 60))
def test_moment_reads_every_form_of_a_time(millis: int, offset_minutes: int) -> None:
    """A text with an offset with or without a colon, milliseconds, and seconds."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)
    text = at.astimezone(timezone(timedelta(minutes=offset_minutes))).isoformat(timespec="milliseconds")
    assert moment(text) == moment(text[:-3] + text[-2:]) == at
    assert abs(moment(millis) - at) < timedelta(milliseconds=1)  # type: ignore[operator]
    assert abs(moment(str(millis // 1000)) - at) < timedelta(seconds=1.001)  # type: ignore[operator]


@given(st.text() | st.booleans() | st.floats() | st.lists(st.integers()) | st.integers())
def test_moment_refuses_what_is_no_time(value: Any) -> None:
    """Never with another error."""
    try:
        found = moment(value)
    except Unexpected:
        return
    assert found is None or found.tzinfo is UTC
