"""Requests as the lent client makes them.

Making an `httpx.Request` costs twice as much as sending one: most of it goes into taking apart an address that is put
together again. A `Call` is what is sent; its `httpx.Request` is made when somebody asks for it.
"""

from __future__ import annotations

import base64
import importlib.metadata
import json as json_module
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

import httpx

from hub.http import answers

Params = Mapping[str, str] | Sequence[tuple[str, str]] | None
_PLAIN = re.compile(
    r"https?://[a-z0-9.\-]+(?::[0-9]{1,5})?"
    r"(?:/(?!\.)(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*)*"
    r"(?:\?(?:[A-Za-z0-9\-._~!$&()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?"
)
"""Addresses that httpx would leave as they are: no user, no fragment, no dot segments, nothing to be quoted."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one attempt may take, in seconds."""

    connect: float = 10.0
    """To open a connection, with TLS."""
    read: float = 30.0
    """Between two pieces of the answer."""
    write: float = 30.0
    """To hand over a piece of the request."""
    pool: float = 30.0
    """For a connection to become free."""
    total: float = 120.0
    """For everything together."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, ready to be sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def request(self) -> httpx.Request:
        """The same for httpx."""
        return httpx.Request(self.method, self.url, headers=dict(self.headers), content=self.body or None)


class Answer(httpx.Response):
    """A response that makes the request it belongs to when somebody asks."""

    def __init__(self, call: Call, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        super().__init__(status, headers=headers, stream=httpx.ByteStream(body))
        self._content = body  # reading it out of the stream would cost as much as sending the request
        self.is_closed = self.is_stream_consumed = True
        self._call = call

    @property
    def request(self) -> httpx.Request:
        """See `httpx.Response`."""
        return self._call.request

    @request.setter
    def request(self, value: httpx.Request) -> None:
        raise AttributeError("an answer belongs to its request")

    def raise_for_status(self) -> httpx.Response:
        """See `httpx.Response`, which looks for the request where it keeps its own."""
        httpx.Response.request.__set__(self, self._call.request)  # type: ignore[attr-defined]
        return super().raise_for_status()


class Wire(ABC):
    """What carries calls."""

    @abstractmethod
    async def exchange(self, call: Call, timeouts: Timeouts, limit_bytes: int) -> httpx.Response:
        """Send a call once and read its answer to the end.

        :raises httpx.RequestError: as httpx's transports do.
        :raises TooLarge: the answer is longer than `limit_bytes`.
        """


class HttpxWire(Wire):
    """Any transport of httpx."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def exchange(self, call: Call, timeouts: Timeouts, limit_bytes: int) -> httpx.Response:
        """See `Wire`."""
        request = call.request
        request.extensions["timeout"] = {
            "connect": timeouts.connect,
            "read": timeouts.read,
            "write": timeouts.write,
            "pool": timeouts.pool,
        }
        response = await self._transport.handle_async_request(request)
        return await answers.read(response, request, limit_bytes)


def make_call(
    method: str,
    url: str,
    *,
    params: Params = None,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    data: Mapping[str, str] | None = None,
    content: bytes | None = None,
    auth: tuple[str, str] | None = None,
) -> Call:
    """Encode a request as httpx does; see `hub.HttpClient.request`.

    :raises httpx.InvalidURL: the address is none.
    """
    fields = {**_default_headers(), **{name.lower(): value for name, value in (headers or {}).items()}}
    if not _PLAIN.fullmatch(url):
        url, user = _normalised(url)
        auth = auth or user
    if params is not None:
        base, query = url.partition("?")[0], urlencode(params)
        url = f"{base}?{query}" if query else base
    body = _body(fields, json, data, content)
    if not body and method in {"POST", "PUT", "PATCH"}:
        fields["content-length"] = "0"
    if auth is not None:
        fields["authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
    return Call(method, url, fields, body)


def _normalised(url: str) -> tuple[str, tuple[str, str] | None]:
    """An address as httpx understands it, and the credential that was written into it."""
    parsed = httpx.URL(url)
    user = (parsed.username, parsed.password) if parsed.userinfo else None
    return str(parsed.copy_with(username=None, password=None, fragment=None)), user


def _body(fields: dict[str, str], json: Any, data: Mapping[str, str] | None, content: bytes | None) -> bytes:
    if content is not None:
        return content
    if data:
        fields.setdefault("content-type", "application/x-www-form-urlencoded")
        return urlencode(data).encode()
    if json is not None:
        fields.setdefault("content-type", "application/json")
        return json_module.dumps(json, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return b""


@cache
def _default_headers() -> Mapping[str, str]:
    return {
        "user-agent": f"itsm-hub/{importlib.metadata.version('itsm-hub')}",
        "accept": "*/*",
        "accept-encoding": "gzip, deflate",
    }
