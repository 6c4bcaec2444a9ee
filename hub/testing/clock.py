"""A clock that tests turn by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday morning, when nothing is special about the calendar."""


class FakeClock:
    """Time that passes only when somebody sleeps or a test moves it."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start.astimezone(UTC)
        self.slept: list[float] = []
        """The seconds of each sleep so far, for tests of back-off."""

    def now(self) -> datetime:
        """The time in UTC, aware."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by

    async def sleep(self, seconds: float) -> None:
        """Move the clock on at once, and let other tasks run."""
        self.slept.append(seconds)
        self.advance(timedelta(seconds=seconds))
        await asyncio.sleep(0)
