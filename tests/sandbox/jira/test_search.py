"""The token search of Cloud."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.jira import JiraSite
from sandbox.jira.wire import Problem

from tests.sandbox.jira.conftest import V3, World

DONE = "statusCategory = Done ORDER BY statusCategoryChangedDate ASC, key ASC"


async def walk(cloud: World, jql: str = DONE, **members: object) -> list[list[str]]:
    pages, token = [], None
    while True:
        answer = (await cloud.search(jql, nextPageToken=token, **members)).json()
        pages.append([issue["id"] for issue in answer["issues"]])
        assert answer["isLast"] is ("nextPageToken" not in answer)
        token = answer.get("nextPageToken")
        if token is None:
            return pages


async def test_a_walk_yields_every_row_once_in_order_also_with_ties(cloud: World) -> None:
    issues = cloud.closed(7)
    pages = await walk(cloud, maxResults=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [each for page in pages for each in page] == [issue.id for issue in issues]


async def test_without_fields_only_the_id_comes(cloud: World) -> None:
    issue = cloud.closed()[0]
    assert (await cloud.search(DONE)).json() == {"issues": [{"id": issue.id}], "isLast": True}


@pytest.mark.parametrize(("fields", "size"), [(["id"], 120), (["summary"], 100), (["*all"], 50)])
async def test_more_fields_make_smaller_pages(cloud: World, fields: list[str], size: int) -> None:
    cloud.closed(120)
    assert len((await cloud.search(DONE, fields=fields, maxResults=5000)).json()["issues"]) == size


async def test_get_and_post_agree_and_lists_may_be_written_in_two_ways(cloud: World) -> None:
    cloud.closed(2)
    posted = (await cloud.search(DONE, fields=["summary", "status"])).json()
    for params in ({"fields": "summary,status"}, {"fields": ["summary", "status"]}):
        answer = await cloud.client.get(f"{V3}/search/jql", params={"jql": DONE, "startAt": 7, **params})
        assert answer.json() == posted


async def test_version_two_has_the_search_too(cloud: World) -> None:
    cloud.closed()
    answer = await cloud.client.get("/rest/api/2/search/jql", params={"jql": DONE, "fields": "description"})
    assert answer.json()["issues"][0]["fields"] == {"description": None}


@pytest.mark.parametrize(
    "members",
    [
        {"startAt": 0},
        {"validateQuery": True},
        {"expand": ["names"]},
        {"fields": "summary"},
        {"properties": list("abcdef")},
        {"reconcileIssues": list(range(51))},
        {"reconcileIssues": ["SUP-1"]},
        {"nextPageToken": "foreign"},
        {"maxResults": "many"},
    ],
)
async def test_requests_that_cloud_refuses(cloud: World, members: dict[str, object]) -> None:
    assert (await cloud.search(DONE, **members)).status_code == 400


async def test_null_members_are_not_there(cloud: World) -> None:
    cloud.closed()
    assert (await cloud.search(DONE, expand=None, properties=None, startAt=None)).status_code == 200


@pytest.mark.parametrize("jql", ["", "order by created"])
async def test_unbounded_queries_are_refused(cloud: World, jql: str) -> None:
    answer = await cloud.search(jql)
    assert (answer.status_code, "Unbounded" in answer.text) == (400, True)


async def test_a_token_belongs_to_its_query_and_expires(cloud: World) -> None:
    cloud.closed(3)
    token = (await cloud.search(DONE, maxResults=1)).json()["nextPageToken"]
    assert (await cloud.search("project = SUP", nextPageToken=token)).status_code == 400
    assert (await cloud.search(DONE, nextPageToken=token)).status_code == 200
    cloud.clock.advance(timedelta(days=7, seconds=1))
    assert (await cloud.search(DONE, nextPageToken=token)).status_code == 400


async def test_the_old_search_is_gone(cloud: World) -> None:
    for answer in (await cloud.client.get(f"{V3}/search"), await cloud.client.post("/rest/api/2/search", json={})):
        assert (answer.status_code, "CHANGE-2046" in answer.text) == (410, True)


async def test_counting(cloud: World) -> None:
    cloud.closed(3)
    count = f"{V3}/search/approximate-count"
    assert (await cloud.client.post(count, json={"jql": DONE})).json() == {"count": 3}
    assert (await cloud.client.post(count, json={"jql": ""})).status_code == 400


async def test_the_index_lags_behind_the_issue_itself(cloud: World) -> None:
    issue = cloud.site.open_issue(cloud.desk, "VPN", cloud.fred)
    cloud.site.search_lag = timedelta(seconds=90)
    cloud.site.transition(issue, "Resolved", by=cloud.site.agent)
    cloud.site.search_lag = timedelta()
    cloud.clock.advance(timedelta(seconds=89))
    assert await cloud.keys(DONE) == []
    seen = (await cloud.client.get(f"{V3}/issue/SUP-1")).json()
    assert seen["fields"]["status"]["name"] == "Resolved"
    cloud.clock.advance(timedelta(seconds=1))
    assert await cloud.keys(DONE) == ["SUP-1"]


async def test_a_later_change_can_show_before_an_earlier_one(cloud: World) -> None:
    cloud.site.search_lag = timedelta(seconds=90)
    cloud.closed(apart=1)
    cloud.site.search_lag = timedelta()
    cloud.closed()
    assert await cloud.keys(DONE) == ["SUP-2"]
    cloud.clock.advance(timedelta(seconds=90))
    assert await cloud.keys(DONE) == ["SUP-1", "SUP-2"]


async def test_an_old_state_never_overwrites_a_newer_one(cloud: World) -> None:
    cloud.site.search_lag = timedelta(seconds=90)
    issue = cloud.closed()[0]
    cloud.site.search_lag = timedelta()
    cloud.site.reopen(issue)
    cloud.clock.advance(timedelta(seconds=90))
    assert await cloud.keys(DONE) == []


async def test_reconcile_shows_the_named_issues_as_they_are(cloud: World) -> None:
    cloud.site.search_lag = timedelta(minutes=5)
    first, second = cloud.closed(2)
    assert await walk(cloud) == [[]]
    assert await walk(cloud, reconcileIssues=[int(second.id)]) == [[second.id]]
    cloud.site.delete(first)
    assert await walk(cloud, reconcileIssues=[int(first.id)]) == [[]]


async def test_a_row_vanishes_for_one_page_and_comes_back(cloud: World) -> None:
    first, second = cloud.closed(2)
    cloud.site.vanish(first)
    assert [await walk(cloud), await walk(cloud)] == [[[second.id]], [[first.id, second.id]]]


async def test_hidden_and_deleted_issues_leave_without_an_error(cloud: World) -> None:
    first, second, third = cloud.closed(3)
    cloud.site.hide(first)
    cloud.site.delete(second)
    assert await walk(cloud) == [[third.id]]
    for gone in (first, second):
        answer = await cloud.client.get(f"{V3}/issue/{gone.id}")
        assert (answer.status_code, answer.json()["errorMessages"]) == (
            404,
            ["Issue does not exist or you do not have permission to see it."],
        )


async def test_an_anonymous_search_is_successful_and_empty(cloud: World) -> None:
    cloud.closed()
    cloud.client.auth = None
    assert (await cloud.search(DONE)).json() == {"issues": [], "isLast": True}
    assert (await cloud.client.get(f"{V3}/myself")).status_code == 401


async def test_a_moved_issue_keeps_its_id_and_answers_to_its_old_key(cloud: World) -> None:
    issue = cloud.closed()[0]
    cloud.site.move(issue, cloud.software)
    moved = (await cloud.client.get(f"{V3}/issue/SUP-1")).json()
    assert (moved["id"], moved["key"]) == (issue.id, "DEV-1")


async def test_bulk_reads_are_sorted_and_leave_out_what_is_missing(cloud: World) -> None:
    first, second = cloud.closed(2)
    wanted = {"issueIdsOrKeys": [second.key, "10", first.id], "fields": ["summary"]}
    answer = (await cloud.client.post(f"{V3}/issue/bulkfetch", json=wanted)).json()
    assert [issue["id"] for issue in answer["issues"]] == [first.id, second.id]
    assert answer["issueErrors"] == []


async def test_properties_come_with_the_search(cloud: World) -> None:
    issue = cloud.closed()[0]
    issue.properties["com.example.xm"] = {"v": 1}
    found = (await cloud.search(DONE, properties=["com.example.xm", "other"])).json()["issues"][0]
    assert found["properties"] == {"com.example.xm": {"v": 1}}


async def test_history_is_oldest_first_alone_and_newest_first_inside_an_issue(cloud: World) -> None:
    issue = cloud.closed()[0]
    for _ in range(12):
        cloud.site.reopen(issue)
        cloud.site.transition(issue, "Closed", by=cloud.site.agent)
    alone = (await cloud.client.get(f"{V3}/issue/SUP-1/changelog", params={"maxResults": 4})).json()
    assert (alone["total"], alone["isLast"], len(alone["values"])) == (25, False, 4)
    assert alone["values"][0]["items"][0]["toString"] == "Resolved"
    inside = (await cloud.client.get(f"{V3}/issue/SUP-1", params={"expand": "changelog"})).json()["changelog"]
    assert (inside["total"], len(inside["histories"])) == (25, 20)
    assert inside["histories"][0]["id"] == issue.history[-1].id


async def test_bulk_history_has_numbers_for_times(cloud: World) -> None:
    issue = cloud.closed()[0]
    wanted = {"issueIdsOrKeys": ["SUP-1"], "fieldIds": ["resolution"]}
    answer = (await cloud.client.post(f"{V3}/changelog/bulkfetch", json=wanted)).json()
    change = answer["issueChangeLogs"][0]["changeHistories"][0]
    assert change["created"] == round(issue.history[0].at.timestamp() * 1000)
    assert [item["field"] for item in change["items"]] == ["resolution"]


async def test_done_to_done_keeps_the_closing_time_and_a_reopened_issue_gets_a_new_one(cloud: World) -> None:
    issue = cloud.closed()[0]
    closed = issue.category_changed_at, issue.resolved_at
    cloud.clock.advance(timedelta(hours=1))
    cloud.site.transition(issue, "Closed", by=cloud.site.agent)
    assert (issue.category_changed_at, issue.resolved_at) == closed
    cloud.site.reopen(issue)
    assert (issue.resolution, issue.resolved_at) == (None, None)
    cloud.clock.advance(timedelta(hours=1))
    cloud.site.transition(issue, "Closed", by=cloud.site.agent, resolution=None)
    assert (issue.category_changed_at, issue.resolution) == (cloud.clock.now(), None)


async def test_localised_names_leave_key_and_id_alone(cloud: World) -> None:
    cloud.site.categories["done"].name = "Fertig"
    cloud.site.statuses["Resolved"].name = "Erledigt"
    cloud.closed()
    found = (await cloud.search("statusCategory = Done", fields=["status"])).json()["issues"][0]["fields"]["status"]
    assert (found["name"], found["statusCategory"]["name"], found["statusCategory"]["key"]) == (
        "Erledigt", "Fertig", "done",
    )  # fmt: skip
    assert await cloud.keys("statusCategory = Fertig AND status = Erledigt") == ["SUP-1"]


async def test_times_carry_the_callers_offset(cloud: World) -> None:
    cloud.site.user_zone = "America/Los_Angeles"
    cloud.closed()
    found = (await cloud.search(DONE, fields=["statuscategorychangedate"])).json()["issues"][0]["fields"]
    assert found["statuscategorychangedate"] == "2026-03-02T01:00:00.000-0800"


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 5))
def test_pages_join_to_the_whole_result_whatever_the_ties(seconds: list[int], size: int) -> None:
    site = JiraSite()
    project = site.add_project("SUP")
    start = site.now - timedelta(days=1)
    for second in seconds:
        site.open_issue(project, "x", site.agent, created=start + timedelta(seconds=second))
    found, token = [], None
    while True:
        page = site.issues.page("project = SUP ORDER BY created ASC, key ASC", site.account, size, token)
        found += [(issue.created, issue.number) for issue in page.issues]
        token = page.token
        if token is None:
            break
    assert found == sorted((issue.created, issue.number) for issue in site.issues)


def test_a_foreign_token_is_refused_in_the_index_too() -> None:
    site = JiraSite()
    with pytest.raises(Problem):
        site.issues.page("project = SUP", site.account, 1, "nonsense")
