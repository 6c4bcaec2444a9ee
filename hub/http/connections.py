"""The connections under all lent clients: aiohttp behind httpx's transport interface.

docs/decisions.md, "HTTP transport", has the reasons and figures. What matters most here is the difference between
`httpx.ConnectError`, `ConnectTimeout`, `ProxyError` (nothing was written) and everything else (it may have been).
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import urllib.request
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import aiohttp
import httpx
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from yarl import URL

from hub.api.errors import ConfigError
from hub.http import answers
from hub.http.calls import Answer, Call, Timeouts, Wire

CONNECTIONS = 100
LARGE = 64 * 1024
_HOSTS = 100
_PARTS = re.compile(r"(https?)://(?:[^/?#]*@)?([^/?#]+)([^?#]*)([^#]*)")
"""Scheme, host with port, path, query; without the credentials, which are in a header, and without the fragment."""
_SWITCHING = 101
_FAILURES = (aiohttp.ClientError, HttpProcessingError, OSError)
_Proxy = tuple[str, str | None]
"""URL without credentials, value of Proxy-Authorization."""


class AiohttpTransport(httpx.AsyncBaseTransport, Wire):
    """Sends each request once, follows no redirect, keeps no cookie, leaves decompression to httpx.

    aiohttp opens, keeps and closes the connections and parses the answers. Its session and its requests stay out of
    it: they take three times as long as all the rest of a call, for what is not used here.
    There is no time-out for writing; the caller's own limit on the whole request covers that.
    """

    def __init__(self) -> None:
        self._proxies = {kind: _proxy(url) for kind, url in urllib.request.getproxies().items() if kind != "no"}
        self._connector: aiohttp.TCPConnector | None = None
        self._tls: ssl.SSLContext | None = None
        self._direct = lru_cache(_HOSTS)(self._peer)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`; the time-outs are in `extensions["timeout"]`."""
        timeout = request.extensions.get("timeout", {})
        limits = _limits(timeout.get("pool"), timeout.get("connect"), timeout.get("read"))
        reply = await self._send(
            request.method, str(request.url), request.headers.multi_items(), request.content, limits
        )
        return httpx.Response(reply.status, headers=reply.raw_headers, stream=_Body(reply), request=request)

    async def exchange(self, call: Call, timeouts: Timeouts, limit_bytes: int) -> httpx.Response:
        """See `Wire`."""
        limits = _limits(timeouts.pool, timeouts.connect, timeouts.read)
        reply = await self._send(call.method, call.url, list(call.headers.items()), call.body, limits)
        if reply.is_encoded:
            response = httpx.Response(reply.status, headers=reply.raw_headers, stream=_Body(reply))
            return await answers.read(response, call.request, limit_bytes)
        return Answer(call, reply.status, reply.raw_headers, await _all_of(reply, limit_bytes))

    async def aclose(self) -> None:
        """Close all connections."""
        if self._connector:
            await self._connector.close()
            self._connector = None

    async def _send(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes, limits: aiohttp.ClientTimeout
    ) -> _Reply:
        connector = self._connector = self._connector or aiohttp.TCPConnector(limit=CONNECTIONS)
        if not (parts := _PARTS.match(url)):
            raise httpx.UnsupportedProtocol("not an address to send a request to")
        scheme, authority, path, query = parts.groups()
        target = (path or "/") + query
        peer = self._proxied(scheme, authority, headers) or self._direct(scheme, authority)
        if peer.proxy and scheme == "http":
            target = f"{scheme}://{authority}{target}"
        head = _head(method, target, peer.headers["Host"], headers, len(body))
        try:
            connection = await connector.connect(peer, [], limits)
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            raise _not_connected(error) from None
        try:
            return await _exchanged(connection, head + body, limits.sock_read, is_head=method == "HEAD")
        except _FAILURES as error:
            raise _broken(error) from None

    def _peer(self, scheme: str, authority: str, **proxying: Any) -> aiohttp.ClientRequest:
        """Whom to connect to, in the form in which aiohttp's connector wants it. It is not sent."""
        if self._tls is None and (proxying or scheme == "https"):
            self._tls = _tls()
        loop, tls = asyncio.get_running_loop(), self._tls or True
        try:
            return aiohttp.ClientRequest("GET", URL(f"{scheme}://{authority}"), loop=loop, ssl=tls, **proxying)
        except ValueError:
            raise httpx.UnsupportedProtocol("not an address to send a request to") from None

    def _proxied(self, scheme: str, authority: str, headers: list[tuple[str, str]]) -> aiohttp.ClientRequest | None:
        """The same with the proxy to ask, if there is one; its credential may be added to the headers."""
        proxy = self._proxies.get(scheme) or self._proxies.get("all")
        if proxy is None or urllib.request.proxy_bypass(authority):
            return None
        address, credential = proxy
        proxying: dict[str, Any] = {"proxy": URL(address)}
        if credential is not None and scheme == "http":
            headers.append(("Proxy-Authorization", credential))
        elif credential is not None:
            proxying["proxy_headers"] = {"Proxy-Authorization": credential}
        return self._peer(scheme, authority, **proxying)


@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer whose head has come."""

    connection: Connection
    status: int
    raw_headers: Sequence[tuple[bytes, bytes]]
    is_encoded: bool
    """Whether its body must be decompressed."""
    content: aiohttp.StreamReader

    def release(self) -> None:
        """Keep the connection for another request, if this one was sent and answered to the end."""
        transport = self.connection.transport
        if transport is not None and transport.get_write_buffer_size():
            _give_up(self.connection)
        else:
            self.connection.release()


async def _exchanged(connection: Connection, request: bytes, read_limit_s: float | None, *, is_head: bool) -> _Reply:
    protocol = connection.protocol
    assert protocol is not None
    assert protocol.transport is not None
    protocol.set_response_params(
        skip_payload=is_head, read_until_eof=True, auto_decompress=False, read_timeout=read_limit_s
    )
    try:
        protocol.transport.write(request)
        if len(request) <= LARGE:  # how long a larger one takes to leave is not the other side's silence
            protocol.start_timeout()
        while True:
            message, content = await protocol.read()
            if not 100 <= message.code < 200 or message.code == _SWITCHING:  # the others announce an answer
                is_encoded = "Content-Encoding" in message.headers
                return _Reply(connection, message.code, message.raw_headers, is_encoded, content)
    except BaseException:
        _give_up(connection)
        raise


def _give_up(connection: Connection) -> None:
    """Close a connection, and throw away what it has not sent yet."""
    if connection.protocol is not None:
        connection.protocol.abort()
    connection.close()


def _head(method: str, target: str, host: str, headers: list[tuple[str, str]], body_bytes: int) -> bytes:
    given = {name.lower() for name, _ in headers}
    lines = [f"{method} {target} HTTP/1.1"]
    if "host" not in given:
        lines.append(f"Host: {host}")
    if body_bytes and "content-length" not in given:
        lines.append(f"Content-Length: {body_bytes}")
    lines += [f"{name}: {value}" for name, value in headers]
    head = "\r\n".join([*lines, "", ""])
    if not head.count("\r") == head.count("\n") == len(lines) + 1 or "\0" in head:
        raise ValueError("a line break in a header, in the method or in the address")
    return head.encode()


@lru_cache
def _limits(pool: float | None, connect: float | None, read: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(connect=_sum(pool, connect), sock_connect=connect, sock_read=read)


async def _all_of(reply: _Reply, limit_bytes: int) -> bytes:
    parts: list[bytes] = []
    room = limit_bytes
    try:
        while part := await reply.content.readany():
            room -= len(part)
            if room < 0:
                raise answers.TooLarge
            parts.append(part)
    except _FAILURES as error:
        raise _broken(error) from None
    finally:
        reply.release()
    return parts[0] if len(parts) == 1 else b"".join(parts)


class _Body(httpx.AsyncByteStream):
    """The body as it came over the wire."""

    def __init__(self, reply: _Reply) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._reply.content.iter_any():
                yield part
        except _FAILURES as error:
            raise _broken(error) from None

    async def aclose(self) -> None:
        self._reply.release()


def _tls() -> ssl.SSLContext:
    """Whom to trust: 3 to 4 MB of certificates, which a hub that speaks with its own machine only need not hold."""
    context = ssl.create_default_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        import certifi

        context.load_verify_locations(certifi.where())  # small containers have no store of their own
    return context


def _not_connected(error: Exception) -> httpx.TransportError:
    """The httpx error for what kept a request from leaving. Its text is made here: aiohttp's quotes addresses."""
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return httpx.ProxyError("no connection to the proxy")
    if isinstance(error, aiohttp.ClientResponseError):
        return httpx.ProxyError("the proxy refused")
    if isinstance(error, TimeoutError):
        return httpx.ConnectTimeout("no connection in time")
    if isinstance(error, UnicodeError):
        return httpx.ConnectError("no such host name")
    return httpx.ConnectError(_reason(error) if isinstance(error, aiohttp.ClientConnectorError) else "no connection")


def _broken(error: Exception) -> httpx.TransportError:
    """The httpx error for an answer that did not come, or not to its end, when the request may have left."""
    if isinstance(error, TimeoutError):
        return httpx.ReadTimeout("no answer in time")
    if isinstance(error, HttpProcessingError):
        return httpx.RemoteProtocolError("the answer is not HTTP")
    return httpx.ReadError("the connection broke")


def _reason(error: aiohttp.ClientConnectorError) -> str:
    cause = error.os_error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate was refused: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return "it does not speak TLS here"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "no such host name"
    return os.strerror(cause.errno).lower() if cause.errno else "no connection"


def _sum(*seconds: float | None) -> float | None:
    known = [value for value in seconds if value is not None]
    return sum(known) if known else None


def _proxy(url: str) -> _Proxy:
    try:
        proxy = httpx.Proxy(url if "://" in url else f"http://{url}")
    except (httpx.InvalidURL, ValueError):
        proxy = None
    if proxy is None or proxy.url.scheme not in {"http", "https"} or not proxy.url.host:
        raise ConfigError(
            "a proxy variable in the environment (HTTP_PROXY, HTTPS_PROXY or ALL_PROXY) does not name an HTTP proxy; "
            "write it as http://host:port"
        )
    if proxy.auth is None:
        return str(proxy.url), None
    request = httpx.Request("GET", proxy.url)
    return str(proxy.url), next(httpx.BasicAuth(*proxy.auth).auth_flow(request)).headers["Authorization"]
