"""Loops that make the same HTTP calls as the hub made, and do nothing else: no store, no order, no second thought.

    python -m bench.loops CANDIDATE URL CONNECTIONS RECORDING [PORT]

Writes "ready", waits for a line, makes all calls of the recording, and writes "done". With a port it also serves the
webhooks that customers' answers come by, one for each message that it sends, and waits for all of them.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.wire import Request

_OF_THE_CONNECTION = {"host", "content-length", "connection"}
_TIMEOUTS = {"timeout": {"connect": 10.0, "read": 30.0, "write": 30.0, "pool": 30.0}}


@dataclass(frozen=True, slots=True)
class Call:
    """One call to make again."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


Make = Callable[[Call], Awaitable[Any]]
"""Makes a call, reads the answer to its end, and decodes it when it is JSON."""


def calls(recording: Sequence[Request], url: str) -> list[Call]:
    """The calls of a recording, for a site at another address."""
    return [
        Call(
            each.method,
            url + each.target,
            {name: value for name, value in each.headers().items() if name.lower() not in _OF_THE_CONNECTION},
            each.body or None,
        )
        for each in recording
    ]


@asynccontextmanager
async def plain_httpx(connections: int) -> AsyncIterator[Make]:
    """What everybody uses."""
    import httpx

    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with _httpx_client(connections, httpx.AsyncHTTPTransport(limits=limits)) as make:
        yield make


@asynccontextmanager
async def same_transport(connections: int) -> AsyncIterator[Make]:
    """httpx over the connections that the hub uses."""
    from hub.http import transport

    async with _httpx_client(connections, transport()) as make:
        yield make


@asynccontextmanager
async def _httpx_client(_connections: int, transport: Any) -> AsyncIterator[Make]:
    import httpx

    async with httpx.AsyncClient(transport=transport, timeout=30, trust_env=False) as client:

        async def make(call: Call) -> Any:
            answer = await client.request(call.method, call.url, headers=call.headers, content=call.body)
            return answer.json() if _is_json(answer.headers.get("content-type", ""), answer.content) else None

        yield make


@asynccontextmanager
async def transport_directly(_connections: int) -> AsyncIterator[Make]:
    """The connections that the hub uses, without httpx's client above them."""
    import httpx

    from hub.http import transport

    over = transport()

    async def make(call: Call) -> Any:
        request = httpx.Request(call.method, call.url, headers=call.headers, content=call.body, extensions=_TIMEOUTS)
        answer = await over.handle_async_request(request)
        body = await answer.aread()
        await answer.aclose()
        return json.loads(body) if _is_json(answer.headers.get("content-type", ""), body) else None

    yield make
    await over.aclose()


@asynccontextmanager
async def raw_aiohttp(connections: int) -> AsyncIterator[Make]:
    """aiohttp as it is: the fastest client of others that was measured."""
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:

        async def make(call: Call) -> Any:
            async with session.request(call.method, call.url, headers=call.headers, data=call.body) as answer:
                body = await answer.read()
            return json.loads(body) if _is_json(answer.headers.get("content-type", ""), body) else None

        yield make


CANDIDATES: dict[str, Callable[[int], AbstractAsyncContextManager[Make]]] = {
    "plain_httpx": plain_httpx,
    "same_transport": same_transport,
    "transport_directly": transport_directly,
    "raw_aiohttp": raw_aiohttp,
}


def _is_json(content_type: str, body: bytes) -> bool:
    return bool(body) and "json" in content_type


async def replay(make: Make, todo: Sequence[Call], at_once: int) -> None:
    """Make all calls, so many at a time."""
    waiting = iter(todo)

    async def work() -> None:
        for call in waiting:
            await make(call)

    await asyncio.gather(*(work() for _ in range(at_once)))


class Endpoint:
    """The least that can take a webhook: Starlette in front of nothing, as the hub serves its own."""

    def __init__(self, port: int, expected: int) -> None:
        import uvicorn
        from starlette.applications import Starlette
        from starlette.routing import Route

        app = Starlette(routes=[Route("/hooks/{name}/{path:path}", self._receive)])
        config = uvicorn.Config(app, port=port, log_config=None, access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._left = expected
        self._all_here = asyncio.Event()

    async def serve(self) -> None:
        """Run until the process ends."""
        await self._server.serve()

    @property
    def is_up(self) -> bool:
        """Whether it can be reached."""
        return self._server.started

    async def wait(self) -> None:
        """Return when every webhook has come."""
        await self._all_here.wait()

    async def _receive(self, _request: Any) -> Any:
        from starlette.responses import Response

        self._left -= 1
        if self._left == 0:
            self._all_here.set()
        return Response()


async def run(name: str, connections: int, todo: Sequence[Call], port: int | None) -> None:
    """One loop from beginning to end."""
    endpoint = Endpoint(port, sum("/sendsms" in call.url for call in todo)) if port else None
    serving = asyncio.create_task(endpoint.serve()) if endpoint else None
    while endpoint and not endpoint.is_up:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    async with CANDIDATES[name](connections) as make:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await replay(make, todo, connections)
        if endpoint:
            await endpoint.wait()
        print("done", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    if serving:
        serving.cancel()


def main() -> None:
    """Plain httpx runs on asyncio's own loop, as most programs do; the others on the hub's."""
    name, url, connections, recording, *port = sys.argv[1:]
    todo = calls(pickle.loads(Path(recording).read_bytes()), url)
    work = run(name, int(connections), todo, int(port[0]) if port else None)
    if name == "plain_httpx" or sys.platform == "win32":
        asyncio.run(work)
    else:
        import uvloop

        uvloop.run(work)


if __name__ == "__main__":
    main()
