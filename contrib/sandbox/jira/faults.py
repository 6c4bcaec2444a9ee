"""Scripted failures: what the site answers instead of, or after, doing what it was asked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A given answer. With `acted`, the request is carried out all the same.

    `body` is sent as it stands when it is bytes, otherwise as JSON.
    """

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    acted: bool = False

    def content(self) -> bytes:
        """The bytes to send."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class Silence:
    """The request is carried out unless told otherwise, and no answer comes.

    In process this is an httpx.ReadTimeout at once; on loopback the connection stays open for `seconds`.
    """

    seconds: float = 30.0
    acted: bool = True


@dataclass(frozen=True, slots=True)
class Cut:
    """The request is carried out, and its answer ends after `keep` bytes.

    With `connection`, the connection is lost there; otherwise a complete answer is just too short to be JSON.
    """

    keep: int = 40
    connection: bool = False


@dataclass(frozen=True, slots=True)
class Without:
    """The real answer with members taken away or replaced, wherever they stand in it."""

    drop: tuple[str, ...] = ()
    replace: dict[str, Any] = field(default_factory=dict)

    def change(self, content: bytes) -> bytes:
        """The altered body; an empty one stays empty."""
        return json.dumps(self._walk(json.loads(content))).encode() if content else content

    def _walk(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._walk(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {
            name: self.replace[name] if name in self.replace else self._walk(each)
            for name, each in value.items()
            if name not in self.drop
        }


Fault = Answer | Silence | Cut | Without


@dataclass(slots=True)
class _Planned:
    method: str
    path: re.Pattern[str]
    fault: Fault
    skip: int
    times: int
    body: re.Pattern[str]

    def fits(self, method: str, path: str, body: str) -> bool:
        """Whether it is to be played for a request."""
        fits = self.method in {"*", method} and self.path.search(path) and self.body.search(body)
        return bool(fits) and self.times != 0


class Faults:
    """What goes wrong, by method and path. The first plan that fits is played."""

    def __init__(self) -> None:
        self._plans: list[_Planned] = []

    def on(self, method: str, path: str, fault: Fault, *, times: int = 1, after: int = 0, body: str = "") -> None:
        """Plan a fault.

        :param method: `*` for any.
        :param path: a regular expression searched for in the path.
        :param times: how many requests meet it; 0 for all until `clear`.
        :param after: how many fitting requests go well before that.
        :param body: a regular expression searched for in the request's body.
        """
        self._plans.append(_Planned(method, re.compile(path), fault, after, times or -1, re.compile(body)))

    def clear(self) -> None:
        """Drop all plans."""
        self._plans.clear()

    def next(self, method: str, path: str, body: bytes = b"") -> Fault | None:
        """The fault for a request that is coming in."""
        for plan in self._plans:
            if not plan.fits(method, path, body.decode(errors="replace")):
                continue
            if plan.skip:
                plan.skip -= 1
                continue
            plan.times -= 1
            return plan.fault
        return None

    def waiting(self, method: str, path: str) -> Fault | None:
        """The fault that a request would meet; it stays planned."""
        return next((plan.fault for plan in self._plans if plan.fits(method, path, "") and not plan.skip), None)


def rate_limited(retry_after: int | str | None = 1, *, reason: str = "jira-burst-based") -> Answer:
    """A 429 as Cloud sends it. None leaves Retry-After out, as the edge does."""
    headers = {"RateLimit-Reason": reason, "X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "0"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    message = "The request has been rate-limited. Please try again later."
    return Answer(429, {"errorMessages": [message], "errors": {}, "status": 429}, headers)


def html(status: int, title: str, headers: dict[str, str] | None = None) -> Answer:
    """An error page instead of JSON."""
    page = f"<!doctype html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status, page.encode(), {"content-type": "text/html;charset=UTF-8"} | (headers or {}))


def huge(megabytes: int = 10) -> Answer:
    """A JSON answer far larger than anything useful."""
    return Answer(200, b'{"issues":[],"padding":"' + b"x" * (megabytes * 1024 * 1024) + b'"}')


def deep(levels: int = 100_000) -> Answer:
    """A JSON answer nested deeper than parsers like."""
    return Answer(200, b'{"issues":' + b"[" * levels + b"]" * levels + b"}")
