"""Whom to ask and when, for any customer, any hour and any history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import Customer
from hub.journey.addresses import email, identity, mobile, sender
from hub.journey.policy import Ask, Contact, Reason, Skip, after_quiet_hours, decide, reach
from tests.journey.world import MAIL, PHONE, plan, ticket

HELSINKI = ZoneInfo("Europe/Helsinki")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
moments = st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes - 500_000))
hours = st.times().map(lambda time: f"{time.hour:02}:{time.minute:02}")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HELSINKI)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-02T12:00", "2026-03-02T12:00"),
        ("2026-03-02T19:59", "2026-03-02T19:59"),
        ("2026-03-02T20:00", "2026-03-03T08:00"),
        ("2026-03-03T02:30", "2026-03-03T08:00"),
        ("2026-03-03T08:00", "2026-03-03T08:00"),
        ("2026-03-28T21:00", "2026-03-29T08:00"),  # summer time begins in this night
        ("2026-10-24T21:00", "2026-10-25T08:00"),  # and ends in this one
    ],
)
def test_quiet_hours_over_midnight(at: str, expected: str) -> None:
    assert after_quiet_hours(_at(at), plan(quiet_hours="20:00-08:00")) == _at(expected)


def test_quiet_hours_within_a_day() -> None:
    quiet = plan(quiet_hours="12:00-13:00")
    assert after_quiet_hours(_at("2026-03-02T12:30"), quiet) == _at("2026-03-02T13:00")
    assert after_quiet_hours(_at("2026-03-02T13:00"), quiet) == _at("2026-03-02T13:00")


@given(moments, hours, hours)
def test_after_quiet_hours_is_never_early_never_quiet_and_within_a_day(at: datetime, begin: str, end: str) -> None:
    if begin == end:
        return
    quiet = plan(quiet_hours=f"{begin}-{end}")
    later = after_quiet_hours(at, quiet)
    assert at <= later <= at + timedelta(hours=25)
    assert after_quiet_hours(later, quiet) == later


contacts = st.builds(
    Contact,
    asked_at=st.none() | moments,
    opted_out_at=st.none() | moments,
    unusable_at=st.none() | moments,
)


@given(
    now=moments,
    age=st.timedeltas(timedelta(), timedelta(days=6)),
    by_phone=st.none() | contacts,
    by_mail=st.none() | contacts,
    customer=st.builds(
        Customer, email=st.sampled_from([None, MAIL]), phone=st.sampled_from([None, PHONE, "+35891234567"])
    ),
    interval=st.sampled_from(["0s", "1d", "30d"]),
    quiet=st.sampled_from(["", "20:00-08:00"]),
)
def test_a_decision_to_ask_breaks_no_rule(
    now: datetime,
    age: timedelta,
    by_phone: Contact | None,
    by_mail: Contact | None,
    customer: Customer,
    interval: str,
    quiet: str,
) -> None:
    rules = plan(contact_interval=interval, quiet_hours=quiet, delay="15m")
    closed = ticket(now - age, customer=customer)
    known = {key: contact for key, contact in ((PHONE, by_phone), (MAIL, by_mail)) if contact}
    who = reach(closed, rules)
    decision = decide(closed, who, known, rules, now)
    if isinstance(decision, Skip):
        assert decision.reason in Reason
        return
    assert isinstance(decision, Ask)
    assert decision.address in (who.phone, who.email)
    assert age <= rules.survey.max_age
    assert decision.due_at >= max(now, closed.closed_at + timedelta(minutes=15))
    assert after_quiet_hours(decision.due_at, rules) == decision.due_at
    for contact in (known[one] for one in who.identities() if one in known):
        assert not contact.opted_out_at
        assert not contact.asked_at or contact.asked_at + rules.survey.contact_interval <= decision.due_at
    chosen = known.get(identity(decision.address))
    assert not (chosen and chosen.unusable_at)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("040 123 4567", PHONE),
        ("+358 (0)40 123 4567", PHONE),
        ("00358401234567", PHONE),
        ("09 1234567", None),
        ("029 123 4567", None),
        ("16400", None),
        ("", None),
        (None, None),
        ("call me", None),
    ],
)
def test_only_numbers_that_take_text_messages_are_used(number: str | None, expected: str | None) -> None:
    assert mobile(number, "FI") == expected


@pytest.mark.parametrize("number", ["+358401234567", "358401234567", "00358401234567", "0401234567"])
def test_a_sender_is_known_in_every_spelling(number: str) -> None:
    assert sender(number, "FI") == PHONE


@given(st.text(max_size=40))
def test_any_text_as_an_address_gives_an_answer_and_never_raises(text: str) -> None:
    mobile(text, "FI")
    sender(text, "FI")
    identity(text)
    found = email(text)
    assert found is None or "@" in found


def test_mail_addresses_are_one_person_without_case_and_plus_tag() -> None:
    assert identity("Maija+Lists@Customer.Example") == identity("maija@customer.example")
    assert email("Maija+Lists@Customer.EXAMPLE") == "Maija+Lists@customer.example"
