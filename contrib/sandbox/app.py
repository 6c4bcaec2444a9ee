"""The command: sets the stage, runs the hub on it, compares, and stays up until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

from rich.console import Console

from sandbox.desk import Desk
from sandbox.hub_process import HubFailed, HubProcess, run_hub
from sandbox.invitation import invite
from sandbox.ledger import Ledger
from sandbox.people import read_people
from sandbox.play import Play
from sandbox.story import System, plan
from sandbox.summary import is_clean, print_summary, summarise
from sandbox.view import View
from sandbox.wiring import FIRST_PORT, PORTS, NotTheDemo, move_ports, read_wiring
from sandbox.world import PortTaken, check_ports, run_world

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

SETTLE_SECONDS = 12.0
"""How long the hub has to bring the last answers to their tickets."""
WATCH_SECONDS = 2.0
"""How long to look out for messages that must not come, when all that should come has come."""

NOT_AS_PROMISED = 1
CANNOT_RUN = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    :returns: the exit status: 0 when every customer was treated as promised, 1 when not, 2 when it cannot run.
    """
    options = _parser().parse_args(arguments)
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
    parser.add_argument("--once", action="store_true", help="end after the stories instead of staying up")
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
    parser.add_argument("--tickets", type=_between(1, 2000), default=60, help="how many stories (default: %(default)s)")
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
    console = Console(quiet=options.json, highlight=False)
    ledger = Ledger(plan(options.tickets, read_people(HERE / "contacts.csv"), random.Random(options.seed)))
    with tempfile.TemporaryDirectory(prefix="hub-demo-") as folder:
        config = _lay_out(Path(folder), options.port_base, options.tables)
        wiring = read_wiring(config)
        check_ports(wiring)
        async with AsyncExitStack() as stack:
            view = View(console, ledger)
            view.say("starting three desks, phones, mailboxes and the hub")
            world = await stack.enter_async_context(run_world(wiring, ledger, view))
            play = Play(ledger, world.desks, world.customers, view, options.seed)
            await play.prepare()
            hub = await stack.enter_async_context(run_hub(config))
            began = time.monotonic()
            await hub.wait_until_ready(wiring.pages)
            with view:
                view.say("the hub is ready")
                await _perform(play, ledger, world.desks, view, hub)
            summary = summarise(ledger, await hub.status(), seed=options.seed, seconds=time.monotonic() - began)
            print_summary(console, summary)
            if options.json:
                print(json.dumps(summary, ensure_ascii=False, indent=2), flush=True)
            if not options.once:
                invite(console, ledger, world.desks, config)
                await _until_stopped(hub)
    return 0 if is_clean(summary) else NOT_AS_PROMISED


def _stop_on_signal() -> None:
    """Let Ctrl-C and SIGTERM end the run once, in order: the hub first, then the systems it talks to."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    pending = iter([task.cancel])

    def stop() -> None:
        for cancel in pending:
            cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)


def _lay_out(folder: Path, first_port: int, tables: Path | None) -> Path:
    """Put hub.toml into a folder of its own, where the hub's database may lie too, with what it refers to."""
    config = folder / "hub.toml"
    text = move_ports((ROOT / "hub.toml").read_text(encoding="utf-8"), first_port)
    config.write_text(text + (f"\n{tables.read_text(encoding='utf-8')}" if tables else ""), encoding="utf-8")
    (folder / "contrib").symlink_to(ROOT / "contrib", target_is_directory=True)
    return config


async def _perform(play: Play, ledger: Ledger, desks: Mapping[System, Desk[Any]], view: View, hub: HubProcess) -> None:
    """Play all stories, and wait until the hub has done its part.

    :raises HubFailed: the hub ended in the middle.
    """
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_watch(ledger, desks, view))
            await play.run()
            view.say("all stories are played; waiting for the last answers to reach their tickets")
            await _settle(ledger)
            watching.cancel()
    except ExceptionGroup:
        hub.check_alive()
        raise
    hub.check_alive()


async def _settle(ledger: Ledger) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_SECONDS):
            while not all(case.settled for case in ledger.cases):  # noqa: ASYNC110 - many things change it
                await asyncio.sleep(0.2)
    await asyncio.sleep(WATCH_SECONDS)


async def _watch(ledger: Ledger, desks: Mapping[System, Desk[Any]], view: View) -> None:
    """Read what the hub writes onto tickets."""
    while True:
        for desk in desks.values():
            for result in await desk.new_results():
                case = ledger.note_result(result)
                if case is not None and case.written_back and result.ticket is not None:
                    view.result(result.ticket)
        await asyncio.sleep(0.5)


async def _until_stopped(hub: HubProcess) -> None:
    """Return when the run is to end."""
    with suppress(asyncio.CancelledError):
        while True:
            hub.check_alive()
            await asyncio.sleep(0.5)
