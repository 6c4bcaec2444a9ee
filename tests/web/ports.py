"""The web's ports kept in memory: what a customer sends can be looked at, and storing can be made to fail."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from hub import (
    Channel,
    Cursor,
    Gateway,
    Hint,
    Inbound,
    Message,
    Page,
    PluginConfig,
    Receipt,
    Reply,
    Source,
    Webhook,
    WebhookRefused,
)
from hub.web.ports import InvitationView

OPEN, EXPIRED, CANCELLED, UNKNOWN = (letter * 20 for letter in "abcz")
SECRET = "right-secret"


def view(**changes: Any) -> InvitationView:
    invitation = InvitationView(
        language="fi",
        sender_name="Acme Service Desk",
        ticket_key="INC0012345",
        subject="Tulostin ei toimi",
        state="open",
        answered=False,
    )
    return replace(invitation, **changes)


class HookGateway(Gateway[PluginConfig]):
    """Takes replies as the body of a request that carries the right secret."""

    seen: list[Webhook]

    def __init__(self) -> None:
        super().__init__(PluginConfig(), None)  # type: ignore[arg-type]
        self.seen = []

    async def send(self, message: Message) -> Receipt:
        raise AssertionError("nothing is sent here")

    async def receive(self, request: Webhook) -> Inbound:
        self.seen.append(request)
        if not hmac.compare_digest(dict(request.query).get("secret", "").encode(), SECRET.encode()):
            raise WebhookRefused("wrong secret")
        text = request.body.decode()
        if not text:
            raise WebhookRefused("no text", status=400)
        now = datetime(2026, 6, 1, tzinfo=UTC)
        reply = Reply(provider_id="1", channel=Channel.SMS, sender="+358401234567", text=text, received_at=now)
        return Inbound(replies=(reply,))


class PushedSource(Source[PluginConfig]):
    """Takes a ticket id as the body of a request that carries the right secret."""

    seen: list[Webhook]

    def __init__(self) -> None:
        super().__init__(PluginConfig(), None)  # type: ignore[arg-type]
        self.seen = []

    def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        raise AssertionError("nothing is pulled here")

    async def receive(self, request: Webhook) -> Hint:
        self.seen.append(request)
        if not hmac.compare_digest(request.headers.get("x-secret", "").encode(), SECRET.encode()):
            raise WebhookRefused("wrong secret")
        if not request.body:
            raise WebhookRefused("no ticket", status=400)
        return Hint((request.body[:20].decode(),), request.headers.get("x-delivery"))


class SilentGateway(HookGateway):
    """Takes no webhooks."""

    async def receive(self, request: Webhook) -> Inbound:
        return await Gateway.receive(self, request)


@dataclass
class MemoryPorts:
    public_url: str = "https://survey.example.fi"
    default_language: str = "en"
    invitations: dict[str, InvitationView] = field(
        default_factory=lambda: {
            OPEN: view(),
            EXPIRED: view(state="expired"),
            CANCELLED: view(state="cancelled"),
        }
    )
    answers: list[tuple[str, int, str | None]] = field(default_factory=list)
    opted_out: set[str] = field(default_factory=set)
    gateways: dict[str, Gateway[Any]] = field(default_factory=lambda: {"sms": HookGateway(), "smtp": SilentGateway()})
    sources: dict[str, Source[Any]] = field(default_factory=lambda: {"jira": PushedSource()})
    hints: list[tuple[str, Hint]] = field(default_factory=list)
    inbound: list[tuple[str, Inbound]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    not_ready: dict[str, str] = field(default_factory=dict)
    failure: Exception | None = None

    async def invitation(self, token: str) -> InvitationView | None:
        self.asked.append(token)
        return self.invitations.get(token)

    async def store_page_answer(self, token: str, rating: int, comment: str | None) -> bool:
        self._fail()
        if self.invitations[token].state != "open":
            return False
        self.answers.append((token, rating, comment))
        self.invitations[token] = replace(self.invitations[token], answered=True)
        return True

    async def opt_out(self, token: str) -> bool:
        self._fail()
        self.opted_out.add(token)
        return token in self.invitations

    def gateway(self, name: str) -> Gateway[Any] | None:
        return self.gateways.get(name)

    def source(self, name: str) -> Source[Any] | None:
        return self.sources.get(name)

    async def store_hint(self, source_name: str, hint: Hint) -> None:
        self._fail()
        self.hints.append((source_name, hint))

    async def store_inbound(self, gateway_name: str, inbound: Inbound) -> None:
        self._fail()
        self.inbound.append((gateway_name, inbound))

    def ready(self) -> Mapping[str, str]:
        return self.not_ready

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure
