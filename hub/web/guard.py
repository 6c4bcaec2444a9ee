"""What holds for every request: bounded bodies, security headers, and no exception that reaches the customer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 64 * 1024
_POLICY = "content-security-policy"
_NO_FRAMES = "x-frame-options"
_WITH_POLICY = (_POLICY.encode(), _NO_FRAMES.encode())


async def read_body(request: Request, longest_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The body, read no further than allowed.

    :raises HTTPException: 413, the body is longer than `longest_bytes`.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > longest_bytes:
        raise HTTPException(413)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > longest_bytes:
            raise HTTPException(413)
    return bytes(body)


def security_headers(policy: str) -> dict[str, str]:
    """Headers for every answer.

    :param policy: the content security policy. A page that has one of its own may be shown in frames as that says.
    """
    return {
        _POLICY: policy,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        _NO_FRAMES: "DENY",
        "x-robots-tag": "noindex, nofollow",
    }


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, headers: Mapping[str, str], failed: Callable[[Exception], Response]) -> None:
        """:param failed: the page for when an exception was left over."""
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._failed = failed
        self._log = structlog.get_logger("hub.web")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Only the class of an exception is logged: paths hold tokens, messages may hold words."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], *self._missing(message["headers"])]
            await send(message)

        try:
            await self._app(scope, receive, guarded_send)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - the last place where one can be caught without a traceback
            self._log.error("web.request_failed", error=type(error).__name__)
            if not started:
                await self._failed(error)(scope, receive, guarded_send)

    def _missing(self, own: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """What an answer does not say by itself."""
        if not any(name == _WITH_POLICY[0] for name, _ in own):
            return self._headers
        return [header for header in self._headers if header[0] not in _WITH_POLICY]
