"""Which rule a ticket falls under, and which exclusion fits it. Patterns are made ready once per configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import translate

from hub.api.records import Channel, Ticket
from hub.config.survey import Exclusion, Language, Match, Rule, SurveySettings, Tone
from hub.journey import addresses
from hub.survey.model import Survey

LANGUAGES: tuple[Language, ...] = ("fi", "sv", "en")
_PATTERNS = ("service", "team", "type", "channel", "organisation")
"""What a rule has patterns for, besides the ticket's further fields."""

_NOTHING = "(?!)"
"""A pattern that no text fits."""
_OF_TICKET = frozenset(Ticket.model_fields)

Fits = Callable[[str], bool]
_Condition = tuple[str, Fits]
"""A field, and what its value must be like."""


@dataclass(frozen=True, slots=True)
class ReadyRule:
    """A rule with everything that it leaves to `[survey]`."""

    name: str
    ask: bool
    survey: str
    tone: Tone
    languages: tuple[Language, ...]
    """What its survey speaks."""
    gateways: tuple[tuple[str, Channel], ...]
    delay: timedelta
    share: float
    reminder: timedelta
    fits: Callable[[str, Ticket, str, Collection[str]], bool]
    """Whether it is for a ticket of a source, whose customer is addressed in a language at some of these addresses."""


def ready_rule(
    rule: Rule,
    survey: SurveySettings,
    asks: Survey | None,
    gateways: tuple[tuple[str, Channel], ...],
    channels: Mapping[str, Channel],
) -> ReadyRule:
    """A rule made ready.

    :param asks: the survey that it names.
    :param gateways: those of `[survey]`.
    :param channels: what each gateway that is switched on can reach.
    """
    own = None if rule.gateways is None else tuple((name, channels[name]) for name in rule.gateways if name in channels)
    return ReadyRule(
        name=rule.name,
        ask=rule.ask,
        survey=rule.survey,
        tone=rule.tone or (asks.tone if asks else "formal"),
        languages=asks.languages if asks else LANGUAGES,
        gateways=gateways if own is None else own,
        delay=survey.delay if rule.delay is None else rule.delay,
        share=survey.share if rule.share is None else rule.share,
        reminder=survey.reminder if rule.reminder is None else rule.reminder,
        fits=_fits_rule(rule),
    )


def _fits_rule(rule: Match) -> Callable[[str, Ticket, str, Collection[str]], bool]:
    of_source = fits_any(rule.source) if rule.source else None
    of_customer = fits_any(rule.customer) if rule.customer else None
    of_ticket = [(name, fits_any(patterns)) for name in _PATTERNS if (patterns := getattr(rule, name))]
    further = _conditions(rule.fields)

    def fits(source: str, ticket: Ticket, language: str, customer: Collection[str]) -> bool:
        return (
            ticket.milestone in rule.milestone
            and (of_source is None or of_source(source))
            and (not rule.language or language in rule.language)
            and (of_customer is None or any(map(of_customer, customer)))
            and all((value := getattr(ticket, name)) is not None and like(value) for name, like in of_ticket)
            and all(_has(ticket, field, like) for field, like in further)
        )

    return fits


def fits_exclusion(exclusion: Exclusion) -> Callable[[Ticket, str | None, bool], bool]:
    """What tells whether an exclusion fits a ticket, its customer's mail address, and whether they are a VIP.

    One thing that fits is enough.
    """
    domains = frozenset(exclusion.domains)
    of_address = fits_any(exclusion.addresses) if exclusion.addresses else None
    further = _conditions(exclusion.fields)

    def fits(ticket: Ticket, email: str | None, vip: bool) -> bool:
        return bool(
            (exclusion.reporter_is_agent and ticket.reporter_is_agent)
            or (exclusion.vip and vip)
            or (exclusion.silent_for and _silent_for(ticket) >= exclusion.silent_for)
            or (email and domains and not domains.isdisjoint(addresses.domains(email)))
            or (email and of_address and of_address(email))
            or (further and any(_has(ticket, field, like) for field, like in further))
        )

    return fits


def fits_any(patterns: Iterable[str]) -> Fits:
    """What tells whether a text fits one of some shell patterns, regardless of case."""
    match = re.compile("|".join(translate(pattern.casefold()) for pattern in patterns) or _NOTHING).match
    return lambda text: match(text.casefold()) is not None


def _conditions(fields: Mapping[str, Iterable[str]]) -> list[_Condition]:
    return [(field, fits_any(patterns)) for field, patterns in fields.items() if patterns]


def _has(ticket: Ticket, field: str, like: Fits) -> bool:
    """Whether a field of a ticket, or one value of several, is like that. A field that is not there is like nothing."""
    value = ticket.fields.get(field)
    if value is None and field in _OF_TICKET:
        value = getattr(ticket, field)
    if isinstance(value, str):
        return like(value)
    return isinstance(value, tuple) and any(map(like, value))


def _silent_for(ticket: Ticket) -> timedelta:
    since = ticket.customer_silent_since
    return ticket.closed_at - since if since else timedelta()
