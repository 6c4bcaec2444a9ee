"""Phones behind a Twilio account that act by themselves: they receive, report, and pass on what people write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.background import Background
from sandbox.phones import Sms
from sandbox.twilio.hooks import Delivery
from sandbox.twilio.site import NUMBER, Text, TwilioSite, parts


@dataclass(slots=True)
class TwilioPhones:
    """All phones of the world; driven as `sandbox.phones.Phones` is.

    :param on_sms: called for each text that a phone receives.
    """

    site: TwilioSite
    on_sms: Callable[[Sms], None] = lambda sms: None
    dead_numbers: set[str] = field(default_factory=set)
    """Texts to these end as undelivered, with error 30005."""
    received: list[Sms] = field(default_factory=list)
    callbacks_given_up: int = 0
    sent_back: list[str] = field(default_factory=list)
    """What the hub's answers to customers' messages would have sent to them. Must stay empty."""
    alerts: list[int] = field(default_factory=list)
    """Error codes that the account's debugger shows, such as 12300 for an answer that is not TwiML."""
    client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=10, trust_env=False))
    _background: Background = field(default_factory=Background)
    _seen: int = 0

    @property
    def app(self) -> ASGIApp:
        """The API's server."""
        api = self.site.app

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            await api(scope, receive, send)
            self._take_new()

        return serve

    async def write(self, number: str, text: str, *, to: str = NUMBER, times: int = 1) -> None:
        """Send a text from a phone; `times` above one repeats the webhook."""
        delivery = self.site.write(number, text, to)
        self._seen = len(self.site.texts)
        for _ in range(times):
            await self._call(delivery)

    async def close(self) -> None:
        """End calls that are under way and close connections."""
        await self._background.stop()
        await self.client.aclose()

    def _take_new(self) -> None:
        new, self._seen = self.site.texts[self._seen :], len(self.site.texts)
        for text in new:
            if text.direction != "inbound":
                self._background.start(self._arrive(text))

    async def _arrive(self, text: Text) -> None:
        dead = text.recipient in self.dead_numbers
        steps: list[tuple[Any, ...]] = [("sent",), ("undelivered", 30005) if dead else ("delivered",)]
        if not dead:
            sms = Sms(text.sender, text.recipient, text.body, parts(text.body))
            self.received.append(sms)
            self.on_sms(sms)
        for step in steps:
            if delivery := self.site.move(text.sid, *step):
                await self._call(delivery)

    async def _call(self, delivery: Delivery) -> None:
        answer = await delivery.send(self.client)
        if answer is None or not answer.is_success:
            self.callbacks_given_up += 1
        elif delivery.is_message:
            self._obey(answer)

    def _obey(self, answer: httpx.Response) -> None:
        """What Twilio does with the answer to a customer's message."""
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if answer.status_code == 204:
            return
        if kind == "text/plain" and answer.text:
            self.sent_back.append(answer.text)
        elif kind not in {"text/xml", "application/xml"}:
            self.alerts.append(12300)
        elif "<Message" in answer.text:
            self.sent_back.append(answer.text)
