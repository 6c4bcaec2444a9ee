"""What `hub check` shows of an instance."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox.servicenow import faults
from sandbox.servicenow.schema import Column, Kind

from hub import CheckResult

SECRET = "a-shared-secret-of-some-length"


async def check(desk: Any, **settings: Any) -> dict[str, CheckResult]:
    results = await desk.source(**settings).check()
    return {result.what: result for result in results}


async def test_all_is_well_and_nothing_is_changed(desk: Any) -> None:
    desk.resolved(3)
    before = [desk.instance.record(row["sys_id"]) for row in desk.instance.store.rows("task")]
    found = await check(desk, write_back=["fields", "note", "table", "import"], push_secret=SECRET)
    assert [result.what for result in found.values() if not result.ok] == []
    assert {request.method for request in desk.instance.requests} == {"GET"}
    assert [desk.instance.record(row["sys_id"]) for row in desk.instance.store.rows("task")] == before
    assert found["read table incident"].detail == "3 closed tickets; the newest 3 are all visible"
    assert "https://survey.example/hooks/test" in found["push"].detail
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    ("table", "detail"),
    [
        (
            "incident",
            "6 Resolved, 7 Closed are surveyed; not: 1 New, 2 In Progress, 3 On Hold, 8 Canceled",
        ),
        (
            "sc_req_item",
            "3 Closed Complete, 4 Closed Incomplete are surveyed; "
            "not: -5 Pending, 1 Open, 2 Work in Progress, 7 Closed Skipped",
        ),
        (
            "sn_customerservice_case",
            "6 Resolved, 3 Closed are surveyed; not: 1 New, 10 Open, 18 Awaiting Info, 7 Cancelled",
        ),
    ],
)
async def test_the_states_are_shown_as_this_instance_calls_them(desk: Any, table: str, detail: str) -> None:
    assert (await check(desk, table=table))["states"].detail == detail


async def test_a_state_of_the_customers_own_is_shown(desk: Any) -> None:
    desk.instance.add_closed_state("incident", "9", "Closed by vendor")
    states = (await check(desk, closed_states=["6", "7", "9"]))["states"]
    assert states.ok
    assert "9 Closed by vendor are surveyed" in states.detail


async def test_a_state_that_does_not_exist_is_refused(desk: Any) -> None:
    found = await check(desk, closed_states=["6", "77"])
    assert not found["fields and filter"].ok
    assert "state 77 does not exist" in found["fields and filter"].detail
    assert not found["states"].ok


async def test_labels_that_cannot_be_read_are_not_made_up(desk: Any) -> None:
    desk.instance.deny_table("sys_choice")
    states = (await check(desk))["states"]
    assert states.detail == "6, 7 are surveyed; their labels cannot be shown: sys_choice is not readable"


async def test_a_misspelt_field_is_found(desk: Any) -> None:
    """Checklist 8."""
    fields = (await check(desk, filter="asignment_group.name=Service Desk"))["fields and filter"]
    assert not fields.ok
    assert "assignment_group" in fields.detail


async def test_without_the_dictionary_names_are_proven_by_counting(desk: Any) -> None:
    desk.resolved()
    desk.instance.deny_table("sys_dictionary")
    fields = (await check(desk))["fields and filter"]
    assert fields.ok
    assert "proven by counting rows" in fields.detail


async def test_hidden_rows_are_counted(desk: Any) -> None:
    """Checklist 7."""
    for ticket in desk.resolved(5)[:3]:
        desk.instance.hide(ticket)
    table = (await check(desk))["read table incident"]
    assert not table.ok
    assert table.detail.startswith("3 of the newest 5 closed tickets are hidden from the account")


@pytest.mark.parametrize(
    ("target", "column", "table"),
    [
        ("fields", "u_csat", "task"),
        ("table", "u_task", "u_experience"),
        ("table", "u_xm_response_id", "u_experience"),
        ("import", "u_task", "u_imp_experience"),
    ],
)
@pytest.mark.parametrize("with_dictionary", [True, False])
async def test_a_missing_column_is_named(
    desk: Any, target: str, column: str, table: str, with_dictionary: bool
) -> None:
    desk.resolved()
    desk.instance.drop_column(table, column)
    if not with_dictionary:
        desk.instance.deny_table("sys_dictionary")
    found = (await check(desk, write_back=[target]))[f"write back: {target}"]
    if with_dictionary or target == "fields":
        assert not found.ok
        assert f"has no column {column}; create it" in found.detail
    else:
        assert "its columns cannot be shown" in found.detail


@pytest.mark.parametrize(("target", "setting"), [("table", "result_table"), ("import", "import_table")])
async def test_a_missing_table_is_named(desk: Any, target: str, setting: str) -> None:
    found = (await check(desk, write_back=[target], **{setting: "u_nothing"}))[f"write back: {target}"]
    assert (found.ok, found.detail) == (False, "there is no table u_nothing, or the account may not see it")


async def test_an_own_table_whose_rows_are_hidden_is_refused(desk: Any) -> None:
    desk.instance.hide(desk.instance.add("u_experience"))
    found = (await check(desk, write_back=["table"]))["write back: table"]
    assert not found.ok
    assert "may not read the rows" in found.detail


@pytest.mark.parametrize(
    ("journal", "fields", "words"),
    [
        (True, {}, "looked for in sys_journal_field"),
        (False, {"response": "u_xm_response_id"}, "so u_xm_response_id tells whether it is there"),
        (False, {}, "is not repeated and may be missing"),
        (False, {"response": "u_nothing"}, "is not repeated and may be missing"),
    ],
)
async def test_how_notes_are_found_again_is_told(desk: Any, journal: bool, fields: dict[str, str], words: str) -> None:
    desk.resolved()
    if not journal:
        desk.instance.deny_table("sys_journal_field")
    note = (await check(desk, result_fields=fields))["write back: note"]
    assert note.ok
    assert words in note.detail


async def test_a_journal_whose_rows_are_hidden_is_not_called_readable(desk: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.update(ticket, work_notes="Called back")
    for row in desk.instance.store.rows("sys_journal_field"):
        desk.instance.hide(row["sys_id"])
    assert "so u_xm_response_id tells" in (await check(desk))["write back: note"].detail


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (Column("u_xm_response_id", max_length=20), "holds 20 characters; make it 40 or longer"),
        (Column("u_xm_response_id", max_length=100, read_only=True), "is read-only"),
    ],
)
async def test_a_column_that_will_not_keep_response_ids_is_named(desk: Any, column: Column, words: str) -> None:
    desk.resolved()
    desk.instance.drop_column("task", "u_xm_response_id")
    desk.instance.add_column("task", column)
    found = (await check(desk, write_back=["fields"]))["write back: fields"]
    assert not found.ok
    assert words in found.detail
    desk.instance.deny_table("sys_journal_field")
    assert words in (await check(desk))["write back: note"].detail


async def test_a_missing_count_of_reopenings_is_told(desk: Any) -> None:
    desk.resolved()
    assert (await check(desk))["closings"].detail == "told from each other by reopen_count"
    desk.instance.hide_field("incident", "reopen_count")
    closings = (await check(desk))["closings"]
    assert closings.ok
    assert closings.detail.startswith("reopen_count is missing or not readable, so resolved_at or closed_at")


async def test_tickets_without_a_time_of_closing_are_told(desk: Any) -> None:
    desk.resolved(3)
    for field in ("resolved_at", "closed_at"):
        desk.instance.hide_field("incident", field)
        desk.instance.hide_field("task", field)
    closings = (await check(desk))["closings"]
    assert not closings.ok
    assert closings.detail.startswith("3 of the newest 3 closed tickets have no readable resolved_at or closed_at")


async def test_without_tickets_no_journal_is_searched_as_a_whole(desk: Any) -> None:
    """A condition without values is dropped, and to count a whole journal takes minutes."""
    await check(desk)
    queries = [one.query["sysparm_query"] for one in desk.instance.requests if "journal" in one.path]
    assert queries
    assert not [query for query in queries if "IN^" in query]


async def test_a_reference_to_something_else_is_found(desk: Any) -> None:
    desk.instance.drop_column("u_experience", "u_task")
    desk.instance.add_column("u_experience", Column("u_task", Kind.REFERENCE, "sys_user"))
    found = (await check(desk, write_back=["table"]))["write back: table"]
    assert (found.ok, found.detail) == (False, "u_task of u_experience does not refer to task")


@pytest.mark.parametrize(
    "fault", [faults.UNAUTHENTICATED, faults.NO_RIGHTS, faults.HIBERNATING, faults.LOGIN, faults.MAINTENANCE]
)
async def test_a_fault_is_a_result_and_not_raised(desk: Any, fault: Any) -> None:
    desk.instance.faults.plan(fault, times=100)
    results = list((await check(desk)).values())
    assert [result.ok for result in results] == [False]


async def test_who_signs_in_is_said_without_the_secret(desk: Any) -> None:
    account = desk.instance.account
    oauth = {
        "grant": "client_credentials",
        "client_id": account.client_id,
        "client_secret": account.client_secret,
    }
    for settings, words in (({}, "user name"), ({"api_key": account.api_key}, "API key"), ({"oauth": oauth}, "OAuth")):
        found = await check(desk, **settings)
        assert words in found["sign in"].detail
        assert account.client_secret not in str(found)
        assert account.api_key not in str(found)
