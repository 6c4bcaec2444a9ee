"""What is different on Data Center."""

from __future__ import annotations

import pytest

from tests.sandbox.jira.conftest import World

API = "/rest/api/2"
DONE = "statusCategory = Done ORDER BY updated ASC, key ASC"


async def test_it_lives_under_its_context_path_and_calls_itself_a_server(server: World) -> None:
    info = (await server.client.get(f"{API}/serverInfo")).json()
    assert (info["deploymentType"], info["baseUrl"]) == ("Server", "https://jira.example/jira")
    assert (await server.client.get("https://jira.example/rest/api/2/serverInfo")).status_code == 404


async def test_pages_by_offset_with_a_total_and_an_echoed_cap(server: World) -> None:
    issues = server.closed(7)
    server.site.limits.server_page_cap = 3
    seen: list[str] = []
    while True:
        body = {"jql": DONE, "startAt": len(seen), "maxResults": 100, "fields": ["summary"]}
        page = (await server.client.post(f"{API}/search", json=body)).json()
        assert (page["maxResults"], page["total"], page["startAt"]) == (3, 7, len(seen))
        seen += [issue["id"] for issue in page["issues"]]
        if len(seen) >= page["total"]:
            break
    assert seen == [issue.id for issue in issues]


async def test_rows_shift_when_one_leaves_in_the_middle_of_a_walk(server: World) -> None:
    issues = server.closed(4)
    found, _ = server.site.issues.window(DONE, server.site.account, 0, 2)
    server.site.reopen(found[0])
    then, total = server.site.issues.window(DONE, server.site.account, 2, 2)
    assert ([issue.id for issue in then], total) == ([issues[3].id], 3)


async def test_get_search_shows_navigable_fields_and_no_closing_date_of_cloud(server: World) -> None:
    server.closed()
    params = {"jql": DONE, "validateQuery": "True"}
    fields = (await server.client.get(f"{API}/search", params=params)).json()["issues"][0]["fields"]
    assert fields["resolutiondate"] == "2026-03-02T09:00:00.000+0000"
    assert not {"statuscategorychangedate", "description", "comment"} & fields.keys()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{API}/search/jql"),
        ("POST", f"{API}/search/approximate-count"),
        ("GET", f"{API}/issue/SUP-1/changelog"),
        ("POST", f"{API}/issue/bulkfetch"),
        ("GET", "/rest/api/3/myself"),
        ("GET", "/rest/servicedeskapi/request/SUP-1/feedback"),
    ],
)
async def test_what_only_cloud_has(server: World, method: str, path: str) -> None:
    server.closed()
    assert (await server.client.request(method, path, json={})).status_code in {404, 405}


async def test_there_is_no_category_date_to_search_by(server: World) -> None:
    answer = await server.client.get(f"{API}/search", params={"jql": "statusCategoryChangedDate >= -1d"})
    assert (answer.status_code, "does not exist" in answer.text) == (400, True)


async def test_the_whole_history_is_inside_the_issue_oldest_first(server: World) -> None:
    issue = server.closed()[0]
    for _ in range(15):
        server.site.reopen(issue)
        server.site.transition(issue, "Closed", by=server.site.agent)
    body = {"jql": DONE, "expand": ["changelog"], "fields": ["status"]}
    log = (await server.client.post(f"{API}/search", json=body)).json()["issues"][0]["changelog"]
    assert (len(log["histories"]), log["histories"][0]["id"]) == (31, issue.history[0].id)


async def test_people_have_names_and_keys_and_maybe_masked_addresses(server: World) -> None:
    server.closed()
    url = f"{API}/issue/SUP-1"
    reporter = (await server.client.get(url)).json()["fields"]["reporter"]
    assert (reporter["name"], reporter["emailAddress"], "accountId" in reporter) == ("fred", "fred@example.org", False)
    server.site.masks_email = True
    reporter = (await server.client.get(url)).json()["fields"]["reporter"]
    assert reporter["emailAddress"] == "fred at example dot org"


async def test_comments_are_wiki_text_and_hide_their_visibility(server: World) -> None:
    server.closed()
    url = f"{API}/issue/SUP-1/comment"
    mark = [{"key": "sd.public.comment", "value": {"internal": True}}]
    made = await server.client.post(url, json={"body": "*note*", "properties": mark})
    assert (made.status_code, made.json()["body"], "jsdPublic" in made.json()) == (201, "*note*", False)
    listed = (await server.client.get(url, params={"expand": "properties"})).json()["comments"][0]
    assert (listed["properties"], server.site.mails) == (mark, [])


async def test_properties_work_as_on_cloud(server: World) -> None:
    server.closed()
    url = f"{API}/issue/SUP-1/properties/x"
    assert [(await server.client.put(url, json=1)).status_code for _ in range(2)] == [201, 200]
    assert (await server.client.get(url)).json() == {"key": "x", "value": 1}
