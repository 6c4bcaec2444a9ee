"""What an answer, or the lack of one, means: one place that turns both into the hub's errors.

No message quotes a URL, a header or a body: these hold credentials, phone numbers and customers' words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from hub.api.errors import (
    AuthFailed,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RemoteError,
    Unavailable,
    Unexpected,
)

NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Failures before the first byte of the request was written."""
LONGEST_RETRY_AFTER = timedelta(hours=1)
_OF_COMPRESSION = (b"content-encoding", b"content-length")

_ACCOUNT_REFUSED = {401, 402, 403, 407}
_HINTS = {
    401: "the credentials were refused",
    402: "the account has no credit or its subscription ended",
    403: "the account may not do this",
    407: "the proxy refused its credentials",
}
_FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (httpx.ConnectTimeout, "no connection in time"),
    (httpx.PoolTimeout, "no free connection in time"),
    (httpx.ProxyError, "the proxy does not let the hub through"),
    (httpx.WriteTimeout, "the request was not taken in time"),
    (httpx.TimeoutException, "no answer in time"),
    (TimeoutError, "no complete answer in time"),
    (httpx.DecodingError, "the answer could not be decompressed"),
    (httpx.ProtocolError, "the connection broke or the answer was not HTTP"),
)


class TooLarge(Exception):
    """The answer is larger than the hub is willing to read."""


async def read(response: httpx.Response, request: httpx.Request, limit_bytes: int) -> httpx.Response:
    """Read an answer to its end and give its connection back.

    :returns: the same answer, complete and decompressed, without the headers that described the compression.
    :raises TooLarge: after decompression it is longer than `limit_bytes`.
    """
    assert isinstance(response.stream, httpx.AsyncByteStream)
    headers = response.headers.raw
    compressed = any(name.lower() == b"content-encoding" for name, _ in headers)
    if compressed:
        headers = [(name, value) for name, value in headers if name.lower() not in _OF_COMPRESSION]
    parts: list[bytes] = []
    room = limit_bytes
    try:
        async for part in response.aiter_bytes() if compressed else response.stream:
            room -= len(part)
            if room < 0:
                raise TooLarge
            parts.append(part)
    finally:
        await response.aclose()
    return httpx.Response(
        response.status_code,
        headers=headers,
        content=b"".join(parts),
        request=request,
        extensions=response.extensions,
    )


def refusal(response: httpx.Response, *, once: bool, now: datetime) -> RemoteError | None:
    """The error that a status stands for, or None for a status of success."""
    status = response.status_code
    if 200 <= status < 300:
        return None
    where = f"{response.request.method} {response.request.url.host} answered {status}"
    if status == 429:
        return RateLimited(f"{where}: too many requests", retry_after=limit_ends(response.headers, now))
    if status in _ACCOUNT_REFUSED:
        return AuthFailed(f"{where}: {_HINTS[status]}")
    if status == 408 or status >= 500:
        return _out_of_order(response, where, once=once, now=now)
    if status >= 400:
        return Rejected(where, reason=f"http_{status}")
    return Unexpected(f"{where}{_redirect_hint(response)}")


def _out_of_order(response: httpx.Response, where: str, *, once: bool, now: datetime) -> RemoteError:
    pause = retry_after(response.headers, now)
    if once and not (response.status_code == 503 and pause is not None):
        return OutcomeUnknown(f"{where}: it may or may not have been carried out")
    return Unavailable(f"{where}: the service is out of order", retry_after=pause)


def _redirect_hint(response: httpx.Response) -> str:
    location = response.headers.get("location")
    if location is None:
        return ", which is not foreseen"
    try:
        target = response.request.url.join(location)
    except httpx.InvalidURL:
        return ", a redirect to nowhere: check the base URL"
    return f", a redirect to {target.scheme}://{target.netloc.decode('ascii')}: check the base URL"


def failure(error: Exception, request: httpx.Request, *, once: bool) -> RemoteError:
    """The error that a request without a readable answer ends in."""
    where = f"{request.method} {request.url.host}"
    if isinstance(error, httpx.UnsupportedProtocol):
        return Unexpected(f"{where}: the address does not begin with http:// or https://")
    if isinstance(error, NEVER_LEFT):
        return Unavailable(f"{where}: {_what_happened(error)}")
    if once:
        return OutcomeUnknown(f"{where}: the request left, then {_what_happened(error)}")
    if isinstance(error, (TooLarge, httpx.DecodingError)):
        return Unexpected(f"{where}: {_what_happened(error)}")
    return Unavailable(f"{where}: {_what_happened(error)}")


def _what_happened(error: Exception) -> str:
    if isinstance(error, TooLarge):
        return "the answer is too large"
    if isinstance(error, httpx.ConnectError):
        return f"cannot connect ({error})"  # a transport says why: refused, no such name, certificate
    return next((text for kind, text in _FAILURES if isinstance(error, kind)), "the connection broke")


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Read Retry-After: seconds, or a date, which counts from the answer's own Date so that clocks need not agree.

    :returns: zero to `LONGEST_RETRY_AFTER`; None when the header is missing or unreadable.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return timedelta(seconds=min(int(value[:12]), LONGEST_RETRY_AFTER.total_seconds()))
    return _until(_http_date(value), headers, now)


def limit_ends(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long a 429 asks to wait: Retry-After, or else X-RateLimit-Reset, which is Unix seconds (ServiceNow) or an
    ISO 8601 time (Jira Cloud). On other answers that header only tells when the hour of the limit is over.
    """
    asked = retry_after(headers, now)
    return asked if asked is not None else _until(_reset(headers.get("x-ratelimit-reset", "").strip()), headers, now)


def _until(moment: datetime | None, headers: Mapping[str, str], now: datetime) -> timedelta | None:
    if moment is None:
        return None
    since = _http_date(headers.get("date", "")) or now
    return max(timedelta(), min(moment - since, LONGEST_RETRY_AFTER))


def _reset(value: str) -> datetime | None:
    try:
        if value.isascii() and value.isdecimal():
            return datetime.fromtimestamp(int(value[:12]), UTC)
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo is not None else None


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date
