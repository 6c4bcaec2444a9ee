"""Whatever is configured and known, a decision to ask keeps to all of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub import Customer, Milestone, Ticket
from hub.journey.addresses import identity
from hub.journey.policy import WORDS, Contact, Skip, next_moment, reach
from tests.journey.deciding import NOW, decided, row_of
from tests.journey.world import MAIL, PHONE, plan, ticket

moments = st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes - 500_000))
contacts = st.builds(
    Contact,
    asked_at=st.none() | moments,
    opted_out_at=st.none() | moments,
    unusable_at=st.none() | moments,
    consent=st.frozensets(st.sampled_from(["sms", "email"])),
    is_stopped=st.booleans(),
)
customers = st.builds(
    Customer,
    email=st.sampled_from([None, MAIL]),
    phone=st.sampled_from([None, PHONE, "+35891234567"]),
    timezone=st.sampled_from([None, "Asia/Tokyo", "Pacific/Auckland", "nonsense"]),
    vip=st.sampled_from([None, True, False]),
)
closed_tickets = st.builds(
    lambda now, age, **values: (now, ticket(now - age, **values)),
    moments,
    st.timedeltas(timedelta(), timedelta(days=6)),
    customer=customers,
    milestone=st.sampled_from(Milestone),
    service=st.sampled_from([None, "SAP", "Mail"]),
    reporter_is_agent=st.sampled_from([None, True, False]),
)
limits = st.fixed_dictionaries(
    {
        "contact_interval": st.sampled_from(["0s", "1d", "30d"]),
        "quiet_hours": st.sampled_from(["", "20:00-08:00", "12:00-13:00"]),
        "working_days": st.sampled_from([("mon", "tue", "wed", "thu", "fri"), ("sun",), ("mon", "sat")]),
        "holidays": st.sampled_from(["", "FI"]),
        "legal_basis": st.sampled_from([{}, {"sms": "consent"}, {"sms": "consent", "email": "consent"}]),
        "share": st.sampled_from([0.5, 1]),
    }
)
some_rules = st.lists(
    st.fixed_dictionaries(
        {"ask": st.booleans(), "milestone": st.lists(st.sampled_from(Milestone), min_size=1)},
        optional={"service": st.just(["s*"]), "delay": st.just("5h"), "gateways": st.permutations(["sms", "mail"])},
    ),
    max_size=2,
).map(lambda tables: [{"name": f"rule {number}", **table} for number, table in enumerate(tables)])


@given(
    closing=closed_tickets,
    by_phone=st.none() | contacts,
    by_mail=st.none() | contacts,
    limits=limits,
    tables=some_rules,
    exclusions=st.sampled_from([{}, {"agent": {"reporter_is_agent": True}, "vip": {"vip": True}}]),
)
def test_a_decision_to_ask_breaks_no_rule(
    closing: tuple[datetime, Ticket],
    by_phone: Contact | None,
    by_mail: Contact | None,
    limits: dict[str, Any],
    tables: list[dict[str, Any]],
    exclusions: dict[str, Any],
) -> None:
    now, closed = closing
    rules = plan(rules=tables, exclusions=exclusions, delay="15m", **limits)
    known = {key: contact for key, contact in ((PHONE, by_phone), (MAIL, by_mail)) if contact}
    decision = decided(closed, rules, contacts=known, now=now)
    assert decision == decided(closed, rules, contacts=known, now=now)
    if isinstance(decision, Skip):
        assert decision.reason.partition(":")[0] in WORDS
        return
    who, rule = reach(closed, rules), next(rule for rule in rules.rules if rule.name == decision.rule)
    assert rule.ask
    assert closed.milestone in rule.milestone
    assert decision.address in (who.phone, who.email)
    assert decision.due_at >= max(now, closed.closed_at + (rule.delay or timedelta(minutes=15)))
    assert decision.due_at - closed.closed_at <= rules.survey.max_age
    assert next_moment(rules, decision.due_at, row_of(decision, closed)) == decision.due_at
    assert not (exclusions and (closed.reporter_is_agent or closed.customer.vip))
    mine = [known[one] for one in who.identities if one in known]
    for contact in mine:
        assert not contact.opted_out_at
        assert not contact.is_stopped
        assert not contact.asked_at or contact.asked_at + rules.survey.contact_interval <= decision.due_at
    if rules.survey.legal_basis.needs_consent(decision.channel):
        assert any(decision.channel in contact.consent for contact in mine)
    chosen = known.get(identity(decision.address))
    assert not (chosen and chosen.unusable_at)
