"""What an instance does wrong when it is told to."""

from __future__ import annotations

import json

import httpx
import pytest
from sandbox.servicenow import Instance, faults
from sandbox.servicenow.faults import Fault

URL = "/api/now/table/incident"


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (faults.UNAUTHENTICATED, 401, "Required to provide Auth information"),
        (faults.ACL_REFUSES, 403, "ACL Exception Update Failed due to security constraints"),
        (faults.RULE_ABORTS, 403, "was aborted by Business Rule"),
        (faults.NO_RIGHTS, 403, "Insufficient rights to query records"),
        (faults.NOT_FOUND, 404, "No Record found"),
        (faults.INVALID_TABLE, 400, "Invalid table incident"),
        (faults.SERVER_ERROR, 500, "Unexpected error"),
    ],
)
async def test_a_refusal_is_json_with_an_error_inside(
    instance: Instance, client: httpx.AsyncClient, fault: Fault, status: int, words: str
) -> None:
    instance.faults.plan(fault)
    answer = await client.get(URL)
    assert answer.status_code == status
    assert answer.json()["status"] == "failure"
    assert words in answer.text


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (faults.HIBERNATING, 200, "Your instance is hibernating"),
        (faults.LOGIN, 302, ""),
        (faults.MAINTENANCE, 503, "Service Unavailable"),
        (faults.BAD_GATEWAY, 502, "Bad Gateway"),
    ],
)
async def test_a_page_for_people_comes_where_data_was_expected(
    instance: Instance, client: httpx.AsyncClient, fault: Fault, status: int, words: str
) -> None:
    instance.faults.plan(fault)
    answer = await client.get(URL)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert words in answer.text


async def test_a_rate_limit_rule_names_seconds_and_unix_time_and_semaphores_nothing(
    instance: Instance, client: httpx.AsyncClient
) -> None:
    instance.faults.plan(faults.rate_limited(instance.clock, retry_after_seconds=40))
    instance.faults.plan(faults.SEMAPHORES_TAKEN)
    by_rule, by_queue = await client.get(URL), await client.get(URL)
    assert (by_rule.status_code, by_queue.status_code) == (429, 429)
    assert by_rule.headers["Retry-After"] == "40"
    assert int(by_rule.headers["X-RateLimit-Reset"]) == instance.clock.now().timestamp() + 40
    assert by_rule.json()["error"]["detail"] == "Rate limit of 10 requests per hour for Table API exceeded"
    assert not {"retry-after", "x-ratelimit-reset"} & set(by_queue.headers)


async def test_a_cancelled_transaction_breaks_off_with_status_200(
    instance: Instance, client: httpx.AsyncClient
) -> None:
    instance.open_record()
    instance.faults.plan(faults.cancelled)
    answer = await client.get(URL)
    assert answer.status_code == 200
    assert answer.text.endswith("Transaction cancelled: maximum execution time exceeded")
    with pytest.raises(json.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize(("fault", "error"), [(faults.time_out, httpx.ReadTimeout), (faults.cut, httpx.ReadError)])
async def test_an_answer_is_lost_after_the_request_was_carried_out(
    instance: Instance, client: httpx.AsyncClient, fault: Fault, error: type[Exception]
) -> None:
    ticket = instance.open_record()
    instance.faults.plan(fault, method="PATCH")
    with pytest.raises(error):
        await client.patch(f"{URL}/{ticket}", json={"work_notes": "once"})
    assert instance.journal(ticket, "work_notes") == ["once"]
    assert [request.status for request in instance.requests] == [0]


async def test_a_connection_may_break_before_anything_is_carried_out(
    instance: Instance, client: httpx.AsyncClient
) -> None:
    ticket = instance.open_record()
    instance.faults.plan(faults.cut_before)
    with pytest.raises(httpx.ReadError):
        await client.patch(f"{URL}/{ticket}", json={"work_notes": "never"})
    assert instance.journal(ticket, "work_notes") == []


async def test_an_answer_may_have_every_wrong_type(instance: Instance, client: httpx.AsyncClient) -> None:
    instance.open_record()
    instance.faults.plan(faults.wrong_types)
    (record,) = (await client.get(URL)).json()["result"]
    assert {type(value) for value in record.values()} == {int, type(None), list, dict, bool, float}


@pytest.mark.parametrize("fault", faults.NO_RESULT)
async def test_an_answer_may_be_json_without_records(
    instance: Instance, client: httpx.AsyncClient, fault: Fault
) -> None:
    instance.faults.plan(fault)
    answer = await client.get(URL)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json;charset=UTF-8")


async def test_an_answer_may_be_huge_or_deep(instance: Instance, client: httpx.AsyncClient) -> None:
    instance.faults.plan(faults.huge)
    instance.faults.plan(faults.deep)
    assert len((await client.get(URL)).content) > 10_000_000
    with pytest.raises(RecursionError):
        (await client.get(URL)).json()


async def test_an_insert_may_come_back_empty(instance: Instance, client: httpx.AsyncClient) -> None:
    instance.faults.plan(faults.empty_created)
    answer = await client.post("/api/now/table/u_experience", json={"u_csat": "4"})
    assert (answer.status_code, answer.content) == (201, b"")
    assert len(instance.store.rows("u_experience")) == 1


async def test_faults_are_met_where_when_and_as_often_as_planned(instance: Instance, client: httpx.AsyncClient) -> None:
    instance.faults.plan(faults.MAINTENANCE, method="GET", path="/table/incident", times=2, after=2)
    assert (await client.get("/api/now/table/task")).status_code == 200
    assert [(await client.get(URL)).status_code for _ in range(5)] == [200, 200, 503, 503, 200]
    instance.faults.plan(faults.MAINTENANCE)
    instance.faults.clear()
    assert (await client.get(URL)).status_code == 200


async def test_every_request_is_kept(instance: Instance, client: httpx.AsyncClient) -> None:
    ticket = instance.open_record()
    await client.get(URL, params={"sysparm_query": "state=7^ORDERBYsys_id"})
    await client.patch(f"{URL}/{ticket}", json={"u_csat": "4"})
    first, second = instance.requests
    assert (first.method, first.path, first.query) == ("GET", URL, {"sysparm_query": "state=7^ORDERBYsys_id"})
    assert (second.method, second.body, second.status) == ("PATCH", b'{"u_csat":"4"}', 200)
    assert second.headers["content-type"] == "application/json"
