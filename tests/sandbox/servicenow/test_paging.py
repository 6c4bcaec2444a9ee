"""Lists: pages, counts, order, and rows that access rules keep back."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.servicenow import Instance, build_app

from hub.testing.clock import FakeClock

INCIDENTS = "/api/now/table/incident"
ORDER = "ORDERBYsys_updated_on^ORDERBYsys_id"


def resolve(instance: Instance, count: int) -> list[str]:
    """Resolve some incidents in the same second; their sys_ids in order."""
    ids = [instance.open_record() for _ in range(count)]
    for sys_id in ids:
        instance.resolve(sys_id)
    return sorted(ids)


async def page(client: httpx.AsyncClient, query: str, limit: int = 2, offset: int = 0) -> tuple[list[str], int]:
    """The sys_ids of a page, and X-Total-Count."""
    names = {"sysparm_query": query, "sysparm_limit": str(limit), "sysparm_offset": str(offset)}
    reply = await client.get(INCIDENTS, params=names | {"sysparm_fields": "sys_id"})
    return [row["sys_id"] for row in reply.json()["result"]], int(reply.headers["X-Total-Count"])


async def walk(client: httpx.AsyncClient, limit: int) -> list[str]:
    """A keyset walk that reads an empty page as one whose rows are hidden."""
    second, last, found = "2000-01-01 00:00:00", "", []
    while True:
        for condition in (f"sys_updated_on={second}^sys_id>{last}", f"sys_updated_on>{second}"):
            ids = await _first_rows(client, f"stateIN6,7^{condition}^{ORDER}", limit)
            if ids:
                break
        else:
            return found
        found += ids
        last = ids[-1]
        second = (await client.get(f"{INCIDENTS}/{last}")).json()["result"]["sys_updated_on"]


async def _first_rows(client: httpx.AsyncClient, query: str, limit: int) -> list[str]:
    offset, total = 0, 1
    while offset < total:
        ids, total = await page(client, query, limit, offset)
        if ids:
            return ids
        offset += limit
    return []


async def test_the_limit_comes_before_the_access_rules_and_the_count_too(
    instance: Instance, client: httpx.AsyncClient
) -> None:
    ids = resolve(instance, 6)
    for hidden in ids[1:4]:
        instance.hide(hidden)
    pages = [await page(client, f"stateIN6,7^{ORDER}", 2, offset) for offset in (0, 2, 4, 6)]
    assert pages == [(ids[:1], 6), ([], 6), (ids[4:], 6), ([], 6)]


async def test_an_empty_page_is_404_in_v1_and_200_in_v2_and_latest(client: httpx.AsyncClient) -> None:
    answers = [await client.get(f"/api/now{version}/table/incident") for version in ("/v1", "/v2", "")]
    assert [answer.status_code for answer in answers] == [404, 200, 200]
    assert answers[0].json()["error"]["message"] == "No Record found"
    assert answers[1].json() == {"result": []}


async def test_links_lead_to_the_other_pages(instance: Instance, client: httpx.AsyncClient) -> None:
    resolve(instance, 5)
    query = {"sysparm_query": f"state=6^{ORDER}", "sysparm_limit": "2", "sysparm_fields": "sys_id"}
    middle = await client.get(INCIDENTS, params=query | {"sysparm_offset": "2"})
    assert [link["rel"] for link in middle.links.values()] == ["first", "next", "prev", "last"]
    assert middle.headers["Link"].startswith(f"<{instance.base_url}{INCIDENTS}?sysparm_query=state")
    ends = [await client.get(middle.links[rel]["url"]) for rel in ("first", "last")]
    assert [len(end.json()["result"]) for end in ends] == [2, 1]
    assert [sorted(end.links) for end in ends] == [["first", "last", "next"], ["first", "last", "prev"]]
    whole = await client.get(INCIDENTS, params=query | {"sysparm_limit": "5"})
    quiet = await client.get(INCIDENTS, params=query | {"sysparm_suppress_pagination_header": "True"})
    assert "Link" not in whole.headers
    assert "Link" not in quiet.headers


async def test_no_count_leaves_out_the_count(instance: Instance, client: httpx.AsyncClient) -> None:
    answer = await client.get(INCIDENTS, params={"sysparm_no_count": "TRUE"})
    assert "X-Total-Count" not in answer.headers


@pytest.mark.parametrize(("name", "value"), [("sysparm_offset", "-1"), ("sysparm_limit", "many")])
async def test_paging_parameters_are_whole_numbers(client: httpx.AsyncClient, name: str, value: str) -> None:
    assert (await client.get(INCIDENTS, params={name: value})).status_code == 400


@pytest.mark.parametrize("query", ["state=6", "state=6^ORDERBYsys_updated_on"])
async def test_what_the_order_leaves_open_changes_from_call_to_call(
    instance: Instance, client: httpx.AsyncClient, query: str
) -> None:
    resolve(instance, 30)
    orders = {tuple((await page(client, query, 30))[0]) for _ in range(3)}
    assert len(orders) == 3
    assert len({tuple((await page(client, f"{query}^ORDERBYsys_id", 30))[0]) for _ in range(3)}) == 1


async def test_offsets_lose_a_row_when_another_moves_during_the_walk(
    instance: Instance, client: httpx.AsyncClient, clock: FakeClock
) -> None:
    ids = resolve(instance, 4)
    clock.advance(timedelta(seconds=1))
    instance.before_page(2, lambda: instance.update(ids[0]))
    pages = [(await page(client, f"state=6^{ORDER}", 2, offset))[0] for offset in (0, 2)]
    assert pages == [ids[:2], [ids[3], ids[0]]]


async def test_a_row_may_be_seen_later_than_its_time(
    instance: Instance, client: httpx.AsyncClient, clock: FakeClock
) -> None:
    late, early = instance.open_record(), instance.open_record()
    instance.lag = timedelta(seconds=90)
    instance.resolve(late)
    instance.lag = timedelta()
    clock.advance(timedelta(seconds=1))
    instance.resolve(early)
    assert await page(client, f"state=6^{ORDER}") == ([early], 1)
    assert (await client.get(f"{INCIDENTS}/{late}")).json()["result"]["state"] == "1"
    clock.advance(timedelta(seconds=89))
    assert await page(client, f"state=6^{ORDER}") == ([late, early], 2)


async def test_other_parameters_are_conditions_when_there_is_no_query(
    instance: Instance, client: httpx.AsyncClient
) -> None:
    first, _ = resolve(instance, 2)
    instance.close(first)
    filters = [{"state": "7"}, {"stat": "7"}, {"state": "7", "sysparm_query": "state=6^ORstate=7"}]
    answers = [await client.get(INCIDENTS, params=names) for names in filters]
    assert [len(answer.json()["result"]) for answer in answers] == [1, 2, 2]


async def test_an_instance_may_answer_an_invalid_query_with_nothing(
    instance: Instance, client: httpx.AsyncClient
) -> None:
    resolve(instance, 3)
    assert (await page(client, "stat=6"))[1] == 3
    instance.invalid_query_returns_no_rows = True
    assert await page(client, "stat=6^state=6") == ([], 0)
    assert (await page(client, "state=6"))[1] == 3


async def test_a_table_shows_the_records_of_those_that_extend_it(instance: Instance, client: httpx.AsyncClient) -> None:
    instance.open_record("incident")
    instance.open_record("sn_customerservice_case")
    tasks = (await client.get("/api/now/table/task", params={"sysparm_query": "ORDERBYnumber"})).json()["result"]
    assert [row["sys_class_name"] for row in tasks] == ["sn_customerservice_case", "incident"]
    assert "caller_id" not in tasks[1]


def test_a_page_of_ten_thousand_rows_takes_little_time() -> None:
    clock = FakeClock()
    instance = Instance(clock)
    caller = instance.add_user("mia@example.com")
    for number in range(10_000):
        instance.add("incident", caller_id=caller, state="7", short_description=f"Jam {number}")
    query = {"sysparm_query": f"stateIN6,7^{ORDER}", "sysparm_limit": "200", "sysparm_fields": "sys_id,caller_id.email"}

    async def pages() -> float:
        transport = httpx.ASGITransport(build_app(instance))
        auth = (instance.account.username, instance.account.password)
        async with httpx.AsyncClient(transport=transport, base_url=instance.base_url, auth=auth) as client:
            started = time.process_time()
            for offset in range(0, 4000, 200):
                answer = await client.get(INCIDENTS, params=query | {"sysparm_offset": str(offset)})
                assert len(answer.json()["result"]) == 200
            return (time.process_time() - started) / 20

    assert asyncio.run(pages()) < 0.1


@given(
    seconds=st.lists(st.integers(0, 3), max_size=12),
    hidden=st.sets(st.integers(0, 11)),
    limit=st.integers(1, 4),
)
def test_a_keyset_walk_finds_every_visible_row_once(seconds: list[int], hidden: set[int], limit: int) -> None:
    clock = FakeClock()
    instance = Instance(clock)
    for second in seconds:
        at = clock.now() + timedelta(seconds=second)
        instance.resolve(instance.open_record(at=at), at=at)
    rows = instance.store.rows("incident")
    for place, row in enumerate(rows):
        if place in hidden:
            instance.hide(row["sys_id"])
    visible = [row["sys_id"] for place, row in enumerate(rows) if place not in hidden]

    async def walked() -> list[str]:
        transport = httpx.ASGITransport(build_app(instance))
        auth = (instance.account.username, instance.account.password)
        async with httpx.AsyncClient(transport=transport, base_url=instance.base_url, auth=auth) as client:
            return await walk(client, limit)

    assert sorted(asyncio.run(walked())) == sorted(visible)
