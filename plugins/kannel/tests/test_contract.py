"""The hub's gateway contract, against a Kannel that answers as the real one was seen to (tests/real proves it)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx
import hub_kannel
import pytest
import respx

from hub import DeliveryStatus, Message, Receipt, Webhook
from hub.testing.contracts import GatewayContract
from hub.testing.faults import FaultyTransport
from hub.testing.rigs import Fault, GatewayRig, Sent

URL = "http://kannel.example:13013/cgi-bin/sendsms"
SECRET = "secret_of-callbacks"
PASSWORD = "password-of-the-hub"
ABROAD = "+46701234567"
REPORTS = {
    DeliveryStatus.DELIVERED: ("1", "id:01 sub:001 dlvrd:001 stat:DELIVRD err:000 text:"),
    DeliveryStatus.FAILED: ("2", "id:01 sub:001 dlvrd:000 stat:UNDELIV err:001 text:"),
    DeliveryStatus.QUEUED: ("4", ""),
    DeliveryStatus.SENT: ("8", "ACK/"),
    DeliveryStatus.REJECTED: ("16", "NACK/0x0000000b/Invalid Destination Address"),
}


class KannelRig(GatewayRig):
    """Kannel's sendsms with a white-list of Finnish numbers, and the requests it makes."""

    faults = frozenset(Fault)
    secrets = (PASSWORD, SECRET)
    personal = ("+358401234567", ABROAD)
    recipient = "+358401234567"
    refused_recipient = ABROAD
    reports = frozenset(REPORTS)

    def __init__(self) -> None:
        super().__init__()
        self._sent: list[Sent] = []
        self._numbers = itertools.count(1)
        router = respx.Router(assert_all_called=False)
        router.post(URL).mock(side_effect=self._answer)
        self._transport = FaultyTransport(httpx.MockTransport(router.async_handler), self.clock)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"url": URL, "username": "hub", "password": PASSWORD, "sender": "16400", "callback_secret": SECRET}

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        return self._transport

    async def fail(self, fault: Fault | None) -> None:
        self._transport.fault = fault

    async def sent(self) -> Sequence[Sent]:
        return self._sent

    async def customer_replies(self, message: Message, text: str) -> Sequence[Webhook]:
        identity = f"id-{next(self._numbers)}"
        moment = str(int(self.clock.now().timestamp()))
        return [
            Webhook(
                method="POST",
                path=f"{SECRET}/mo",
                query=(("id", identity), ("time", moment)),
                headers={
                    "content-type": 'text/plain; charset="UTF-8"',
                    "x-kannel-from": message.recipient,
                    "x-kannel-to": "16400",
                },
                body=text.encode(),
            )
        ]

    async def report(self, message: Message, receipt: Receipt, status: DeliveryStatus) -> Sequence[Webhook]:
        kind, answer = REPORTS[status]
        query = (("key", message.key), ("type", kind), ("id", "01"), ("answer", answer), ("time", "1795368418"))
        return [Webhook(method="GET", path=f"{SECRET}/dlr", query=query)]

    def forged(self, request: Webhook) -> Webhook:
        return replace(request, path=request.path.replace(SECRET, "a-guess-of-the-secret"))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        kannel = {name[9:]: value for name, value in request.headers.items() if name.startswith("x-kannel-")}
        if (kannel["username"], kannel["password"]) != ("hub", PASSWORD):
            return httpx.Response(403, text="Authorization failed for sendsms")
        if "to" not in kannel:
            return httpx.Response(400, text="Missing receiver(s) number(s), rejected")
        if not kannel["to"].startswith("+358"):
            return httpx.Response(400, text="Number(s) has/have been denied by white- and/or black-lists.")
        text = request.content.decode()
        self._sent.append(Sent(recipient=kannel["to"], text=text, identity=str(next(self._numbers))))
        return httpx.Response(202, text="0: Accepted for delivery")


class TestKannel(GatewayContract):
    plugin = hub_kannel

    @pytest.fixture
    def rig(self) -> KannelRig:
        return KannelRig()
