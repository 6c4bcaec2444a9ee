"""The main line: closed issues pulled, one SMS each, one answer each, one write-back each."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.hub_process import HubProcess, Settings, running, wait_until
from bench.profile import profiled
from bench.site import PAGE, SEND, WRITING, Load
from bench.site_process import SiteProcess
from bench.wire import Request

QUIET_S = 1.0
"""After so long without a request nothing more comes."""


HUB_IN_FLIGHT = 100
"""Surveys that the hub has under way at once; it keeps as many connections as these need."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much load, and how slow the other side is."""

    tickets: int = 10_000
    in_flight: int = 32
    gateway_ms: float = 0
    desk_ms: float = 0

    def load(self, **more: Any) -> Load:
        """All of it, closed a moment ago unless `closed_at` says otherwise."""
        return Load(
            **{
                "tickets": self.tickets,
                "closed_at": time.time(),
                "gateway_ms": self.gateway_ms,
                "desk_ms": self.desk_ms,
            }
            | more
        )


@dataclass(slots=True)
class Round:
    """What one round of the hub took."""

    tickets: int
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    site_cpu_s: float = 0.0
    """Of the other side."""
    kinds: dict[str, int] = field(default_factory=dict)
    recording: list[Request] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)
    """Seconds of each part."""
    cache_ns: float | None = None
    """See `cache.read_ns`, just before; None where nothing is compared."""

    @property
    def per_second(self) -> float:
        """Tickets per second."""
        return self.tickets / self.wall_s

    def add(self, stage: str, wall_s: float, cpu_s: float, site_cpu_s: float, peak_mb: float) -> None:
        """Count another part."""
        self.site_cpu_s += site_cpu_s
        self.stages[stage] = wall_s
        self.wall_s += wall_s
        self.cpu_s += cpu_s
        self.peak_mb = max(self.peak_mb, peak_mb)

    def note(self, figures: dict[str, Any]) -> None:
        """Count the requests of a part.

        :raises RuntimeError: they were not as they must be.
        """
        if figures["unknown"] or figures["duplicates"] or figures["refused_answers"]:
            raise RuntimeError(f"this went wrong: {figures}")
        for kind, seen in figures["kinds"].items():
            self.kinds[kind] = self.kinds.get(kind, 0) + seen["count"]


def without_answers(site: SiteProcess, size: Size, profile: Path | None = None) -> Round:
    """Pull and send, then write back, each timed; in between, untimed, every customer answers."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder, result = Path(name), Round(size.tickets)
        settings = Settings(site.url, in_flight=HUB_IN_FLIGHT)
        hub = HubProcess(folder, settings)
        hub.begin_before_all()
        load = size.load(hold=PAGE, recording=True)
        timed(site, hub, load, "pull and send", result, profile)
        _answer(site, HubProcess(folder, Settings(site.url, pulls=False)), load)
        timed(site, hub, replace(load, hold="writing", listed=False), "write back", result, profile)
    return result


def with_answers(site: SiteProcess, size: Size, profile: Path | None = None) -> Round:
    """Everything at once: customers answer as soon as they have the message."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        result = Round(size.tickets)
        hub = HubProcess(Path(name), Settings(site.url, in_flight=HUB_IN_FLIGHT))
        hub.begin_before_all()
        load = size.load(hold=PAGE, recording=True, answering=True, web_ports=(hub.port,))
        timed(site, hub, load, "all", result, profile)
    return result


def timed(site: SiteProcess, hub: HubProcess, load: Load, stage: str, result: Round, profile: Path | None) -> None:
    """Start the hub, let it go when it waits for its first answer, and stop it when all is done."""
    last = {SEND} if stage == "pull and send" else WRITING
    wanted = "sent" if stage == "pull and send" else "written"
    site.begin(load)
    file = profile and profile.with_name(f"{profile.stem}-{stage.replace(' ', '-')}.txt")
    with running([hub]):
        wait_until(lambda: site.progress()["held"], "the hub asks for its work")
        with profiled(hub.pid, file):
            before, site_before = hub.cost(), site.cost()
            site.release()
            wait_for(site, wanted, load.tickets)
            after, site_after = hub.cost(), site.cost()
    figures = site.figures()
    wall_s = max(seen["last_s"] for kind, seen in figures["kinds"].items() if kind in last)
    result.add(stage, wall_s, after.cpu_s - before.cpu_s, site_after.cpu_s - site_before.cpu_s, after.peak_mb)
    result.note(figures)
    result.recording += site.recording()


def wait_for(site: SiteProcess, what: str, count: int) -> None:
    """Return when the site has seen so many, and then nothing for a while."""

    def done() -> bool:
        progress = site.progress()
        return bool(progress[what] >= count and progress["quiet_s"] > QUIET_S)

    wait_until(done, f"{count} tickets are {what}", every_s=0.2)


def _answer(site: SiteProcess, hub: HubProcess, load: Load) -> None:
    """Let every customer answer while the source is switched off, so that nothing is written back yet."""
    database = hub.config.with_name("hub.db")
    site.begin(replace(load, hold="", recording=False, web_ports=(hub.port,)))
    with running([hub]):
        site.answer_all()
        wait_until(lambda: _waiting(database) >= load.tickets, "all answers are experiences", every_s=0.3)


def _waiting(database: Path) -> int:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM write_backs WHERE state = 'pending'").fetchone()[0])
    finally:
        connection.close()
