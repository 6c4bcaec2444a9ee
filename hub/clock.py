"""The clock the hub runs on; tests put another one in its place."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

VARIABLE = "HUB_CLOCK_OFFSET_FILE"
"""Names a file with seconds to add to the time: how tests make the clock of a running hub jump."""
_READ_EVERY_S = 0.2


class SystemClock:
    """Real time."""

    def __init__(self) -> None:
        name = os.environ.get(VARIABLE)
        self._jumps = _Jumps(Path(name)) if name else None

    def now(self) -> datetime:
        """The time in UTC."""
        now = datetime.now(UTC)
        return now if self._jumps is None else now + self._jumps.offset()

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        await asyncio.sleep(seconds)


class _Jumps:
    """What a test has written into the file, read again now and then."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = timedelta()
        self._read_again_at = 0.0

    def offset(self) -> timedelta:
        if time.monotonic() >= self._read_again_at:
            self._read_again_at = time.monotonic() + _READ_EVERY_S
            with suppress(OSError, ValueError):  # not there yet, or half written
                self._offset = timedelta(seconds=float(self._file.read_text()))
        return self._offset
