"""The figures as people read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.comparison import HUB

Found = dict[str, Any]


def table(found: Found) -> str:
    """All parts that were measured."""
    lines = []
    for name, title in (("without_answers", "Main line without answers"), ("with_answers", "Main line with answers")):
        if line := found.get("main", {}).get(name):
            lines += ["", title, *_compared(line)]
    if "slow" in found:
        lines += ["", "Gateway 100 ms, desk 50 ms, 100 in flight, without answers", *_compared(found["slow"])]
    if "workers" in found:
        lines += ["", "Workers on PostgreSQL, gateway 100 ms", *_workers(found["workers"])]
    if "latency" in found:
        lines += ["", "Latency at a steady pace", *_latency(found["latency"])]
    if "growth" in found:
        lines += ["", "As the store grows", *_growth(found["growth"])]
    if "start" in found:
        lines += ["", "Start-up (medians)", *_start(found["start"])]
    return "\n".join(lines[1:])


def _compared(line: Found) -> Iterator[str]:
    head = f"{'tickets/s':>10}{'CPU ms/ticket':>15}{'site':>7}{'peak MB':>9}{'cache ns':>10}"
    yield f"  {'':20}{head}{'hub is times as fast':>22}{'CPU ratio':>11}"
    for name, each in line["figures"].items():
        costs = f"{each['cpu_ms_per_ticket']:15.2f}{each['site_cpu_ms_per_ticket']:7.2f}{each['peak_mb']:9.0f}"
        figures = f"{each['tickets_per_s']:10.0f}{costs}{each['cache_ns']:10.0f}"
        ratios = "" if name == HUB else f"{line['ratios'][name]:22.2f}{line['cpu_ratios'][name]:11.2f}"
        yield f"  {name:20}{figures}{ratios}"


def _workers(workers: Found) -> Iterator[str]:
    yield f"  {'workers':20}{'tickets/s':>10}{'CPU ms/ticket':>15}{'peak MB':>9}{'times one worker':>22}"
    for name, each in workers.items():
        times = each["tickets_per_s"] / workers["1"]["tickets_per_s"]
        figures = f"{each['tickets_per_s']:10.0f}{each['cpu_ms_per_ticket']:15.2f}{each['peak_mb']:9.0f}"
        yield f"  {name:20}{figures}{times:22.2f}"


def _latency(latency: Found) -> Iterator[str]:
    yield f"  {'':20}{'count':>10}{'p50 ms':>10}{'p99 ms':>10}"
    for name, took in latency.items():
        yield f"  {name:20}{took['count']:10}{took['p50_ms']:10.1f}{took['p99_ms']:10.1f}"


def _growth(growth: Found) -> Iterator[str]:
    for name in ("few", "many"):
        each = growth[name]
        yield f"  {name + ' old rows':20}{each['tickets_per_s']:10.0f} tickets/s{each['cpu_ms_per_ticket']:8.2f} ms CPU"
    yield f"  {'cost ratio':20}{growth['cpu_ratio']:10.2f} in CPU time, {growth['wall_ratio']:.2f} in time"
    idle = growth["idle"]
    what = f"{idle['sources']} sources, {idle['open_invitations']} open invitations"
    yield f"  {'idle':20}{idle['cpu_percent']:10.2f} % of a core, {idle['now_mb']:.0f} MB ({what})"


def _start(start: Found) -> Iterator[str]:
    yield f"  {'hub run to ready':20}{start['ready_s']:10.2f} s, {start['ready_cpu_s']:.2f} s CPU"
    yield f"  {'hub --help':20}{start['help_s']:10.2f} s"
    yield f"  {'memory at rest':20}{start['at_rest_mb']:10.0f} MB"
