"""The other side of a connector, under the control of its contract tests.

A plugin's tests bring a rig: a simulated desk, or a real server in a corner of the machine. The contract suite
plays on the rig ("close a ticket", "refuse the credentials") and looks at what the plugin makes of it.

    Rig                 settings, faults, what must stay secret
    ├─ SourceRig        closes, reopens and shows tickets
    ├─ GatewayRig       shows what was sent; replies and reports as customers and services do
    └─ SinkRig          shows what was published

What a rig cannot play it leaves alone: the tests that need it are skipped and say why.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from hub import Customer, DeliveryStatus, Message, Milestone, Receipt, Webhook
from hub.testing.clock import FakeClock

if TYPE_CHECKING:
    import httpx


class Fault(StrEnum):
    """A way in which the other side can fail. The comment names what it is over HTTP and over mail protocols."""

    AUTH = "auth"  # 401; LOGIN or AUTH refused
    FORBIDDEN = "forbidden"  # 403; signed in, but may not do this
    NOT_FOUND = "not_found"  # 404; no such mailbox
    RATE_LIMIT = "rate_limit"  # 429 without Retry-After; 450, 451
    RATE_LIMIT_SECONDS = "rate_limit_seconds"  # 429 with Retry-After: 30
    RATE_LIMIT_DATE = "rate_limit_date"  # 429 with Retry-After: a date 30 seconds ahead on the rig's clock
    UNAVAILABLE = "unavailable"  # 503; 421, NO [UNAVAILABLE]: nothing was carried out
    SERVER_ERROR = "server_error"  # 500: nobody can say whether it was carried out
    MALFORMED = "malformed"  # an answer that nobody can read; a request with an effect was carried out
    CONNECT = "connect"  # connection refused: nothing left
    TIMEOUT_AFTER_REQUEST = "timeout_after_request"  # carried out, and no answer comes
    RESET_AFTER_REQUEST = "reset_after_request"  # carried out, and the connection is cut before the answer
    WRITE_ANSWER_LOST = "write_answer_lost"  # reading works; what changes something is carried out, its answer is lost


class Rig(ABC):
    """One simulated or real system for one test. Create a fresh one, empty and healthy, for each test."""

    faults: ClassVar[frozenset[Fault]] = frozenset()
    """The faults that `fail` can play. The tests for all others are skipped."""
    retry_after_seconds: ClassVar[float] = 30.0
    """The pause that `RATE_LIMIT_SECONDS` and `RATE_LIMIT_DATE` ask for."""
    own_loggers: ClassVar[tuple[str, ...]] = ()
    """Names of loggers that belong to the rig, such as a server's. What they log is not held against the plugin."""
    secrets: tuple[str, ...] = ()
    """Credentials inside `settings`, as text. None may appear in a log or an exception."""
    personal: tuple[str, ...] = ()
    """Phone numbers, addresses and names on the rig. None may appear in a log or an exception. The suite adds what it
    makes up itself: subjects, customers, recipients and texts."""

    def __init__(self) -> None:
        self.clock: FakeClock = FakeClock()
        """The time of the other side and of the plugin. A rig around a real server may start it at the real time."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """The plugin's table as in hub.toml, secrets resolved to plain text. Keep time-outs short and pages small."""

    @property
    def transport(self) -> httpx.AsyncBaseTransport | None:
        """Where the lent HTTP client sends its requests. None when the plugin does not speak HTTP.

        Wrap a respx router or any other transport in `FaultyTransport`, and `fail` is one line.
        """
        return None

    @abstractmethod
    async def fail(self, fault: Fault | None) -> None:
        """Meet everything the plugin does from now on with this fault, until the next call; None heals."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A ticket that the suite wants to exist and to be closed."""

    subject: str
    customer: Customer
    closed_at: datetime
    """The rig's time. A rig whose system stamps the closing itself may ignore it; see `SourceRig.exact_times`."""


class SourceRig(Rig):
    """A desk that the suite closes tickets on."""

    page_size: int = 2
    """How many tickets the plugin puts on one page with `settings`. Small, so that a few tickets fill several pages."""
    exact_times: ClassVar[bool] = True
    """Whether `Ticket.closed_at` is `Draft.closed_at`. False when the desk or the plugin stamps the closing itself."""

    @abstractmethod
    async def close_ticket(self, draft: Draft) -> str:
        """Open a ticket of this customer and close it.

        :returns: the `Ticket.id` under which the plugin must yield it.
        """

    async def reopen(self, ticket_id: str) -> None:
        """Open a closed ticket again, as an agent would."""
        _skip("reopen a ticket")

    async def close_again(self, ticket_id: str) -> None:
        """Close a reopened ticket a second time, at the rig's present time."""
        _skip("close a ticket a second time")

    async def customer_writes(self, ticket_id: str, text: str) -> None:
        """Let the customer write on a closed ticket."""
        _skip("let a customer write on a closed ticket")

    async def reach(self, milestone: Milestone, draft: Draft) -> str:
        """Open a ticket of this customer, earlier if need be, and let it reach a milestone at `draft.closed_at`; it
        stays open. `settings` must have the plugin look for this milestone. Needed when the plugin declares
        `Capability.MILESTONES`; `close_again` closes the ticket.

        :returns: the `Ticket.id` under which the plugin must yield it.
        """
        _skip(f"let a ticket reach the milestone {milestone!r}")

    async def remove_ticket(self, ticket_id: str) -> None:
        """Delete a ticket, or hide it from the hub's account for good."""
        _skip("remove a ticket")

    async def pushes(self, ticket_id: str) -> Sequence[Webhook]:
        """The requests that the desk makes to the hub when this ticket changes, one of each kind that the plugin takes.
        Needed when the plugin declares `Capability.RECEIVE`."""
        _skip("tell the hub of a ticket")

    def forged(self, request: Webhook) -> Webhook:
        """The same request as somebody would make it who does not know the secret. Needed with `Capability.RECEIVE`."""
        _skip("forge a request")

    async def written(self, ticket_id: str) -> Sequence[str]:
        """What the hub's account has written onto a ticket, oldest first: one decoded text per comment, property or
        message as the desk's people see it. Needed when the plugin declares `Capability.WRITE_BACK`."""
        _skip("show what was written onto a ticket")


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that the service accepted, as the customer gets it."""

    recipient: str
    text: str = field(repr=False)
    """Decoded and joined from its parts."""
    identity: str
    """What lets the receiving side fold a repetition, such as the Message-ID; otherwise unique per message."""


class GatewayRig(Rig):
    """A message service, and the customers behind it."""

    recipient: str
    """An address in the form of `Message.recipient` that the service delivers to."""
    refused_recipient: str | None = None
    """An address that the service refuses for good. None when it never refuses in its answer to the send call."""
    reports: ClassVar[frozenset[DeliveryStatus]] = frozenset()
    """The statuses that the service can report later."""

    @abstractmethod
    async def sent(self) -> Sequence[Sent]:
        """Everything the service has accepted so far, oldest first; a repetition is a second entry."""

    async def customer_replies(self, message: Message, text: str) -> Sequence[Webhook]:
        """Let the customer answer a message that was sent.

        :returns: the requests that the service now makes to the hub; none when the gateway collects.
        """
        _skip("let a customer reply")

    async def report(self, message: Message, receipt: Receipt, status: DeliveryStatus) -> Sequence[Webhook]:
        """Let the service tell what became of a message. Called only for statuses in `reports`.

        :returns: the requests that the service now makes to the hub; none when the gateway collects.
        """
        _skip("report on a message")

    def forged(self, request: Webhook) -> Webhook:
        """The same request as somebody would make it who does not know the secret. Needed with `Capability.RECEIVE`."""
        _skip("forge a request")


@dataclass(frozen=True, slots=True)
class Published:
    """One event that the other side took."""

    identity: str
    """What lets the receiving side fold a repetition, such as an event id or an `Idempotency-Key`."""
    text: str = field(repr=False)
    """All that the event says, decoded, on one string."""


class SinkRig(Rig):
    """Something that takes events."""

    @abstractmethod
    async def published(self) -> Sequence[Published]:
        """Everything the other side has taken so far, oldest first; a repetition is a second entry."""


def _skip(what: str) -> NoReturn:
    import pytest

    pytest.skip(f"this rig cannot {what}")
