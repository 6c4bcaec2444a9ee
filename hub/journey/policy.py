"""Whether a customer is asked, when, and over which gateway. Pure functions: the same facts give the same decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

from hub.api.records import Channel, Customer, Ticket
from hub.config.survey import Exclusion, Rule, SurveySettings
from hub.journey import addresses
from hub.survey.model import Survey
from hub.survey.render import pick_language


class Reason(StrEnum):
    """Why a closure is not surveyed."""

    TOO_OLD = "too_old"
    EXCLUDED = "excluded"
    NO_CONTACT = "no_contact"
    NO_GATEWAY = "no_gateway"
    OPTED_OUT = "opted_out"
    ON_STOP_LIST = "on_stop_list"
    UNUSABLE_ADDRESS = "unusable_address"
    ASKED_RECENTLY = "asked_recently"
    REOPENED = "reopened"
    GONE = "gone"
    OPERATOR = "operator"
    FAULT = "fault"


WORDS: Mapping[str, str] = {
    Reason.TOO_OLD: "the ticket was closed longer ago than survey.max_age allows",
    Reason.EXCLUDED: "an exclusion of hub.toml fits this ticket",
    Reason.NO_CONTACT: "the ticket names no usable mail address or mobile number",
    Reason.NO_GATEWAY: "no gateway of survey.gateways can reach the addresses that are known",
    Reason.OPTED_OUT: "the customer asked not to be surveyed",
    Reason.ON_STOP_LIST: "the customer is on the stop list",
    Reason.UNUSABLE_ADDRESS: "the customer's address was reported dead",
    Reason.ASKED_RECENTLY: "the customer was asked within survey.contact_interval",
    Reason.REOPENED: "the ticket was reopened, or the customer wrote again, before the survey left",
    Reason.GONE: "the ticket was deleted, or the hub's account may not see it any more, before the survey left",
    Reason.OPERATOR: "an operator took the survey back before it left",
    Reason.FAULT: "the hub could not judge this closure; please report it",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What hub.toml says about asking, ready for use."""

    survey: SurveySettings
    gateways: tuple[tuple[str, Channel], ...]
    """Names in the order of preference, with what each can reach."""
    zone: ZoneInfo
    language: str
    """When the customer's is not known."""
    region: str
    """Country of phone numbers without a country code."""
    exclusions: Mapping[str, Exclusion] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    stop_list: addresses.StopList = field(default_factory=addresses.StopList)
    """What the file of `survey.stop_list` holds."""
    complete: Callable[[Customer], Customer] = lambda customer: customer
    """Fills in what the contacts file knows of a customer."""
    surveys: Mapping[str, Survey] = field(default_factory=dict)
    """By name."""
    is_desk: Callable[[str], bool] = lambda _sender: False
    """Whether a sender is of the desk itself, which cannot answer for its customers."""


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of one address."""

    asked_at: datetime | None = None
    opted_out_at: datetime | None = None
    unusable_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reachable:
    """The addresses of one customer that pass validation."""

    email: str | None
    phone: str | None
    language: str | None

    def identities(self) -> list[str]:
        """Keys of the contacts that this customer may have."""
        return [addresses.identity(address) for address in (self.email, self.phone) if address]

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


@dataclass(frozen=True, slots=True)
class Skip:
    """The customer is not asked."""

    reason: Reason


def reach(ticket: Ticket, plan: Plan) -> Reachable:
    """Who can be asked about a ticket, after the contacts file has been consulted."""
    customer = plan.complete(ticket.customer)
    return Reachable(
        email=addresses.email(customer.email),
        phone=addresses.mobile(customer.phone, plan.region),
        language=customer.language,
    )


def decide(ticket: Ticket, who: Reachable, contacts: Mapping[str, Contact], plan: Plan, now: datetime) -> Ask | Skip:
    """Decide on one closure. `contacts` holds what is known of `who.identities()`."""
    if too_old(ticket.closed_at, plan, now):
        return Skip(Reason.TOO_OLD)
    if any(_excludes(exclusion, ticket, who) for exclusion in plan.exclusions.values()):
        return Skip(Reason.EXCLUDED)
    known = [contacts[identity] for identity in who.identities() if identity in contacts]
    if any(contact.opted_out_at for contact in known):
        return Skip(Reason.OPTED_OUT)
    due_at = after_quiet_hours(max(now, ticket.closed_at + plan.survey.delay), plan)
    if any(c.asked_at and c.asked_at + plan.survey.contact_interval > due_at for c in known):
        return Skip(Reason.ASKED_RECENTLY)
    return _choose_gateway(who, contacts, plan, due_at)


def too_old(closed_at: datetime, plan: Plan, now: datetime) -> bool:
    """Whether nobody would remember what the survey is about."""
    return now - closed_at > plan.survey.max_age


def after_quiet_hours(at: datetime, plan: Plan) -> datetime:
    """The first moment from `at` on that is not in the quiet hours of the plan's time zone."""
    quiet = plan.survey.quiet_hours
    if quiet is None:
        return at
    begin, end = quiet.start, quiet.end
    local = at.astimezone(plan.zone)
    clock = local.timetz().replace(tzinfo=None)
    if begin <= end:
        if not begin <= clock < end:
            return at
        days = 0
    else:
        if end <= clock < begin:
            return at
        days = 1 if clock >= begin else 0
    return datetime.combine(local.date() + timedelta(days=days), end, plan.zone).astimezone(at.tzinfo)


def next_moment(plan: Plan, at: datetime, row: Mapping[Any, Any]) -> datetime:
    """The first moment from `at` on at which an invitation may leave, by the clock and the days of its customer.

    :param row: an invitation with its closure's `ticket`.
    """
    return after_quiet_hours(at, plan)


def _choose_gateway(who: Reachable, contacts: Mapping[str, Contact], plan: Plan, due_at: datetime) -> Ask | Skip:
    if not who.identities():
        return Skip(Reason.NO_CONTACT)
    reason = Reason.NO_GATEWAY
    for gateway, channel in plan.gateways:
        address = who.on(channel)
        if address is None:
            continue
        contact = contacts.get(addresses.identity(address), Contact())
        if contact.unusable_at:
            reason = Reason.UNUSABLE_ADDRESS
            continue
        language = pick_language(who.language, default=plan.language)
        return Ask(gateway, channel, address, language, due_at, due_at + plan.survey.expires)
    return Skip(reason)


def _excludes(exclusion: Exclusion, ticket: Ticket, who: Reachable) -> bool:
    if who.email and not set(exclusion.domains).isdisjoint(addresses.domains(who.email)):
        return True
    return any(
        fnmatchcase(value.lower(), pattern.lower())
        for field, patterns in exclusion.fields.items()
        for value in _values(ticket, field)
        for pattern in patterns
    )


def _values(ticket: Ticket, field: str) -> Iterable[str]:
    value = ticket.fields.get(field, getattr(ticket, field, None))
    if isinstance(value, str):
        return (value,)
    return value if isinstance(value, tuple) else ()
