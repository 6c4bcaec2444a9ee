"""The stage of a run: simulated desks and phones, a database, and the hubs between them."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.child import Child
from chaos.judge import Decision, Records, Ticket
from chaos.people import deal
from chaos.stores import Database, Postgres, Sqlite
from chaos.workers import LATER_HOURS, Worker, free_ports, settings

HOUR_S = 3600.0
_OPEN = """
SELECT (SELECT count(*) FROM closures WHERE NOT decided),
       (SELECT count(*) FROM invitations WHERE state IN ('waiting', 'sending')),
       (SELECT count(*) FROM answers WHERE state = 'new'),
       (SELECT count(*) FROM write_backs WHERE state IN ('pending', 'writing')),
       (SELECT count(*) FROM closures c WHERE NOT EXISTS
           (SELECT 1 FROM invitations i WHERE i.closure_id = c.id AND i.step = 0 AND i.reason = 'reopened'))
"""
_DECISIONS = """
SELECT c.source, c.ticket_id, i.state, i.reason FROM closures c JOIN invitations i ON i.closure_id = c.id AND i.step = 0
ORDER BY c.id
"""
_LOOKED = "SELECT count(*) FROM components WHERE id IN ('sources.jira', 'sources.servicenow') AND first_at IS NOT NULL"
_WORDS = ("undecided", "unsent", "unread", "unwritten", "known")
_QUIET_FOR_S = 3.0
_ALL_DUE_S = (LATER_HOURS + 2) * HOUR_S
"""When this has passed all that is due which was postponed, or put off while a clock was wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a run is, and how unwell the world."""

    tickets: int
    answers: int
    workers: int = 1
    share: float = 0.0
    """Of the requests to the simulated services, how many are answered badly."""
    cuts: float = 0.0
    """Of the pieces of data to and from them, how many meet a break of the connection; a tenth for the database."""
    silence_s: float = 10.0
    """After how long without a sign of life the others take a hub for dead."""
    reopened: float = 0.0
    """Of the tickets, how many are opened again."""
    messages_per_s: int = 300


@dataclass(slots=True)
class Stage:
    """Everything that runs."""

    size: Size
    seed: int
    database: Database
    desks: Child
    phones: Child
    workers: list[Worker]

    async def calm(self) -> None:
        """Nothing breaks any more."""
        await self.desks.ask("calm")
        await self.phones.ask("calm")
        if self.database.relay is not None:
            self.database.relay.share = 0.0
        self.set_clocks(0)

    def set_clocks(self, offset_s: float) -> None:
        """Let all hubs' clocks be so many seconds ahead."""
        for worker in self.workers:
            worker.set_clock(offset_s)

    async def busy(self, share: float) -> None:
        """Wait until this share of the tickets that stay closed has been asked about."""
        enough = share * self.size.tickets * (1 - self.size.reopened)
        while (await self.phones.ask("state"))["asked"] < enough:  # noqa: ASYNC110
            await asyncio.sleep(0.5)

    async def left(self) -> dict[str, int]:
        """What is still to be done; empty when nothing is.

        `unseen` closings call for a survey; when less than none, the hubs still count closings that were undone.
        """
        rows = await self.database.rows(_OPEN)
        if rows is None:
            return {"database": 1}
        counts = dict(zip(_WORDS, rows[0], strict=True))
        desks = await self.desks.ask("state")
        counts["unseen"] = desks["surveys"] - counts.pop("known")
        counts["unclosed"] = self.size.tickets - desks["closed"] + desks["at_work"]
        counts["calls_under_way"] = (await self.phones.ask("state"))["under_way"]
        return {what: count for what, count in counts.items() if count}

    async def settle(self, seconds: float, may_pass: Callable[[], bool] = lambda: True) -> dict[str, int]:
        """Wait until nothing is left to do. After the last ticket hours pass on all clocks: what was put off comes due.

        :param may_pass: whether they may pass already.
        :returns: what is left all the same.
        """
        deadline = time.monotonic() + seconds
        quiet_since = float("inf")
        passed = False
        left: dict[str, int] = {}
        while time.monotonic() < min(deadline, quiet_since + _QUIET_FOR_S):
            await asyncio.sleep(0.5)
            left = await self.left()
            quiet_since = float("inf") if left else min(quiet_since, time.monotonic())
            over = may_pass() or time.monotonic() > deadline - seconds / 2
            if over and not passed and not left.keys() & {"database", "unclosed"}:
                passed = True
                self.set_clocks(_ALL_DUE_S)
        return left

    async def records(self) -> tuple[Records, dict[str, Any]]:
        """What was seen from outside, and the faults that were injected."""
        desks, phones = await self.desks.ask("report"), await self.phones.ask("report")
        rows = await self.database.rows(_DECISIONS) or []
        faults = {"sms": phones["faults"]} | desks["faults"] | {"webhooks": phones["calls"] | phones["refused"]}
        faults["reopened"] = desks["reopened"]
        if self.database.relay is not None:
            faults["database"] = dict(self.database.relay.injected)
        records = Records(
            customers=deal(self.seed, self.size.tickets, self.size.answers, self.size.reopened),
            tickets=[Ticket(**one) for one in desks["tickets"]],
            messages=phones["messages"],
            taken=phones["taken"],
            stopped=phones["stopped"],
            decisions={(row[0], row[1]): Decision(row[2], row[3] or "") for row in rows},
        )
        return records, faults

    async def watch(self, name: str) -> None:
        """Tell of the progress now and then, for ever."""
        while True:
            await asyncio.sleep(10)
            desks, phones = await self.desks.ask("state"), await self.phones.ask("state")
            up = sum(worker.ready_at is not None for worker in self.workers)
            asked, messages, taken = phones["asked"], phones["messages"], phones["taken"]
            tell(f"{name}: closed {desks['closed']}, asked {asked}, messages {messages}, replies {taken}, hubs up {up}")


@asynccontextmanager
async def on_stage(name: str, size: Size, seed: int, folder: Path, chance: random.Random) -> AsyncIterator[Stage]:
    """Set everything up for the length of the block.

    :param name: of the database: `postgresql` or `sqlite`.
    :param folder: for configurations, logs, and the SQLite file.
    """
    ports, inside = free_ports(size.workers), free_ports(3)
    common = {"seed": seed, "tickets": size.tickets, "answers": size.answers, "ports": ports}
    common |= {"share": size.share, "cuts": size.cuts, "reopened": size.reopened}
    async with AsyncExitStack() as stack:
        database: Database = Sqlite(folder)
        if name == "postgresql":
            database = await Postgres.start(chance, size.cuts / 10, folder / "postgresql.log")
        stack.push_async_callback(database.stop)
        desks = await Child.start("chaos.desks", common | {"inside": inside[:2]})
        stack.push_async_callback(desks.stop)
        phones = await Child.start("chaos.phones", common | {"inside": inside[2]})
        stack.push_async_callback(phones.stop)
        text = settings(database.url, desks.ready, phones.ready["port"], size.messages_per_s)
        workers = [
            Worker(folder / f"worker{number}", port, text, chance, size.silence_s) for number, port in enumerate(ports)
        ]
        for worker in workers:
            stack.push_async_callback(worker.stop)
            worker.start()
            await worker.wait_until_ready()
        while not (looked := await database.rows(_LOOKED)) or looked[0][0] < 2:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)
        await asyncio.sleep(1.1)  # desks date in whole seconds: what is closed from now on is news
        yield Stage(size, seed, database, desks, phones, workers)


def tell(words: str) -> None:
    """Say something to whoever watches."""
    print(words, file=sys.stderr, flush=True)
