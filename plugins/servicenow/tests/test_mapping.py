"""What a row says of a ticket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hub_servicenow.mapping import TicketMapping, from_wire, to_wire
from hypothesis import given
from hypothesis import strategies as st

from hub import Customer, Unexpected

SYS_ID = "a9e30c7dc61122760116894de7bcc7bd"
ROW = {
    "sys_id": SYS_ID,
    "number": "INC0000046",
    "sys_class_name": "incident",
    "state": "7",
    "short_description": "VPN drops",
    "opened_at": "2026-02-27 08:01:02",
    "resolved_at": "2026-03-01 10:15:30",
    "closed_at": "2026-03-04 00:00:07",
    "reopen_count": "1",
    "close_code": "Solution provided",
    "category": "network",
    "priority": "3",
    "contact_type": "phone",
    "caller_id": "62826bf03710200044e0bfc8bcbe5df1",
    "caller_id.name": "Mia Muster",
    "caller_id.email": "mia@example.com",
    "caller_id.mobile_phone": "+43 660 1234567",
    "caller_id.preferred_language": "de",
    "caller_id.time_zone": "Europe/Vienna",
    "caller_id.vip": "true",
    "assigned_to": "46d44a40a9fe198101a243dfc79033d0",
    "assigned_to.name": "Aino Agent",
    "assignment_group.name": "Service Desk",
    "business_service.name": "Remote access",
    "company.name": "Acme Austria",
    "sys_updated_on": "2026-03-04 00:00:07",
    "sys_mod_count": "12",
}


def mapping(desk: Any, **settings: Any) -> TicketMapping:
    return TicketMapping(desk.config(**settings))


def test_everything_that_is_said_arrives(desk: Any) -> None:
    ticket = mapping(desk).ticket(ROW)
    assert ticket.model_dump(exclude_defaults=True) == {
        "id": SYS_ID,
        "key": "INC0000046",
        "closure_key": "1:resolved",
        "closed_at": datetime(2026, 3, 1, 10, 15, 30, tzinfo=UTC),
        "subject": "VPN drops",
        "url": f"https://acme.service-now.com/nav_to.do?uri=incident.do%3Fsys_id%3D{SYS_ID}",
        "customer": {
            "name": "Mia Muster",
            "email": "mia@example.com",
            "phone": "+43 660 1234567",
            "language": "de",
            "timezone": "Europe/Vienna",
            "vip": True,
        },
        "agent": "Aino Agent",
        "team": "Service Desk",
        "service": "Remote access",
        "type": "network",
        "channel": "phone",
        "organisation": "Acme Austria",
        "opened_at": datetime(2026, 2, 27, 8, 1, 2, tzinfo=UTC),
        "reopen_count": 1,
        "fields": {
            "state": "7",
            "close_code": "Solution provided",
            "priority": "3",
            "category": "network",
            "sys_class_name": "incident",
        },
    }


def test_whoever_handled_a_ticket_of_their_own_is_an_agent(desk: Any) -> None:
    own = ROW | {"assigned_to": ROW["caller_id"]}
    assert mapping(desk).ticket(own).reporter_is_agent is True
    for unknown in (ROW, own | {"caller_id": "", "assigned_to": ""}, ROW | {"assigned_to": ""}):
        assert mapping(desk).ticket(unknown).reporter_is_agent is None


@pytest.mark.parametrize(("stands_there", "vip"), [("true", True), ("false", False), ("", None)])
def test_a_vip_is_one_where_the_instance_says_so(desk: Any, stands_there: str, vip: bool | None) -> None:
    assert mapping(desk).ticket(ROW | {"caller_id.vip": stands_there}).customer.vip is vip


def test_further_fields_can_be_named_for_rules_and_exclusions(desk: Any) -> None:
    reads = mapping(desk, further_fields=["u_no_survey", "caller_id.department.name"])
    assert {"u_no_survey", "caller_id.department.name"} <= set(reads.needed)
    fields = reads.ticket(ROW | {"u_no_survey": "true", "caller_id.department.name": ""}).fields
    assert fields["u_no_survey"] == "true"
    assert "caller_id.department.name" not in fields


@pytest.mark.parametrize("hidden", ["absent", "empty"])
def test_an_address_that_is_hidden_is_left_out(desk: Any, hidden: str) -> None:
    """Checklist 19: the hub counts the ticket as one without contact."""
    row = {name: value for name, value in ROW.items() if not name.startswith("caller_id.")}
    if hidden == "empty":
        row |= dict.fromkeys((name for name in ROW if name.startswith("caller_id.")), "")
    assert mapping(desk).ticket(row).customer == Customer()


def test_the_minimum_is_enough(desk: Any) -> None:
    """All other fields may be hidden by access rules."""
    row = {name: ROW[name] for name in ("sys_id", "state", "sys_updated_on", "closed_at")}
    ticket = mapping(desk).ticket(row)
    assert (ticket.key, ticket.closed_at) == (SYS_ID, datetime(2026, 3, 4, 0, 0, 7, tzinfo=UTC))


@pytest.mark.parametrize("table", ["incident", "sc_req_item", "sn_customerservice_case"])
def test_without_a_time_of_closing_there_is_no_ticket_yet(desk: Any, table: str) -> None:
    """The last update would be none: a job that touches tickets of last year would have everybody asked."""
    row = ROW | {"resolved_at": "", "closed_at": ""}
    assert mapping(desk, table=table).ticket(row) is None


@pytest.mark.parametrize("hidden", ["absent", "empty"])
def test_where_reopenings_are_not_shown_the_time_tells_closings_apart(desk: Any, hidden: str) -> None:
    row = {name: value for name, value in ROW.items() if name != "reopen_count"}
    row |= {"reopen_count": ""} if hidden == "empty" else {}
    keys = [
        mapping(desk).ticket(row | changes).closure_key
        for changes in ({"closed_at": ""}, {}, {"resolved_at": "2026-03-05 00:00:00"})
    ]
    assert keys == ["2026-03-01 10:15:30:resolved", "2026-03-01 10:15:30:resolved", "2026-03-05 00:00:00:resolved"]


def test_a_time_that_is_only_nice_to_know_is_left_out_when_it_cannot_be_read(desk: Any) -> None:
    ticket = mapping(desk).ticket(ROW | {"first_response_time": "1800", "opened_at": "soon"})
    assert (ticket.first_response_at, ticket.opened_at) == (None, None)


def test_closing_a_resolved_ticket_is_no_second_closure(desk: Any) -> None:
    """Checklist 4."""
    resolved = ROW | {"state": "6", "closed_at": ""}
    one, other = mapping(desk).ticket(resolved), mapping(desk).ticket(ROW)
    assert (one.closure_key, one.closed_at) == (other.closure_key, other.closed_at)


def test_a_requested_item_is_known_by_its_time_of_closing(desk: Any) -> None:
    """It has neither `resolved_at` nor `reopen_count`."""
    items = mapping(desk, table="sc_req_item")
    row = {"sys_id": SYS_ID, "number": "RITM1", "state": "3", "sys_updated_on": "2026-03-09 00:00:00"}
    first = items.ticket(row | {"closed_at": "2026-03-04 00:00:07"})
    again = items.ticket(row | {"closed_at": "2026-03-05 00:00:07"})
    assert first.closed_at == datetime(2026, 3, 4, 0, 0, 7, tzinfo=UTC)
    assert first.closure_key != again.closure_key


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"business_stc": "5400", "calendar_stc": "90000"}, 5400),
        ({"business_duration": "1970-01-02 01:00:00", "calendar_stc": "1"}, 90_000),
        ({"calendar_stc": "90000"}, 90_000),
        ({"calendar_duration": "1970-01-01 00:00:00"}, 0),
        ({"business_stc": "", "business_duration": "soon", "calendar_stc": "-5"}, None),
        ({"business_duration": "1969-12-31 23:00:00"}, None),
        ({}, None),
    ],
)
def test_the_time_to_resolve_is_the_desks_own(desk: Any, fields: dict[str, str], seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert mapping(desk).ticket(ROW | fields).time_to_resolve == expected


@pytest.mark.parametrize(
    ("value", "language"),
    [("fi", "fi"), ("pb", "pt"), ("fq", "fr"), ("zt", "zh"), ("EN", "en"), ("", None), ("-", None), ("d", None)],
)
def test_languages_are_iso_639(desk: Any, value: str, language: str | None) -> None:
    assert mapping(desk).ticket(ROW | {"caller_id.preferred_language": value}).customer.language == language


def test_fields_are_read_from_where_the_settings_say(desk: Any) -> None:
    own = mapping(
        desk,
        customer_email_field="u_contact.email",
        customer_phone_field="u_phone",
        language_field="u_language",
        service_field="u_service",
        organisation_field="location.name",
    )
    row = ROW | {
        "u_contact.email": "kim@example.org",
        "u_phone": "0660 1",
        "u_language": "sv",
        "u_service": "Mail",
        "location.name": "Graz",
    }
    ticket = own.ticket(row)
    customer = ticket.customer
    assert (customer.email, customer.phone, customer.language) == ("kim@example.org", "0660 1", "sv")
    assert (ticket.service, ticket.organisation) == ("Mail", "Graz")
    assert {"u_contact.email", "u_phone", "u_language", "u_service", "location.name"} <= set(own.needed)


@pytest.mark.parametrize("value", ["03/04/2026 01:00:07", "2026-03-04T00:00:07Z", "yesterday", "2026-13-04 00:00:00"])
def test_a_time_in_another_form_is_not_guessed_at(desk: Any, value: str) -> None:
    """A display value would be in the user's zone."""
    with pytest.raises(Unexpected, match="resolved_at"):
        mapping(desk).ticket(ROW | {"resolved_at": value})


@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_times_travel_in_utc(moment: datetime) -> None:
    assert from_wire(to_wire(moment), "any") == moment.astimezone(UTC).replace(microsecond=0)


@given(st.dictionaries(st.sampled_from(sorted(ROW)), st.text(max_size=40)))
def test_any_text_in_any_field_makes_a_ticket_or_a_clear_error(desk_config: Any, values: dict[str, str]) -> None:
    needed = {name: value or "x" for name, value in values.items() if name in ("sys_id", "number")}
    row = ROW | values | needed
    try:
        ticket = TicketMapping(desk_config).ticket(row)
    except Unexpected:
        return
    assert ticket is None or ticket.closed_at.tzinfo is not None
