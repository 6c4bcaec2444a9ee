"""Whom to ask and when, for any customer, any hour and any history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub import Channel, Customer, Milestone
from hub.config.survey import SurveySettings
from hub.journey.addresses import StopList, entry
from hub.journey.policy import WORDS, Ask, Contact, Reason, Skip, next_moment, words_of
from hub.survey.model import Survey
from tests.journey.deciding import BOTH, NOW, about, asked, decided, reason, row_of
from tests.journey.world import MAIL, PHONE, plan, ticket

HELSINKI = ZoneInfo("Europe/Helsinki")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HELSINKI)


# Rules

SAP = {
    "name": "sap",
    "service": ["SAP*"],
    "survey": "progress",
    "gateways": ["mail"],
    "delay": "1h",
    "tone": "informal",
}


def test_the_first_rule_that_matches_counts_and_says_what_differs() -> None:
    rules = plan(rules=[SAP, {"name": "later", "service": ["*"]}])
    decision = asked(about(service="sap finance"), rules)
    assert (decision.rule, decision.survey, decision.tone) == ("sap", "progress", "informal")
    assert (decision.gateway, decision.due_at) == ("mail", NOW + timedelta(hours=1))
    assert asked(about(service="Mail"), rules).rule == "later"


def test_what_a_rule_does_not_say_is_as_in_survey() -> None:
    rules = plan(rules=[{"name": "sap", "service": ["SAP*"]}], delay="2h", reminder="3d", share=1)
    decision = asked(about(service="SAP"), rules)
    assert (decision.gateway, decision.due_at, decision.survey) == ("sms", NOW + timedelta(hours=2), "closing")
    assert decision.remind_at == decision.due_at + timedelta(days=3)


def test_a_closed_ticket_that_no_rule_is_for_falls_under_the_default() -> None:
    decision = asked(about(), plan(rules=[SAP]))
    assert (decision.rule, decision.survey, decision.tone) == ("default", "closing", "formal")


@pytest.mark.parametrize("milestone", [Milestone.HANDED_OVER, Milestone.WAITING])
def test_what_happens_before_closing_needs_a_rule_of_its_own(milestone: Milestone) -> None:
    assert reason(about(milestone=milestone), plan()) == "no_rule"
    rules = plan(rules=[{"name": "early", "milestone": [milestone], "survey": "progress"}])
    assert asked(about(milestone=milestone), rules).survey == "progress"
    assert asked(about(), rules).rule == "default"


def test_a_rule_can_say_not_to_ask() -> None:
    decision = decided(about(team="Night watch"), plan(rules=[{"name": "quiet", "team": ["night*"], "ask": False}]))
    assert decision == Skip("rule", "quiet")


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ({"source": ["de*"]}, {}),
        ({"service": ["Sähköposti"]}, {"service": "SÄHKÖPOSTI"}),
        ({"team": ["x", "1st*"]}, {"team": "1st line"}),
        ({"type": ["incident"]}, {"type": "Incident"}),
        ({"channel": ["portal"]}, {"channel": "portal"}),
        ({"organisation": ["*oy"]}, {"organisation": "Acme Oy"}),
        ({"fields": {"labels": ["v[ai]p"]}}, {"fields": {"labels": ("x", "VIP")}}),
        ({"fields": {"agent": ["anna"]}}, {"agent": "Anna"}),
        ({"customer": ["*@CUSTOMER.example"]}, {}),
        ({"customer": ["x", "+35840123*"]}, {"customer": Customer(phone="040 123 4567")}),
        ({"language": ["sv"]}, {"customer": Customer(phone=PHONE, language="sv-FI")}),
        ({"language": ["fi"]}, {}),
        ({"language": ["fi"]}, {"customer": Customer(phone=PHONE, language="de")}),
    ],
)
def test_rules_match_what_is_known_of_a_ticket(condition: dict[str, Any], values: dict[str, Any]) -> None:
    rules = plan(rules=[{"name": "this", **condition}])
    assert asked(about(**values), rules).rule == "this"


@pytest.mark.parametrize(
    "condition",
    [
        {"source": ["other"]},
        {"service": ["*"]},
        {"fields": {"labels": ["*"]}},
        {"fields": {"customer": ["*"]}},
        {"customer": ["*@other.example", "+46*"]},
        {"language": ["en"]},
        {"service": ["SAP"], "team": ["1st"]},
    ],
)
def test_what_a_ticket_does_not_say_matches_no_pattern(condition: dict[str, Any]) -> None:
    rules = plan(rules=[{"name": "this", **condition}])
    assert asked(about(team="1st"), rules).rule == "default"


def test_a_gateway_that_is_switched_off_is_left_out_of_a_rule() -> None:
    rules = plan(rules=[{"name": "this", "gateways": ["off", "mail"]}])
    assert asked(about(), rules).gateway == "mail"
    assert reason(about(customer=Customer(phone=PHONE)), rules) == "no_gateway"


def test_the_survey_is_in_a_language_that_it_speaks() -> None:
    asks = Survey(
        name="closing", version="1", languages=("sv", "fi"), tone="informal", messages=3, texts={}, questions={}
    )
    rules = replace(plan(), surveys={"closing": asks})
    for known, spoken in (("sv", "sv"), ("FI_fi", "fi"), ("en", "fi"), (None, "fi"), ("", "fi")):
        decision = asked(about(customer=Customer(phone=PHONE, language=known)), rules)
        assert (decision.language, decision.tone) == (spoken, "informal")


def test_no_reminder_is_due_when_the_survey_has_expired() -> None:
    assert asked(about(), plan(reminder="3d", expires="2d")).remind_at is None
    assert asked(about(), plan()).remind_at is None


# Exclusions


@pytest.mark.parametrize(
    ("exclusion", "values"),
    [
        ({"domains": ["acme.example"]}, {"customer": Customer(email="x@Mail.ACME.example")}),
        ({"addresses": ["noreply@*"]}, {"customer": Customer(email="NoReply@b.example")}),
        ({"fields": {"team": ["intern*"]}}, {"team": "Internal IT"}),
        ({"fields": {"labels": ["no-survey"]}}, {"fields": {"labels": ("x", "No-Survey")}}),
        ({"fields": {"resolution": ["duplicate*"]}}, {"fields": {"resolution": "Duplicate of X"}}),
        ({"reporter_is_agent": True}, {"reporter_is_agent": True}),
        ({"vip": True}, {"customer": BOTH.model_copy(update={"vip": True})}),
        ({"silent_for": "14d"}, {"customer_silent_since": NOW - timedelta(days=14)}),
    ],
)
def test_one_thing_that_fits_excludes_and_the_reason_names_the_exclusion(
    exclusion: dict[str, Any], values: dict[str, Any]
) -> None:
    rules = plan(exclusions={"other": {"domains": ["other.example"]}, "this": exclusion})
    assert reason(about(**values), rules) == "excluded:this"
    assert words_of("excluded:this") == "the exclusion 'this' fits this ticket"


@pytest.mark.parametrize(
    ("exclusion", "values"),
    [
        ({"domains": ["acme.example"]}, {"customer": Customer(email="x@notacme.example")}),
        ({"domains": ["acme.example"], "addresses": ["*"]}, {"customer": Customer(phone=PHONE)}),
        ({"fields": {"resolution": ["*"]}}, {}),
        ({"fields": {"labels": []}}, {"fields": {"labels": ("x",)}}),
        ({"reporter_is_agent": True}, {"reporter_is_agent": None}),
        ({"vip": True}, {}),
        ({"silent_for": "14d"}, {"customer_silent_since": NOW - timedelta(days=13)}),
        ({"silent_for": "14d"}, {}),
        ({}, {"reporter_is_agent": True, "customer_silent_since": NOW - timedelta(days=99)}),
    ],
)
def test_an_exclusion_that_does_not_fit_excludes_nobody(exclusion: dict[str, Any], values: dict[str, Any]) -> None:
    assert asked(about(**values), plan(exclusions={"this": exclusion})).rule == "default"


def test_an_exclusion_comes_before_every_rule() -> None:
    rules = plan(rules=[{"name": "all"}], exclusions={"this": {"reporter_is_agent": True}})
    assert decided(about(reporter_is_agent=True), rules) == Skip("excluded:this")


@pytest.mark.parametrize("own", [MAIL, PHONE])
def test_who_is_at_an_address_of_the_desk_is_not_asked(own: str) -> None:
    rules = replace(plan(), is_desk=lambda address: address == own)
    decision = decided(about(), rules)
    assert decision == Skip("desk")
    assert not decision.concerns_customer
    assert asked(about(customer=Customer(email="a@customer.example")), rules).gateway == "mail"


# How often


def test_a_closing_is_asked_about_whose_progress_was_asked_about_and_nothing_else_is() -> None:
    rules = plan(rules=[{"name": "early", "milestone": ["waiting"]}], contact_interval="30d")
    earlier = NOW - timedelta(days=1)
    contacts = {PHONE: Contact(asked_at=earlier, progress_of=("desk", "x"))}
    assert asked(about(id="x"), rules, contacts=contacts).rule == "default"
    assert reason(about(id="x"), rules, contacts=contacts, source="jira") == "asked_recently"
    assert reason(about(id="y"), rules, contacts=contacts) == "asked_recently"
    assert reason(about(id="x", milestone=Milestone.WAITING), rules, contacts=contacts) == "asked_recently"
    both = {**contacts, MAIL: Contact(asked_at=earlier)}
    assert reason(about(id="x"), rules, contacts=both) == "asked_recently"


# Stop list, consent, channels


def test_a_customer_on_the_stop_list_is_not_asked_over_any_address() -> None:
    assert reason(about(), plan(), contacts={MAIL: Contact(is_stopped=True)}) == "on_stop_list"


@pytest.mark.parametrize(
    ("written", "is_as"),
    [
        (" 040 123 4567 ", PHONE),
        ("Maija+x@Customer.Example", MAIL),
        ("@Acme.FI", "@acme.fi"),
        ("+358 9 4241 0001", "+358942410001"),
        *(("anna", None), ("", None), ("@", None), ("a@", None), ("12", None), ("@a b", None), ("acme.fi", None)),
    ],
)
def test_entries_of_a_stop_list_are_compared_as_addresses_are(written: str, is_as: str | None) -> None:
    assert entry(written, "FI") == is_as


def test_a_domain_on_the_stop_list_covers_those_within_it() -> None:
    stopped = StopList(frozenset({"@acme.example"}))
    assert [stopped.covers(one) for one in ("a@acme.example", "a@x.acme.example", "a@notacme.example", PHONE)] == [
        *(True, True),
        *(False, False),
    ]


CONSENT = {"legal_basis": {"sms": "consent"}}


def test_without_the_consent_that_a_channel_needs_the_next_gateway_is_used() -> None:
    assert asked(about(), plan(**CONSENT)).gateway == "mail"
    assert reason(about(customer=Customer(phone=PHONE)), plan(**CONSENT)) == "no_consent"


@pytest.mark.parametrize(
    ("customer", "contacts"),
    [
        (BOTH.model_copy(update={"consent": (Channel.SMS,)}), {}),
        (BOTH, {PHONE: Contact(consent=frozenset({"sms"}))}),
        (BOTH, {MAIL: Contact(consent=frozenset({"email", "sms"}))}),
    ],
)
def test_a_consent_counts_whoever_recorded_it(customer: Customer, contacts: dict[str, Contact]) -> None:
    assert asked(about(customer=customer), plan(**CONSENT), contacts=contacts).gateway == "sms"


def test_a_dead_address_leaves_the_other_one() -> None:
    assert asked(about(), plan(), contacts={PHONE: Contact(unusable_at=NOW)}).gateway == "mail"
    dead = {PHONE: Contact(unusable_at=NOW), MAIL: Contact(unusable_at=NOW)}
    assert reason(about(), plan(), contacts=dead) == "unusable_address"


# Sampling


def test_a_rule_that_asks_about_a_share_asks_about_the_same_tickets_each_time() -> None:
    rules = plan(rules=[{"name": "some", "share": 0.25}])
    closed = [about(id=f"id-{number}") for number in range(400)]
    drawn = [isinstance(decided(one, rules), Ask) for one in closed]
    assert drawn == [isinstance(decided(one, rules, now=NOW + timedelta(days=1)), Ask) for one in closed]
    assert 70 <= sum(drawn) <= 130
    assert {decided(one, rules) for one, is_drawn in zip(closed, drawn, strict=True) if not is_drawn} == {
        Skip("not_sampled", "some")
    }


def test_a_share_of_nothing_asks_nobody_and_a_share_of_one_everybody() -> None:
    assert reason(about(), plan(share=0)) == "not_sampled"
    assert asked(about(), plan(share=1)).rule == "default"


# When


def test_quiet_hours_are_those_of_the_customer() -> None:
    rules = plan(quiet_hours="20:00-08:00")
    evening = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)  # 20:30 in Helsinki, 19:30 in Stockholm, 13:30 in New York
    for customer, expected in (
        (Customer(phone=PHONE), local("2026-03-03T08:00")),
        (Customer(phone="+46701234567"), evening),
        (Customer(email=MAIL), local("2026-03-03T08:00")),
        (Customer(email=MAIL, timezone="America/New_York"), evening),
        (Customer(email=MAIL, timezone="no such place"), local("2026-03-03T08:00")),
    ):
        assert asked(ticket(evening, customer=customer), rules, now=evening).due_at == expected


def test_working_days_and_public_holidays_are_waited_for() -> None:
    rules = plan(working_days=["mon", "tue", "wed", "thu", "fri"], holidays="FI", max_age="10d")
    thursday = local("2026-04-02T23:59")  # before Good Friday
    assert asked(ticket(thursday), rules, now=thursday).due_at == local("2026-04-02T23:59")
    later = thursday + timedelta(minutes=1)
    assert asked(ticket(later), rules, now=later).due_at == local("2026-04-07T00:00")  # after Easter Monday


def test_what_would_be_too_old_when_it_may_be_asked_about_is_too_old_at_once() -> None:
    friday = local("2026-03-06T21:00")
    rules = plan(working_days=["mon"], quiet_hours="20:00-08:00", max_age="2d")
    assert decided(ticket(friday), rules, now=friday) == Skip("too_old", "default")
    assert isinstance(decided(ticket(friday), plan(working_days=["mon"], max_age="3d"), now=friday), Ask)


@pytest.mark.parametrize("age", [timedelta(days=3), timedelta(days=3, microseconds=1)])
def test_a_ticket_is_too_old_after_max_age(age: timedelta) -> None:
    closed = ticket(NOW - age)
    assert isinstance(decided(closed, plan()), Ask if age == timedelta(days=3) else Skip)


@pytest.mark.parametrize(
    "customer",
    [
        Customer(phone="+81 90 1234 5678"),
        Customer(phone="+81 90 1234 5678", email=MAIL),
        Customer(email=MAIL, timezone="Asia/Tokyo"),
        Customer(email=MAIL),
    ],
)
def test_an_invitation_that_is_late_keeps_to_the_hours_it_was_decided_by(customer: Customer) -> None:
    rules = plan(quiet_hours="20:00-08:00", gateways=["mail", "sms"])
    for hour in range(0, 24, 3):
        now = NOW + timedelta(hours=hour)
        closed = ticket(now, customer=customer)
        decision = asked(closed, rules, now=now)
        row = row_of(decision, closed)
        assert next_moment(rules, now, row) == decision.due_at
        assert next_moment(rules, decision.due_at, row) == decision.due_at


def test_without_hours_and_days_nothing_waits() -> None:
    assert next_moment(plan(), NOW, {}) == NOW
    assert not SurveySettings(sender_name="x", quiet_hours="").limits_times
    assert SurveySettings(sender_name="x", quiet_hours="", working_days=("mon",)).limits_times


def test_every_reason_has_words() -> None:
    assert set(WORDS) == set(Reason)
    assert words_of("smtp_550") == "smtp_550"
