"""Phones behind an SMS gateway that answers, reports and forwards as Kannel 1.4.5 does.

No SMS gateway can be installed from the package index, so this one is written here. It covers what a client meets:
sendsms by GET and POST with the answers of the real one, delivery reports to `dlr-url`, inbound texts to a `get-url`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from urllib.parse import parse_qsl, quote_plus

import httpx
import smsutil  # type: ignore[import-untyped]
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sandbox.background import Background

MAX_PARTS = 10  # the gateway's max-messages: what is longer is cut off without a word
DELIVERED, FAILED, ACCEPTED, REFUSED = 1, 2, 8, 16
LIST_REFUSAL = "Number(s) has/have been denied by white- and/or black-lists."


class Fault(StrEnum):
    """What the gateway does wrong with the next requests."""

    REFUSE = "refuse"  # its links are stopped: 403, nothing sent
    SHUTDOWN = "shutdown"  # 503, nothing sent
    QUEUE = "queue"  # 202 "Queued", sent all the same
    SLOW = "slow"  # sent, and answered only after `slow_seconds`
    CLOSE = "close"  # sent, and the connection is lost inside the answer


@dataclass(frozen=True, slots=True)
class Sms:
    """One text as the phone shows it."""

    sender: str
    recipient: str
    text: str
    parts: int
    dlr_url: str = ""
    dlr_mask: int = 0


@dataclass(slots=True)
class Phones:
    """All phones of the world and the gateway before them.

    :param inbound_url: the gateway's `get-url` for inbound texts, with Kannel's escapes such as `%p` and `%a`.
    :param on_sms: called for each text a phone receives.
    :param retries: how often a callback is repeated when the hub does not answer 2xx (`http-request-retry`).
    """

    username: str
    password: str
    inbound_url: str = ""
    on_sms: Callable[[Sms], None] = lambda sms: None
    retries: int = 3
    retry_seconds: float = 0.5
    fault: Fault | None = None
    slow_seconds: float = 30.0
    dead_numbers: set[str] = field(default_factory=set)
    """The operator refuses these: 202 at once, and a report of type 16 afterwards."""
    received: list[Sms] = field(default_factory=list)
    callbacks_given_up: int = 0
    _client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=10, trust_env=False))
    _background: Background = field(default_factory=Background)
    _ids: count[int] = field(default_factory=lambda: count(1))

    @property
    def app(self) -> Starlette:
        """The HTTP server's application."""
        return Starlette(routes=[Route("/cgi-bin/sendsms", self._sendsms, methods=["GET", "POST"])])

    async def write(self, number: str, text: str, *, to: str, times: int = 1) -> None:
        """Send a text from a phone; `times` above one repeats the webhook as an impatient gateway does."""
        values = {"p": number, "P": to, "a": text, "I": f"in-{next(self._ids)}", "i": "operator", "T": _seconds()}
        for _ in range(times):
            await self._call(_fill(self.inbound_url, values))

    async def close(self) -> None:
        """End callbacks that are under way and close connections."""
        await self._background.stop()
        await self._client.aclose()

    async def _sendsms(self, request: Request) -> Response:
        order = await _read_order(request)
        if order is None:
            return _answer(400, "Invalid content-type")
        if (order.fields.get("username"), order.fields.get("password")) != (self.username, self.password):
            return _answer(403, "Authorization failed for sendsms")
        if refusal := _refusal(order.fields):
            return _answer(400, refusal)
        if self.fault is Fault.REFUSE:
            return _answer(403, "Not routable. Do not try again.")
        if self.fault is Fault.SHUTDOWN:
            return _answer(503, "Server is shutting down")
        for recipient in order.fields["to"].split():
            self._accept(recipient, order)
        return await self._accepted()

    async def _accepted(self) -> Response:
        if self.fault is Fault.QUEUE:
            return _answer(202, "3: Queued for later delivery")
        if self.fault is Fault.SLOW:
            await asyncio.sleep(self.slow_seconds)
        if self.fault is Fault.CLOSE:
            return StreamingResponse(_broken_off(), 202, headers={"content-length": "100"})
        return _answer(202, "0: Accepted for delivery")

    def _accept(self, recipient: str, order: _Order) -> None:
        fields = order.fields
        text, parts = order.shown()
        mask = int(fields.get("dlr-mask") or 0)
        sms = Sms(fields["from"], recipient, text, parts, fields.get("dlr-url", ""), mask)
        dead = recipient in self.dead_numbers
        self._background.start(self._report(sms, dead=dead))
        if not dead:
            self.received.append(sms)
            self.on_sms(sms)

    async def _report(self, sms: Sms, *, dead: bool) -> None:
        steps = (
            [(REFUSED, "NACK/0x0000000b/Invalid Destination Address")]
            if dead
            else [(ACCEPTED, "ACK/"), (DELIVERED, "id:1 sub:001 dlvrd:001 stat:DELIVRD err:000 text:")]
        )
        operator_id = f"op-{next(self._ids)}"
        for kind, words in steps:
            if sms.dlr_url and sms.dlr_mask & kind:
                values = {"d": str(kind), "A": words, "F": operator_id, "p": sms.recipient, "P": sms.sender}
                values |= {"I": f"dlr-{next(self._ids)}", "i": "operator", "T": _seconds()}
                await self._call(_fill(sms.dlr_url, values))

    async def _call(self, url: str) -> None:
        for attempt in range(self.retries + 1):
            if attempt:
                await asyncio.sleep(self.retry_seconds)
            try:
                if (await self._client.get(url)).is_success:
                    return
            except httpx.TransportError:
                continue
        self.callbacks_given_up += 1


@dataclass(frozen=True, slots=True)
class _Order:
    """A request to send, by GET or POST, with Kannel's names in lower case."""

    fields: dict[str, str]
    octets: bytes

    def shown(self) -> tuple[str, int]:
        """The text as phones show it, given the coding and character set that the client named, and its parts."""
        in_unicode = self.fields.get("coding") == "2"
        charset = self.fields.get("charset") or ("utf-16-be" if in_unicode else "utf-8")
        text = self.octets.decode(charset, "replace")
        if not in_unicode:
            text = "".join(character if smsutil.is_valid_gsm(character) else "?" for character in text)
        split = (smsutil.unicode_split if in_unicode else smsutil.split)(text).parts[:MAX_PARTS]
        return "".join(part.content for part in split), len(split)


async def _read_order(request: Request) -> _Order | None:
    if request.method == "GET":
        raw = dict(parse_qsl(request.url.query, keep_blank_values=True, encoding="latin-1"))
        octets = raw.pop("text", "").encode("latin-1")
        return _Order({name: value.encode("latin-1").decode("utf-8", "replace") for name, value in raw.items()}, octets)
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    if kind.strip() not in ("text/plain", "application/octet-stream"):
        return None
    fields = {name.removeprefix("x-kannel-"): value for name, value in request.headers.items()}
    if charset := re.search(r"charset=\"?([\w-]+)", parameters):
        fields["charset"] = charset[1]
    return _Order(fields, await request.body())


def _answer(status: int, words: str) -> Response:
    return Response(words, status, media_type="text/html")


async def _broken_off() -> AsyncIterator[bytes]:
    yield b"0: Acc"


def _refusal(query: dict[str, str]) -> str | None:
    if "to" not in query:
        return "Missing receiver number, rejected"
    if not query["to"].strip():
        return "Empty receiver number not allowed, rejected"
    if not query.get("from"):
        return "Sender missing and no global set, rejected"
    if not re.fullmatch(r"[+0-9 ]+", query["to"]):
        return LIST_REFUSAL
    return None


def _seconds() -> str:
    return str(int(time.time()))


def _fill(template: str, values: dict[str, str]) -> str:
    """Replace Kannel's escapes; percent-encoded octets such as `%2B` stay."""
    return re.sub(r"%([a-zA-Z])", lambda match: quote_plus(values.get(match[1], "")), template)
