"""The parts of the benchmark. Each gives what it measured as JSON can hold it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench import growth, latency, start, workers
from bench.comparison import HUB, Figures, best, compare, cpu_ratios, describe, ratios, slow
from bench.main_line import Round, Size
from bench.site_process import SiteProcess

WORKERS = (1, 2, 4)
FEW_ROWS = 10_000
_PLAIN = "plain_httpx"

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured."""

    tickets: int
    slow_tickets: int
    worker_tickets: int
    worker_in_flight: int
    growth_tickets: int
    old_rows: int
    idle_sources: int
    open_invitations: int
    idle_seconds: float
    pace_per_s: float
    pace_seconds: float
    starts: int
    rounds: int
    loops: Sequence[str]
    profile: Path | None


def tell(line: str) -> None:
    """Tell people how far it is; figures go to stdout."""
    print(line, file=sys.stderr, flush=True)


def main_line(site: SiteProcess, options: Options) -> Result:
    """Both lines against all loops."""
    size = Size(options.tickets)
    lines = {}
    for name, answering in (("without_answers", False), ("with_answers", True)):
        tell(f"main line, {name.replace('_', ' ')}, {options.tickets} tickets")
        figures = compare(
            site, size, options.loops, options.rounds, answering=answering, tell=tell, profile=options.profile
        )
        lines[name] = _compared(figures)
    return lines


def slow_line(site: SiteProcess, options: Options) -> Result:
    """Without answers, where the other side takes its time."""
    size = slow(Size(options.slow_tickets), options.slow_tickets)
    tell(f"gateway {size.gateway_ms:.0f} ms, desk {size.desk_ms:.0f} ms, {size.in_flight} in flight")
    return _compared(compare(site, size, [_PLAIN], options.rounds, answering=False, tell=tell))


def many_workers(site: SiteProcess, options: Options) -> Result:
    """Workers on one PostgreSQL. Needs the embedded one of the tests, so the hub's folder as the current one."""
    from tests.databases import postgres

    size = replace(Size(options.worker_tickets, in_flight=options.worker_in_flight), gateway_ms=100)
    found: dict[int, list[Round]] = {count: [] for count in WORKERS}
    tell(f"workers on PostgreSQL, gateway {size.gateway_ms:.0f} ms, {size.in_flight} in flight each")
    with postgres() as server:
        for _ in range(options.rounds):
            for count, rounds in found.items():
                rounds.append(workers.measure(site, server.new_database(), count, size))
                tell(describe(f"{count} workers", rounds[-1]))
    return {str(count): asdict(best(rounds)) for count, rounds in found.items()}


def steady_pace(site: SiteProcess, options: Options) -> Result:
    """Latencies."""
    tell(f"{options.pace_per_s:.0f} tickets/s for {options.pace_seconds:.0f} s")
    found = latency.measure(site, options.pace_per_s, options.pace_seconds)
    return {name: asdict(took) for name, took in found.items()}


def large_store(site: SiteProcess, options: Options) -> Result:
    """Cost per ticket beside few and many old rows, and an idle hub."""
    size = Size(options.growth_tickets)
    found: dict[int, list[Round]] = {FEW_ROWS: [], options.old_rows: []}
    for _ in range(2):
        for rows, rounds in found.items():
            rounds.append(growth.cycle(site, size, rows, tell))
            tell(describe(f"{rows} rows", rounds[-1]))
    few, many = (best(rounds) for rounds in found.values())
    tell(f"idle, {options.idle_sources} sources, {options.open_invitations} open invitations")
    idle = growth.idle(site, options.idle_sources, options.open_invitations, options.idle_seconds)
    return {
        "few": asdict(few),
        "many": asdict(many),
        "cpu_ratio": many.cpu_ms_per_ticket / few.cpu_ms_per_ticket,
        "wall_ratio": few.tickets_per_s / many.tickets_per_s,
        "idle": asdict(idle),
    }


def starting(site: SiteProcess, options: Options) -> Result:
    """Start-up and a hub at rest."""
    tell(f"start-up, {options.starts} times")
    return asdict(start.measure(site, options.starts))


PARTS: dict[str, Callable[[SiteProcess, Options], Result]] = {
    "main": main_line,
    "slow": slow_line,
    "workers": many_workers,
    "latency": steady_pace,
    "growth": large_store,
    "start": starting,
}


def summary(parts: Result) -> Result:
    """Everything as one JSON object; a ratio that was not measured is null."""
    without, with_ = (parts.get("main", {}).get(name, {}) for name in ("without_answers", "with_answers"))
    hub = without.get("figures", {}).get(HUB, {})
    return {
        "ratios": {
            _PLAIN: without.get("ratios", {}).get(_PLAIN),
            "same_transport": without.get("ratios", {}).get("same_transport"),
            "plain_httpx_with_answers": with_.get("ratios", {}).get(_PLAIN),
            "latency": parts.get("slow", {}).get("ratios", {}).get(_PLAIN),
            "workers_4": _speed_up(parts.get("workers", {})),
        },
        "tickets_per_s": hub.get("tickets_per_s"),
        "cpu_ms_per_ticket": hub.get("cpu_ms_per_ticket"),
        "peak_mb": hub.get("peak_mb"),
        **parts,
    }


def _compared(figures: dict[str, Figures]) -> Result:
    return {
        "figures": {name: asdict(each) for name, each in figures.items()},
        "ratios": ratios(figures),
        "cpu_ratios": cpu_ratios(figures),
    }


def _speed_up(found: Result) -> float | None:
    if not {"1", "4"} <= found.keys():
        return None
    return float(found["4"]["tickets_per_s"] / found["1"]["tickets_per_s"])
