"""The way to whichever hub is up: what a load balancer before several workers does."""

from __future__ import annotations

import random
from collections.abc import Sequence

import httpx


class Doors(httpx.AsyncBaseTransport):
    """Sends each request to one of the workers at random, and to the next one when nobody listens there.

    :param ports: of the workers, on loopback.
    """

    def __init__(self, ports: Sequence[int], chance: random.Random) -> None:
        self._ports = list(ports)
        self._chance = chance
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None, max_keepalive_connections=50))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it.

        :raises httpx.ConnectError: no worker is up.
        """
        for port in self._chance.sample(self._ports, len(self._ports)):
            request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=port)
            try:
                return await self._inner.handle_async_request(request)
            except httpx.ConnectError:
                continue
        raise httpx.ConnectError("no worker is up", request=request)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()


def client(ports: Sequence[int], chance: random.Random) -> httpx.AsyncClient:
    """A client that reaches the hub wherever it is up; the host in an address does not matter."""
    return httpx.AsyncClient(transport=Doors(ports, chance), timeout=10, trust_env=False)
