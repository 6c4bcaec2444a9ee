"""The application over ports in memory, and a browser without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from hub.web.app import create_app
from tests.web.ports import MemoryPorts


@pytest.fixture
def ports() -> MemoryPorts:
    return MemoryPorts()


@pytest.fixture
async def browser(ports: MemoryPorts) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(ports))
    async with httpx.AsyncClient(transport=transport, base_url="https://survey.example.fi") as client:
        yield client
