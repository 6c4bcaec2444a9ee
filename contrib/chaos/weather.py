"""What goes wrong in HTTP: an application behind this answers badly now and then, before or after it has acted."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SILENT_SECONDS = 40.0
"""Longer than the hub waits for an answer."""
_HTML = b"<!doctype html><html><head><title>Maintenance</title></head><body><h1>Back soon</h1></body></html>"
_REFUSALS = {
    "429": (429, {}),
    "429 with Retry-After": (429, {"retry-after": "1"}),
    "500": (500, {}),
    "502": (502, {}),
    "503": (503, {}),
    "503 with Retry-After": (503, {"retry-after": "1"}),
}
_KINDS = (*_REFUSALS, "HTML", "500 after acting", "HTML after acting", "truncated")


@dataclass(slots=True)
class Weather:
    """An ASGI application that is not always well.

    :param share: of the requests, how many meet a fault, from 0 to 1.
    """

    app: ASGIApp
    chance: random.Random
    share: float
    silent: list[str] = field(default_factory=list)
    """Requests to come that get no answer: `before` or `after` acting."""
    injected: Counter[str] = field(default_factory=Counter)
    """Faults so far, by kind."""

    def clear_up(self) -> None:
        """No more faults."""
        self.share = 0.0
        self.silent.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, well or badly."""
        if self.silent:
            await self._keep_silent(self.silent.pop(), scope, receive, send)
        elif self.chance.random() < self.share:
            await self._answer_badly(self.chance.choice(_KINDS), scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _keep_silent(self, when: str, scope: Scope, receive: Receive, send: Send) -> None:
        self.injected[f"silent {when} acting"] += 1
        if when == "after":
            await _act(self.app, scope, receive)
        await asyncio.sleep(SILENT_SECONDS)
        await Response(status_code=504)(scope, receive, send)

    async def _answer_badly(self, kind: str, scope: Scope, receive: Receive, send: Send) -> None:
        self.injected[kind] += 1
        if kind in _REFUSALS:
            status, headers = _REFUSALS[kind]
            answer = Response(_HTML, status, headers, media_type="text/html")
        elif kind == "HTML":
            answer = Response(_HTML, 200, media_type="text/html")
        else:
            status, body, media_type = await _act(self.app, scope, receive)
            if kind == "truncated":
                answer = Response(body[: len(body) // 2], status, media_type=media_type)
            else:
                answer = Response(_HTML, 500 if kind.startswith("500") else 200, media_type="text/html")
        await answer(scope, receive, send)


async def _act(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[int, bytes, str]:
    """Let the application do what it is asked; its status, body and type of content."""
    status, body, kind = 200, b"", ""

    async def keep(message: Message) -> None:
        nonlocal status, body, kind
        if message["type"] == "http.response.start":
            status = message["status"]
            kind = dict(message["headers"]).get(b"content-type", b"").decode()
        else:
            body += message.get("body", b"")

    await app(scope, receive, keep)
    return status, body, kind
