"""Numbers and mail addresses as the hub compares them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.journey.addresses import StopList, email, entry, identity, mobile, sender
from tests.journey.world import PHONE


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
    StopList(frozenset({"@a"})).covers(identity(text))
    found = email(text)
    assert found is None or "@" in found
    listed = entry(text, "FI")
    assert listed is None or entry(listed, "FI") == listed


def test_mail_addresses_are_one_person_without_case_and_plus_tag() -> None:
    assert identity("Maija+Lists@Customer.Example") == identity("maija@customer.example")
    assert email("Maija+Lists@Customer.EXAMPLE") == "Maija+Lists@customer.example"
