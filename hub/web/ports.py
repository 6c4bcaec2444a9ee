"""What the pages and webhooks need from the rest of the hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from hub.api.gateway import Gateway
from hub.api.records import Hint, Inbound
from hub.api.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationView:
    """What the answer page shows of an invitation. Subject and ticket key come from outside and are not trusted."""

    language: str
    sender_name: str
    ticket_key: str
    subject: str = field(repr=False)
    state: Literal["open", "expired", "cancelled"]
    answered: bool
    """An answer came in already, over any channel."""


class WebPorts(Protocol):
    """The hub as seen from the web. Called concurrently; anything it raises is logged by class name only."""

    @property
    def public_url(self) -> str:
        """Where the outside world reaches this server, without a trailing slash."""
        ...

    @property
    def default_language(self) -> str:
        """The language of pages that belong to no invitation."""
        ...

    async def invitation(self, token: str) -> InvitationView | None:
        """The invitation with this token, in any state; None when there is none. Must change nothing."""
        ...

    async def store_page_answer(self, token: str, rating: int, comment: str | None) -> bool:
        """Store an answer before returning; the last one wins. False when the invitation takes none any more."""
        ...

    async def opt_out(self, token: str) -> bool:
        """Stop surveys to the address this token was sent to, also when repeated or expired. False when unknown."""
        ...

    def gateway(self, name: str) -> Gateway[Any] | None:
        """The running gateway of that name if it takes webhooks, else None."""
        ...

    async def store_inbound(self, gateway_name: str, inbound: Inbound) -> None:
        """Store what a gateway received; once it returns, the service is told that it arrived."""
        ...

    def source(self, name: str) -> Source[Any] | None:
        """The running source of that name if it takes webhooks, else None."""
        ...

    async def store_hint(self, source_name: str, hint: Hint) -> None:
        """Store what a source was told; once it returns, the desk is told that it arrived."""
        ...

    def ready(self) -> Mapping[str, str]:
        """Why each component that is not ready is not, by component id. Nothing personal, no secrets."""
        ...
