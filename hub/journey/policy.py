"""Whether a customer is asked, when, and over which gateway. Pure functions: the same facts give the same decision."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from hub.api.records import Channel, Customer, Milestone, Ticket
from hub.config.survey import DAYS, DEFAULT_RULE, Exclusion, Rule, SurveySettings
from hub.journey import addresses
from hub.journey.calendar import Calendar, next_allowed, zone_of
from hub.journey.matching import LANGUAGES, ReadyRule, fits_exclusion, ready_rule
from hub.journey.sampling import drawn
from hub.survey.model import Survey


class Reason(StrEnum):
    """Why a closure is not surveyed."""

    TOO_OLD = "too_old"
    EXCLUDED = "excluded"  # stored with the exclusion's name behind a colon
    DESK = "desk"
    ON_STOP_LIST = "on_stop_list"
    OPTED_OUT = "opted_out"
    NO_RULE = "no_rule"
    RULE = "rule"
    NOT_SAMPLED = "not_sampled"
    ASKED_RECENTLY = "asked_recently"
    NO_CONTACT = "no_contact"
    NO_GATEWAY = "no_gateway"
    UNUSABLE_ADDRESS = "unusable_address"
    NO_CONSENT = "no_consent"
    REOPENED = "reopened"
    CLOSED_MEANWHILE = "closed_meanwhile"
    GONE = "gone"
    OPERATOR = "operator"
    FAULT = "fault"


WORDS: Mapping[str, str] = {
    Reason.TOO_OLD: "the ticket was closed longer ago than survey.max_age allows, now or when it may be asked about",
    Reason.EXCLUDED: "an exclusion of hub.toml fits this ticket",
    Reason.DESK: "the customer's address is one that a source or a gateway of hub.toml uses itself",
    Reason.ON_STOP_LIST: "the customer is on the stop list",
    Reason.OPTED_OUT: "the customer asked not to be surveyed",
    Reason.NO_RULE: "no rule of hub.toml asks about what happened to this ticket before it was closed",
    Reason.RULE: "a rule of hub.toml says not to ask",
    Reason.NOT_SAMPLED: "the rule asks about a share of its tickets, and this one was not drawn",
    Reason.ASKED_RECENTLY: "the customer was asked within survey.contact_interval",
    Reason.NO_CONTACT: "the ticket names no usable mail address or mobile number",
    Reason.NO_GATEWAY: "no gateway of the rule or of survey.gateways can reach the addresses that are known",
    Reason.UNUSABLE_ADDRESS: "the customer's address was reported dead",
    Reason.NO_CONSENT: "survey.legal_basis wants a consent for this channel, and none is recorded",
    Reason.REOPENED: "the ticket was reopened, or the customer wrote again, before the survey left",
    Reason.CLOSED_MEANWHILE: "the ticket was closed before the survey about its progress left",
    Reason.GONE: "the ticket was deleted, or the hub's account may not see it any more, before the survey left",
    Reason.OPERATOR: "an operator took the survey back before it left",
    Reason.FAULT: "the hub could not judge this closure; please report it",
}


def words_of(reason: str) -> str:
    """What a stored reason means, with the name of the exclusion it came from."""
    word, _, name = reason.partition(":")
    if word == Reason.EXCLUDED and name:
        return f"the exclusion {name!r} fits this ticket"
    return WORDS.get(word, reason)


@dataclass(frozen=True)
class Plan:
    """What hub.toml says about asking, ready for use."""

    survey: SurveySettings
    gateways: tuple[tuple[str, Channel], ...]
    """Names in the order of preference, with what each can reach."""
    zone: ZoneInfo
    """When the customer's is not known."""
    language: str
    """When the customer's is not known."""
    region: str
    """Country of phone numbers without a country code."""
    channels: Mapping[str, Channel] = field(default_factory=dict)
    """What each gateway that is switched on can reach, those that only rules name among them."""
    rules: tuple[Rule, ...] = (DEFAULT_RULE,)
    surveys: Mapping[str, Survey] = field(default_factory=dict)
    """By name."""
    exclusions: Mapping[str, Exclusion] = field(default_factory=dict)
    stop_list: addresses.StopList = field(default_factory=addresses.StopList)
    """What the file of `survey.stop_list` holds."""
    complete: Callable[[Customer], Customer] = lambda customer: customer
    """Fills in what the contacts file knows of a customer."""
    is_desk: Callable[[str], bool] = lambda _sender: False
    """Whether an address is of the desk itself, which is not asked and cannot answer for its customers."""

    @cached_property
    def ready_rules(self) -> tuple[ReadyRule, ...]:
        """The rules in their order."""
        return tuple(
            ready_rule(rule, self.survey, self.surveys.get(rule.survey), self.gateways, self.channels)
            for rule in self.rules
        )

    @cached_property
    def ready_exclusions(self) -> tuple[tuple[str, Callable[[Ticket, str | None, bool], bool]], ...]:
        """The exclusions by name, each with what tells whether it fits."""
        return tuple((name, fits_exclusion(exclusion)) for name, exclusion in self.exclusions.items())

    def calendar(self, zone: ZoneInfo) -> Calendar:
        """When customers in a time zone may be reached."""
        if (known := self._calendars.get(zone)) is None:
            days = frozenset(map(DAYS.index, self.survey.working_days))
            known = Calendar(zone, self.survey.quiet_hours, days, self.survey.holidays or None)
            self._calendars[zone] = known
        return known

    @cached_property
    def _calendars(self) -> dict[ZoneInfo, Calendar]:
        return {}


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of one address, and of the others of the same person."""

    asked_at: datetime | None = None
    """When the person's last survey that was not withdrawn was or is due, or left, whatever is later."""
    progress_of: tuple[str, str] | None = None
    """Source and id of the ticket that it was about, if it asked how that ticket goes; None after a closing."""
    opted_out_at: datetime | None = None
    unusable_at: datetime | None = None
    """Of this address alone."""
    consent: frozenset[str] = frozenset()
    """Channels with a recorded consent."""
    is_stopped: bool = False
    """Whether it is on the stop list."""


@dataclass(frozen=True)
class Reachable:
    """The addresses of one customer that pass validation, and what matters besides."""

    email: str | None
    phone: str | None
    language: str | None
    timezone: str | None = None
    vip: bool = False
    consent: frozenset[str] = frozenset()

    @cached_property
    def known(self) -> tuple[str, ...]:
        """The addresses that are there."""
        return tuple(address for address in (self.email, self.phone) if address)

    @cached_property
    def identities(self) -> tuple[str, ...]:
        """Keys of the contacts that this customer may have."""
        return tuple(map(addresses.identity, self.known))

    def on(self, channel: Channel) -> str | None:
        """The address for a channel."""
        return {Channel.EMAIL: self.email, Channel.SMS: self.phone}.get(channel)


@dataclass(frozen=True, slots=True)
class Ask:
    """The customer is asked."""

    gateway: str
    channel: Channel
    address: str
    language: str
    due_at: datetime
    expires_at: datetime
    rule: str
    survey: str
    tone: str
    remind_at: datetime | None
    """When a reminder is due, if no answer has come; None when none is wanted."""

    concerns_customer = True


@dataclass(frozen=True, slots=True)
class Skip:
    """The customer is not asked."""

    reason: str
    """A `Reason`, with the name of the exclusion behind a colon."""
    rule: str | None = None
    """The rule that would have asked; None when none was looked at, or none matches."""

    @property
    def concerns_customer(self) -> bool:
        """Whether this is a ticket like others, whose customer is who it says: not spam, and no relic."""
        return self.reason not in (Reason.TOO_OLD, Reason.DESK) and not self.reason.startswith(Reason.EXCLUDED)


def reach(ticket: Ticket, plan: Plan) -> Reachable:
    """Who can be asked about a ticket, after the contacts file has been consulted."""
    customer = plan.complete(ticket.customer)
    return Reachable(
        email=addresses.email(customer.email),
        phone=addresses.mobile(customer.phone, plan.region),
        language=customer.language,
        timezone=customer.timezone,
        vip=bool(customer.vip),
        consent=frozenset(customer.consent or ()),
    )


def decide(
    ticket: Ticket, who: Reachable, contacts: Mapping[str, Contact], plan: Plan, now: datetime, *, source: str
) -> Ask | Skip:
    """Decide on one closure of a source.

    :param contacts: what is known of `who.identities`.
    """
    if too_old(ticket.closed_at, plan, now):
        return Skip(Reason.TOO_OLD)
    known = [contacts[identity] for identity in who.identities if identity in contacts]
    if reason := _excluded(ticket, who, known, plan):
        return Skip(reason)
    language = _language(who.language, LANGUAGES, plan)
    rule = next((rule for rule in plan.ready_rules if rule.fits(source, ticket, language, who.known)), None)
    if rule is None:
        return Skip(Reason.NO_RULE)
    if not rule.ask:
        return Skip(Reason.RULE, rule.name)
    if rule.share < 1 and not drawn(source, ticket.id, ticket.closure_key, rule.name, rule.share):
        return Skip(Reason.NOT_SAMPLED, rule.name)
    return _choose_moment(ticket, who, contacts, plan, rule, now=now, source=source)


def too_old(closed_at: datetime, plan: Plan, now: datetime) -> bool:
    """Whether nobody would remember what the survey is about."""
    return now - closed_at > plan.survey.max_age


def next_moment(plan: Plan, at: datetime, row: Mapping[Any, Any]) -> datetime:
    """The first moment from `at` on at which an invitation may leave, by the clock and the days of its customer.

    :param row: an invitation with its closure's `ticket`. The customer's time zone is found there as it was when the
        invitation was decided.
    """
    if not plan.survey.limits_times:
        return at
    customer = plan.complete(Customer.model_validate(json.loads(row["ticket"]).get("customer", {})))
    on_phone = row["channel"] == Channel.SMS
    phone = row["address"] if on_phone else addresses.mobile(customer.phone, plan.region)
    return next_allowed(at, plan.calendar(_zone(customer.timezone, phone, plan)))


def _zone(timezone: str | None, phone: str | None, plan: Plan) -> ZoneInfo:
    return zone_of(timezone, phone, plan.zone)


def _excluded(ticket: Ticket, who: Reachable, known: Iterable[Contact], plan: Plan) -> str | None:
    for name, fits in plan.ready_exclusions:
        if fits(ticket, who.email, who.vip):
            return f"{Reason.EXCLUDED}:{name}"
    if any(map(plan.is_desk, who.known)):
        return Reason.DESK
    if any(contact.is_stopped for contact in known):
        return Reason.ON_STOP_LIST
    return Reason.OPTED_OUT if any(contact.opted_out_at for contact in known) else None


def _choose_moment(
    ticket: Ticket,
    who: Reachable,
    contacts: Mapping[str, Contact],
    plan: Plan,
    rule: ReadyRule,
    *,
    now: datetime,
    source: str,
) -> Ask | Skip:
    closed_at = min(ticket.closed_at, now)
    due_at = next_allowed(max(now, closed_at + rule.delay), plan.calendar(_zone(who.timezone, who.phone, plan)))
    if too_old(closed_at, plan, due_at):
        return Skip(Reason.TOO_OLD, rule.name)
    asked = (contacts[identity] for identity in who.identities if identity in contacts)
    own = (source, ticket.id) if ticket.milestone is Milestone.CLOSED else None
    if any(_is_too_soon(contact, own, due_at, plan.survey.contact_interval) for contact in asked):
        return Skip(Reason.ASKED_RECENTLY, rule.name)
    return _choose_gateway(who, contacts, plan, rule, due_at)


def _is_too_soon(contact: Contact, closed: tuple[str, str] | None, due_at: datetime, interval: timedelta) -> bool:
    """Whether a person was asked lately, and about something else than the progress of the ticket that is closed."""
    if contact.asked_at is None or not interval or contact.asked_at + interval <= due_at:
        return False
    return closed is None or contact.progress_of != closed


def _choose_gateway(
    who: Reachable, contacts: Mapping[str, Contact], plan: Plan, rule: ReadyRule, due_at: datetime
) -> Ask | Skip:
    if not who.identities:
        return Skip(Reason.NO_CONTACT, rule.name)
    in_the_way: list[Reason] = []
    for gateway, channel in rule.gateways:
        address = who.on(channel)
        if address is None:
            continue
        if reason := _why_not(channel, address, who, contacts, plan):
            in_the_way.append(reason)
            continue
        expires_at, remind_at = due_at + plan.survey.expires, due_at + rule.reminder
        return Ask(
            gateway=gateway,
            channel=channel,
            address=address,
            language=_language(who.language, rule.languages, plan),
            due_at=due_at,
            expires_at=expires_at,
            rule=rule.name,
            survey=rule.survey,
            tone=rule.tone,
            remind_at=remind_at if due_at < remind_at < expires_at else None,
        )
    return Skip(in_the_way[0] if in_the_way else Reason.NO_GATEWAY, rule.name)


def _why_not(
    channel: Channel, address: str, who: Reachable, contacts: Mapping[str, Contact], plan: Plan
) -> Reason | None:
    """What forbids this channel; the next gateway may still do."""
    if contacts.get(addresses.identity(address), Contact()).unusable_at:
        return Reason.UNUSABLE_ADDRESS
    if not plan.survey.legal_basis.needs_consent(channel) or channel in who.consent:
        return None
    recorded = (contacts[identity].consent for identity in who.identities if identity in contacts)
    return None if any(channel in channels for channels in recorded) else Reason.NO_CONSENT


def _language(known: str | None, spoken: Sequence[str], plan: Plan) -> str:
    """The customer's language if it is spoken, or else the hub's, or else the first one that is."""
    for language in (known or "", plan.language):
        code = language.strip().lower().replace("_", "-").partition("-")[0]
        if code in spoken:
            return code
    return spoken[0]
