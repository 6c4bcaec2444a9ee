"""What the pages and webhooks need from the rest of the hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Protocol

from hub.api.gateway import Gateway
from hub.api.records import Hint, Inbound, Milestone
from hub.api.source import Source
from hub.config.survey import Tone
from hub.journey.page import Stage
from hub.journey.submission import Outcome, Submission
from hub.survey.model import Survey, Values

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyView:
    """What pages show of one survey. What is said of the ticket comes from outside and is not trusted."""

    token: str = field(repr=False)
    survey: Survey
    language: str
    tone: Tone | None
    """The survey's own when None."""
    sender_name: str
    ticket_key: str
    subject: str = field(repr=False)
    milestone: Milestone = Milestone.CLOSED
    stage: Stage
    values: Values = field(default_factory=dict, repr=False)
    """What the customer has answered so far, over any channel."""
    remarks: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Own words from other channels, each with the question it was said to."""
    withdrawn: bool = False
    held: Values | None = field(default=None, repr=False)
    """What the last submission said, if it is held. Only the page that thanks for it may show it."""
    held_withdraws: bool = False
    change_until: datetime | None = None
    """In the hub's own time zone."""
    stamp: str = field(default="", repr=False)
    """For the forms of this page."""
    place: str | None = None
    """Where it was answered, when there is no ticket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceView:
    """What pages show of a service point or portal."""

    name: str
    title: Mapping[str, str]
    """By language."""
    language: str
    survey: Survey
    sender_name: str
    embed_in: tuple[str, ...] = ()
    """Web sites that may show the form in a frame."""
    per_device: int
    """The most answers from one device in a minute."""
    per_hour: int
    """The most answers in an hour."""
    stamp: str = field(default="", repr=False)


class WebPorts(Protocol):
    """The hub as seen from the web. Called concurrently; anything it raises is logged by class name only."""

    @property
    def public_url(self) -> str:
        """Where the outside world reaches this server, without a trailing slash."""
        ...

    @property
    def default_language(self) -> str:
        """The language of pages that belong to no survey."""
        ...

    @property
    def sender_name(self) -> str:
        """Who asks, as customers know it."""
        ...

    @property
    def trusted_proxies(self) -> Sequence[Network]:
        """Whose `X-Forwarded-For` is believed."""
        ...

    @property
    def surveys(self) -> Mapping[str, Survey]:
        """The surveys of hub.toml by name, for the preview."""
        ...

    async def survey(self, token: str) -> SurveyView | None:
        """The survey with this token, in any stage; None when there is none. Must change nothing."""
        ...

    async def visited(self, token: str, rating: int) -> None:
        """Somebody, or a machine, has opened the page through a rating's own link."""
        ...

    async def submit(self, token: str, submission: Submission) -> Outcome:
        """Store what a form brought before returning; the last one wins."""
        ...

    def place(self, name: str) -> PlaceView | None:
        """The place of that name, None when there is none."""
        ...

    async def submit_at(self, place: str, submission: Submission, *, language: str, kiosk: bool) -> tuple[Outcome, str]:
        """Store an answer without a ticket before returning; with the token by which it can be completed."""
        ...

    async def has_stopped(self, token: str) -> bool:
        """Whether the person this token was sent to gets no surveys. Must change nothing."""
        ...

    async def opt_out(self, token: str) -> bool:
        """Stop surveys to the person this token was sent to, also when repeated or expired. False when unknown."""
        ...

    async def opt_in(self, token: str) -> bool:
        """Take an opt-out back. False when unknown."""
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
