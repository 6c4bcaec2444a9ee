"""What a worker is doing, in numbers: kept with its row for `hub status`."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path

_WINDOW_S = 60.0
_STATM = Path("/proc/self/statm")


class Tally:
    """Counts what was done in the last minute."""

    def __init__(self) -> None:
        self._counts = {"sent": 0, "answers": 0, "written": 0}
        self._earlier: deque[tuple[float, dict[str, int]]] = deque([(time.monotonic(), dict(self._counts))])
        self._cpu = (time.monotonic(), time.process_time())

    def add(self, what: str, number: int) -> None:
        """:param what: `sent` surveys, `answers` taken in, `written` results."""
        self._counts[what] += number

    def take(self) -> dict[str, float | int]:
        """The numbers of the last minute, and what the process uses; call it every few seconds."""
        now = time.monotonic()
        self._earlier.append((now, dict(self._counts)))
        while len(self._earlier) > 2 and self._earlier[1][0] <= now - _WINDOW_S:
            self._earlier.popleft()
        _, before = self._earlier[0]
        last_minute = {f"{name}_last_minute": number - before[name] for name, number in self._counts.items()}
        return {**last_minute, "cpu_percent": self._cpu_percent(now), "memory_mb": _memory_mb()}

    def _cpu_percent(self, now: float) -> float:
        """Of one core, since the last call."""
        then, used = self._cpu
        self._cpu = (now, time.process_time())
        return round(100 * (self._cpu[1] - used) / max(now - then, 0.001), 1)


def _memory_mb() -> int:
    """What the process holds in memory now; 0 where the system does not tell."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20
