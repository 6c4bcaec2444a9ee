"""Measures the hub against loops that make the same HTTP calls. Figures go to stdout, progress to stderr."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

from bench.loops import CANDIDATES
from bench.parts import PARTS, Options, summary
from bench.profile import own_time
from bench.site_process import running_site
from bench.table import table

SIZES: dict[str, tuple[type, float, str]] = {
    "tickets": (int, 10_000, "tickets of the main line"),
    "slow-tickets": (int, 3_000, "tickets where the other side takes its time"),
    "worker-tickets": (int, 3_000, "tickets for workers on PostgreSQL"),
    "worker-in-flight": (int, 8, "messages that each of them has on their way"),
    "growth-tickets": (int, 2_000, "tickets beside old rows"),
    "old-rows": (int, 5_000_000, "rows of a large store"),
    "idle-sources": (int, 50, "sources of an idle hub"),
    "open-invitations": (int, 1_000_000, "invitations of an idle hub"),
    "idle-seconds": (float, 60.0, "how long it is watched; sources are pulled once a minute"),
    "pace-per-s": (float, 50.0, "tickets per second where latencies are measured"),
    "pace-seconds": (float, 60.0, "how long"),
    "starts": (int, 5, "how often the hub is started"),
    "rounds": (int, 3, "how often the hub and each loop run; the best round counts"),
}


def main() -> None:
    """Measure what was asked for."""
    parser = _parser()
    arguments = parser.parse_args()
    only = arguments.only.split(",")
    if unknown := set(only) - PARTS.keys():
        parser.error(f"--only knows {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # so that what it started ends too
    with running_site() as site:
        found = summary({name: part(site, options) for name, part in PARTS.items() if name in only})
    print(json.dumps(found, indent=2) if arguments.json else table(found))
    if options.profile and not arguments.json:
        _print_profiles(options.profile)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--loops", default=",".join(CANDIDATES), help=f"some of {','.join(CANDIDATES)}")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="profile the first round into FILE-STAGE.txt")
    for name, (kind, default, meaning) in SIZES.items():
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{meaning} ({default})")
    return parser


def _options(arguments: argparse.Namespace) -> Options:
    given: dict[str, Any] = {name.replace("-", "_"): None for name in SIZES}
    given = {name: getattr(arguments, name) for name in given}
    loops = [name for name in arguments.loops.split(",") if name]
    return Options(**given, loops=loops, profile=arguments.profile)


def _print_profiles(profile: Path) -> None:
    """The ten functions with the most time of their own in each stage."""
    for file in sorted(profile.parent.glob(f"{profile.stem}-*.txt")):
        print(f"\n{file}")
        for name, share in own_time(file.read_text())[:10]:
            print(f"  {share:6.1%}  {name}")
