"""The stories played by themselves: plays them, compares, prints the outcome, stays up for trying things by hand."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress

from rich.console import Console

from sandbox.hub_process import HubProcess
from sandbox.invitation import invite
from sandbox.ledger import Ledger
from sandbox.play import Play
from sandbox.stage import Stage
from sandbox.summary import is_clean, print_summary, summarise
from sandbox.transcript import print_conversations

SETTLE_SECONDS = 12.0
"""How long the hub has to bring the last answers to their tickets."""
WATCH_SECONDS = 2.0
"""How long to look out for messages that must not come, when all that should come has come."""


async def perform(stage: Stage, console: Console, *, seed: int, as_json: bool, once: bool) -> bool:
    """Play everything.

    :param once: end after the stories instead of staying up until the task is cancelled.
    :returns: whether every customer was treated as promised.
    """
    ledger, view = stage.ledger, stage.view
    play = Play(ledger, stage.world.desks, stage.world.customers, view, seed)
    await play.prepare()
    async with stage.hub() as hub:
        began = time.monotonic()
        with view:
            await play.run()
            view.say("all stories are played; waiting for the last answers to reach their tickets")
            await _settle(ledger)
        hub.check_alive()
        summary = summarise(ledger, await hub.status(), seed=seed, seconds=time.monotonic() - began)
        print_conversations(console, summary["conversations"])
        print_summary(console, summary)
        if as_json:
            print(json.dumps(summary, ensure_ascii=False, indent=2), flush=True)
        if not once:
            invite(console, ledger, stage.world.desks, stage.config)
            await _until_stopped(hub)
    return is_clean(summary)


async def _settle(ledger: Ledger) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_SECONDS):
            while not all(case.settled for case in ledger.cases):  # noqa: ASYNC110 - many things change it
                await asyncio.sleep(0.2)
    await asyncio.sleep(WATCH_SECONDS)


async def _until_stopped(hub: HubProcess) -> None:
    """Return when the run is to end."""
    with suppress(asyncio.CancelledError):
        while True:
            hub.check_alive()
            await asyncio.sleep(0.5)
