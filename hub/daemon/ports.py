"""What the web pages and webhooks need, served from the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from hub.api.component import Capability, Clock
from hub.api.gateway import Gateway
from hub.api.records import Hint, Inbound, Ticket
from hub.api.source import Source
from hub.daemon.service import Service
from hub.journey import answer, hints
from hub.journey.recognise import find_by_token, is_open
from hub.store.engine import Store
from hub.store.tables import InvitationState
from hub.web.ports import InvitationView


class StorePorts:
    """The web's view of a running hub; see `hub.web.ports.WebPorts`."""

    def __init__(self, service: Service, store: Store, clock: Clock) -> None:
        self._service = service
        self._store = store
        self._clock = clock
        self.started = False

    @property
    def public_url(self) -> str:
        """Where the outside world reaches the hub."""
        return self._service.config.web.public_url

    @property
    def default_language(self) -> str:
        """The language of pages that belong to no invitation."""
        return self._service.config.hub.language

    async def invitation(self, token: str) -> InvitationView | None:
        """What the answer page shows, or None when no survey that was sent has this token."""
        async with self._store.read() as connection:
            row = await find_by_token(connection, token)
            if row is None or row["address"] is None:
                return None
            answered = await answer.is_answered(connection, row)
        return InvitationView(
            language=row["language"],
            sender_name=self._service.config.survey.sender_name,
            ticket_key=row["ticket_key"],
            subject=Ticket.model_validate_json(row["ticket"]).subject,
            state=self._state(row),
            answered=answered,
        )

    def _state(self, row: Mapping[Any, Any]) -> Literal["open", "expired", "cancelled"]:
        if is_open(row, self._clock.now()):
            return "open"
        return "cancelled" if row["state"] in (InvitationState.CANCELLED, InvitationState.SKIPPED) else "expired"

    async def store_page_answer(self, token: str, rating: int, comment: str | None) -> bool:
        """Store an answer; False when the survey is not open."""
        stored = await answer.store_page_answer(self._store, token, rating, comment or "", self._clock.now())
        self._service.engine.tally.add("answers", int(stored))
        self._service.engine.bells.journey.ring_near()
        return stored

    async def opt_out(self, token: str) -> bool:
        """Never ask this customer again; False when the token is unknown."""
        return await answer.opt_out(self._store, token, self._clock.now())

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
