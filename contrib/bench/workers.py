"""Several workers on one PostgreSQL, with a gateway that takes its time."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.hub_process import HubProcess, Settings, running, wait_until
from bench.main_line import Round, Size, wait_for
from bench.site import PAGE, SEND, WRITING
from bench.site_process import SiteProcess


def measure(site: SiteProcess, store: str, workers: int, size: Size) -> Round:
    """The main line with answers; each worker has `size.in_flight` messages on their way at most."""
    result = Round(size.tickets)
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        settings = Settings(site.url, store=store, in_flight=size.in_flight)
        hubs = [HubProcess(Path(folder), settings) for _ in range(workers)]
        hubs[0].begin_before_all()
        site.begin(size.load(hold=PAGE, answering=True, web_ports=tuple(hub.port for hub in hubs)))
        with running(hubs):
            wait_until(lambda: site.progress()["held"], "a worker asks for its work")
            before, site_before = _cpu_s(hubs), site.cost().cpu_s
            site.release()
            wait_for(site, "written", size.tickets)
            cpu_s, site_cpu_s = _cpu_s(hubs) - before, site.cost().cpu_s - site_before
            peak_mb = max(hub.cost().peak_mb for hub in hubs)
        figures = site.figures()
    wall_s = max(seen["last_s"] for kind, seen in figures["kinds"].items() if kind in {SEND, *WRITING})
    result.add("all", wall_s, cpu_s, site_cpu_s, peak_mb)
    result.note(figures)
    return result


def _cpu_s(hubs: Sequence[HubProcess]) -> float:
    return sum(hub.cost().cpu_s for hub in hubs)
