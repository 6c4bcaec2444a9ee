"""What goes wrong, and when: all of it drawn from the seed before the run begins."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from chaos.child import Child
from chaos.stage import HOUR_S, Stage
from chaos.takeover import Takeovers

_WORKED_S = (1.0, 6.0)
"""How long a hub has been at work, at least, before it is killed: one that does nothing yet has nothing to lose."""
_JUMP_LASTS_S = (2.0, 8.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of what, within how many seconds."""

    seconds: float
    kills: int
    restarts: int
    """Of the database."""
    jumps: int
    """Of single workers' clocks, by an hour ahead or back."""
    silences: int
    """Requests to each service that get no answer, half of them after it has acted."""
    outages: int
    """Times that the gateway, and each desk, is down."""
    outage_s: float
    """How long the gateway is down each time; longer than the hub repeats a request."""
    cuts: int
    """Times that some of the connections to the database are reset at once."""


@dataclass(slots=True)
class Monkey:
    """Carries a plan out."""

    plan: Plan
    chance: random.Random
    stage: Stage
    takeovers: Takeovers
    done: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Do everything, each at its time; returns when all is done."""
        async with asyncio.TaskGroup() as group:
            for at, deed in self._timetable():
                group.create_task(self._at(at, deed))

    def not_done(self) -> dict[str, int]:
        """Kills and restarts that there was no time for."""
        restarts = sum(count for deed, count in self.done.items() if deed.startswith("database"))
        missing = {"kills": self.plan.kills - self.done["kill -9"], "restarts": self.plan.restarts - restarts}
        return {deed: count for deed, count in missing.items() if count}

    def _timetable(self) -> list[tuple[float, Callable[[], Awaitable[None]]]]:
        plan = self.plan
        deeds: list[Callable[[], Awaitable[None]]] = [self._kill] * plan.kills
        deeds += [self._jump] * plan.jumps + [self._cut] * plan.cuts
        deeds += [self._restarting(("fast", "immediate")[number % 2]) for number in range(plan.restarts)]
        for number in range(plan.silences):
            deeds += [self._silencing(name, ("before", "after")[number % 2]) for name in ("sms", "jira", "servicenow")]
        for _ in range(plan.outages):
            deeds += [self._outage("sms", plan.outage_s)]
            deeds += [self._outage(desk, plan.outage_s / 4) for desk in ("jira", "servicenow")]
        return [(self.chance.uniform(0.02, 0.95) * plan.seconds, deed) for deed in deeds]

    async def _at(self, seconds: float, deed: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(seconds)
        await deed()

    async def _kill(self) -> None:
        worked_s = self.chance.uniform(*_WORKED_S)
        while not (working := [one for one in self.stage.workers if one.has_worked(worked_s)]):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        self.takeovers.follow(self.chance.choice(working).kill())
        self.done["kill -9"] += 1

    async def _jump(self) -> None:
        worker = self.chance.choice(self.stage.workers)
        ahead = self.chance.choice((HOUR_S, -HOUR_S))
        worker.set_clock(ahead)
        self.done["clock an hour ahead" if ahead > 0 else "clock an hour back"] += 1
        await asyncio.sleep(self.chance.uniform(*_JUMP_LASTS_S))
        worker.set_clock(0)

    async def _cut(self) -> None:
        if self.stage.database.relay is not None:
            self.stage.database.relay.cut(4)

    def _restarting(self, how: str) -> Callable[[], Awaitable[None]]:
        async def restart() -> None:
            await self.stage.database.restart(how)
            self.done[f"database stopped, {how}"] += 1

        return restart

    def _silencing(self, name: str, when: str) -> Callable[[], Awaitable[None]]:
        async def silence() -> None:
            await self._child(name).ask("silence", desk=name, when=when)

        return silence

    def _outage(self, name: str, seconds: float) -> Callable[[], Awaitable[None]]:
        async def outage() -> None:
            await self._child(name).ask("down", desk=name, seconds=seconds)

        return outage

    def _child(self, name: str) -> Child:
        return self.stage.phones if name == "sms" else self.stage.desks
