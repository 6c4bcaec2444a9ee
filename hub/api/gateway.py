"""A gateway: a way to reach a customer and to hear from them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic

from hub.api.component import Capability, Component, ConfigT, RateLimit, Webhook
from hub.api.errors import NotSupported
from hub.api.records import Channel, Cursor, Inbound, Message, Receipt


class Gateway(Component[ConfigT]):
    """Sends surveys and brings back replies and delivery reports."""

    @abstractmethod
    async def send(self, message: Message) -> Receipt:
        """Hand one message to the service. Called concurrently, never twice for one message unless
        `Capability.REPEATABLE` is declared, or `look_up` has said that it never left.

        The hub has stored that it is about to send before it calls. Pass `once=True` to the lent client.

        :returns: a receipt `SENT`, `QUEUED` or `DELIVERED`, with the service's id if it gives one.
        :raises Rejected: certainly not sent and never will be.
        :raises RateLimited: certainly not sent; the whole gateway waits.
        :raises Unavailable: certainly not sent; tried again later.
        :raises AuthFailed: certainly not sent; the gateway is paused until the operator acts or the back-off ends.
        :raises OutcomeUnknown: it may have left; the hub waits for a report or a reply, or looks it up.
        """

    def collect(self, cursor: Cursor | None) -> AsyncIterator[Inbound]:
        """Yield what came in from `cursor` on, in pages with the cursor valid after each. An async generator.

        Needs `Capability.COLLECT`. With `cursor` None start from now. The same reply may be yielded again:
        the hub removes duplicates by `Reply.provider_id`.
        """
        raise NotSupported("collect")

    async def receive(self, request: Webhook) -> Inbound:
        """Read one webhook request. Needs `Capability.RECEIVE`.

        Verify first. The hub stores what is returned and then answers `Inbound.http_status` with an empty body; when
        storing fails it answers 503, so that the service repeats.

        :raises WebhookRefused: not authentic or not readable.
        """
        raise NotSupported("receive")

    async def look_up(self, message: Message, since: datetime) -> Receipt | None:
        """Ask the service whether a message left whose `send` ended with `OutcomeUnknown`. Needs `Capability.LOOK_UP`.

        Called once, ten minutes or more after that, unless a report or a reply has settled it. The text is composed
        anew and may differ from what was sent. When in doubt raise `OutcomeUnknown`: what never left is sent again.

        :param since: no attempt was made before, by the hub's clock; the service's own may differ.
        :returns: what became of it; None when the service certainly has no such message.
        :raises Unavailable: like `RateLimited` and `AuthFailed`: the service is asked again later.
        :raises OutcomeUnknown: the service cannot tell either; the operator decides, as after any other error.
        """
        raise NotSupported("look_up")


@dataclass(frozen=True, slots=True)
class GatewayType(Generic[ConfigT]):
    """What a plugin registers to offer a gateway."""

    summary: str
    config: type[ConfigT]
    create: type[Gateway[ConfigT]]
    channel: Channel
    capabilities: frozenset[Capability] = field(default_factory=frozenset)
    rate: RateLimit | None = None
    """How fast the service takes messages; the hub sends no faster."""
