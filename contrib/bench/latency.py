"""How long things take at a steady pace: from webhook to message, from answer to write-back, the customers' pages."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.hub_process import HubProcess, Settings, running, wait_until
from bench.pace import percentile
from bench.site import Load
from bench.site_process import SiteProcess


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds."""

    count: int
    p50_ms: float
    p99_ms: float


def measure(site: SiteProcess, per_s: float, seconds: float) -> dict[str, Took]:
    """Let issues be closed at this pace for so long; what each step took.

    :raises RuntimeError: the hub refused something.
    """
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        hub = HubProcess(Path(folder), Settings(site.url, interval="1m"))
        hub.begin_before_all()
        site.begin(Load(0, closed_at=0, web_ports=(hub.port,)))
        with running([hub]):
            wait_until(lambda: "approximate-count" in site.figures()["kinds"], "the hub has pulled once")
            site.start_pace(per_s, seconds)
            wait_until(lambda: site.pace()["left"] <= 0, "all answers are written back", every_s=0.5)
        seen = site.pace()
    if seen["refused"]:
        raise RuntimeError(f"the hub refused {seen['refused']} requests")
    return {
        name: Took(len(millis), percentile(millis, 50), percentile(millis, 99))
        for name, millis in seen["millis"].items()
    }
