"""An instance on a fake clock, and a client that is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from sandbox.servicenow import Instance, build_app

from hub.testing.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def instance(clock: FakeClock) -> Instance:
    return Instance(clock)


@pytest.fixture
async def stranger(instance: Instance) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is not signed in."""
    transport = httpx.ASGITransport(build_app(instance))
    async with httpx.AsyncClient(transport=transport, base_url=instance.base_url) as client:
        yield client


@pytest.fixture
def client(instance: Instance, stranger: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client that signs in by Basic."""
    stranger.auth = (instance.account.username, instance.account.password)
    return stranger
