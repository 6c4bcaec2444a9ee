"""Stamps on forms: only the hub makes them, each for one survey."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import assume, given
from hypothesis import strategies as st

from hub.journey import stamp

KEY, SUBJECT, NONCE = b"k" * 32, "a" * 20, "0123456789abcdef"
AT = datetime(2026, 6, 1, 9, 0, 0, 123456, tzinfo=UTC)
MADE = stamp.make(KEY, SUBJECT, AT, NONCE)


def test_a_stamp_tells_when_the_form_was_shown() -> None:
    found = stamp.read(KEY, SUBJECT, MADE)
    assert found is not None
    assert (found.at, found.nonce) == (AT.replace(microsecond=123000), NONCE)
    assert len(MADE) < 80


def test_a_stamp_is_good_for_its_own_survey_only() -> None:
    assert stamp.read(KEY, "b" * 20, MADE) is None
    assert stamp.read(b"K" * 32, SUBJECT, MADE) is None


@given(st.integers(0, len(MADE) - 1), st.characters())
def test_a_stamp_that_was_changed_is_none(place: int, letter: str) -> None:
    changed = MADE[:place] + letter + MADE[place + 1 :]
    assume(changed != MADE)
    assert stamp.read(KEY, SUBJECT, changed) is None


@given(st.text(max_size=80))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert stamp.read(KEY, SUBJECT, text) is None


def test_a_time_beyond_all_calendars_is_none() -> None:
    content = f"{'f' * 12}-{NONCE}"
    assert stamp.read(KEY, SUBJECT, f"{content}-{'0' * 32}") is None
