"""What a process uses: read from /proc, so on Linux only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process has used."""

    cpu_s: float
    """User and system time since it started."""
    peak_mb: float
    now_mb: float


def cost_of(pid: int) -> Cost:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    peak_mb, now_mb = (int(status[name].split()[0]) / 1024 for name in ("VmHWM", "VmRSS"))
    return Cost((int(fields[11]) + int(fields[12])) * _TICK_S, peak_mb, now_mb)
