"""As little HTTP/1.1 as a load generator needs: it answers requests, and makes requests without bodies."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_REASONS = {200: b"OK", 201: b"Created", 202: b"Accepted", 404: b"Not Found"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came."""

    method: str
    target: str
    """Path with query."""
    head: bytes
    """Request line and headers, without the empty line."""
    body: bytes

    def header(self, name: bytes) -> str:
        """The value of a header; empty when it is not there."""
        found = _header(name).search(self.head)
        return found[1].decode("latin-1") if found else ""

    def headers(self) -> Mapping[str, str]:
        """All headers; of one that comes twice the last."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return dict(line.split(": ", 1) for line in lines)


@cache
def _header(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"\r\n" + re.escape(name) + rb": *([^\r]*)", re.IGNORECASE)


Answer = Callable[[bytes], None]
"""Sends the answer to one request; may be called later."""
Handler = Callable[[Request, Answer], None]


def response(status: int, body: bytes, content_type: str = "application/json;charset=UTF-8", *, date: str) -> bytes:
    """A whole response."""
    return b"%s%s\r\nContent-Length: %d\r\n\r\n%s" % (_head(status, content_type), date.encode(), len(body), body)


@cache
def _head(status: int, content_type: str) -> bytes:
    start = b"HTTP/1.1 %d %s\r\n" % (status, _REASONS[status])
    return b"%sContent-Type: %s\r\nDate: " % (start, content_type.encode())


class Connection(asyncio.Protocol):
    """One connection that somebody else opened. Requests on it are expected one after another."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it

    def data_received(self, data: bytes) -> None:
        """Hand over each request that is complete."""
        self._received = data = self._received + data if self._received else data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(data, 0, end + 2)
            after = end + 4 + (int(length[1]) if length else 0)
            if len(data) < after:
                return
            method, target, _ = data[: data.find(b"\r\n")].decode("latin-1").split(" ")
            self._received, request = data[after:], Request(method, target, data[:end], data[end + 4 : after])
            data = self._received
            self._handler(request, self._write)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


Done = Callable[[int, bytes], None]
"""Is told the status and the body that a request was answered with; 0 when the connection broke."""


class Caller:
    """Makes requests over a few connections that stay open; more wait in line."""

    def __init__(self, host: str, port: int, connections: int) -> None:
        self._address = host, port
        self._free = connections
        self._idle: list[_Outgoing] = []
        self._waiting: deque[tuple[bytes, Done]] = deque()
        self._opening: set[asyncio.Task[None]] = set()

    def send(self, method: str, target: str, done: Done, body: bytes = b"", content_type: str = "text/plain") -> None:
        """Make a request as soon as a connection is free."""
        start = f"{method} {target} HTTP/1.1\r\nHost: {self._address[0]}:{self._address[1]}\r\n"
        kind = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n" if method == "POST" else ""
        self._waiting.append((f"{start}{kind}\r\n".encode() + body, done))
        self._go_on()

    def close(self) -> None:
        """Close the connections that are idle."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def _go_on(self) -> None:
        while self._waiting and self._idle:
            self._idle.pop().send(*self._waiting.popleft())
        if self._waiting and self._free > 0:
            self._free -= 1
            task = asyncio.get_running_loop().create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: _Outgoing(self._ended, self._lost), *self._address
            )
        except OSError:
            self._free += 1
            if self._waiting:
                self._waiting.popleft()[1](0, b"")
            return
        self._ended(connection)

    def _ended(self, connection: _Outgoing) -> None:
        self._idle.append(connection)
        self._go_on()

    def _lost(self, connection: _Outgoing) -> None:
        self._free += 1
        if connection in self._idle:
            self._idle.remove(connection)
        self._go_on()


class _Outgoing(asyncio.Protocol):
    """One connection of a caller, with one request on its way at most."""

    def __init__(self, ended: Callable[[_Outgoing], None], lost: Callable[[_Outgoing], None]) -> None:
        self._ended = ended
        self._lost = lost
        self._done: Done | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it

    def send(self, data: bytes, done: Done) -> None:
        self._done = done
        self._transport.write(data)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        length = _LENGTH.search(self._received, 0, end + 2) if end >= 0 else None
        if end < 0 or len(self._received) < end + 4 + (int(length[1]) if length else 0):
            return
        status, body, done = int(self._received[9:12]), self._received[end + 4 :], self._done
        self._received, self._done = b"", None
        assert done is not None
        done(status, body)
        self._ended(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None:
            self._done(0, b"")
        self._lost(self)
