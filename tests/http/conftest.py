"""Lent clients that talk to a misbehaving server."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from structlog.testing import CapturingLogger

from hub.http import LentClient, Pauses, transport
from hub.testing.clock import FakeClock
from tests.http.server import Server, serve

LentFactory = Callable[..., LentClient]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async for each in serve(Server()):
        yield each


@pytest.fixture(autouse=True)
def no_proxy_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{kind}_proxy", raising=False)
        monkeypatch.delenv(f"{kind}_proxy".upper(), raising=False)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def log() -> CapturingLogger:
    return CapturingLogger()


@pytest.fixture
def pauses(clock: FakeClock) -> Pauses:
    return Pauses(clock, random.Random(1))


@pytest.fixture
async def connections() -> AsyncIterator[httpx.AsyncBaseTransport]:
    """The real transport."""
    made = transport()
    yield made
    await made.aclose()


@pytest.fixture
def lent(connections: httpx.AsyncBaseTransport, clock: FakeClock, log: CapturingLogger, pauses: Pauses) -> LentFactory:
    """Make lent clients over the real transport or another one, on the fake clock."""

    def make(over: httpx.AsyncBaseTransport = connections, **options: Any) -> LentClient:
        defaults: dict[str, Any] = {"clock": clock, "random": random.Random(1), "log": log, "pauses": pauses}
        return LentClient(over, name="gateways.sms", **(defaults | options))

    return make
