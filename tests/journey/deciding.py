"""Decides on closed tickets without a store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hub import Customer, Ticket
from hub.journey.policy import Ask, Contact, Plan, Skip, decide, reach
from tests.journey.world import MAIL, PHONE, ticket

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
BOTH = Customer(phone=PHONE, email=MAIL)


def decided(
    closed: Ticket,
    rules: Plan,
    contacts: dict[str, Contact] | None = None,
    *,
    source: str = "desk",
    now: datetime = NOW,
) -> Ask | Skip:
    return decide(closed, reach(closed, rules), contacts or {}, rules, now, source=source)


def asked(closed: Ticket, rules: Plan, **values: Any) -> Ask:
    decision = decided(closed, rules, **values)
    assert isinstance(decision, Ask), decision
    return decision


def reason(closed: Ticket, rules: Plan, **values: Any) -> str:
    decision = decided(closed, rules, **values)
    assert isinstance(decision, Skip), decision
    return decision.reason


def about(**values: Any) -> Ticket:
    return ticket(NOW, **({"customer": BOTH} | values))


def row_of(decision: Ask, closed: Ticket) -> dict[str, Any]:
    stored = closed.model_dump_json(exclude_defaults=True)
    return {"channel": decision.channel, "address": decision.address, "ticket": stored}
