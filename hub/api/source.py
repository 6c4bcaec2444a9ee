"""A source: the ITSM system whose closed tickets are surveyed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic

from hub.api.component import Capability, Component, ConfigT, RateLimit, Webhook
from hub.api.errors import NotSupported
from hub.api.records import Cursor, Experience, Fetched, Hint, Page, Receipt, Ticket


class Source(Component[ConfigT]):
    """Pulls closed tickets and takes experiences back. The hub runs at most one pull of an instance at a time."""

    @abstractmethod
    def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        """Yield pages of closed tickets from `cursor` on, each with the cursor valid after it.

        Write it as an async generator. The hub stores each page and its cursor in one transaction before it asks
        for the next. Tickets may be yielded again (overlap is expected); none may be skipped. With `cursor` None
        nothing older than now may be yielded: yield one empty page with the starting cursor.

        :raises RemoteError: ends this pull; the cursor stays at the last page stored.
        """

    async def rewind(self, since: datetime) -> Cursor:
        """Give the cursor from which `pull` yields what was closed since then, for `hub sync --since`.

        Needs `Capability.REWIND`. Tickets that the hub already knows may be among them.
        """
        raise NotSupported("rewind")

    async def receive(self, request: Webhook) -> Hint:
        """Read one webhook request that says that tickets may have changed. Needs `Capability.RECEIVE` and `FETCH`.

        Verify first. What the request says of a ticket is not trusted: the hub stores the hint, answers 200, and then
        calls `fetch`. A hint that is lost costs time only, for `pull` finds the ticket too.

        :raises WebhookRefused: not authentic or not readable.
        """
        raise NotSupported("receive")

    async def fetch(self, ticket_ids: Sequence[str]) -> Fetched:
        """Read tickets as they stand now, at most 100. Needs `Capability.FETCH`. Must not change anything.

        Called after hints, and right before surveys leave, so that nobody is asked about a ticket that was opened
        again. Ask the system of record, not a search index that lags behind. Each id is in exactly one part of the
        answer. Ids that the system does not know, or does not show, are `gone`, and so are closed tickets that the
        settings leave out (another project, another group); that is no error. `Ticket.id`s of a source that offers this
        have 255 characters or less.

        :raises RemoteError: nothing was read; the hub asks again later and lets the surveys wait.
        """
        raise NotSupported("fetch")

    def census(self, since: datetime) -> AsyncIterator[Sequence[str]]:
        """Yield the ids of all tickets that are closed now and were closed since then, in pages of any size.

        Needs `Capability.CENSUS` and `FETCH`. Called every few hours: what `pull` missed is fetched, and surveys for
        tickets that have vanished are withdrawn. An async generator.
        """
        raise NotSupported("census")

    def milestones(self, since: datetime) -> AsyncIterator[Sequence[Ticket]]:
        """Yield the tickets that are open now and were handed over, or began to count as waiting, since then.

        Needs `Capability.MILESTONES`. Called every few minutes where a rule in hub.toml asks about other milestones
        than closings. Each ticket has `milestone`, and in `closed_at` the time when it reached that. Its `closure_key`
        names what happened ("handed_over:" and the id of the change, "waiting:" and the time since when), so that it
        is the same each time this is seen: the hub keeps each once, whatever the overlap. One ticket may come several
        times, for it may reach several. Which milestones a source looks for is a setting of the plugin; with none it
        yields nothing, and asks the desk nothing. An async generator.

        :raises RemoteError: ends this look; what was yielded before is kept, and the next look begins where it did.
        """
        raise NotSupported("milestones")

    async def write_back(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        """Put experiences onto their tickets; one receipt per item, in order.

        Needs `Capability.WRITE_BACK`. Must be idempotent by `(id, revision)`: after a crash the hub calls again
        with an item that may already be there, so look first. A receipt `DELIVERED` means written and read back,
        `REJECTED` means never possible (the ticket is gone); `reason` names the target used and why a better one
        was not. Raise only when no item of the batch was tried.
        """
        raise NotSupported("write_back")


@dataclass(frozen=True, slots=True)
class SourceType(Generic[ConfigT]):
    """What a plugin registers to offer a source."""

    summary: str
    config: type[ConfigT]
    create: type[Source[ConfigT]]
    capabilities: frozenset[Capability] = field(default_factory=frozenset)
    rate: RateLimit | None = None
    """What the remote system allows; the lent client keeps to it."""
