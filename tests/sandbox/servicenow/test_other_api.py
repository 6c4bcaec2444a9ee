"""Counts, batches and import sets."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
from sandbox.servicenow import Instance
from sandbox.servicenow.transform import ON_EXPERIENCE

BATCH = "/api/now/v1/batch"
IMPORT = "/api/now/import/u_imp_experience"


async def test_stats_count_what_a_query_finds_hidden_rows_too(instance: Instance, client: httpx.AsyncClient) -> None:
    tickets = [instance.open_record() for _ in range(3)]
    instance.hide(tickets[0])
    query = {"sysparm_query": "state=1", "sysparm_count": "true"}
    assert (await client.get("/api/now/stats/incident", params=query)).json() == {"result": {"stats": {"count": "3"}}}
    assert (await client.get("/api/now/stats/foo", params=query)).status_code == 400
    instance.deny_table("incident")
    assert (await client.get("/api/now/stats/incident", params=query)).status_code == 403


def order(*items: tuple[str, str, Any]) -> dict[str, Any]:
    """A batch of (method, url, body) with the numbers 1, 2, 3."""
    headers = [{"name": "Content-Type", "value": "application/json"}]
    requests = [
        {
            "id": str(number),
            "method": method,
            "url": url,
            "headers": headers,
            "body": base64.b64encode(json.dumps(body).encode()).decode() if body else "",
        }
        for number, (method, url, body) in enumerate(items, 1)
    ]
    return {"batch_request_id": 7, "rest_requests": requests}


async def test_a_batch_is_200_although_items_failed(instance: Instance, client: httpx.AsyncClient) -> None:
    ticket = instance.open_record()
    items = order(
        ("GET", "/api/now/table/incident?sysparm_query=state=1%5EORDERBYsys_id&sysparm_fields=sys_id", None),
        ("PATCH", f"/api/now/table/incident/{ticket}", {"u_csat": "4"}),
        ("GET", f"/api/now/table/incident/{'0' * 32}", None),
    )
    answer = await client.post(BATCH, json=items)
    assert answer.status_code == 200
    whole = answer.json()
    assert (whole["batch_request_id"], whole["unserviced_requests"]) == ("7", [])
    served = whole["serviced_requests"]
    assert [(item["id"], item["status_code"], item["status_text"]) for item in served] == [
        ("1", 200, "OK"),
        ("2", 200, "OK"),
        ("3", 404, "Not Found"),
    ]
    assert json.loads(base64.b64decode(served[0]["body"])) == {"result": [{"sys_id": ticket}]}
    assert {"name": "X-Total-Count", "value": "1"} in served[0]["headers"]
    assert instance.record(ticket)["u_csat"] == "4"


async def test_items_that_did_not_fit_are_named_and_not_carried_out(
    instance: Instance, client: httpx.AsyncClient
) -> None:
    ticket = instance.open_record()
    instance.batch_capacity = 1
    url = f"/api/now/table/incident/{ticket}"
    answer = await client.post(BATCH, json=order(("GET", url, None), ("PATCH", url, {"u_csat": "4"})))
    assert answer.json()["unserviced_requests"] == ["2"]
    assert instance.record(ticket)["u_csat"] == ""


async def test_a_batch_needs_a_version_and_a_body(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/now/batch", json=order())).status_code == 400
    assert (await client.post(BATCH, json={"rest_requests": []})).status_code == 400


async def test_an_import_updates_the_ticket_that_it_names(instance: Instance, client: httpx.AsyncClient) -> None:
    ticket = instance.open_record()
    row = {"u_task": "INC0010001", "u_csat": "4", "u_unknown": "x"}
    first, again = [await client.post(IMPORT, json=row) for _ in range(2)]
    assert first.status_code == again.status_code == 201
    assert first.json() == {
        "import_set": "ISET0010001",
        "staging_table": "u_imp_experience",
        "result": [
            {
                "transform_map": "Experience",
                "table": "incident",
                "status": "updated",
                "record_link": f"{instance.base_url}/api/now/table/incident/{ticket}",
                "sys_id": ticket,
                "display_name": "number",
                "display_value": "INC0010001",
            }
        ],
    }
    assert again.json()["result"][0]["status"] == "ignored"
    assert instance.record(ticket)["u_csat"] == "4"


async def test_an_import_with_an_error_is_201_too(instance: Instance, client: httpx.AsyncClient) -> None:
    for row in ({"u_task": "INC9"}, {"u_csat": "4"}):
        answer = await client.post(IMPORT, json=row)
        assert (answer.status_code, answer.json()["result"][0]["status"]) == (201, "error")


async def test_an_import_into_the_own_table_is_idempotent(instance: Instance, client: httpx.AsyncClient) -> None:
    instance.transform_maps["u_imp_experience"] = ON_EXPERIENCE
    ticket = instance.open_record()
    row = {"u_task": "INC0010001", "u_csat": "4", "u_xm_response_id": "rsp-1"}
    answers = [await client.post(IMPORT, json=body) for body in (row, row | {"u_csat": "5"}, row | {"u_csat": "5"})]
    assert [answer.json()["result"][0]["status"] for answer in answers] == ["inserted", "updated", "ignored"]
    (stored,) = instance.store.rows("u_experience")
    assert (stored["u_task"], stored["u_csat"]) == (ticket, "5")
    wrong = await client.post(IMPORT, json=row | {"u_task": "INC9"})
    assert wrong.json()["result"][0]["error_message"] == "No match for reference field u_task"


async def test_a_staging_row_is_read_until_it_is_purged(instance: Instance, client: httpx.AsyncClient) -> None:
    ticket = instance.open_record()
    await client.post(IMPORT, json={"u_task": "INC0010001", "u_csat": "4"})
    (staged,) = instance.store.rows("u_imp_experience")
    answer = await client.get(f"{IMPORT}/{staged['sys_id']}")
    assert answer.json() == {"result": [{"status": "updated", "sys_id": ticket}]}
    instance.delete(staged["sys_id"])
    assert (await client.get(f"{IMPORT}/{staged['sys_id']}")).status_code == 404


async def test_an_import_takes_text_only(client: httpx.AsyncClient) -> None:
    assert (await client.post(IMPORT, json={"u_task": "INC0010001", "u_csat": 4})).status_code == 400
    assert (await client.post("/api/now/import/u_other", json={})).status_code == 400
