"""What the web pages and webhooks need, served from the store."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hub.api.component import Capability, Clock
from hub.api.gateway import Gateway
from hub.api.records import Hint, Inbound, Ticket
from hub.api.source import Source
from hub.config.models import HubConfig
from hub.daemon.service import Service
from hub.journey import answer, hints, opting, page, place, stamp
from hub.journey.place import Spot
from hub.journey.submission import Outcome, PageRules, Submission
from hub.journey.suspicion import Patterns
from hub.store.engine import Store
from hub.survey.model import Survey, surveys_of
from hub.web.ports import Network, PlaceView, SurveyView

KIOSK_OPEN_FOR = timedelta(hours=1)
"""How long an answer on a screen can be completed and taken back: others use the screen too."""
_NONCE_BYTES = 8


class StorePorts:
    """The web's view of a running hub; see `hub.web.ports.WebPorts`."""

    def __init__(self, service: Service, store: Store, clock: Clock, page_key: bytes) -> None:
        """:param page_key: signs what pages bring back; see `facts.page_key`."""
        self._service = service
        self._store = store
        self._clock = clock
        self._page_key = page_key
        self._surveys: tuple[HubConfig, Mapping[str, Survey]] | None = None
        self.started = False

    @property
    def public_url(self) -> str:
        """Where the outside world reaches the hub."""
        return self._service.config.web.public_url

    @property
    def default_language(self) -> str:
        """The language of pages that belong to no survey."""
        return self._service.config.hub.language

    @property
    def sender_name(self) -> str:
        """Who asks."""
        return self._service.config.survey.sender_name

    @property
    def trusted_proxies(self) -> Sequence[Network]:
        """Whose `X-Forwarded-For` is believed."""
        return self._service.config.web.trusted_proxies

    @property
    def surveys(self) -> Mapping[str, Survey]:
        """The surveys of hub.toml, resolved once for each configuration."""
        config = self._service.config
        if self._surveys is None or self._surveys[0] is not config:
            self._surveys = config, surveys_of(config)
        return self._surveys[1]

    async def survey(self, token: str) -> SurveyView | None:
        """What the page shows, or None when no survey that was sent has this token."""
        opened = await page.open_page(self._store, token, self._rules(), self._clock.now())
        if opened is None:
            return None
        row, said, until = opened.invitation, opened.said, opened.change_until
        return SurveyView(
            token=row["token"],
            survey=opened.survey,
            language=row["language"],
            tone=row["tone"],
            sender_name=self.sender_name,
            ticket_key=row["ticket_key"],
            subject=Ticket.model_validate_json(row["ticket"]).subject,
            milestone=row["milestone"],
            stage=opened.stage,
            values=said.values,
            remarks=said.remarks,
            withdrawn=said.withdrawn,
            held=opened.held.values if opened.held else None,
            held_withdraws=opened.held is not None and opened.held.withdraws,
            change_until=until and until.astimezone(ZoneInfo(self._service.config.hub.timezone)),
            stamp=self._stamp(row["token"]),
            place=opened.place,
        )

    async def visited(self, token: str, rating: int) -> None:
        """Remember that the page was opened through a rating's own link."""
        await page.note_visit(self._store, token, rating, self._clock.now())

    async def submit(self, token: str, submission: Submission) -> Outcome:
        """Store what a form brought; durable when this returns."""
        outcome = await page.submit(self._store, token, submission, self._rules(), self._clock.now())
        self._arrived(outcome)
        return outcome

    def place(self, name: str) -> PlaceView | None:
        """The place of that name, None when hub.toml has none."""
        found = self._service.config.places.get(name)
        if found is None:
            return None
        return PlaceView(
            name=name,
            title={str(code): words for code, words in found.title.items()},
            language=found.language,
            survey=self.surveys[found.survey],
            sender_name=self.sender_name,
            embed_in=found.embed_in,
            per_device=found.per_device,
            per_hour=found.per_hour,
            stamp=self._stamp(page.PLACES + name),
        )

    async def submit_at(self, name: str, submission: Submission, *, language: str, kiosk: bool) -> tuple[Outcome, str]:
        """Store an answer without a ticket; durable when this returns."""
        config, rules = self._service.config, self._rules()
        spot = Spot(
            name=name,
            place=config.places[name],
            survey=self.surveys[config.places[name].survey],
            language=language,
            kiosk=kiosk,
            open_for=KIOSK_OPEN_FOR if kiosk else max(rules.change_within, page.TO_FINISH),
        )
        outcome, token = await place.store_visit(self._store, spot, submission, rules, self._clock.now())
        self._arrived(outcome)
        return outcome, token

    async def has_stopped(self, token: str) -> bool:
        """Whether this customer gets no surveys."""
        return await opting.has_stopped(self._store, token)

    async def opt_out(self, token: str) -> bool:
        """Never ask this customer again; False when the token is unknown."""
        return await opting.opt_out(self._store, token, self._clock.now())

    async def opt_in(self, token: str) -> bool:
        """Ask this customer again; False when the token is unknown."""
        return await opting.opt_in(self._store, token, self._service.engine.plan, self._clock.now())

    def gateway(self, name: str) -> Gateway[Any] | None:
        """The gateway whose webhooks arrive under this name."""
        instance = self._service.engine.instances.get(f"gateways.{name}")
        if instance is None or not instance.can(Capability.RECEIVE):
            return None
        return instance.component if isinstance(instance.component, Gateway) else None

    async def store_inbound(self, gateway_name: str, inbound: Inbound) -> None:
        """Store replies and reports; durable when this returns."""
        region = self._service.engine.plan.region
        await answer.store_inbound(self._store, gateway_name, inbound, region, self._clock.now())
        self._service.engine.tally.add("answers", len(inbound.replies))
        self._service.engine.bells.journey.ring_near()

    def source(self, name: str) -> Source[Any] | None:
        """The source whose webhooks arrive under this name."""
        instance = self._service.engine.instances.get(f"sources.{name}")
        if instance is None or not instance.can(Capability.RECEIVE):
            return None
        return instance.component if isinstance(instance.component, Source) else None

    async def store_hint(self, source_name: str, hint: Hint) -> None:
        """Store a hint; durable when this returns."""
        await hints.store_hint(self._store, source_name, hint, self._clock.now())
        self._service.engine.bells.of(f"sources.{source_name}:hints").ring()

    def ready(self) -> Mapping[str, str]:
        """Why the hub cannot serve yet; empty when it can. A failing source does not stop pages and webhooks."""
        return {} if self.started else {"hub": "starting or stopping"}

    def _rules(self) -> PageRules:
        config = self._service.config
        return PageRules(
            surveys=self.surveys,
            change_within=config.survey.change_within,
            patterns=Patterns(scanner_networks=config.web.scanner_networks),
            key=self._page_key,
        )

    def _stamp(self, subject: str) -> str:
        return stamp.make(self._page_key, subject, self._clock.now(), secrets.token_hex(_NONCE_BYTES))

    def _arrived(self, outcome: Outcome) -> None:
        self._service.engine.tally.add("answers", int(outcome is Outcome.STORED))
        self._service.engine.bells.journey.ring_near()
