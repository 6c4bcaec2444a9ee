"""The clock of a running hub jumps when a test says so, and never otherwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.clock import VARIABLE, SystemClock

HOUR = timedelta(hours=1)


def _ahead(clock: SystemClock) -> timedelta:
    return clock.now() - datetime.now(UTC)


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets so many seconds pass for whoever asks how long ago something was read."""
    now = [0.0]
    monkeypatch.setattr("hub.clock.time.monotonic", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def test_the_clock_is_real_without_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert abs(_ahead(SystemClock())) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("written", "ahead"), [("3600", HOUR), ("-3600.0", -HOUR), ("", timedelta()), ("x", timedelta())]
)
def test_the_clock_is_off_by_what_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, ahead: timedelta
) -> None:
    file = tmp_path / "offset"
    file.write_text(written)
    monkeypatch.setenv(VARIABLE, str(file))
    assert abs(_ahead(SystemClock()) - ahead) < timedelta(seconds=5)


def test_the_file_may_come_later_and_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passing: Callable[[float], None]
) -> None:
    file = tmp_path / "offset"
    monkeypatch.setenv(VARIABLE, str(file))
    clock = SystemClock()
    assert abs(_ahead(clock)) < timedelta(seconds=5)
    file.write_text("3600")
    assert abs(_ahead(clock)) < timedelta(seconds=5), "it is not read at every look"
    passing(0.3)
    assert abs(_ahead(clock) - HOUR) < timedelta(seconds=5)
    file.unlink()
    passing(0.3)
    assert abs(_ahead(clock) - HOUR) < timedelta(seconds=5), "a file that is gone for a moment is no jump back"
