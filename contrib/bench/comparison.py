"""The hub and the loops in turn, several rounds, and the best round of each."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import cache
from bench.cost import cost_of
from bench.hub_process import free_port
from bench.main_line import Round, Size, with_answers, without_answers
from bench.site_process import SiteProcess
from bench.wire import Request

HUB = "hub"


@dataclass(frozen=True, slots=True)
class Figures:
    """The best of several rounds: the most tickets per second, and the least CPU time."""

    tickets_per_s: float
    cpu_ms_per_ticket: float
    site_cpu_ms_per_ticket: float
    """Of the other side, meanwhile: it must not be what limits them."""
    peak_mb: float
    cache_ns: float | None = None
    """See `cache.read_ns`, before the fastest of the rounds."""


def loop(site: SiteProcess, name: str, size: Size, recording: Sequence[Request], *, answering: bool) -> Round:
    """Make the calls of a recording with one client, in a process of its own."""
    result, port = Round(size.tickets), free_port()
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        file = Path(folder, "recording")
        file.write_bytes(pickle.dumps(recording))
        command = [sys.executable, "-m", "bench.loops", name, site.url, str(size.in_flight), str(file)]
        command += [str(port)] if answering else []
        site.begin(size.load(answering=answering, web_ports=(port,) if answering else ()))
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            _expect(process, "ready")
            before, site_before = cost_of(process.pid), site.cost()
            site.release()
            _say_go(process)
            _expect(process, "done")
            after, site_after = cost_of(process.pid), site.cost()
            _say_go(process)
    figures = site.figures()
    result.add(
        "all", figures["last_s"], after.cpu_s - before.cpu_s, site_after.cpu_s - site_before.cpu_s, after.peak_mb
    )
    result.note(figures)
    return result


def compare(
    site: SiteProcess,
    size: Size,
    candidates: Sequence[str],
    rounds: int,
    *,
    answering: bool,
    tell: Callable[[str], None],
    profile: Path | None = None,
) -> dict[str, Figures]:
    """The hub's best round and that of each candidate, interleaved.

    :param tell: is told of each round.
    """
    measured: dict[str, list[Round]] = {name: [] for name in (HUB, *candidates)}
    run = with_answers if answering else without_answers
    for number in range(rounds):
        hub = _with_cache(run, site, size, profile if number == 0 else None)
        recording, hub.recording = hub.recording, []
        measured[HUB].append(hub)
        tell(describe(HUB, hub))
        for name in candidates:
            measured[name].append(_with_cache(loop, site, name, size, recording, answering=answering))
            tell(describe(name, measured[name][-1]))
    return {name: best(found) for name, found in measured.items()}


def _with_cache(run: Callable[..., Round], *arguments: Any, **options: Any) -> Round:
    cache_ns = cache.read_ns()
    result = run(*arguments, **options)
    result.cache_ns = cache_ns
    return result


def best(rounds: Sequence[Round]) -> Figures:
    """What the machine allows when least else runs on it; of the memory the most."""
    return Figures(
        max(each.per_second for each in rounds),
        min(each.cpu_s / each.tickets * 1000 for each in rounds),
        min(each.site_cpu_s / each.tickets * 1000 for each in rounds),
        max(each.peak_mb for each in rounds),
        max(rounds, key=lambda each: each.per_second).cache_ns,
    )


def ratios(figures: dict[str, Figures]) -> dict[str, float]:
    """How many times as fast as each loop the hub is."""
    hub = figures[HUB].tickets_per_s
    return {name: hub / each.tickets_per_s for name, each in figures.items() if name != HUB}


def cpu_ratios(figures: dict[str, Figures]) -> dict[str, float]:
    """How many times the hub's CPU time each loop takes: steadier than time where other programs run."""
    hub = figures[HUB].cpu_ms_per_ticket
    return {name: each.cpu_ms_per_ticket / hub for name, each in figures.items() if name != HUB}


def describe(name: str, result: Round) -> str:
    """One line for people who wait."""
    stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in result.stages.items())
    cpu_ms = result.cpu_s / result.tickets * 1000
    cache_ns = "" if result.cache_ns is None else f"   cache {result.cache_ns:.0f} ns"
    figures = f"{result.per_second:8.0f} tickets/s{cpu_ms:8.2f} ms CPU{result.peak_mb:7.0f} MB"
    return f"  {name:20}{figures}   {stages}{cache_ns}"


def slow(size: Size, tickets: int) -> Size:
    """The other side as it is in real life, and as many requests on their way as it takes."""
    return replace(size, tickets=tickets, in_flight=100, gateway_ms=100, desk_ms=50)


def _expect(process: subprocess.Popen[Any], word: str) -> None:
    assert process.stdout is not None
    if (said := process.stdout.readline().strip()) != word:
        raise RuntimeError(f"a loop said {said!r} where {word!r} was expected")


def _say_go(process: subprocess.Popen[Any]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
