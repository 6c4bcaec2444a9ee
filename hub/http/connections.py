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
from typing import Any

import aiohttp
import httpx
from yarl import URL

from hub.api.errors import ConfigError

CONNECTIONS = 100
LARGE_BODY = 64 * 1024
_AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_Proxy = tuple[str, str | None]
"""URL without credentials, value of Proxy-Authorization."""


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends each request at most once, follows no redirect, keeps no cookie, leaves decompression to httpx.

    Each request brings its time-outs in `extensions["timeout"]`, as httpx does. aiohttp has none for writing; the
    caller's own limit on the whole request covers that.
    """

    def __init__(self) -> None:
        self._proxies = {kind: _proxy(url) for kind, url in urllib.request.getproxies().items() if kind != "no"}
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        if request.url.scheme not in {"http", "https"} or not request.url.host:
            raise httpx.UnsupportedProtocol("not an address to send a request to", request=request)
        session = self._session = self._session or _session()
        headers, proxying = self._route(request)
        timeout = request.extensions.get("timeout", {})
        try:
            answer = await session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=headers,
                data=_body(request.content),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    connect=_sum(timeout.get("pool"), timeout.get("connect")),
                    sock_connect=timeout.get("connect"),
                    sock_read=timeout.get("read"),
                ),
                **proxying,
            )
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            raise _translated(error) from None
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer), request=request)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session:
            await self._session.close()
            self._session = None

    def _route(self, request: httpx.Request) -> tuple[list[tuple[str, str]], dict[str, Any]]:
        """Headers, and where to send them."""
        headers = request.headers.multi_items()
        proxy = self._proxies.get(request.url.scheme) or self._proxies.get("all")
        if proxy is None or urllib.request.proxy_bypass(request.url.netloc.decode("ascii")):
            return headers, {}
        url, credential = proxy
        if credential is None:
            return headers, {"proxy": url}
        if request.url.scheme == "http":
            return [*headers, ("Proxy-Authorization", credential)], {"proxy": url}
        return headers, {"proxy": url, "proxy_headers": {"Proxy-Authorization": credential}}


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
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, ssl=_tls()),
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
