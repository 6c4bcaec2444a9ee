"""Plays the faults of `hub.testing.rigs.Fault` on an HTTP connection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime

import httpx

from hub import Clock
from hub.testing.rigs import Fault

_STATUSES = {
    Fault.AUTH: 401,
    Fault.FORBIDDEN: 403,
    Fault.NOT_FOUND: 404,
    Fault.RATE_LIMIT: 429,
    Fault.RATE_LIMIT_SECONDS: 429,
    Fault.RATE_LIMIT_DATE: 429,
    Fault.UNAVAILABLE: 503,
    Fault.SERVER_ERROR: 500,
}


class FaultyTransport(httpx.AsyncBaseTransport):
    """Passes requests on to another transport, and fails them while `fault` is set.

    Its error answers repeat the whole request, credentials and all, as some services do: a plugin that puts answers
    into exceptions or logs is found out.

    :param inner: the simulated service: `httpx.MockTransport(router.async_handler)` for a respx router.
    :param clock: the rig's clock, for a Retry-After that is a date.
    :param only_reads: whether a request changes nothing; when not given, GET and HEAD change nothing.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        clock: Clock,
        *,
        retry_after_seconds: float = 30.0,
        only_reads: Callable[[httpx.Request], bool] = lambda request: request.method in {"GET", "HEAD"},
    ) -> None:
        self.fault: Fault | None = None
        self._inner = inner
        self._clock = clock
        self._only_reads = only_reads
        self._retry_after = timedelta(seconds=retry_after_seconds)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, or fail it."""
        fault = self.fault
        if fault is Fault.CONNECT:
            raise httpx.ConnectError("connection refused", request=request)
        if fault in _STATUSES:
            body = await request.aread()
            echo = f"{request.method} {request.url}\n{request.headers.raw!r}\n".encode() + body
            return httpx.Response(_STATUSES[fault], headers=self._headers(fault), content=echo, request=request)
        response = await self._inner.handle_async_request(request)
        if fault is Fault.TIMEOUT_AFTER_REQUEST:
            raise httpx.ReadTimeout("no answer came", request=request)
        if fault is Fault.RESET_AFTER_REQUEST or (fault is Fault.WRITE_ANSWER_LOST and not self._only_reads(request)):
            raise httpx.ReadError("connection reset", request=request)
        if fault is Fault.MALFORMED:
            garbage = b'{"half": <html>\xff\xfe'
            return httpx.Response(200, headers={"content-type": "application/json"}, content=garbage, request=request)
        return response

    async def aclose(self) -> None:
        """Close the other transport."""
        await self._inner.aclose()

    def _headers(self, fault: Fault) -> dict[str, str]:
        if fault is Fault.RATE_LIMIT_SECONDS:
            return {"retry-after": str(round(self._retry_after.total_seconds()))}
        if fault is Fault.RATE_LIMIT_DATE:
            return {"retry-after": format_datetime(self._clock.now() + self._retry_after, usegmt=True)}
        return {}
