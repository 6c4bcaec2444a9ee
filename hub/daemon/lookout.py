"""Finds what is due for any loop of this worker in one look, and wakes those loops only.

It looks when something may have become due: at the time that is known, when it is rung, and now and then for what
nobody announced (a command beside the hub, a worker whose words got lost).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from hub.api.component import Clock
from hub.daemon.bell import Bells
from hub.store.due import JOURNEY, Due
from hub.store.engine import Store

_LEAST_S = 0.05


class Lookout:
    """One for all loops of a worker."""

    def __init__(self, store: Store, clock: Clock, bells: Bells) -> None:
        self._store = store
        self._clock = clock
        self._bells = bells
        self._due = Due((), (), ())
        self._journey_woken_at: datetime | None = None

    def watch(self, gateways: Collection[str], targets: Collection[str], sources: Collection[str]) -> None:
        """Look for work of these components from now on; see `hub.store.due.Due`."""
        self._due = Due(gateways, targets, sources)
        self._bells.outgoing.ring_here()

    async def look(self, longest_s: float) -> float:
        """Ring for all that is due.

        :returns: for how many seconds nothing else will be due, as far as is known; at most `longest_s`.
        """
        now = self._clock.now()
        async with self._store.read() as connection:
            times = await self._due.next_times(connection, now)
        for id_, at in times.items():
            if at <= now and (id_ != JOURNEY or self._may_wake_journey(now, longest_s)):
                self._bells.of(id_).ring_here()
        waits = [(at - now).total_seconds() for at in times.values() if at > now]
        return max(_LEAST_S, min([longest_s, *waits]))

    def _may_wake_journey(self, now: datetime, every_s: float) -> bool:
        """What comes in is announced, and a look costs much where others do the same work: this is for the rest."""
        before = self._journey_woken_at
        if before is not None and timedelta() <= now - before < timedelta(seconds=every_s):
            return False
        self._journey_woken_at = now
        return True
