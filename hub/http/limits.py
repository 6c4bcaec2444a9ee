"""When a request may leave: the pauses that services ask for, and the limits that they state."""

from __future__ import annotations

import asyncio
import hashlib
import random as random_module
import secrets
from collections import deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hub.api.component import Clock, RateLimit
from hub.api.errors import RateLimited

if TYPE_CHECKING:
    import httpx

PauseKey = tuple[str, str, int | None, str, str]
"""Scheme, host, port, a keyed hash of the credential, and a lane: a part of the service, "" for all of it."""

_CREDENTIAL_HEADERS = ("authorization", "x-sn-apikey")


class Pauses:
    """The pauses that services have asked for. Share one among all lent clients of a process.

    Services count requests per account. When one component is asked to wait, every component that signs in to the
    same service with the same credential waits too.
    """

    longest_wait = timedelta(minutes=2)
    """A longer pause is not waited for but reported, so that the caller can do something else."""

    def __init__(self, clock: Clock, random: random_module.Random) -> None:
        self._clock = clock
        self._random = random
        self._salt = secrets.token_bytes(16)
        self._pauses: dict[PauseKey, tuple[datetime, datetime]] = {}

    def key(self, request: httpx.Request) -> PauseKey:
        """What the service counts this request under. The credential cannot be read from it."""
        credential = "\n".join(request.headers.get(name, "") for name in _CREDENTIAL_HEADERS).encode()
        digest = hashlib.blake2b(credential, key=self._salt, digest_size=16).hexdigest()
        return request.url.scheme, request.url.host, request.url.port, digest, ""

    def hold(self, key: PauseKey, length: timedelta) -> None:
        """Let nothing leave under this key for that long. Never shortens a pause."""
        if length > self.remaining(key):
            now = self._clock.now()
            self._pauses[key] = (now, now + length)

    def remaining(self, key: PauseKey) -> timedelta:
        """How long the pause of this key still is; zero without one."""
        since, until = self._pauses.get(key, (None, None))
        now = self._clock.now()
        if since is None or until is None:
            return timedelta()
        if since <= now < until:  # a clock that was set back must not prolong a pause
            return until - now
        del self._pauses[key]
        return timedelta()

    async def wait(self, key: PauseKey, longest: timedelta | None = None) -> None:
        """Return when the pause of this key is over, spread a little so that not all callers leave at once.

        :param longest: `longest_wait` unless given.
        :raises RateLimited: the pause is longer than that; nothing was sent.
        """
        while remaining := self.remaining(key):
            if remaining > (longest or self.longest_wait):
                raise RateLimited(f"{key[1]} asked for a long pause", retry_after=remaining)
            await self._clock.sleep(remaining.total_seconds() * self._random.uniform(1.0, 1.3))


class Limiter:
    """Keeps to a rate: never more than `rate.calls` within any window of `rate.per`. Callers are served in turn."""

    def __init__(self, rate: RateLimit, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._granted: deque[datetime] = deque()
        self._turn = asyncio.Lock()

    async def acquire(self, n: int = 1) -> None:
        """Wait until `n` calls may be made. More than the rate allows at once is waited for in parts."""
        while n > 0:
            n -= await self.take(n)

    async def take(self, up_to: int) -> int:
        """Wait until at least one call may be made.

        :returns: how many may be made now, from 1 to `up_to`.
        """
        if up_to < 1:
            raise ValueError("take at least one")
        async with self._turn:
            while not (free := self._free()):
                wait = self._granted[0] + self._rate.per - self._clock.now()
                await self._clock.sleep(wait.total_seconds())
            taken = min(up_to, free)
            self._granted.extend([self._clock.now()] * taken)
            return taken

    def _free(self) -> int:
        now = self._clock.now()
        while self._granted and self._granted[0] + self._rate.per <= now:
            self._granted.popleft()
        if self._granted and self._granted[-1] > now:  # the clock was set back
            self._granted = deque(min(granted, now) for granted in self._granted)
        return self._rate.calls - len(self._granted)
