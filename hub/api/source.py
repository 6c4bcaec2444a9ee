"""A source: the ITSM system whose closed tickets are surveyed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic

from hub.api.component import Capability, Component, ConfigT, RateLimit
from hub.api.errors import NotSupported
from hub.api.records import Cursor, Experience, Page, Receipt


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
