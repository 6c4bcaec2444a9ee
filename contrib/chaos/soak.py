"""An hour in minutes: one hub, tickets at a steady rate, answers. What it takes of the machine must not grow.

`python -m chaos.soak` prints one JSON object with the curves; exit status 1 when something grew, or a promise broke.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from chaos.judge import judge
from chaos.stage import Size, Stage, on_stage, tell

_SAMPLE_EVERY_S = 2.0
MEBIBYTE = 1024 * 1024
MOST_GROWTH = 0.05
"""Of the median of the third quarter, by which that of the last may be higher. The first half warms up: each kind of
message, statement and reply is met for the first time then."""
SLACK = {"rss_mb": 3.0, "open_files": 5.0, "connections": 5.0, "threads": 2.0, "wal_mb": 3.0}
"""What is watched, and growth that is no growth yet, in its unit."""
CALLERS = ("open_files", "connections")
"""What the others cause who call the hub and keep their connections: it is judged when they have gone."""
_CALLERS_GONE_S = 20.0
"""The hub closes connections that nobody uses after 5 s, and gives up its own after 15 s."""

Sample = Mapping[str, float]


def sample(process: psutil.Process, write_ahead_log: Path) -> dict[str, float]:
    """What a hub takes now."""
    with process.oneshot():
        return {
            "rss_mb": round(process.memory_info().rss / MEBIBYTE, 1),
            "open_files": process.num_fds(),
            "connections": len(process.net_connections("tcp")),
            "threads": process.num_threads(),
            "wal_mb": round(write_ahead_log.stat().st_size / MEBIBYTE, 1) if write_ahead_log.exists() else 0.0,
        }


def growth(samples: Sequence[Sample], at_rest: Sample) -> dict[str, dict[str, Any]]:
    """For each thing watched: the medians of the third and the last quarter, and whether it is flat.

    :param at_rest: taken when the callers had gone; what they cause is flat when little more than at first is left.
    """
    quarter = len(samples) // 4
    found = {}
    for name, slack in SLACK.items():
        values = [one[name] for one in samples]
        third, last = (statistics.median(part) for part in (values[2 * quarter : 3 * quarter], values[-quarter:]))
        before, after = (values[0], at_rest[name]) if name in CALLERS else (third, last)
        found[name] = {
            "third_quarter": third,
            "last_quarter": last,
            "most": max(values),
            "at_rest": at_rest[name],
            "flat": after - before <= max(slack, before * MOST_GROWTH),
        }
    return found


async def soak(name: str, size: Size, seconds: float, seed: int, folder: Path) -> tuple[bool, dict[str, Any]]:
    """Run it.

    :param name: of the database: `postgresql` or `sqlite`.
    :param seconds: over which the tickets are closed.
    :returns: whether all stayed flat and every promise was kept, and the account.
    """
    began, most_s = time.monotonic(), 2 * seconds + 60
    async with on_stage(name, size, seed, folder, random.Random(seed)) as stage:
        tell(f"{name}: {size.tickets} tickets are being closed within {seconds:.0f} s")
        await stage.desks.ask("close", seconds=seconds)
        watching = asyncio.create_task(stage.watch(name))
        samples = await _samples(stage, folder / "hub.db-wal", most_s)
        watching.cancel()
        left = await stage.settle(most_s)
        await asyncio.sleep(_CALLERS_GONE_S)
        at_rest = sample(psutil.Process(stage.workers[0].pid), folder / "hub.db-wal")
        records, _ = await stage.records()
    verdict = judge(records)
    verdict.broken["left_over"] = [f"{what}: {count}" for what, count in left.items()]
    grown = growth(samples, at_rest)
    flat = all(one["flat"] for one in grown.values())
    account = verdict.as_json() | {
        "tickets": size.tickets,
        "asked": records.asked,
        "messages": len(records.messages),
        "answers": len(set(records.taken)),
        "flat": flat,
        "growth": grown,
        "curves": {each: [one[each] for one in samples] for each in (*SLACK, "asked")},
        "sample_every_s": _SAMPLE_EVERY_S,
        "seconds": round(time.monotonic() - began, 1),
    }
    return flat and verdict.is_clean, account


async def _samples(stage: Stage, write_ahead_log: Path, most_s: float) -> list[Sample]:
    """Look at the hub until nearly everybody has been asked, and no longer than `most_s` seconds."""
    process = psutil.Process(stage.workers[0].pid)
    samples: list[Sample] = []
    asked, enough, deadline = 0, stage.size.tickets * 0.98, time.monotonic() + most_s
    while asked < enough and time.monotonic() < deadline:
        await asyncio.sleep(_SAMPLE_EVERY_S)
        asked = (await stage.phones.ask("state"))["asked"]
        samples.append(sample(process, write_ahead_log) | {"asked": asked})
    return samples


def main() -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tickets", type=int, default=10_000)
    parser.add_argument("--answers", type=int, default=8_000)
    parser.add_argument("--seconds", type=float, default=150.0, help="within which the tickets are closed")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # also then end what was started
    size = Size(tickets=options.tickets, answers=options.answers, messages_per_s=500)
    with tempfile.TemporaryDirectory(prefix="soak") as folder:
        kept, account = asyncio.run(soak(options.store, size, options.seconds, options.seed, Path(folder)))
    print(json.dumps({"seed": options.seed, "store": options.store} | account | {"clean": kept}))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
