"""Both scenarios one after the other: one JSON object on standard output, exit status 1 when a promise was broken."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from chaos.monkey import Plan
from chaos.scenario import run
from chaos.stage import Size

SCENARIOS = ("postgresql", "sqlite")


def main() -> int:
    """Run the command; the exit status."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # also then end what was started
    accounts: dict[str, Any] = {"seed": options.seed}
    clean = True
    for name in options.only or SCENARIOS:
        with tempfile.TemporaryDirectory(prefix="chaos") as folder:
            where = Path(options.keep, name) if options.keep else Path(folder)
            where.mkdir(parents=True, exist_ok=True)
            playing = run(name, _size(name, options), _plan(name, options), options.seed, where, options.seconds_limit)
            verdict, accounts[name] = asyncio.run(playing)
        clean = clean and verdict.is_clean
    print(json.dumps(accounts | {"clean": clean}, indent=1))
    return 0 if clean else 1


def _size(name: str, options: argparse.Namespace) -> Size:
    return Size(
        tickets=options.tickets,
        answers=options.answers,
        workers=options.workers if name == "postgresql" else 1,
        share=0.01,
        cuts=0.002,
        silence_s=options.silence,
        reopened=options.reopened,
    )


def _plan(name: str, options: argparse.Namespace) -> Plan:
    several = name == "postgresql"
    seconds = options.seconds * (1.0 if several else 0.7)
    return Plan(
        seconds=seconds,
        kills=options.kills if several else options.kills // 2,
        restarts=options.restarts if several else 0,
        jumps=max(2, round(seconds / 15)),
        silences=2,
        outages=1,
        outage_s=min(120.0, 0.8 * seconds),
        cuts=max(2, round(seconds / 10)) if several else 0,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tickets", type=int, default=5000, help="in each scenario")
    parser.add_argument("--answers", type=int, default=4000)
    parser.add_argument("--reopened", type=float, default=0.04, help="share of the tickets that are opened again")
    parser.add_argument("--workers", type=int, default=3, help="hubs on PostgreSQL")
    parser.add_argument("--kills", type=int, default=50, help="half as many on SQLite")
    parser.add_argument("--restarts", type=int, default=5, help="of PostgreSQL")
    parser.add_argument("--seconds", type=float, default=150.0, help="how long things are broken; less on SQLite")
    parser.add_argument("--silence", type=float, default=10.0, help="after how many seconds a silent hub is dead")
    parser.add_argument("--seconds-limit", type=float, default=600.0, help="for each scenario, all in all")
    parser.add_argument("--only", action="append", choices=SCENARIOS)
    parser.add_argument("--keep", help="a folder for configurations, logs and the SQLite file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
