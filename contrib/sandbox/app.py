"""The command: what can be asked for, and how it ends."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from sandbox.by_hand import play_by_hand
from sandbox.hub_process import HubFailed
from sandbox.people import read_people
from sandbox.performance import perform
from sandbox.stage import Setting, set_up
from sandbox.story import plan, plan_by_hand
from sandbox.wiring import FIRST_PORT, PORTS, NotTheDemo
from sandbox.world import PortTaken

HERE = Path(__file__).resolve().parent

TICKETS, TICKETS_BY_HAND = 60, 6

NOT_AS_PROMISED = 1
CANNOT_RUN = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    :returns: the exit status: 0 when every customer was treated as promised, 1 when not, 2 when it cannot run.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.by_hand and options.json:
        parser.error("--json tells of stories; there are none with --by-hand")
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd warns of its own attributes
    try:
        return asyncio.run(_run(options))
    except asyncio.CancelledError:
        return INTERRUPTED
    except HubFailed as failure:
        print(f"hub demo: {failure}", file=sys.stderr)
        return NOT_AS_PROMISED
    except (NotTheDemo, PortTaken) as problem:
        print(f"hub demo: {problem}", file=sys.stderr)
        return CANNOT_RUN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hub demo", description="Run the hub against simulated desks and phones.")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="end after the stories instead of staying up")
    how.add_argument(
        "--by-hand", action="store_true", help="play the customers yourself: phones and mailboxes are yours"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object when the stories are over, and no lines"
    )
    parser.add_argument(
        "--with",
        dest="tables",
        type=_file,
        metavar="FILE",
        help="more tables for hub.toml, such as those of a plugin of your own",
    )
    parser.add_argument("--seed", type=int, default=1, help="another number gives other stories (default: %(default)s)")
    parser.add_argument(
        "--tickets",
        type=_between(1, 2000),
        help=f"how many stories (default: {TICKETS}; customers to play by hand: {TICKETS_BY_HAND})",
    )
    parser.add_argument(
        "--port-base",
        type=_between(1, 65536 - PORTS),
        default=FIRST_PORT,
        help=f"first of {PORTS} ports (default: %(default)s)",
    )
    return parser


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text!r}")
    return Path(text)


def _between(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"write a number from {least} to {most}")
        return int(text)

    return number


async def _run(options: argparse.Namespace) -> int:
    _stop_on_signal()
    people, draw = read_people(HERE / "contacts.csv"), random.Random(options.seed)
    setting = Setting(options.port_base, options.tables)
    if options.by_hand:
        await play_by_hand(setting, plan_by_hand(options.tickets or TICKETS_BY_HAND, people, draw))
        return 0
    console = Console(quiet=options.json, highlight=False)
    async with set_up(setting, plan(options.tickets or TICKETS, people, draw), console) as stage:
        as_promised = await perform(stage, console, seed=options.seed, as_json=options.json, once=options.once)
    return 0 if as_promised else NOT_AS_PROMISED


def _stop_on_signal() -> None:
    """Let Ctrl-C, SIGTERM and a closed terminal end the run once, in order: the hub, then the systems it talks to."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    pending = iter([task.cancel])

    def stop() -> None:
        for cancel in pending:
            cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
