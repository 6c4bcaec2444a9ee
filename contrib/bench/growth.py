"""What a ticket costs when the store is large, and what a hub costs that has nothing to do."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import old_rows
from bench.hub_process import HubProcess, Settings, running, wait_until
from bench.main_line import Round, Size, timed
from bench.old_rows import Past
from bench.site import PAGE, Load
from bench.site_process import SiteProcess

_FAR_AWAY = "2199-01-01 00:00:00.000000"


@dataclass(frozen=True, slots=True)
class Idle:
    """What a hub needs while nothing happens."""

    sources: int
    open_invitations: int
    cpu_percent: float
    """Of one core."""
    now_mb: float
    requests_per_s: float
    """That the sources are asked with in this time."""


def cycle(site: SiteProcess, size: Size, rows: int, tell: Callable[[str], None]) -> Round:
    """The main line with answers on a store with so many old rows."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder, result = Path(name), Round(size.tickets)
        hub = HubProcess(folder, Settings(site.url, in_flight=size.in_flight))
        hub.begin_before_all()
        began = time.monotonic()
        made = old_rows.add(folder / "hub.db", Past(int(rows / old_rows.ROWS_PER_TICKET)))
        _has_been_running(folder / "hub.db")
        size_mb = (folder / "hub.db").stat().st_size / 1e6
        tell(f"  {made} old rows, {size_mb:.0f} MB, made in {time.monotonic() - began:.0f} s")
        load = size.load(hold=PAGE, answering=True, web_ports=(hub.port,))
        timed(site, hub, load, "all", result, None)
    return result


def idle(site: SiteProcess, sources: int, open_invitations: int, seconds: float) -> Idle:
    """A hub whose sources have no news, and whose customers have not answered yet."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        hub = HubProcess(folder, Settings(site.url, interval="1m", sources=sources))
        hub.begin_before_all()
        database = folder / "hub.db"
        old_rows.add(database, Past(open_invitations, "sent", expires=_FAR_AWAY, answered=False))
        _has_been_running(database)
        site.begin(Load(0, closed_at=0))
        with running([hub]):
            wait_until(lambda: _pulls(site) >= sources, "every source was pulled")
            time.sleep(5)
            before, asked, began = hub.cost(), _requests(site), time.monotonic()
            time.sleep(seconds)
            after, passed_s = hub.cost(), time.monotonic() - began
            per_s = (_requests(site) - asked) / passed_s
        used = (after.cpu_s - before.cpu_s) / passed_s
        return Idle(sources, open_invitations, used * 100, after.now_mb, per_s)


def _has_been_running(database: Path) -> None:
    """The source was pulled long ago, and its census was taken just now: it comes every few hours only."""
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        connection.execute("UPDATE components SET first_at = '2025-01-01 00:00:00.000000' WHERE id = 'sources.jira'")
        now = datetime.now(UTC).isoformat()
        connection.execute("INSERT INTO components (id, cursor, failures) VALUES ('sources.jira:census', ?, 0)", (now,))
    finally:
        connection.close()


def _pulls(site: SiteProcess) -> int:
    return int(site.figures()["kinds"].get("search ids", {"count": 0})["count"])


def _requests(site: SiteProcess) -> int:
    return sum(int(seen["count"]) for seen in site.figures()["kinds"].values())
