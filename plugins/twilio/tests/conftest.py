"""A simulated Twilio account as the other side of the gateway's tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hub_twilio.config import TwilioConfig
from hub_twilio.gateway import TwilioGateway
from hypothesis import settings
from sandbox.twilio import ACCOUNT, NUMBER, TOKEN, Delivery, TwilioSite

from hub import DeliveryStatus, Message, Receipt, Webhook
from hub.testing.fakes import FakeContext
from hub.testing.faults import FaultyTransport
from hub.testing.rigs import Fault, GatewayRig, Sent

settings.register_profile("hub-twilio", deadline=None)  # a busy machine is no failure
settings.load_profile("hub-twilio")

HOOK_URL = "https://survey.example/hooks/test"
SETTINGS = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER}
CUSTOMER, OPTED_OUT = "+358401234567", "+358407654321"
KEY = "abcdefghijklmnopq234"
ENDS = {
    DeliveryStatus.QUEUED: ("queued", None),
    DeliveryStatus.SENT: ("sent", None),
    DeliveryStatus.DELIVERED: ("delivered", None),
    DeliveryStatus.FAILED: ("undelivered", 30003),
    DeliveryStatus.REJECTED: ("failed", 30001),
}


class TwilioRig(GatewayRig):
    """An account, and the customers behind it. `settings` and `site` may be changed before the first instance."""

    faults = frozenset(Fault)
    secrets = (TOKEN,)
    personal = (CUSTOMER, OPTED_OUT)
    recipient = CUSTOMER
    refused_recipient = OPTED_OUT
    reports = frozenset(ENDS)
    settings: Mapping[str, Any] = SETTINGS

    def __init__(self) -> None:
        super().__init__()
        self.site = TwilioSite(clock=self.clock.now, inbound_url=f"{HOOK_URL}/inbound")
        self.site.opted_out.add((OPTED_OUT, NUMBER))
        self.requests: list[httpx.Request] = []
        api = httpx.ASGITransport(self.site.app)

        async def recorded(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return await api.handle_async_request(request)

        self._transport = FaultyTransport(httpx.MockTransport(recorded), self.clock)

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        return self._transport

    async def fail(self, fault: Fault | None) -> None:
        self._transport.fault = fault

    async def sent(self) -> Sequence[Sent]:
        return [Sent(one.recipient, one.body, one.sid) for one in self.site.texts if one.direction != "inbound"]

    async def customer_replies(self, message: Message, text: str) -> Sequence[Webhook]:
        return [webhook(self.site.write(message.recipient, text))]

    async def report(self, message: Message, receipt: Receipt, status: DeliveryStatus) -> Sequence[Webhook]:
        assert receipt.provider_id
        delivery = self.site.move(receipt.provider_id, *ENDS[status])
        assert delivery
        return [webhook(delivery)]

    def forged(self, request: Webhook) -> Webhook:
        return replace(request, headers={**request.headers, "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="})

    def gateway(self, **changed: Any) -> TwilioGateway:
        """A gateway with these settings."""
        given = {**self.settings, **changed}
        config = TwilioConfig.model_validate({name: value for name, value in given.items() if value is not None})
        return TwilioGateway(config, FakeContext(transport=self._transport, clock=self.clock, hook_url=HOOK_URL))


def webhook(delivery: Delivery, hook_url: str = HOOK_URL) -> Webhook:
    """A call of Twilio's as the hub sees it."""
    path = delivery.url.removeprefix(f"{hook_url}/")
    return Webhook(method="POST", path=path, headers=delivery.headers, body=delivery.body, url=delivery.url)


def message(text: str = "Hei! Miten meni? Vastaa 1-5.", recipient: str = CUSTOMER, key: str = KEY) -> Message:
    """A survey."""
    return Message(key=key, recipient=recipient, text=text)


@pytest.fixture
def rig() -> TwilioRig:
    return TwilioRig()


@pytest.fixture
def make_webhook() -> Callable[..., Webhook]:
    return webhook


@pytest.fixture
def survey() -> Callable[..., Message]:
    return message
