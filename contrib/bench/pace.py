"""Issues that are closed one after another at a steady pace, and how long the hub takes for what follows.

Each closing is told by webhook. As soon as the customer has the message they answer: every second one by SMS, the
others on the page, which they open first.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Sequence
from urllib.parse import quote_from_bytes

from bench import issues
from bench.site import Site, answer_target
from bench.wire import Request

PUSH_SECRET = "bench-push-secret"
READING_S = 0.2
"""How long customers look at a message or a page."""
_KEY = re.compile(r"[?&]key=([a-z2-7]{20})")
_STAMP = re.compile(rb'name="stamp" value="([^"]*)"')
_FORM = "application/x-www-form-urlencoded"

SENT, WRITTEN, HOOK, PAGE_GET, PAGE_POST = "hook to send", "answer to write-back", "hook", "page GET", "page POST"


class Pace:
    """The measurements of one run."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._loop = asyncio.get_running_loop()
        self._clear()

    def start(self, per_s: float, seconds: float) -> None:
        """Close issues for so long."""
        self._clear()
        self._site.on_sent, self._site.on_written = self._sent, self._written
        self._total = int(per_s * seconds)
        for number in range(self._total):
            self._loop.call_later(number / per_s, self._close)

    def seen(self) -> dict[str, object]:
        """How many issues are left, and the milliseconds that each step took."""
        return {
            "left": self._total - len(self._millis[WRITTEN]),
            "millis": {name: list(took) for name, took in self._millis.items()},
            "refused": self._refused,
        }

    def _clear(self) -> None:
        self._total = self._refused = 0
        self._hooked: dict[int, float] = {}
        self._answered: dict[int, float] = {}
        self._millis: dict[str, list[float]] = {name: [] for name in (SENT, WRITTEN, HOOK, PAGE_GET, PAGE_POST)}

    def _close(self) -> None:
        number = self._site.close_issue()
        self._hooked[number] = time.perf_counter()
        body = json.dumps({"webhookEvent": "jira:issue_updated", "issue": {"id": issues.issue_id(number)}}).encode()
        self._call(HOOK, "POST", f"/push/jira/{PUSH_SECRET}", body, "application/json")

    def _sent(self, number: int, request: Request) -> None:
        if number in self._hooked:
            self._note(SENT, self._hooked.pop(number))
            key = _KEY.search(request.header(b"X-Kannel-DLR-Url"))
            self._loop.call_later(READING_S, self._react, number, key[1] if key else "")

    def _react(self, number: int, key: str) -> None:
        if number % 2:
            self._call(PAGE_GET, "GET", f"/a/{key}", shown=lambda page: self._read(number, key, page))
        else:
            self._answered[number] = time.perf_counter()
            self._call(HOOK, "GET", answer_target(number))

    def _read(self, number: int, key: str, page: bytes) -> None:
        stamp = _STAMP.search(page)
        self._loop.call_later(READING_S, self._submit, number, key, stamp[1] if stamp else b"")

    def _submit(self, number: int, key: str, stamp: bytes) -> None:
        self._answered[number] = time.perf_counter()
        body = b"stamp=%s&hand=touch&q.service=4" % quote_from_bytes(stamp).encode()
        self._call(PAGE_POST, "POST", f"/a/{key}", body, _FORM)

    def _written(self, number: int) -> None:
        if number in self._answered:
            self._note(WRITTEN, self._answered.pop(number))

    def _call(
        self,
        what: str,
        method: str,
        target: str,
        body: bytes = b"",
        content_type: str = "text/plain",
        *,
        shown: Callable[[bytes], None] = lambda page: None,
    ) -> None:
        began = time.perf_counter()

        def done(status: int, page: bytes) -> None:
            self._refused += status not in {200, 303}
            self._note(what, began)
            shown(page)

        self._site.call(method, target, done, body, content_type)

    def _note(self, what: str, began: float) -> None:
        self._millis[what].append((time.perf_counter() - began) * 1000)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent of all are not above; 0 of none."""
    ordered = sorted(values)
    at = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(at) - 1)] if ordered else 0.0
