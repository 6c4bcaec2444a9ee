"""A gateway: a way to reach a customer and to hear from them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Generic

from hub.api.component import Capability, Component, ConfigT, RateLimit, Webhook
from hub.api.errors import NotSupported
from hub.api.records import Channel, Cursor, Inbound, Message, Receipt


class Gateway(Component[ConfigT]):
    """Sends surveys and brings back replies and delivery reports."""

    @abstractmethod
    async def send(self, message: Message) -> Receipt:
        """Hand one message to the service. Called concurrently, never twice for one message unless
        `Capability.REPEATABLE` is declared.

        The hub has stored that it is about to send before it calls. Pass `once=True` to the lent client.

        :returns: a receipt `SENT`, `QUEUED` or `DELIVERED`, with the service's id if it gives one.
        :raises Rejected: certainly not sent and never will be.
        :raises RateLimited: certainly not sent; the whole gateway waits.
        :raises Unavailable: certainly not sent; tried again later.
        :raises AuthFailed: certainly not sent; the gateway is paused until the operator acts or the back-off ends.
        :raises OutcomeUnknown: it may have left; the hub waits for a report or a reply.
        """

    def collect(self, cursor: Cursor | None) -> AsyncIterator[Inbound]:
        """Yield what came in from `cursor` on, in pages with the cursor valid after each. An async generator.

        Needs `Capability.COLLECT`. With `cursor` None start from now. The same reply may be yielded again:
        the hub removes duplicates by `Reply.provider_id`.
        """
        raise NotSupported("collect")

    async def receive(self, request: Webhook) -> Inbound:
        """Read one webhook request. Needs `Capability.RECEIVE`.

        Verify first. The hub stores what is returned and then answers 200 with an empty body; when storing fails it
        answers 503, so that the service repeats.

        :raises WebhookRefused: not authentic or not readable.
        """
        raise NotSupported("receive")


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
