"""One run: hubs on a stage, everything broken for a while, then the account."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from chaos.judge import Verdict, judge
from chaos.monkey import Monkey, Plan
from chaos.stage import Size, on_stage, tell
from chaos.takeover import Takeovers

_BROKEN_UNTIL = 0.8
"""The share of tickets asked about until which answers are bad and connections break, also on a slow machine."""


async def run(
    name: str, size: Size, plan: Plan, seed: int, folder: Path, limit_s: float
) -> tuple[Verdict, dict[str, Any]]:
    """Play it.

    :param name: of the database: `postgresql` or `sqlite`.
    :param limit_s: how long it may take: half of that for breaking things, the rest for the hubs to come to rest.
    :returns: the verdict, and the account of the run.
    """
    began = time.monotonic()
    chance = random.Random(f"{name} {seed}")
    async with on_stage(name, size, seed, folder, chance) as stage:
        takeovers = Takeovers(stage.database, stage.workers)
        monkey = Monkey(plan, chance, stage, takeovers)
        tell(f"{name}: {len(stage.workers)} hubs are ready; {size.tickets} tickets are being closed")
        await stage.desks.ask("close", seconds=plan.seconds)
        watching = asyncio.create_task(stage.watch(name))
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s / 2):
                await monkey.run()
                await stage.busy(_BROKEN_UNTIL)
        tell(f"{name}: nothing is broken any more")
        await stage.calm()
        left = await stage.settle(began + limit_s - time.monotonic(), lambda: not takeovers.open)
        watching.cancel()
        await takeovers.stop()
        records, faults = await stage.records()
        exits = sum(len(worker.exits) for worker in stage.workers)
    verdict = judge(records)
    verdict.broken["late_takeovers"] = takeovers.late(size.silence_s)
    left |= monkey.not_done()
    verdict.broken["left_over"] = [f"{what}: {count}" for what, count in left.items()]
    account = verdict.as_json() | {
        "tickets": size.tickets,
        "asked": records.asked,
        "messages": len(records.messages),
        "answers": len(set(records.taken)),
        "conversations": records.conversations(),
        **takeovers.as_json(),
        "silence_s": size.silence_s,
        "faults": dict(monkey.done) | faults,
        "hubs_ended_by_themselves": exits,
        "seconds": round(time.monotonic() - began, 1),
    }
    return verdict, account
