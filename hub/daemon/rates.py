"""Rates that all workers of a store keep to together.

Each component has a row that says which calls were granted lately, by the database's clock. A worker that wants to
call locks it, sees what is free, and takes as much as it needs at once: one short transaction for many calls.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.component import Clock, RateLimit
from hub.api.errors import Unavailable
from hub.http import Limiter
from hub.store.dialect import insert
from hub.store.engine import Store
from hub.store.tables import grants

_GRAIN = 1 / 50
"""Part of the window that grants are told apart by: a row holds some fifty numbers, whatever the rate is."""
_HOLD = 1 / 20
"""Part of the window that a grant may wait for its call."""
_LONGEST_HOLD_S = 5.0
_NOW_S = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)
_UNHURRIED = sa.func.set_config("synchronous_commit", "off", sa.true())
"""What a crash of the database takes with it is over by the time it is back."""
_WORTH = 1 / 10
"""Part of the allowance that a worker which wants more waits for: otherwise it would come for each call singly."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a worker got."""

    calls: int
    wait_s: float
    """After which to ask again, when it got none."""


@dataclass(slots=True)
class Ledger:
    """The calls granted to all workers within the last window, in seconds of the database's clock."""

    seen_s: float = 0.0
    """When something was granted last."""
    ends: dict[float, int] = field(default_factory=dict)
    """Until when granted calls may be made at the latest, and how many."""

    def grant(self, now_s: float, rate: RateLimit, wanted: int, *, spare: int, hold_s: float) -> Granted:
        """Grant up to `wanted` calls, to be made within `hold_s`; and up to `spare` more while half of all is free.

        Whenever a call is made, at most `rate.calls` others were or can be made within `rate.per` before it: a grant
        counts until its latest call is out of the window.
        """
        per_s = rate.per.total_seconds()
        if now_s < self.seen_s:  # the database's clock was set back
            granted, self.ends = self.ends, {}
            for end, calls in granted.items():
                self._count(end + now_s - self.seen_s, calls, per_s)
        self.seen_s = now_s
        self.ends = {end: calls for end, calls in self.ends.items() if end + per_s > now_s}
        free = rate.calls - sum(self.ends.values())
        worth = max(1, min(wanted, math.floor(rate.calls * _WORTH)))
        if free < worth:
            return Granted(0, self._until_free(worth - free) + per_s - now_s)
        calls = min(free, max(wanted, min(wanted + spare, free - rate.calls // 2)))
        self._count(now_s + hold_s, calls, per_s)
        return Granted(calls, 0.0)

    def _count(self, end: float, calls: int, per_s: float) -> None:
        """Add calls that may be made until `end`, or a grain later, to those already there."""
        grain_s = per_s * _GRAIN
        end = math.ceil(end / grain_s) * grain_s
        self.ends[end] = self.ends.get(end, 0) + calls

    def _until_free(self, calls: int) -> float:
        for end in sorted(self.ends):
            calls -= self.ends[end]
            if calls <= 0:
                return end
        return self.seen_s  # a smaller rate was set meanwhile

    @classmethod
    def read(cls, text: str) -> Self:
        """From its row."""
        stored: dict[str, Any] = json.loads(text)
        return cls(stored["seen"], dict(stored["ends"]))

    def __str__(self) -> str:
        return json.dumps({"seen": self.seen_s, "ends": list(self.ends.items())})


class SharedLimiter(Limiter):
    """A limiter that all workers of a store keep to together, for the component with this id."""

    def __init__(
        self,
        store: Store,
        component: str,
        rate: RateLimit,
        *,
        clock: Clock,
        random: Random,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(rate, clock)
        self._store = store
        self._component = component
        self._random = random
        self._monotonic = monotonic
        self._per_s = rate.per.total_seconds()
        self._shortest_hold_s = self._hold_s = min(self._per_s * _HOLD, _LONGEST_HOLD_S)
        self._spare = int(rate.calls * self._hold_s / self._per_s)
        self._waiting = 0
        self._ready = 0
        self._ready_until_s = 0.0

    async def acquire(self, n: int = 1) -> None:
        """See `Limiter.acquire`. Those that wait together are served by one transaction.

        :raises Unavailable: the store does not answer.
        """
        self._waiting += n
        try:
            async with self._turn:
                for _ in range(n):
                    if self._ready == 0 or self._monotonic() > self._ready_until_s:
                        self._ready, self._ready_until_s = await self._get(self._waiting, self._spare)
                    self._ready -= 1
        finally:
            self._waiting -= n

    async def take(self, up_to: int) -> int:
        """See `Limiter.take`.

        :raises Unavailable: the store does not answer.
        """
        if up_to < 1:
            raise ValueError("take at least one")
        async with self._turn:
            return (await self._get(up_to, 0))[0]

    async def _get(self, wanted: int, spare: int) -> tuple[int, float]:
        """How many calls may be made now, at least one, and until when."""
        while True:
            asked_s, hold_s = self._monotonic(), self._hold_s
            granted = await self._ask(wanted, spare, hold_s)
            late_s = self._monotonic() - asked_s
            self._hold_s = max(self._shortest_hold_s, 2 * late_s)  # so that a slow store does not stop everything
            if not granted.calls:
                fair = self._random.uniform(0, self._shortest_hold_s)  # else the one nearest to the database gets all
                await self._clock.sleep(granted.wait_s + fair)
            elif late_s <= hold_s:
                return granted.calls, asked_s + hold_s

    async def _ask(self, wanted: int, spare: int, hold_s: float) -> Granted:
        try:
            async with self._store.write() as connection:
                ledger, now_s = await self._locked(connection)
                granted = ledger.grant(now_s, self._rate, wanted, spare=spare, hold_s=hold_s)
                if granted.calls:
                    await connection.execute(
                        grants.update().where(grants.c.component == self._component).values(granted=str(ledger))
                    )
        except (SQLAlchemyError, OSError):
            raise Unavailable("the store does not answer, and without it the rate cannot be kept to") from None
        return granted

    async def _locked(self, connection: AsyncConnection) -> tuple[Ledger, float]:
        """The component's row, which no other worker reads or writes until the transaction ends; and the time then."""
        of_component = sa.select(grants.c.granted).where(grants.c.component == self._component)
        locked = of_component.with_for_update().cte()  # so that the clock is read by who has it
        query = sa.select(locked.c.granted, _NOW_S.label("now_s"), _UNHURRIED)
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            first = insert(connection, grants).values(component=self._component, granted=str(Ledger()))
            await connection.execute(first.on_conflict_do_nothing())
            row = (await connection.execute(query)).one()
        return Ledger.read(row.granted), row.now_s
