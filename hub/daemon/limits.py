"""What keeps this worker polite: its own pauses and rates, or those that all workers of a store share."""

from __future__ import annotations

from random import Random
from typing import Protocol

from hub.api.component import Clock, RateLimit
from hub.daemon.pauses import SharedPauses, fingerprint_with
from hub.daemon.rates import SharedLimiter
from hub.http import Limiter, Pauses
from hub.store import facts
from hub.store.channel import Channel
from hub.store.engine import Store


class Limits(Protocol):
    """What the lent clients of a process keep to."""

    @property
    def pauses(self) -> Pauses:
        """Those that run, by service and credential."""

    def limiter(self, component: str, rate: RateLimit) -> Limiter:
        """One that keeps the component with this id to a rate."""

    async def close(self) -> None:
        """Finish what is under way; call it before the store is closed."""


class OwnLimits:
    """The limits of one process by itself."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self.pauses = Pauses(clock, random)
        self._clock = clock

    def limiter(self, component: str, rate: RateLimit) -> Limiter:
        """See `Limits`."""
        return Limiter(rate, self._clock)

    async def close(self) -> None:
        """Nothing is under way."""


class SharedLimits:
    """The limits of one of several workers."""

    def __init__(self, store: Store, channel: Channel, salt: bytes, clock: Clock, random: Random) -> None:
        self.pauses = Pauses(clock, random, fingerprint_with(salt))
        self._shared_pauses = SharedPauses(self.pauses, store, channel)
        self._store = store
        self._clock = clock
        self._random = random

    async def load(self) -> None:
        """Take up the pauses that other workers were asked for."""
        await self._shared_pauses.load()

    def limiter(self, component: str, rate: RateLimit) -> Limiter:
        """See `Limits`."""
        return SharedLimiter(self._store, component, rate, clock=self._clock, random=self._random)

    async def close(self) -> None:
        """See `Limits`."""
        await self._shared_pauses.close()


async def limits_of(store: Store, channel: Channel, clock: Clock, random: Random) -> Limits:
    """Those of a worker on this store. An embedded store has one worker, which needs no store for them."""
    if store.is_embedded:
        return OwnLimits(clock, random)
    limits = SharedLimits(store, channel, await facts.salt(store), clock, random)
    await limits.load()
    return limits
