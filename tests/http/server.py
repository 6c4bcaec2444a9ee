"""A small HTTP server on the loopback that misbehaves as told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Act = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What the server does after it has read a request. The connection is kept unless the act closes it."""


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Act:
    """A complete answer. Header names are written with underscores."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw("\r\n".join([*lines, "", ""]).encode() + body)


def raw(data: bytes) -> Act:
    """Exactly these bytes."""

    async def act(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return act


def raw_then_cut(data: bytes = b"") -> Act:
    """These bytes, then the connection is cut."""

    async def act(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    return act


async def silence(writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.sleep(30)


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """Plays one act per request of a path, the last one again and again."""

    port: int = 0
    scheme: str = "http"
    acts: dict[str, list[Act]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, path: str = "/") -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def on(self, path: str, *acts: Act) -> str:
        """Set what happens at a path.

        :returns: its URL.
        """
        self.acts[path] = list(acts)
        return self.url(path)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.add(writer)
        task = asyncio.current_task()
        assert task
        self.tasks.add(task)
        try:
            while not writer.is_closing():
                request = await _read(reader)
                self.seen.append(request)
                acts = self.acts.get(request.target.split("?")[0], [answer()])
                await (acts.pop(0) if len(acts) > 1 else acts[0])(writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(task)
            writer.close()

    def hang_up(self) -> None:
        """Close all kept connections."""
        for writer in self.writers:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.split("\r\n")
    method, target, _ = line.split(" ")
    headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in rest if each)}
    return Seen(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def serve(server: Server, context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Run a server until the test is over."""
    listener = await asyncio.start_server(server.connected, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    server.scheme = "https" if context else "http"
    yield server
    listener.close()
    for task in list(server.tasks):
        task.cancel()
    await asyncio.gather(*server.tasks, return_exceptions=True)
    server.hang_up()
