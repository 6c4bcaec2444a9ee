"""Whom the hub asks, when and how: `[survey]`, `[[rules]]`, `[exclusions.NAME]` and `[places.NAME]`."""

from __future__ import annotations

import re
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from hub.api.records import Channel, Milestone
from hub.config.values import QUIET_HOURS, Interval, Name, QuietHours, Section, Span, read_quiet_hours

Language = Literal["fi", "sv", "en"]
Tone = Literal["formal", "informal"]
Share = Annotated[float, Field(ge=0, le=1)]
Patterns = tuple[str, ...]
"""Shell patterns, compared regardless of case."""

_SOME_YEAR = 2026
"""Whether a country's holidays are known does not depend on it."""
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        if value.count(name) > 1:
            raise ValueError(f"names {name!r} twice")
    return value


GatewayNames = Annotated[tuple[str, ...], AfterValidator(_each_once)]


def _domains(value: tuple[str, ...]) -> tuple[str, ...]:
    domains = tuple(domain.strip().removeprefix("@").casefold() for domain in value)
    if not all(re.fullmatch(r"[^\s@.]+(\.[^\s@.]+)*", domain) for domain in domains):
        raise ValueError('must be a list of domains, such as ["acme.example"]')
    return domains


Domains = Annotated[tuple[str, ...], AfterValidator(_domains)]


class LegalBasis(Section):
    """On what ground each channel may be used: `[survey.legal_basis]`."""

    sms: Literal["legitimate_interest", "consent"] = "legitimate_interest"
    """With "consent" only those are asked by SMS whose consent is recorded, in the contacts file or by a START."""
    email: Literal["legitimate_interest", "consent"] = "legitimate_interest"
    """The same for e-mail."""

    def needs_consent(self, channel: Channel) -> bool:
        """Whether a recorded consent is needed on this channel."""
        return bool(getattr(self, channel, None) == "consent")


class SurveySettings(Section):
    """Whom the hub asks, when and how, where no rule says otherwise: `[survey]`."""

    sender_name: Name
    """Who asks, as customers know it. Stands in every message and on every page."""
    gateways: GatewayNames = ()
    """Names of gateways in order of preference; the first that can reach the customer is used. Without this setting
    all gateways, in the order of the file."""
    delay: Span = timedelta(minutes=10)
    """How long after the closing the customer is asked."""
    max_age: Interval = timedelta(days=3)
    """A ticket that was closed longer ago is not surveyed."""
    expires: Interval = timedelta(days=14)
    """How long after it was sent a survey can be answered."""
    change_within: Span = timedelta(days=7)
    """How long after answering customers can change or withdraw their answer on the page."""
    contact_interval: Span = timedelta(days=30)
    """The same customer is not asked again before this time has passed, whatever source the ticket is from; but who was
    asked how a ticket is going is asked about its closing too. "0s" for no limit."""
    conversation: Interval = timedelta(days=2)
    """How long a conversation by SMS stays open: until then no other survey is sent to the same number."""
    share: Share = 1.0
    """The share of closed tickets that is surveyed, such as 0.25. The same tickets are drawn each time."""
    reminder: Span = timedelta()
    """How long after the survey one reminder is sent when no answer has come. "0s" for none."""
    quiet_hours: Annotated[
        QuietHours | None,
        BeforeValidator(read_quiet_hours),
        WithJsonSchema({"type": "string", "pattern": f"^({QUIET_HOURS.pattern})?$"}),
    ] = QuietHours(time(20), time(8))
    """Hours in which nothing is sent, in the customer's time zone, such as "20:00-08:00". An empty text for none."""
    working_days: tuple[Day, ...] = DAYS
    """Days on which surveys are sent."""
    holidays: str = ""
    """Country whose public holidays are no days for surveys, such as "FI"; an empty text for none."""
    legal_basis: LegalBasis = LegalBasis()
    """On what ground each channel may be used."""
    stop_list: Path | None = None
    """File with addresses, numbers and "@domain"s that are never surveyed, one in each line, relative to hub.toml."""
    reaction_wait: Span = timedelta(minutes=1)
    """How long sinks wait for a customer who corrects a slip before they hear of an answer."""
    retention: Interval = timedelta(days=730)
    """How long personal data and answers are kept."""

    @property
    def limits_times(self) -> bool:
        """Whether there are times at which nothing is sent."""
        return bool(self.quiet_hours or self.holidays or set(self.working_days) < set(DAYS))

    @field_validator("max_age")
    @classmethod
    def _longer_than_delay(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        if value <= info.data.get("delay", timedelta()):
            raise ValueError("must be longer than survey.delay, or no customer is ever asked")
        return value

    @field_validator("working_days")
    @classmethod
    def _some_day(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("must name a day, or no customer is ever asked")
        return value

    @field_validator("holidays")
    @classmethod
    def _known_country(cls, value: str) -> str:
        if not value:
            return value
        from hub.public_holidays import public_holidays

        public_holidays(value.upper(), _SOME_YEAR)
        return value.upper()

    @field_validator("stop_list")
    @classmethod
    def _beside_the_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return value and Path((info.context or {}).get("folder", "")) / value


class Match(Section):
    """Which tickets a rule is for. What is not said matches everything."""

    source: Patterns = ()
    """Names of sources."""
    milestone: tuple[Milestone, ...] = (Milestone.CLOSED,)
    """What happened to the ticket: "closed", "handed_over" or "waiting"."""
    service: Patterns = ()
    """Patterns for the ticket's service, such as ["SAP*"], regardless of case. So are those below."""
    team: Patterns = ()
    """Patterns for the team."""
    type: Patterns = ()
    """Patterns for the ticket's type."""
    channel: Patterns = ()
    """Patterns for the way the contact came in."""
    organisation: Patterns = ()
    """Patterns for the customer's company, department or account."""
    customer: Patterns = ()
    """Patterns for the customer's mail address or number, such as ["*@bank.example"]."""
    language: tuple[Language, ...] = ()
    """The customer's language."""
    fields: dict[str, Patterns] = Field(default_factory=dict)
    """Patterns for further fields of the ticket."""


class Rule(Match):
    """Which survey a ticket gets, and what differs for it: `[[rules]]`. The first rule that matches counts."""

    name: Name
    """What `hub why` calls it."""
    ask: bool = True
    """Set to false to survey none of these tickets."""
    survey: str = "closing"
    """A survey of `[surveys.NAME]`, or a built-in one."""
    tone: Tone | None = None
    """How customers are addressed, when the survey's own tone does not fit."""
    gateways: GatewayNames | None = None
    """As in `[survey]`, and so are those below."""
    delay: Span | None = None
    """How long after the closing the customer is asked."""
    share: Share | None = None
    """The share of these tickets that is surveyed."""
    reminder: Span | None = None
    """How long after the survey one reminder is sent."""


DEFAULT_RULE = Rule(name="default")
"""The one behind all others: it is for every closed ticket."""


class Exclusion(Section):
    """Tickets that are not surveyed: `[exclusions.NAME]`. One thing that fits is enough."""

    domains: Domains = ()
    """Mail domains of customers, their subdomains included."""
    addresses: Patterns = ()
    """Patterns for customers' mail addresses, such as ["noreply@*"]."""
    fields: dict[str, Patterns] = Field(default_factory=dict)
    """A field of the ticket and shell patterns for it, regardless of case, such as `{ labels = ["no-survey"] }`."""
    reporter_is_agent: bool = False
    """Tickets that a person of the desk opened in their own name."""
    vip: bool = False
    """Customers that the contacts file marks as VIP."""
    silent_for: Span = timedelta()
    """Tickets closed after the customer had been silent for this long. "0s" for no matter."""


def _sites(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(re.fullmatch(r"https?://(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]{1,5})?", site) for site in value):
        raise ValueError('must be a list of web sites without a path, such as ["https://portal.example.org"]')
    return value


def _in_some_language(value: dict[Language, str]) -> dict[Language, str]:
    if not value:
        raise ValueError('must be there in one language at least, such as { fi = "Aula" }')
    return value


class Place(Section):
    """A service point or portal where people answer without a ticket: `[places.NAME]`."""

    title: Annotated[dict[Language, Name], AfterValidator(_in_some_language)]
    """What the page calls it, by language."""
    survey: str = "place"
    """A survey of `[surveys.NAME]`, or a built-in one."""
    service: str | None = None
    """The service that answers are about."""
    team: str | None = None
    """The team that answers are about."""
    language: Language = "fi"
    """The language the page opens in."""
    embed_in: Annotated[tuple[str, ...], AfterValidator(_sites)] = ()
    """Web sites that may show the form in a frame, such as ["https://portal.example.org"]."""
    per_device: Annotated[int, Field(ge=1)] = 6
    """The most answers from one device in a minute."""
    per_hour: Annotated[int, Field(ge=1)] = 600
    """The most answers in an hour."""
