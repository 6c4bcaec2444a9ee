"""What the hub lends to a plugin, in a form that tests can look into."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub import HttpClient
from hub.testing.clock import FakeClock

if TYPE_CHECKING:
    import httpx

__all__ = ["FakeClock", "FakeContext", "FakeLog", "FakeVault", "LogEntry"]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One event that was logged."""

    level: str
    event: str
    values: dict[str, object]

    def __str__(self) -> str:
        return f"{self.level} {self.event} " + " ".join(f"{name}={value}" for name, value in self.values.items())


class FakeLog:
    """Keeps what is logged, in order, in `entries`."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []

    def events(self) -> list[str]:
        """The names of the events so far."""
        return [entry.event for entry in self.entries]

    def debug(self, event: str, **values: object) -> None:
        """Keep an event of level debug."""
        self.entries.append(LogEntry("debug", event, values))

    def info(self, event: str, **values: object) -> None:
        """Keep an event of level info."""
        self.entries.append(LogEntry("info", event, values))

    def warning(self, event: str, **values: object) -> None:
        """Keep an event of level warning."""
        self.entries.append(LogEntry("warning", event, values))

    def error(self, event: str, **values: object) -> None:
        """Keep an event of level error."""
        self.entries.append(LogEntry("error", event, values))


class FakeVault:
    """Keeps what is saved, in the open, in `values`."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._locks = defaultdict[str, asyncio.Lock](asyncio.Lock)

    async def load(self, name: str, *, key: str | None = None) -> str | None:
        """The value last saved."""
        return self.values.get(name)

    async def save(self, name: str, value: str, *, key: str | None = None) -> None:
        """Keep a value."""
        self.values[name] = value

    @asynccontextmanager
    async def locked(self, name: str) -> AsyncIterator[None]:
        """Let one in at a time."""
        async with self._locks[name]:
            yield


class FakeContext:
    """A `Context` without a hub around it. Time is a `FakeClock`, randomness is the same in every run.

    `http` is the client that the hub really lends, with its retries, pauses and error classes; only the network below
    it is replaced by `transport`. Its waits pass on the fake clock, so nothing takes long.

    :param transport: where requests go, such as `httpx.MockTransport(router.async_handler)` for a respx router.
    """

    def __init__(
        self,
        *,
        name: str = "test",
        transport: httpx.AsyncBaseTransport | None = None,
        clock: FakeClock | None = None,
        hook_url: str = "https://survey.example/hooks/test",
    ) -> None:
        self.name = name
        self.clock = clock or FakeClock()
        self.log = FakeLog()
        self.random = random.Random(0)  # noqa: S311 - tests want the same numbers each time
        self.hook_url = hook_url
        self.vault = FakeVault()
        self._transport = transport
        self._http: HttpClient | None = None

    @property
    def http(self) -> HttpClient:
        """The lent client.

        :raises AssertionError: the test gave no transport, so the plugin was not expected to speak HTTP.
        """
        if self._http is None:
            from hub.http import LentClient, Pauses

            assert self._transport is not None, (
                "the plugin uses context.http, but the test gave FakeContext no transport"
            )
            self._http = LentClient(
                self._transport,
                name=self.name,
                clock=self.clock,
                random=self.random,
                log=self.log,
                pauses=Pauses(self.clock, self.random),
            )
        return self._http
