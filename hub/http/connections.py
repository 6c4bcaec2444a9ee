"""The connections under all lent clients: aiohttp behind httpx's transport interface.

docs/decisions.md, "HTTP transport", has the reasons and figures. What matters most here is the difference between
`httpx.ConnectError`, `ConnectTimeout`, `ProxyError` (nothing was written) and everything else (it may have been).
"""

from __future__ import annotations

import io
import os
import ssl
import urllib.request
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

import aiohttp
import httpx
from yarl import URL

from hub.api.errors import ConfigError
from hub.http import answers
from hub.http.calls import Answer, Call, Timeouts, Wire

CONNECTIONS = 100
LARGE_BODY = 64 * 1024
_AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_Proxy = tuple[str, str | None]
"""URL without credentials, value of Proxy-Authorization."""


class AiohttpTransport(httpx.AsyncBaseTransport, Wire):
    """Sends each request at most once, follows no redirect, keeps no cookie, leaves decompression to httpx.

    aiohttp has no time-out for writing; the caller's own limit on the whole request covers that.
    """

    def __init__(self) -> None:
        self._proxies = {kind: _proxy(url) for kind, url in urllib.request.getproxies().items() if kind != "no"}
        self._session: aiohttp.ClientSession | None = None
        self._tls: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`; the time-outs are in `extensions["timeout"]`."""
        if request.url.scheme not in {"http", "https"} or not request.url.host:
            raise httpx.UnsupportedProtocol("not an address to send a request to", request=request)
        timeout = request.extensions.get("timeout", {})
        limits = _limits(timeout.get("pool"), timeout.get("connect"), timeout.get("read"))
        headers = request.headers.multi_items()
        answer = await self._send(request.method, str(request.url), headers, request.content, limits)
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer), request=request)

    async def exchange(self, call: Call, timeouts: Timeouts, limit_bytes: int) -> httpx.Response:
        """See `Wire`."""
        if not call.url.startswith(("http://", "https://")):
            raise httpx.UnsupportedProtocol("not an address to send a request to")
        limits = _limits(timeouts.pool, timeouts.connect, timeouts.read)
        answer = await self._send(call.method, call.url, list(call.headers.items()), call.body, limits)
        if "content-encoding" in answer.headers:
            response = httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))
            return await answers.read(response, call.request, limit_bytes)
        return Answer(call, answer.status, answer.raw_headers, await _all_of(answer, limit_bytes))

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session:
            await self._session.close()
            self._session = None

    async def _send(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        session = self._session = self._session or _session()
        if self._tls is None and (self._proxies or url.startswith("https:")):
            self._tls = _tls()
        try:
            address = URL(url, encoded=True)
            proxying = self._proxying(address, headers) if self._proxies else {}
            return await session.request(
                method,
                address,
                headers=headers,
                data=_body(body),
                allow_redirects=False,
                timeout=timeout,
                ssl=self._tls or True,
                **proxying,
            )
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            raise _translated(error) from None

    def _proxying(self, url: URL, headers: list[tuple[str, str]]) -> dict[str, Any]:
        """Where to send a request, if not straight there; a proxy's credential is added to the headers."""
        proxy = self._proxies.get(url.scheme) or self._proxies.get("all")
        if proxy is None or urllib.request.proxy_bypass(url.authority):
            return {}
        address, credential = proxy
        if credential is None:
            return {"proxy": address}
        if url.scheme == "http":
            headers.append(("Proxy-Authorization", credential))
            return {"proxy": address}
        return {"proxy": address, "proxy_headers": {"Proxy-Authorization": credential}}


@lru_cache
def _limits(pool: float | None, connect: float | None, read: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(connect=_sum(pool, connect), sock_connect=connect, sock_read=read)


async def _all_of(answer: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    parts: list[bytes] = []
    room = limit_bytes
    try:
        while part := await answer.content.readany():
            room -= len(part)
            if room < 0:
                raise answers.TooLarge
            parts.append(part)
    except (aiohttp.ClientError, OSError) as error:
        raise _translated(error) from None
    finally:
        answer.release()  # closes the connection if the body was not read to its end
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _body(content: bytes) -> bytes | io.BytesIO | None:
    return io.BytesIO(content) if len(content) > LARGE_BODY else content or None  # written in pieces, or at once


class _Body(httpx.AsyncByteStream):
    """The body as it came over the wire."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._answer.content.iter_any():
                yield part
        except (aiohttp.ClientError, OSError) as error:
            raise _translated(error) from None

    async def aclose(self) -> None:
        self._answer.release()  # closes the connection if the body was not read to its end


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=_AUTOMATIC_HEADERS,
        middlewares=(_send_once,),
    )


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a PUT or DELETE by itself when a kept connection breaks: it does so for the two
    errors below, and the second failure would hide that the first request had left."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _translated(error) from None


def _tls() -> ssl.SSLContext:
    """Whom to trust: 3 to 4 MB of certificates, which a hub that speaks with its own machine only need not hold."""
    context = ssl.create_default_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        import certifi

        context.load_verify_locations(certifi.where())  # small containers have no store of their own
    return context


_TRANSLATIONS: tuple[tuple[type[Exception], type[httpx.TransportError], str], ...] = (
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError, "no connection to the proxy"),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError, "the proxy refused"),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout, "no connection in time"),
    (TimeoutError, httpx.ReadTimeout, "no answer in time"),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError, "the answer is not HTTP"),
    (UnicodeError, httpx.ConnectError, "no such host name"),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol, "not an address to send a request to"),
)


def _translated(error: Exception) -> httpx.TransportError:
    """The httpx error for an aiohttp one. Its text is made here: aiohttp's quotes URLs with their queries."""
    for ours, theirs, text in _TRANSLATIONS:
        if isinstance(error, ours):
            return theirs(text)
    if isinstance(error, aiohttp.ClientConnectorError):
        return httpx.ConnectError(_reason(error))
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
