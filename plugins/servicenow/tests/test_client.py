"""Requests as the instance sees them, and answers in every shape it gives them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hub_servicenow.answers import Forbidden
from hub_servicenow.client import ServiceNowClient
from sandbox.servicenow import faults

from hub import Rejected, Unexpected

CALLER = "46c6f9efa9fe198101ddf5eed9adf6e7"


def client(desk: Any, **settings: Any) -> ServiceNowClient:
    return ServiceNowClient(desk.config(**settings), desk.context)


def rows(*records: Any, total: str | None = "1") -> Any:
    headers = {"Content-Type": "application/json"} | ({"X-Total-Count": total} if total is not None else {})
    return faults.answer(faults.Reply(200, json.dumps({"result": records}).encode(), headers))


async def read(desk: Any) -> Any:
    return await client(desk).rows("incident", query="ORDERBYsys_id", fields=("sys_id", "caller_id"), limit=10)


async def test_each_request_says_what_the_table_api_wants(desk: Any) -> None:
    desk.resolved(2)
    for _ in range(2):
        await read(desk)
    for request in desk.instance.requests:
        assert request.headers["accept"] == "application/json"
        assert request.headers["content-type"] == "application/json"
        assert request.headers["authorization"].startswith("Basic ")
        assert "cookie" not in request.headers, "each call would hold a session"
        assert request.query["sysparm_display_value"] == "false"
        assert request.query["sysparm_exclude_reference_link"] == "true"
        assert request.query["sysparm_fields"] == "sys_id,caller_id"


async def test_an_api_key_travels_in_its_header(desk: Any) -> None:
    desk.resolved(1)
    found = await client(desk, api_key=desk.instance.account.api_key).count("incident", "")
    assert found == 1
    assert desk.instance.requests[-1].headers["x-sn-apikey"] == desk.instance.account.api_key
    assert "authorization" not in desk.instance.requests[-1].headers


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ({"link": f"https://acme.service-now.com/api/now/table/sys_user/{CALLER}", "value": CALLER}, CALLER),
        (CALLER, CALLER),
        ({"display_value": "Mia", "link": "https://acme.service-now.com/x", "value": CALLER}, CALLER),
        ({"display_value": "", "value": ""}, ""),
        ("", ""),
        (None, ""),
    ],
)
async def test_every_shape_of_a_reference_is_read(desk: Any, reference: Any, value: str) -> None:
    desk.instance.faults.plan(rows({"sys_id": "a", "caller_id": reference}))
    assert (await read(desk)).records == [{"sys_id": "a", "caller_id": value}]


@pytest.mark.parametrize("value", [17, True, ["x"], {"value": 17}, {"value": {"value": "x"}}, 1.5])
async def test_a_value_that_is_not_text_is_refused(desk: Any, value: Any) -> None:
    desk.instance.faults.plan(rows({"sys_id": "a", "caller_id": value}))
    with pytest.raises(Unexpected, match="'caller_id' of a row of incident is not text"):
        await read(desk)


@pytest.mark.parametrize("total", [None, "", "many", "-1", "1.5", "²"])
async def test_a_page_without_a_count_is_refused(desk: Any, total: str | None) -> None:
    """Without it nobody knows whether more follows."""
    answer = rows({"sys_id": "a"}, total=total and total.encode().decode("latin-1"))
    desk.instance.faults.plan(answer)
    with pytest.raises(Unexpected, match="X-Total-Count"):
        await read(desk)


async def test_the_time_is_the_instances(desk: Any) -> None:
    assert (await read(desk)).at == desk.clock.now()


async def test_a_record_that_is_gone_or_hidden_is_none(desk: Any) -> None:
    shown, hidden, gone = desk.resolved(3)
    desk.instance.hide(hidden)
    desk.instance.delete(gone)
    asked = client(desk)
    assert await asked.record("incident", shown, ("sys_id", "state")) == {"sys_id": shown, "state": "6"}
    assert await asked.record("incident", hidden, ("sys_id",)) is None
    assert await asked.record("incident", gone, ("sys_id",)) is None


async def test_a_patch_tells_what_became_of_each_column(desk: Any) -> None:
    [ticket] = desk.resolved()
    body = {"u_csat": "4", "u_typo": "x", "work_notes": "CSAT 4/5"}
    row = await client(desk).patch("incident", ticket, body, ("sys_id", "u_csat", "u_typo", "work_notes"))
    assert row.get("u_csat") == "4"
    assert not row.get("u_typo")
    assert not row.get("work_notes")
    assert desk.instance.journal(ticket, "work_notes") == ["CSAT 4/5"]


async def test_refusals_of_a_patch_can_be_told_apart(desk: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.close(ticket)
    desk.instance.lock_closed()
    with pytest.raises(Forbidden, match="ACL Exception Update Failed due to security constraints"):
        await client(desk).patch("incident", ticket, {"u_csat": "4"}, ("sys_id",))
    desk.instance.delete(ticket)
    with pytest.raises(Rejected) as gone:
        await client(desk).patch("incident", ticket, {"u_csat": "4"}, ("sys_id",))
    assert gone.value.reason == "http_404"


async def test_a_created_record_that_may_not_be_read_is_none(desk: Any) -> None:
    desk.instance.faults.plan(faults.empty_created, method="POST")
    assert await client(desk).post("api/now/table/u_experience", {"u_csat": "4"}) is None
    assert len(desk.instance.store.rows("u_experience")) == 1


@pytest.mark.parametrize("number", ["", "many", None, [], "-1"])
async def test_a_count_without_a_number_is_refused(desk: Any, number: Any) -> None:
    desk.instance.faults.plan(faults.body(json.dumps({"result": {"stats": {"count": number}}})))
    with pytest.raises(Unexpected, match="without a number"):
        await client(desk).count("incident", "")
