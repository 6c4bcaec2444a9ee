"""When a request may leave: the pauses that services ask for, and the limits that they state."""

from __future__ import annotations

import asyncio
import hashlib
import random as random_module
import secrets
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hub.api.component import Clock, RateLimit
from hub.api.errors import RateLimited

if TYPE_CHECKING:
    import httpx

PauseKey = tuple[str, str, int | None, str, str]
"""Scheme, host, port, a fingerprint of the credential, and a lane: a part of the service, "" for all of it."""
Fingerprint = Callable[[bytes], str]
"""Makes of a credential what it can be told by, and not be guessed from."""

_CREDENTIAL_HEADERS = ("authorization", "x-sn-apikey")
_MOST_FINGERPRINTS = 1000


def _own_fingerprint() -> Fingerprint:
    """Fingerprints that only this process can compare."""
    salt = secrets.token_bytes(16)
    return lambda credential: hashlib.blake2b(credential, key=salt, digest_size=16).hexdigest()


class Pauses:
    """The pauses that services have asked for. Share one among all lent clients of a process.

    Services count requests per account. When one component is asked to wait, every component that signs in to the
    same service with the same credential waits too.

    :param fingerprint: one that other processes use too, where pauses are shared with them.
    """

    longest_wait = timedelta(minutes=2)
    """A longer pause is not waited for but reported, so that the caller can do something else."""

    def __init__(self, clock: Clock, random: random_module.Random, fingerprint: Fingerprint | None = None) -> None:
        self._clock = clock
        self._random = random
        self._fingerprint = fingerprint or _own_fingerprint()
        self._fingerprints: dict[str, str] = {}
        self._pauses: dict[PauseKey, tuple[datetime, datetime]] = {}
        self.on_hold: Callable[[PauseKey, timedelta], None] | None = None
        """Told of each pause that a service asked this process for."""

    @property
    def any_running(self) -> bool:
        """Whether any pause may be running: nearly always not."""
        return bool(self._pauses)

    def may_cover(self, url: httpx.URL) -> bool:
        """Whether any pause may be running at this service: nearly always not, and quickly told."""
        if not self._pauses:
            return False
        for key in list(self._pauses):
            self.remaining(key)  # forgets those that are over
        service = url.scheme, url.host, url.port
        return any(key[:3] == service for key in self._pauses)

    def key(self, request: httpx.Request) -> PauseKey:
        """What the service counts this request under. The credential cannot be read from it."""
        headers, url = request.headers, request.url
        credential = "\n".join([headers.get(name, "") for name in _CREDENTIAL_HEADERS])
        fingerprint = self._fingerprints.get(credential)
        if fingerprint is None:
            if len(self._fingerprints) >= _MOST_FINGERPRINTS:  # access tokens come and go
                self._fingerprints.clear()
            fingerprint = self._fingerprints[credential] = self._fingerprint(credential.encode())
        return url.scheme, url.host, url.port, fingerprint, ""

    def hold(self, key: PauseKey, length: timedelta) -> None:
        """Let nothing leave under this key for that long. Never shortens a pause."""
        self.take_up(key, length)
        if self.on_hold:
            self.on_hold(key, length)

    def take_up(self, key: PauseKey, length: timedelta) -> None:
        """As `hold`, for a pause that another process was asked for."""
        if length > self.remaining(key):
            now = self._clock.now()
            self._pauses[key] = (now, now + length)

    def remaining(self, key: PauseKey) -> timedelta:
        """How long the pause of this key still is; zero without one."""
        since, until = self._pauses.get(key, (None, None))
        if since is None or until is None:
            return timedelta()
        now = self._clock.now()
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
