"""Reading the admin's filter, compared with what the simulated instance makes of it."""

from __future__ import annotations

import pytest
from hub_servicenow.query import Condition, parse_filter
from hypothesis import given
from hypothesis import strategies as st
from sandbox.servicenow import Instance

from hub.testing.clock import FakeClock

FIELDS = ("state", "priority", "short_description", "category", "assignment_group.name", "opened_at")
WORDS = st.sampled_from(["", "1", "2", "6", "-5", "10", "vpn", "vpn printer", "2026-03-01 10:00:00"])
OPERATORS = ("=", "!=", "IN", "NOT IN", "LIKE", "NOT LIKE", "STARTSWITH", "ENDSWITH", "ISEMPTY", "ISNOTEMPTY")


@st.composite
def filters(draw: st.DrawFn) -> str:
    text = ""
    for number in range(draw(st.integers(1, 4))):
        operator = draw(st.sampled_from(OPERATORS))
        value = "" if operator.endswith("EMPTY") else draw(WORDS.filter(bool))
        joint = draw(st.sampled_from(["^", "^OR"])) if number else ""
        text += f"{joint}{draw(st.sampled_from(FIELDS[:-1]))}{operator}{value}"
    return text


@given(filters(), st.dictionaries(st.sampled_from(FIELDS[:4]), WORDS), WORDS)
def test_a_row_satisfies_a_filter_exactly_when_the_instance_finds_it(
    text: str, fields: dict[str, str], group: str
) -> None:
    instance = Instance(FakeClock())
    group_id = instance.add("sys_user_group", name=group)
    sys_id = instance.add("incident", **fields, assignment_group=group_id)
    _, found = instance.store.find("incident", text, instance.account.zone)
    row = instance.record(sys_id) | {"assignment_group.name": group}
    assert parse_filter(text).holds(row) == bool(found)


@pytest.mark.parametrize(
    ("text", "row", "holds"),
    [
        ("priority<=2", {"priority": "2"}, True),
        ("priority<=2", {"priority": "10"}, False),
        ("priority<2", {}, False),
        ("opened_at>=2026-03-01 00:00:00", {"opened_at": "2026-02-28 23:59:59"}, False),
        ("opened_at>2026-03-01", {"opened_at": "2026-03-01 00:00:01"}, True),
        ("category=Network", {"category": "network"}, True),
        ("category=network", {}, False),
    ],
)
def test_numbers_times_and_letter_case(text: str, row: dict[str, str], holds: bool) -> None:
    assert parse_filter(text).holds(row) is holds


def test_or_belongs_to_the_condition_before_it() -> None:
    parsed = parse_filter("active=true^category=vpn^ORpriority<=2")
    assert parsed.groups == (
        (Condition("active", "=", "true"),),
        (Condition("category", "=", "vpn"), Condition("priority", "<=", "2")),
    )
    assert parsed.fields == {"active", "category", "priority"}


@pytest.mark.parametrize(
    "text",
    [
        "^active=true",
        "active=true^",
        "active=true^^category=x",
        "active",
        "ORDERBYnumber",
        "active=true^ORDERBYnumber",
        "active=true^NQcategory=x",
        "NQcategory=x",
        "ORcategory=x",
        "Active=true",
        "opened_at>=javascript:gs.beginningOfToday()",
        "opened_atONToday@javascript:gs.beginningOfToday()@javascript:gs.endOfToday()",
        "assignment_group=",
        "categoryISEMPTYx",
        "active=true^EQ",
        "sys_class_nameINSTANCEOFincident",
    ],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_filter(text)


@given(st.text(st.sampled_from("a.^=ORDNQISEMPTY1, ")))
def test_whatever_is_accepted_restricts(text: str) -> None:
    """No filter that passes can lead past the state: each part of it is a condition with a field and an operator."""
    try:
        parsed = parse_filter(text)
    except ValueError:
        return
    assert bool(parsed.groups) == bool(text)
    assert "^NQ" not in text
    assert not text.startswith("OR")
