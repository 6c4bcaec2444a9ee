"""Whose clock counts: the customer's own, their country's, or the hub's."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.journey.calendar import zone_of

DEFAULT = ZoneInfo("Europe/Helsinki")


@pytest.mark.parametrize(
    ("phone", "zone"),
    [
        ("+46701234567", "Europe/Stockholm"),
        ("+4790123456", "Europe/Oslo"),
        ("+37251234567", "Europe/Tallinn"),
        ("+447911123456", "Europe/London"),  # so have Guernsey, Jersey and the Isle of Man, which share the code
        ("+491711234567", "Europe/Berlin"),  # one time in two zones
        ("+60123456789", "Asia/Kuala_Lumpur"),
        ("+18095551234", "America/Santo_Domingo"),
        ("+77011234567", "Asia/Almaty"),
        ("+358401234567", "Europe/Helsinki"),
        ("+14155550123", None),  # many zones
        ("+79161234567", None),
        ("+34612345678", None),  # the Canary Islands have a time of their own
        ("+61412345678", None),
        ("+883510012345", None),  # no country
        ("+38344123456", None),  # a country without a place in the table
        ("+1", None),
        ("+", None),
        ("", None),
        (None, None),
        ("040 123 4567", None),  # no E.164: nothing is guessed
        ("+٣٥٨401234567", None),
    ],
)
def test_the_zone_of_a_numbers_country(phone: str | None, zone: str | None) -> None:
    assert zone_of(None, phone, ZoneInfo("UTC")) == ZoneInfo(zone or "UTC")


def test_the_customers_own_zone_comes_first() -> None:
    assert zone_of("Asia/Tokyo", "+46701234567", DEFAULT) == ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize(
    "name", ["", "Europe/Atlantis", "Europe", "../../etc/passwd", "/etc/localtime", "\0", "x" * 999]
)
def test_a_name_that_is_no_zone_is_passed_over(name: str) -> None:
    assert zone_of(name, "+46701234567", DEFAULT) == ZoneInfo("Europe/Stockholm")
    assert zone_of(name, None, DEFAULT) is DEFAULT


@given(
    st.none() | st.text(max_size=30), st.none() | st.text(max_size=15) | st.from_regex(r"\+\d{0,15}", fullmatch=True)
)
def test_any_texts_give_a_zone(name: str | None, phone: str | None) -> None:
    assert isinstance(zone_of(name, phone, DEFAULT), ZoneInfo)
