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
from hub.journey.page import Stage
from hub.journey.submission import Outcome, Submission
from hub.survey.model import Survey
from hub.web.ports import Network, PlaceView, SurveyView
from tests.web.asked import BUILTIN, CLOSING, ODD, PLACE

OPEN, EXPIRED, CANCELLED, UNKNOWN, SETTLED = (letter * 20 for letter in "abczs")
SECRET = "right-secret"
UNTIL = datetime(2026, 6, 8, 14, 5, tzinfo=UTC)


def view(**changes: Any) -> SurveyView:
    """A survey as its page shows it."""
    survey = SurveyView(
        token=OPEN,
        survey=CLOSING,
        language="fi",
        tone=None,
        sender_name="Acme Service Desk",
        ticket_key="INC0012345",
        subject="Tulostin ei toimi",
        stage=Stage.OPEN,
        stamp="stamp",
    )
    return replace(survey, **changes)


def place(**changes: Any) -> PlaceView:
    """A service point."""
    found = PlaceView(
        name="lobby",
        title={"fi": "Aulan palvelupiste", "sv": "Servicepunkten", "en": "Service point"},
        language="fi",
        survey=PLACE,
        sender_name="Acme Service Desk",
        embed_in=("https://portal.example.org",),
        per_device=6,
        per_hour=600,
        stamp="place-stamp",
    )
    return replace(found, **changes)


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
    sender_name: str = "Acme Service Desk"
    trusted_proxies: tuple[Network, ...] = ()
    surveys: Mapping[str, Survey] = field(default_factory=lambda: BUILTIN | ODD)
    views: dict[str, SurveyView] = field(
        default_factory=lambda: {
            OPEN: view(),
            EXPIRED: view(token=EXPIRED, stage=Stage.EXPIRED),
            CANCELLED: view(token=CANCELLED, stage=Stage.CANCELLED),
            SETTLED: view(token=SETTLED, stage=Stage.SETTLED, values={"service": 2}, change_until=UNTIL),
        }
    )
    places: dict[str, PlaceView] = field(default_factory=lambda: {"lobby": place()})
    submissions: list[tuple[str, Submission]] = field(default_factory=list)
    visits: list[tuple[str, int]] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    holds: bool = False
    """Whether every submission looks like a machine's."""
    outcome: Outcome | None = None
    """What becomes of every submission, when nothing is to be stored."""
    gateways: dict[str, Gateway[Any]] = field(default_factory=lambda: {"sms": HookGateway(), "smtp": SilentGateway()})
    sources: dict[str, Source[Any]] = field(default_factory=lambda: {"jira": PushedSource()})
    hints: list[tuple[str, Hint]] = field(default_factory=list)
    inbound: list[tuple[str, Inbound]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    not_ready: dict[str, str] = field(default_factory=dict)
    failure: Exception | None = None

    @property
    def given(self) -> list[tuple[str, dict[str, Any]]]:
        """The values that were submitted, each with its token or place."""
        return [(where, dict(one.values)) for where, one in self.submissions]

    async def survey(self, token: str) -> SurveyView | None:
        self.asked.append(token)
        return self.views.get(token)

    async def visited(self, token: str, rating: int) -> None:
        self._fail()
        self.visits.append((token, rating))

    async def submit(self, token: str, submission: Submission) -> Outcome:
        self._fail()
        if self.outcome is not None:
            return self.outcome
        shown = self.views[token]
        self.submissions.append((token, submission))
        if self.holds:
            held = {**(shown.held or {}), **submission.values}
            self.views[token] = replace(shown, held=held, held_withdraws=submission.withdraws)
            return Outcome.HELD
        values = {} if submission.withdraws else {**shown.values, **submission.values}
        self.views[token] = replace(
            shown, values=values, withdrawn=submission.withdraws, stage=Stage.ANSWERED, change_until=UNTIL
        )
        return Outcome.STORED

    def place(self, name: str) -> PlaceView | None:
        self._fail()
        return self.places.get(name)

    async def submit_at(self, place: str, submission: Submission, *, language: str, kiosk: bool) -> tuple[Outcome, str]:
        self._fail()
        if self.outcome is not None:
            return self.outcome, ""
        number = len(self.submissions)
        token = "p" * 19 + "abcdefghijklmnopqrstuvwxyz"[number % 26]
        self.submissions.append((place, submission))
        values = {} if self.holds else submission.values
        self.views[token] = view(
            token=token, survey=self.places[place].survey, language=language, ticket_key="", subject="",
            stage=Stage.ANSWERED, values=values, held=submission.values if self.holds else None, place=place,
            change_until=UNTIL,
        )  # fmt: skip
        return (Outcome.HELD if self.holds else Outcome.STORED), token

    async def has_stopped(self, token: str) -> bool:
        return token in self.stopped

    async def opt_out(self, token: str) -> bool:
        self._fail()
        self.stopped.add(token)
        return token in self.views

    async def opt_in(self, token: str) -> bool:
        self._fail()
        self.stopped.discard(token)
        return token in self.views

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
