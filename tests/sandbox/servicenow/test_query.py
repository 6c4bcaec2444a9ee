"""Encoded queries: what they mean, and what becomes of what they do not."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.servicenow import Instance
from sandbox.servicenow.query import compile_query
from sandbox.servicenow.schema import Field

from hub.testing.clock import FakeClock

UTC = ZoneInfo("UTC")
ROWS = {
    "a": {"state": "1", "short_description": "Printer jams", "closed_at": ""},
    "b": {"state": "6", "short_description": "printer", "closed_at": "2026-03-04 00:00:07"},
    "c": {"state": "7", "short_description": "VPN down", "closed_at": "2026-03-04 00:00:08"},
    "d": {"state": "10", "short_description": "", "closed_at": "2026-03-03 23:00:00"},
}
COLUMNS = ("state", "short_description", "closed_at")


def find(path: str) -> Field | None:
    return Instance(FakeClock()).store.field("incident", path) if path in COLUMNS else None


FIELDS = {name: find(name) for name in COLUMNS}


def found(text: str, zone: ZoneInfo = UTC) -> str:
    query = compile_query(text, FIELDS.get, zone)
    return "".join(key for key, row in ROWS.items() if query.matches(row))


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", "abcd"),
        ("state=6", "b"),
        ("state!=6", "acd"),
        ("state>6", "cd"),
        ("state>=7", "cd"),
        ("state<6", "a"),
        ("state<=6", "ab"),
        ("stateIN6,7", "bc"),
        ("stateNOT IN6,7", "ad"),
        ("short_descriptionLIKErinter", "ab"),
        ("short_descriptionNOT LIKErinter", "cd"),
        ("short_descriptionSTARTSWITHprinter", "b"),
        ("short_descriptionENDSWITHdown", "c"),
        ("short_descriptionISEMPTY", "d"),
        ("short_descriptionISNOTEMPTY", "abc"),
        ("closed_at>2026-03-04 00:00:07", "c"),
        ("closed_at<2026-03-04", "d"),
        ("closed_at=", "a"),
        ("stateIN6,7^short_descriptionLIKEprinter", "b"),
        ("^state=6^EQ", "b"),
    ],
)
def test_a_condition_finds_what_it_says_and_case_matters(text: str, keys: str) -> None:
    assert found(text) == keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("state=1^ORstate=6^short_descriptionLIKEprinter", "b"),
        ("short_descriptionLIKEprinter^state=1^ORstate=6", "b"),
        ("state=1^ORstate=6^ORstate=7", "abc"),
        ("state=1^NQstate=7^short_descriptionLIKEVPN", "ac"),
        ("state=1^NQstate=7^short_descriptionLIKEprinter", "a"),
    ],
)
def test_or_belongs_to_the_condition_before_it_and_nq_begins_a_new_group(text: str, keys: str) -> None:
    assert found(text) == keys


@pytest.mark.parametrize(
    "part",
    [
        "stat=7",
        "State=7",
        "stateIn7",
        "state7",
        "state",
        "closed_atONToday@javascript:gs.now()",
        "closed_at>soon",
        "=7",
    ],
)
def test_a_part_that_is_not_understood_is_left_out_without_a_word(part: str) -> None:
    assert found(part) == "abcd"
    assert found(f"state=6^{part}") == "b"
    assert compile_query(part, FIELDS.get, UTC).invalid


def test_a_date_that_is_generated_belongs_to_the_users_zone_and_a_literal_to_utc() -> None:
    generated = "closed_at>=javascript:gs.dateGenerate('2026-03-04','00:00:00')"
    assert found("closed_at>=2026-03-04 00:00:00") == found(generated) == "bc"
    assert found(generated, ZoneInfo("Europe/Vienna")) == "bcd"
    assert found(generated, ZoneInfo("America/Los_Angeles")) == ""


def test_two_carets_are_one_inside_a_value() -> None:
    query = compile_query("short_description=a^^b^state=1", FIELDS.get, UTC)
    assert query.matches({"short_description": "a^b", "state": "1"})
    assert not query.matches({"short_description": "a^b", "state": "2"})


def test_orders_are_chained_and_those_of_unknown_columns_are_left_out() -> None:
    query = compile_query("ORDERBYDESCstate^ORDERBYnope^ORDERBYclosed_at", FIELDS.get, UTC)
    assert [(order.field.path, order.descending) for order in query.orders] == [("state", True), ("closed_at", False)]
    assert [order.key(ROWS["d"]) for order in query.orders] == [10, "2026-03-03 23:00:00"]


@given(st.text(alphabet=st.sampled_from("state_closed_at=<>!^ORNQIN,EMPTYBD0127- :'()")))
def test_no_text_is_too_strange(text: str) -> None:
    found(text)


@given(st.lists(st.lists(st.sampled_from(["state=1", "state>6", "stateIN6,7", "closed_atISEMPTY"]), min_size=1)))
def test_conditions_are_joined_by_and_and_their_alternatives_by_or(conditions: list[list[str]]) -> None:
    text = "^".join("^OR".join(alternatives) for alternatives in conditions)
    expected = [key for key in ROWS if all(any(key in found(term) for term in terms) for terms in conditions)]
    assert found(text) == "".join(expected)
