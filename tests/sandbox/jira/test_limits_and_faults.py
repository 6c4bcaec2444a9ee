"""Rate limits, and failures on demand."""

from __future__ import annotations

import json
from datetime import timedelta

import httpx
import pytest
from sandbox.jira import Answer, Cut, Silence
from sandbox.jira.faults import Without, deep, html, huge, rate_limited
from sandbox.jira.limits import Bucket

from tests.sandbox.jira.conftest import V3, World

PROPERTY = f"{V3}/issue/SUP-1/properties/x"


async def test_twenty_writes_to_an_issue_in_two_seconds(cloud: World) -> None:
    cloud.closed(2)
    statuses = [(await cloud.client.put(PROPERTY, json=1)).status_code for _ in range(20)]
    refused = await cloud.client.put(PROPERTY, json=1)
    assert (statuses[0], set(statuses[1:]), refused.status_code) == (201, {200}, 429)
    assert refused.headers["RateLimit-Reason"] == "jira-per-issue-on-write"
    assert (await cloud.client.put(f"{V3}/issue/SUP-2/properties/x", json=1)).status_code == 201
    assert (await cloud.client.get(PROPERTY)).status_code == 200
    cloud.clock.advance(timedelta(seconds=2))
    assert (await cloud.client.put(PROPERTY, json=1)).status_code == 200


async def test_a_hundred_writes_to_an_issue_in_thirty_seconds(cloud: World) -> None:
    issue = cloud.closed()[0]
    statuses = []
    for number in range(101):
        if number % 20 == 0:
            cloud.clock.advance(timedelta(seconds=2))
        statuses.append((await cloud.client.put(f"{V3}/issue/{issue.id}/properties/x", json=1)).status_code)
    assert (statuses.count(429), statuses[-1], cloud.site.limits.refused) == (1, 429, 1)


async def test_a_used_up_quota_stops_everything_until_its_time(cloud: World) -> None:
    cloud.site.limits.use_up_quota(1800)
    answer = await cloud.client.get(f"{V3}/myself")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1800")
    assert answer.headers["RateLimit-Reason"] == "jira-quota-tenant-based"
    assert answer.headers["X-RateLimit-Reset"] == "2026-03-02T09:30:00Z"
    cloud.clock.advance(timedelta(seconds=1800))
    assert (await cloud.client.get(f"{V3}/myself")).status_code == 200


@pytest.mark.parametrize("retry_after", [1, None])
async def test_a_burst_limit_holds_for_one_endpoint(cloud: World, retry_after: int | None) -> None:
    cloud.site.limits.burst("GET", "/myself$", 2, retry_after=retry_after)
    answers = [await cloud.client.get(f"{V3}/myself") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers.get("Retry-After") == (str(retry_after) if retry_after else None)
    assert (await cloud.client.get(f"{V3}/field")).status_code == 200
    cloud.clock.advance(timedelta(seconds=1))
    assert (await cloud.client.get(f"{V3}/myself")).status_code == 200


async def test_the_published_burst_limits(cloud: World) -> None:
    cloud.site.limits.publish()
    statuses = [(await cloud.client.get(f"{V3}/serverInfo")).status_code for _ in range(101)]
    assert statuses == [200] * 100 + [429]


async def test_the_token_bucket_of_data_center(server: World) -> None:
    server.site.limits.bucket = Bucket(capacity=2, fill=1, interval_seconds=10)

    async def ask(path: str = "myself") -> httpx.Response:
        server.client.cookies.clear()
        return await server.client.get(f"/rest/api/2/{path}")

    answers = [await ask() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert [answer.headers["Retry-After"] for answer in answers] == ["0", "0", "10"]
    assert answers[2].text.startswith("<!doctype html>")
    assert (await ask("serverInfo")).status_code == 200
    server.clock.advance(timedelta(seconds=10))
    assert (await ask()).status_code == 200


async def test_data_center_takes_a_caller_with_cookies_for_a_browser(server: World) -> None:
    server.site.limits.bucket = Bucket(capacity=1)
    statuses = [(await server.client.get("/rest/api/2/myself")).status_code for _ in range(3)]
    assert statuses == [200, 200, 200]


@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        (rate_limited(7), 429, '"status": 429'),
        (html(429, "Too many requests"), 429, "<title>Too many"),
        (html(503, "Down", {"Retry-After": "3"}), 503, "Down"),
        (Answer(403), 403, ""),
        (Answer(200, {"message": "odd"}), 200, "odd"),
    ],
)
async def test_a_planned_answer_comes_once_and_nothing_is_done(
    cloud: World, fault: Answer, status: int, says: str
) -> None:
    issue = cloud.closed()[0]
    cloud.site.faults.on("PUT", "/properties/", fault)
    answer = await cloud.client.put(PROPERTY, json=1)
    assert (answer.status_code, says in answer.text, issue.properties) == (status, True, {})
    assert (await cloud.client.put(PROPERTY, json=1)).status_code == 201


async def test_an_answer_can_lie_about_what_was_done(cloud: World) -> None:
    issue = cloud.closed()[0]
    cloud.site.faults.on("*", "/properties/", Answer(500, acted=True), times=0)
    assert (await cloud.client.put(PROPERTY, json=1)).status_code == 500
    assert (await cloud.client.get(PROPERTY)).status_code == 500
    assert issue.properties == {"x": 1}


@pytest.mark.parametrize(
    ("fault", "error", "done"),
    [
        (Silence(), httpx.ReadTimeout, True),
        (Silence(acted=False), httpx.ReadTimeout, False),
        (Cut(connection=True), httpx.ReadError, True),
    ],
)
async def test_an_answer_can_be_lost(cloud: World, fault: Silence, error: type[Exception], *, done: bool) -> None:
    issue = cloud.closed()[0]
    cloud.site.faults.on("PUT", "/properties/", fault)
    with pytest.raises(error):
        await cloud.client.put(PROPERTY, json=1)
    assert (bool(issue.properties), cloud.site.requests[-1].status) == (done, 0)


async def test_a_cut_answer_is_no_json(cloud: World) -> None:
    cloud.site.faults.on("GET", "/myself", Cut(keep=20))
    answer = await cloud.client.get(f"{V3}/myself")
    assert (answer.status_code, len(answer.content)) == (200, 20)
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_members_can_be_missing_or_of_the_wrong_type(cloud: World) -> None:
    cloud.closed()
    cloud.site.faults.on("GET", "/issue/", Without(drop=("summary",), replace={"status": 7}), after=1)
    right, wrong = [(await cloud.client.get(f"{V3}/issue/SUP-1")).json()["fields"] for _ in range(2)]
    assert ("summary" in right, "summary" in wrong, wrong["status"]) == (True, False, 7)


async def test_answers_can_be_huge_or_deep(cloud: World) -> None:
    cloud.site.faults.on("GET", "/myself", huge(10))
    cloud.site.faults.on("GET", "/field", deep(100))
    assert len((await cloud.client.get(f"{V3}/myself")).content) > 10 * 1024 * 1024
    assert (await cloud.client.get(f"{V3}/field")).text.count("[") == 100


async def test_the_sites_own_clock_can_be_wrong(cloud: World) -> None:
    assert (await cloud.client.get(f"{V3}/myself")).headers["Date"] == "Mon, 02 Mar 2026 09:00:00 GMT"
    cloud.site.clock_skew = timedelta(hours=-1)
    answer = await cloud.client.get(f"{V3}/serverInfo")
    assert answer.headers["Date"] == "Mon, 02 Mar 2026 08:00:00 GMT"
    assert answer.json()["serverTime"].startswith("2026-03-02T08:00:00")


async def test_requests_are_kept_with_their_bodies_and_answers(cloud: World) -> None:
    cloud.closed()
    await cloud.client.put(f"{PROPERTY}?a=1&a=2", json={"v": 1})
    kept = cloud.site.requests[-1]
    assert (kept.method, kept.path, kept.query, kept.status) == ("PUT", PROPERTY, (("a", "1"), ("a", "2")), 201)
    assert (json.loads(kept.body), kept.answer, kept.headers["content-type"]) == ({"v": 1}, b"", "application/json")


async def test_unknown_paths_and_methods(cloud: World) -> None:
    assert (await cloud.client.get(f"{V3}/nothing")).json()["status-code"] == 404
    assert (await cloud.client.patch(f"{V3}/myself")).status_code == 405
    assert (await cloud.client.get("/rest/api/7/myself")).status_code == 404
