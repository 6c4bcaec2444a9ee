"""The other side of hub_acme."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

import httpx

from hub import DeliveryStatus, Message, Receipt, Webhook
from hub.testing.faults import FaultyTransport
from hub.testing.rigs import Draft, Fault, GatewayRig, Rig, Sent, SourceRig

TOKEN = "acme-token-51fe"


class AcmeService(Rig):
    faults = frozenset(Fault)
    secrets = (TOKEN,)

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []
        self._transport = FaultyTransport(httpx.MockTransport(self.answer), self.clock)

    @property
    def settings(self) -> dict[str, Any]:
        return {"url": "https://acme.example/api", "token": TOKEN, "page_size": 2}

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        return self._transport

    async def fail(self, fault: Fault | None) -> None:
        self._transport.fault = fault

    def add(self, what: str, **values: Any) -> dict[str, Any]:
        number = len(self.events) + 1
        self.events.append({"number": number, "what": what, "at": self.clock.now().isoformat(), **values})
        return self.events[-1]

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return httpx.Response(401)
        resource, *rest = request.url.path.removeprefix("/api/").split("/")
        return getattr(self, f"answer_{resource}")(request, *rest)

    def answer_now(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"number": len(self.events)})

    def answer_events(self, request: httpx.Request) -> httpx.Response:
        after, limit = int(request.url.params["after"]), int(request.url.params["limit"])
        return httpx.Response(200, json={"events": self.events[after : after + limit]})

    answer_inbox = answer_events


class AcmeDesk(AcmeService, SourceRig):
    def __init__(self) -> None:
        super().__init__()
        self.notes: dict[str, list[dict[str, str]]] = {}

    async def close_ticket(self, draft: Draft) -> str:
        ticket_id = str(1000 + len(self.notes))
        self.notes[ticket_id] = []
        customer = draft.customer
        self.add("closed", ticket=ticket_id, subject=draft.subject, name=customer.name, email=customer.email)
        return ticket_id

    async def reopen(self, ticket_id: str) -> None:
        self.add("reopened", ticket=ticket_id)

    async def close_again(self, ticket_id: str) -> None:
        [first, *_] = (event for event in self.events if event["ticket"] == ticket_id)
        self.add(**{key: value for key, value in first.items() if key not in {"number", "at"}})

    async def customer_writes(self, ticket_id: str, text: str) -> None:
        self.add("customer", ticket=ticket_id)

    async def remove_ticket(self, ticket_id: str) -> None:
        del self.notes[ticket_id]

    async def written(self, ticket_id: str) -> Sequence[str]:
        return [note["text"] for note in self.notes[ticket_id]]

    def answer_tickets(self, request: httpx.Request, ticket_id: str, _: str) -> httpx.Response:
        if ticket_id not in self.notes:
            return httpx.Response(404, json={})
        if request.method == "POST":
            self.notes[ticket_id].append(json.loads(request.content))
            self.add("noted", ticket=ticket_id)
        return httpx.Response(200, json=self.notes[ticket_id])


class AcmePhones(AcmeService, GatewayRig):
    recipient = "+358401234567"
    refused_recipient = "+358400000000"
    reports = frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.FAILED})

    def __init__(self, *, push: bool) -> None:
        super().__init__()
        self.push = push
        self.messages: list[dict[str, str]] = []
        self.numbers = itertools.count()

    async def sent(self) -> Sequence[Sent]:
        return [Sent(one["to"], one["text"], one["mark"]) for one in self.messages]

    def answer_messages(self, request: httpx.Request) -> httpx.Response:
        message = json.loads(request.content)
        if message["to"] == self.refused_recipient:
            return httpx.Response(200, json={"status": "refused"})
        self.messages.append(message)
        return httpx.Response(200, json={"status": "taken", "id": f"m{next(self.numbers)}"})

    async def customer_replies(self, message: Message, text: str) -> Sequence[Webhook]:
        return self.news(self.add("reply", **{"from": message.recipient, "text": text}))

    async def report(self, message: Message, receipt: Receipt, status: DeliveryStatus) -> Sequence[Webhook]:
        return self.news(self.add("report", status=status.value, id=receipt.provider_id))

    def news(self, event: dict[str, Any]) -> Sequence[Webhook]:
        if not self.push:
            return []
        body = json.dumps(event).encode()
        return [Webhook(method="POST", path="news", headers={"x-acme": TOKEN}, body=body)]

    def forged(self, request: Webhook) -> Webhook:
        return Webhook(method="POST", path="news", headers={"x-acme": "guess"}, body=request.body)
