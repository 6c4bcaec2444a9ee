"""What an HTTP call costs over each transport: `python contrib/bench/transports.py [TICKETS]`.

A ticket is two calls, a form that is posted and a JSON document that is read, with 32 tickets in flight. The server
is a second process on the loopback that answers from memory. httpx-aiohttp and pyreqwest are measured if installed.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.util import find_spec
from multiprocessing.connection import Connection

import httpx
import structlog

from hub.clock import SystemClock
from hub.http import LentClient, Pauses, transport

TICKETS = 2000
IN_FLIGHT = 32
WARM_UP = 64
ROUNDS = 3

DOCUMENT = json.dumps({"id": "10001", "fields": {f"field_{number}": "x" * 20 for number in range(20)}}).encode()
HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(DOCUMENT)}\r\n\r\n".encode()
EXTENSIONS = {"timeout": {"connect": 10.0, "read": 30.0, "write": 30.0, "pool": 30.0}}

Call = Callable[..., Awaitable[httpx.Response]]


class Server(asyncio.Protocol):
    """Answers every request with the same document."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while True:
            head, complete, rest = self._received.partition(b"\r\n\r\n")
            _, _, length = head.lower().partition(b"content-length:")
            body_bytes = int(length.split(b"\r\n", 1)[0]) if length else 0
            if not complete or len(rest) < body_bytes:
                return
            self._received = rest[body_bytes:]
            self._transport.write(HEAD + DOCUMENT)


def serve(port: Connection) -> None:
    """Run the server until the process is ended."""

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@asynccontextmanager
async def plain_client() -> AsyncIterator[Call]:
    """What everybody uses."""
    async with httpx.AsyncClient() as client:
        yield client.request


@asynccontextmanager
async def directly(over: httpx.AsyncBaseTransport) -> AsyncIterator[Call]:
    """A transport without httpx's client above it."""

    async def call(method: str, url: str, data: dict[str, str] | None = None) -> httpx.Response:
        request = httpx.Request(method, url, data=data, extensions=EXTENSIONS)
        response = await over.handle_async_request(request)
        await response.aread()
        await response.aclose()
        return response

    yield call
    await over.aclose()


@asynccontextmanager
async def lent_client() -> AsyncIterator[Call]:
    """What the hub lends to plugins: retries, pauses and error classes on top of its transport."""
    clock, numbers, over = SystemClock(), random.Random(), transport()
    yield LentClient(
        over,
        name="bench",
        clock=clock,
        random=numbers,
        log=structlog.get_logger(),
        pauses=Pauses(clock, numbers),
    ).request
    await over.aclose()


@asynccontextmanager
async def aiohttp_by_httpx_aiohttp() -> AsyncIterator[Call]:
    """The ready-made adapter."""
    from httpx_aiohttp import AiohttpTransport

    async with directly(AiohttpTransport()) as call:
        yield call


@asynccontextmanager
async def rust_by_pyreqwest() -> AsyncIterator[Call]:
    """reqwest behind its ready-made adapter."""
    from pyreqwest.client import ClientBuilder
    from pyreqwest.compatibility.httpx import HttpxTransport

    async with directly(
        HttpxTransport(ClientBuilder().max_connections(100).follow_redirects(enable=False).build())
    ) as call:
        yield call


CANDIDATES: dict[str, Callable[[], AbstractAsyncContextManager[Call]]] = {
    "httpx.AsyncClient": plain_client,
    "httpx transport, called directly": lambda: directly(httpx.AsyncHTTPTransport()),
    "hub transport, called directly": lambda: directly(transport()),
    "hub lent client": lent_client,
}
if find_spec("httpx_aiohttp"):
    CANDIDATES["httpx-aiohttp, called directly"] = aiohttp_by_httpx_aiohttp
if find_spec("pyreqwest"):
    CANDIDATES["pyreqwest, called directly"] = rust_by_pyreqwest


async def process(tickets: int, call: Call, url: str) -> None:
    """Make two calls for each ticket."""
    waiting = iter(range(tickets))

    async def worker() -> None:
        for _ in waiting:
            sent = await call("POST", f"{url}/messages", data={"to": "100", "text": "How did it go? " * 10})
            ticket = await call("GET", f"{url}/tickets/10001?fields=status,assignee")
            assert sent.json()["id"] == ticket.json()["id"]

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))


async def measure(name: str, tickets: int, url: str) -> tuple[float, float]:
    """Tickets per second, and milliseconds of this process's CPU per ticket."""
    async with CANDIDATES[name]() as call:
        await process(WARM_UP, call, url)
        wall, cpu = time.perf_counter(), time.process_time()
        await process(tickets, call, url)
        return tickets / (time.perf_counter() - wall), (time.process_time() - cpu) / tickets * 1000


def main(tickets: int) -> None:
    """Measure each candidate in turn, several rounds, and print the best round of each."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    server = spawn.Process(target=serve, args=(there,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}"
    rounds = [{name: asyncio.run(measure(name, tickets, url)) for name in CANDIDATES} for _ in range(ROUNDS)]
    server.terminate()
    best = {name: max(each[name] for each in rounds) for name in CANDIDATES}
    plain, _ = best["httpx.AsyncClient"]
    print(f"{'':34}{'tickets/s':>10}{'CPU ms/ticket':>15}{'ratio':>8}")
    for name, (rate, cpu_ms) in best.items():
        print(f"{name:34}{rate:>10.0f}{cpu_ms:>15.2f}{rate / plain:>8.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TICKETS)
