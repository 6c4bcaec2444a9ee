"""Names that the instance does not know: it would drop them without a word, and the hub would survey everybody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hub_servicenow.client import ServiceNowClient
from hub_servicenow.guard import Findings, Guard

from hub import Cursor, Unexpected


async def look(desk: Any, **settings: Any) -> Findings:
    config = desk.config(**settings)
    return await Guard(config, ServiceNowClient(config, desk.context), desk.clock).look()


async def start(desk: Any) -> Cursor:
    [page] = [page async for page in desk.source().pull(None)]
    desk.clock.advance(timedelta(minutes=1))
    return page.cursor


async def refused(desk: Any, cursor: Cursor | None, **settings: Any) -> str:
    """Why a pull is refused; nothing must have been read of the table."""
    before = len(desk.instance.requests)
    pages = []
    with pytest.raises(Unexpected) as error:
        pages += [page async for page in desk.source(**settings).pull(cursor)]
    assert not pages
    assert not [one for one in desk.instance.requests[before:] if one.path.endswith("/table/incident")]
    return str(error.value)


MISSPELT = [
    ({"filter": "asignment_group.name=Service Desk"}, "asignment_group", "did you mean 'assignment_group'?"),
    ({"filter": "assignment_group.nam=Service Desk"}, "sys_user_group has no column 'nam'", "did you mean 'name'?"),
    ({"filter": "priority.name=1"}, "has no column 'name'", ""),
    ({"customer_email_field": "caller_id.e_mail"}, "sys_user has no column 'e_mail'", "did you mean 'email'?"),
    ({"language_field": "u_language"}, "u_language", ""),
    ({"closed_states": ["6", "77"]}, "state 77 does not exist", "7 Closed"),
]


@pytest.mark.parametrize("first", [True, False], ids=["first pull", "later pull"])
@pytest.mark.parametrize(("settings", "complaint", "advice"), MISSPELT)
async def test_a_misspelt_name_stops_the_start(
    desk: Any, settings: dict[str, Any], complaint: str, advice: str, first: bool
) -> None:
    """Checklist 8."""
    cursor = None if first else await start(desk)
    desk.resolved(3)
    told = await refused(desk, cursor, **settings)
    assert complaint in told
    assert advice in told


@pytest.mark.parametrize("property_set", [False, True], ids=["part dropped", "no rows returned"])
async def test_a_misspelt_name_stops_the_start_without_the_dictionary(desk: Any, property_set: bool) -> None:
    """Checklist 8, for an account that may not read sys_dictionary: counts of rows give it away."""
    desk.resolved(3)
    desk.instance.invalid_query_returns_no_rows = property_set
    for table in ("sys_dictionary", "sys_db_object", "sys_choice"):
        desk.instance.deny_table(table)
    told = await refused(desk, None, filter="asignment_group.name=Service Desk")
    assert "asignment_group" in told
    findings = await look(desk, filter="assignment_group.name=Service Desk")
    assert findings.problems == ()
    assert findings.unproven == ()
    assert not findings.dictionary_readable
    assert findings.states is None


async def test_an_empty_table_proves_nothing_and_is_looked_at_again(desk: Any) -> None:
    desk.instance.deny_table("sys_dictionary")
    source = desk.source(filter="asignment_group.name=Service Desk")
    [page] = [page async for page in source.pull(None)]
    desk.resolved(3)
    with pytest.raises(Unexpected, match=r"field 'asignment_group\.name' does not exist"):
        [page async for page in source.pull(page.cursor)]


async def test_a_dictionary_that_is_partly_hidden_is_not_believed(desk: Any) -> None:
    """A row rule that hides a column's entry must not make the column unknown."""
    desk.resolved(1)
    entries = desk.instance.store.rows("sys_dictionary")
    desk.instance.hide(next(row["sys_id"] for row in entries if row["element"] == "short_description"))
    findings = await look(desk)
    assert findings.problems == ()
    assert not findings.dictionary_readable


async def test_choices_that_are_partly_hidden_are_not_believed(desk: Any) -> None:
    choices = desk.instance.store.rows("sys_choice")
    desk.instance.hide(next(row["sys_id"] for row in choices if (row["name"], row["value"]) == ("incident", "7")))
    findings = await look(desk)
    assert findings.problems == ()
    assert findings.states is None


async def test_states_carry_the_labels_of_this_instance(desk: Any) -> None:
    desk.instance.add_closed_state("incident", "9", "Solved by robot")
    desk.instance.add_choice("incident", "state", "6", "Gelöst", language="de")
    findings = await look(desk, closed_states=["6", "7", "9"])
    assert findings.problems == ()
    assert findings.states is not None
    assert findings.states["9"] == "Solved by robot"
    assert findings.states["6"] == "Resolved"


async def test_an_inactive_state_does_not_count(desk: Any) -> None:
    desk.instance.add_choice("incident", "state", "66", "Old", inactive=True)
    findings = await look(desk, closed_states=["66"])
    assert "state 66" in findings.problems[0]


@pytest.mark.parametrize("table", ["incident", "sc_req_item", "sn_customerservice_case"])
async def test_the_usual_names_exist_and_missing_extras_are_not_asked_for(desk: Any, table: str) -> None:
    findings = await look(desk, table=table)
    assert findings.problems == ()
    assert findings.dictionary_readable
    columns = desk.instance.schema
    for path in findings.fields:
        assert columns.field(table, path, lambda _: None), f"{path} is asked for and does not exist"
    assert "business_stc" not in findings.fields


async def test_names_are_proven_once_a_day(desk: Any) -> None:
    source = desk.source()
    [page] = [page async for page in source.pull(None)]
    desk.clock.advance(timedelta(hours=23))
    before = len(desk.instance.requests)
    [page] = [page async for page in source.pull(page.cursor)]
    assert not [one for one in desk.instance.requests[before:] if "sys_dictionary" in one.path]
    desk.instance.drop_column("incident", "resolved_at")
    desk.instance.drop_column("task", "closed_at")
    desk.clock.advance(timedelta(hours=2))
    with pytest.raises(Unexpected, match="closed_at"):
        [page async for page in source.pull(page.cursor)]


async def test_what_was_wrong_is_proven_again_at_once(desk: Any) -> None:
    """The administrator adds the column, and the next pull works."""
    source = desk.source(filter="u_desk=emea")
    with pytest.raises(Unexpected, match="u_desk"):
        [page async for page in source.pull(None)]
    desk.instance.add_column("incident", desk.column("u_desk"))
    assert [page async for page in source.pull(None)]
