"""Single records: their shapes, what access rules hide, and what writes do."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sandbox.servicenow import Instance
from sandbox.servicenow.schema import Column, Kind

INCIDENTS = "/api/now/table/incident"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def caller(instance: Instance) -> str:
    return instance.add_user("mia@example.com", "+43 660 1234567", "de")


@pytest.fixture
def ticket(instance: Instance, caller: str) -> str:
    sys_id = instance.open_record("incident", caller, "Printer jams")
    instance.resolve(sys_id)
    return sys_id


async def read(client: httpx.AsyncClient, ticket: str, fields: str = "", **names: str) -> dict[str, Any]:
    parameters = {"sysparm_fields": fields} | {f"sysparm_{name}": value for name, value in names.items()}
    answer = await client.get(f"{INCIDENTS}/{ticket}", params=parameters)
    assert answer.status_code == 200
    record: dict[str, Any] = answer.json()["result"]
    return record


async def write(client: httpx.AsyncClient, ticket: str, body: dict[str, Any], **names: str) -> dict[str, Any]:
    parameters = {f"sysparm_{name}": value for name, value in names.items()}
    answer = await client.patch(f"{INCIDENTS}/{ticket}", params=parameters, json=body)
    assert answer.status_code == 200
    record: dict[str, Any] = answer.json()["result"]
    return record


async def test_a_reference_has_four_shapes(
    instance: Instance, client: httpx.AsyncClient, ticket: str, caller: str
) -> None:
    link = f"{instance.base_url}/api/now/table/sys_user/{caller}"
    shapes = {
        ("false", "false"): {"link": link, "value": caller},
        ("false", "true"): caller,
        ("true", "false"): {"display_value": "Mia Muster", "link": link},
        ("all", "false"): {"display_value": "Mia Muster", "link": link, "value": caller},
        ("all", "true"): {"display_value": "Mia Muster", "value": caller},
    }
    for (display, exclude), shape in shapes.items():
        record = await read(client, ticket, "caller_id", display_value=display, exclude_reference_link=exclude)
        assert record == {"caller_id": shape}


async def test_an_empty_reference_is_empty_text_or_an_object_of_it(client: httpx.AsyncClient, ticket: str) -> None:
    shapes = [(await read(client, ticket, "assigned_to", display_value=display)) for display in ("false", "True")]
    assert shapes == [{"assigned_to": ""}] * 2
    whole = await read(client, ticket, "assigned_to", display_value="all")
    assert whole == {"assigned_to": {"display_value": "", "value": ""}}


async def test_display_values_are_in_the_users_language_zone_and_format(
    instance: Instance, client: httpx.AsyncClient, ticket: str
) -> None:
    instance.account.zone = ZoneInfo("Europe/Vienna")
    instance.account.language = "de"
    instance.add_choice("incident", "state", "6", "Gelöst", language="de")
    shown = await read(client, ticket, "state,resolved_at,closed_at", display_value="true")
    assert shown == {"state": "Gelöst", "resolved_at": "03/02/2026 10:00:00", "closed_at": ""}
    assert await read(client, ticket, "state,resolved_at") == {"state": "6", "resolved_at": "2026-03-02 09:00:00"}


async def test_fields_are_walked_by_dots_and_unknown_ones_left_out(client: httpx.AsyncClient, ticket: str) -> None:
    fields = "number,caller_id.email,caller_id.mobile_phone,caller_id.company.name,caller_id.nope,nope,nope.email"
    record = await read(client, ticket, fields)
    assert list(record) == ["number", "caller_id.email", "caller_id.mobile_phone", "caller_id.company.name"]
    assert record["caller_id.email"] == "mia@example.com"
    assert record["caller_id.company.name"] == ""


async def test_every_value_is_text_and_journals_and_own_columns_are_there(
    client: httpx.AsyncClient, ticket: str
) -> None:
    record = await read(client, ticket, exclude_reference_link="true")
    assert {type(value) for value in record.values()} == {str}
    assert record.keys() > {"work_notes", "comments", "u_csat", "u_nps", "u_xm_response_id"}


async def test_a_hidden_record_is_as_good_as_gone(instance: Instance, client: httpx.AsyncClient, ticket: str) -> None:
    instance.hide(ticket)
    for answer in (
        await client.get(f"{INCIDENTS}/{ticket}"),
        await client.patch(f"{INCIDENTS}/{ticket}", json={"u_csat": "4"}),
        await client.delete(f"{INCIDENTS}/{ticket}"),
        await client.get(f"{INCIDENTS}/{'0' * 32}"),
        await client.get(f"/api/now/table/sc_req_item/{ticket}"),
    ):
        assert answer.status_code == 404
        assert answer.json()["error"]["detail"] == "Record doesn't exist or ACL restricts the record retrieval"
    assert instance.record(ticket)["u_csat"] == ""


async def test_a_hidden_field_is_empty_or_absent(instance: Instance, client: httpx.AsyncClient, ticket: str) -> None:
    instance.hide_field("sys_user", "email")
    instance.hide_field("task", "short_description", absent=True)
    record = await read(client, ticket, "number,short_description,caller_id.email")
    assert record == {"number": "INC0010001", "caller_id.email": ""}


async def test_a_denied_table_and_an_unknown_one_are_refused(instance: Instance, client: httpx.AsyncClient) -> None:
    instance.deny_table("sys_journal_field")
    denied = await client.get("/api/now/table/sys_journal_field")
    unknown = await client.get("/api/now/table/foo")
    assert (denied.status_code, denied.json()["error"]["detail"]) == (403, "Insufficient rights to query records")
    assert (unknown.status_code, unknown.json()["error"]) == (400, {"message": "Invalid table foo", "detail": None})


async def test_a_note_is_appended_and_reads_empty(instance: Instance, client: httpx.AsyncClient, ticket: str) -> None:
    for note in ("first", "second"):
        assert (await write(client, ticket, {"work_notes": note}))["work_notes"] == ""
    assert instance.journal(ticket, "work_notes") == ["first", "second"]
    query = {"sysparm_query": f"element_id={ticket}^element=work_notes^ORDERBYsys_created_on", "sysparm_limit": "5"}
    entries = (await client.get("/api/now/table/sys_journal_field", params=query)).json()["result"]
    assert {(entry["name"], entry["sys_created_by"]) for entry in entries} == {("incident", "xm.hub")}
    assert sorted(entry["value"] for entry in entries) == ["first", "second"]
    shown = await read(client, ticket, "work_notes", display_value="all")
    assert shown == {"work_notes": {"display_value": "second\n\nfirst", "value": ""}}


async def test_what_may_not_be_written_is_ignored(instance: Instance, client: httpx.AsyncClient, ticket: str) -> None:
    instance.protect_field("task", "u_nps")
    body = {"u_csat": 4, "u_nps": "9", "u_typo": "x", "sys_mod_count": "99", "sys_id": "0" * 32}
    record = await write(client, ticket, body, fields="sys_id,u_csat,u_nps,u_typo,sys_mod_count")
    assert record == {"sys_id": ticket, "u_csat": "4", "u_nps": "", "sys_mod_count": "2"}


async def test_a_write_that_changes_nothing_moves_nothing(client: httpx.AsyncClient, ticket: str) -> None:
    counts = [(await write(client, ticket, {"u_csat": "4"}))["sys_mod_count"] for _ in range(2)]
    assert counts == ["2", "2"]
    assert (await write(client, ticket, {"work_notes": "same"}))["sys_mod_count"] == "3"


async def test_text_is_cut_to_the_length_of_its_column(client: httpx.AsyncClient, ticket: str) -> None:
    record = await write(client, ticket, {"u_xm_response_id": "r" * 150})
    assert record["u_xm_response_id"] == "r" * 100


async def test_put_writes_as_patch_does(instance: Instance, client: httpx.AsyncClient, ticket: str) -> None:
    answer = await client.put(f"{INCIDENTS}/{ticket}", json={"u_csat": True, "u_nps": None})
    assert answer.json()["result"]["u_csat"] == "true"
    assert answer.json()["result"]["short_description"] == "Printer jams"


async def test_display_values_are_understood_when_asked_for(
    instance: Instance, client: httpx.AsyncClient, ticket: str, caller: str
) -> None:
    instance.account.zone = ZoneInfo("Europe/Vienna")
    body = {"state": "On Hold", "opened_at": "03/04/2026 01:00:07", "assigned_to": "Mia Muster"}
    record = await write(client, ticket, body, input_display_value="true", exclude_reference_link="true")
    assert (record["state"], record["opened_at"], record["assigned_to"]) == ("3", "2026-03-04 00:00:07", caller)


async def test_a_closed_record_may_be_locked(instance: Instance, client: httpx.AsyncClient, ticket: str) -> None:
    instance.lock_closed()
    await write(client, ticket, {"u_csat": "4"})
    instance.close(ticket)
    answer = await client.patch(f"{INCIDENTS}/{ticket}", json={"u_csat": "5"})
    assert answer.status_code == 403
    assert answer.json()["error"]["detail"] == "ACL Exception Update Failed due to security constraints"
    assert instance.record(ticket)["u_csat"] == "4"


async def test_a_record_is_inserted_once_for_a_unique_value_and_deleted(
    instance: Instance, client: httpx.AsyncClient, ticket: str
) -> None:
    body = {"u_task": ticket, "u_csat": "4", "u_xm_response_id": "rsp-1"}
    first = await client.post("/api/now/table/u_experience", json=body)
    again = await client.post("/api/now/table/u_experience", json=body)
    assert (first.status_code, again.status_code) == (201, 403)
    assert first.headers["Location"].endswith(f"/table/u_experience/{first.json()['result']['sys_id']}")
    path = httpx.URL(first.headers["Location"]).path
    assert [(await client.delete(path)).status_code for _ in range(2)] == [204, 404]


async def test_columns_come_and_go_with_their_description(
    instance: Instance, client: httpx.AsyncClient, ticket: str
) -> None:
    instance.drop_column("task", "u_csat")
    instance.add_column("incident", Column("u_mood", Kind.STRING, max_length=10))
    record = await write(client, ticket, {"u_csat": "4", "u_mood": "good"})
    assert "u_csat" not in record
    assert record["u_mood"] == "good"
    query = {"sysparm_query": "nameINtask,incident^elementINu_csat,u_mood", "sysparm_fields": "name,element,max_length"}
    rows = (await client.get("/api/now/table/sys_dictionary", params=query)).json()["result"]
    assert rows == [{"name": "incident", "element": "u_mood", "max_length": "10"}]


async def test_headers_are_required(client: httpx.AsyncClient, ticket: str) -> None:
    url = f"{INCIDENTS}/{ticket}"
    statuses = [
        (await client.get(url, headers={"Accept": ""})).status_code,
        (await client.patch(url, content=b"{}")).status_code,
        (await client.patch(url, content=b"{}", headers={"Content-Type": "text/xml"})).status_code,
        (await client.patch(url, content=b'{"u', headers=JSON)).status_code,
        (await client.patch(url, content=b"[]", headers=JSON)).status_code,
        (await client.post(url, content=b"{}", headers=JSON)).status_code,
        (await client.get("/api/now/nothing")).status_code,
    ]
    assert statuses == [400, 400, 415, 400, 400, 405, 400]


async def test_the_date_is_the_instances_own_and_cookies_are_offered(client: httpx.AsyncClient, ticket: str) -> None:
    answer = await client.get(f"{INCIDENTS}/{ticket}")
    assert answer.headers["Date"] == "Mon, 02 Mar 2026 09:00:00 GMT"
    assert "JSESSIONID" in answer.headers["Set-Cookie"]
