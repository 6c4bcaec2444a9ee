"""The simulated Jira sites against Atlassian's own OpenAPI documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sandbox.jira import EMAIL, PAT, TOKEN, JiraSite, Recorded
from sandbox.jira.documents import as_document

from hub.testing.clock import FakeClock
from tests.clients.openapi import Contract

V3, V2, PORTAL = "/rest/api/3", "/rest/api/2", "/rest/servicedeskapi"
OPT_IN = {"X-ExperimentalApi": "opt-in"}
DONE = "project = SUP AND statusCategory = Done ORDER BY updated ASC, key ASC"
Step = tuple[str, str, dict[str, Any]]


def site(kind: str, clock: FakeClock) -> JiraSite:
    """A site on which everything that can be shown is there to be shown."""
    made = JiraSite(kind, clock=clock.now, context_path="" if kind == "cloud" else "/jira")  # type: ignore[arg-type]
    desk = made.add_project("SUP", service_desk=True)
    fred = made.add_user("Fred F.", email="fred@example.org", account_type="customer")
    rating = made.add_field("Rating", "number")
    kinds = [made.add_field(kind, kind, options=["a"]) for kind in ("textarea", "select", "labels", "datetime")]
    for number in range(3):
        issue = made.open_issue(
            desk,
            f"Ticket {number}",
            fred,
            assignee=made.agent,
            organization=made.add_organization(f"Acme {number}"),
            custom={rating.id: 4, kinds[0].id: "several\nlines"},
        )
        issue.participants.append(made.agent)
        issue.description = "It broke."
        made.transition(issue, "Resolved", by=made.agent)
        made.comment(issue, made.agent, "done", properties={"x": 1})
        made.comment(issue, made.agent, "internal", public=False)
        made.rate(issue, 4, "Great work!")
    made.account.is_admin = True
    return made


async def play(made: JiraSite, steps: Iterable[Step], **client: Any) -> list[Recorded]:
    """Make these requests; what was recorded of them."""
    transport = httpx.ASGITransport(made.app)
    async with httpx.AsyncClient(transport=transport, base_url=made.url, **client) as caller:
        for method, path, arguments in steps:
            await caller.request(method, path, **arguments)
    return made.requests


def shared(api: str, body: Any, field: str) -> list[Step]:
    """Requests that both kinds of site answer."""
    issue = f"{api}/issue/SUP-1"
    request = f"{PORTAL}/request/SUP-1"
    return [
        ("GET", f"{api}/serverInfo", {}),
        ("GET", f"{api}/myself", {}),
        ("GET", f"{api}/field", {}),
        ("GET", f"{api}/status", {}),
        ("GET", issue, {"params": {"expand": "changelog,names", "properties": "*all"}}),
        ("GET", f"{api}/issue/SUP-99", {}),
        ("GET", f"{api}/project/SUP", {}),
        ("GET", f"{api}/project/NOPE", {}),
        ("PUT", issue, {"params": {"notifyUsers": "false"}, "json": {"fields": {field: 5}, "update": {}}}),
        ("PUT", issue, {"json": {"fields": {"customfield_1": 5}}}),
        ("GET", f"{issue}/comment", {"params": {"orderBy": "-created", "expand": "properties"}}),
        ("POST", f"{issue}/comment", {"json": {"body": body, "properties": [{"key": "k", "value": {"a": 1}}]}}),
        ("PUT", f"{issue}/properties/com.example.xm", {"json": {"v": 1}}),
        ("PUT", f"{issue}/properties/com.example.xm", {"json": {"v": 1}}),
        ("GET", f"{issue}/properties/com.example.xm", {}),
        ("GET", f"{issue}/properties/nothing", {}),
        ("GET", f"{issue}/properties", {}),
        ("DELETE", f"{issue}/properties/com.example.xm", {}),
        ("GET", f"{PORTAL}/info", {}),
        ("GET", f"{PORTAL}/servicedesk", {"params": {"start": 0, "limit": 1}}),
        ("GET", f"{PORTAL}/servicedesk/10003/requesttype", {}),
        ("GET", f"{PORTAL}/organization", {"params": {"limit": 1}}),
        ("GET", request, {"params": {"expand": "participant,status,sla,requestType,serviceDesk"}}),
        ("GET", f"{PORTAL}/request/SUP-99", {}),
        ("GET", f"{request}/status", {}),
        ("GET", f"{request}/comment", {"params": {"public": "true", "internal": "true"}}),
        ("POST", f"{request}/comment", {"json": {"body": "note", "public": False}}),
        ("GET", f"{request}/participant", {}),
        ("GET", f"{request}/sla", {}),
    ]


async def test_everything_cloud_answers_is_in_the_documents(fake_clock: FakeClock) -> None:
    contract = Contract.cloud()
    made = site("cloud", fake_clock)
    rating = next(iter(made.fields))
    desk = made.projects["SUP"].desk_id
    search: dict[str, Any] = {
        "jql": DONE,
        "fields": ["*all"],
        "properties": ["x"],
        "maxResults": 2,
        "expand": "names,changelog",
    }
    steps: list[Step] = [
        *shared(V3, as_document("Survey answer"), rating),
        ("POST", f"{V3}/search/jql", {"json": search | {"reconcileIssues": [10231], "nextPageToken": None}}),
        ("POST", f"{V3}/search/jql", {"json": {"jql": DONE}}),
        ("POST", f"{V3}/search/jql", {"json": {"jql": ""}}),
        ("GET", f"{V3}/search/jql", {"params": {"jql": DONE, "fields": "summary", "maxResults": 2}}),
        ("POST", f"{V3}/search/approximate-count", {"json": {"jql": DONE}}),
        ("GET", f"{V3}/search", {"params": {"jql": DONE}}),
        ("GET", f"{V3}/project/search", {}),
        ("POST", f"{V3}/issue/bulkfetch", {"json": {"issueIdsOrKeys": ["SUP-1", "SUP-2"], "fields": ["*all"]}}),
        ("GET", f"{V3}/issue/SUP-1/changelog", {"params": {"startAt": 0, "maxResults": 1}}),
        ("POST", f"{V3}/changelog/bulkfetch", {"json": {"issueIdsOrKeys": ["SUP-1"], "fieldIds": ["status"]}}),
        ("GET", f"{V3}/user", {"params": {"accountId": made.agent.account_id}}),
        ("GET", f"{V3}/mypermissions", {"params": {"permissions": "BROWSE_PROJECTS,ADMINISTER"}}),
        ("POST", f"{V3}/webhook", {"json": {"url": "https://hub.example", "webhooks": []}}),
        ("GET", f"{PORTAL}/request/SUP-1/feedback", {"headers": OPT_IN}),
        ("GET", f"{PORTAL}/request/SUP-1/feedback", {}),
        ("POST", f"{PORTAL}/request/SUP-1/feedback", {"headers": OPT_IN, "json": {"type": "csat", "rating": 5}}),
        ("GET", f"{PORTAL}/servicedesk/{desk}/customer", {"headers": OPT_IN, "params": {"query": "fred"}}),
    ]
    recorded = await play(made, steps, auth=(EMAIL, TOKEN))
    assert contract.problems(recorded) == []
    assert {each.status for each in recorded} >= {200, 201, 204, 400, 403, 404, 410, 412}


async def test_everything_data_center_answers_is_in_the_documents(fake_clock: FakeClock) -> None:
    contract = Contract.data_center()
    made = site("dc", fake_clock)
    rating = next(iter(made.fields))
    steps: list[Step] = [
        *shared(V2, "Survey answer", rating),
        ("POST", f"{V2}/search", {"json": {"jql": DONE, "fields": ["*all"], "expand": ["changelog"], "maxResults": 2}}),
        ("GET", f"{V2}/search", {"params": {"jql": DONE, "startAt": 1, "validateQuery": "true"}}),
        ("GET", f"{V2}/search", {"params": {"jql": "nonsense = 1"}}),
        ("GET", f"{V2}/user", {"params": {"username": "anna"}}),
        ("GET", f"{V2}/mypermissions", {}),
        ("GET", f"{V2}/project", {}),
    ]
    recorded = await play(made, steps, headers={"authorization": f"Bearer {PAT}"})
    assert contract.problems(recorded) == []
    assert {each.status for each in recorded} >= {200, 201, 204, 400, 404}


async def test_calls_of_an_app_are_in_the_documents(fake_clock: FakeClock) -> None:
    contract = Contract.cloud()
    made = site("cloud", fake_clock)
    app = made.auth.add_client(made.account)
    grant = {"grant_type": "refresh_token", "client_id": app.client_id, "client_secret": app.client_secret}
    (granted,) = await play(made, [("POST", "/oauth/token", {"json": grant | {"refresh_token": app.refresh_token}})])
    access = httpx.Response(200, content=granted.answer).json()["access_token"]
    made.requests.clear()
    hook = {"events": ["jira:issue_updated"], "jqlFilter": "project = SUP", "fieldIdsFilter": ["status"]}
    gateway = f"/ex/jira/{made.cloud_id}{V3}"
    steps: list[Step] = [
        ("POST", f"{gateway}/webhook", {"json": {"url": "https://hub.example/x", "webhooks": [hook]}}),
        ("GET", f"{gateway}/webhook", {}),
        ("PUT", f"{gateway}/webhook/refresh", {"json": {"webhookIds": [1]}}),
        ("DELETE", f"{gateway}/webhook", {"content": b'{"webhookIds":[1]}'}),
    ]
    recorded = await play(made, steps, headers={"authorization": f"Bearer {access}"})
    assert contract.problems(recorded) == []
    assert [each.status for each in recorded] == [200, 200, 200, 202]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"path": f"{V3}/nothing"}, "no such operation"),
        ({"body": b'{"jql":"x","startAt":0}'}, "request: : Additional properties are not allowed"),
        ({"body": b'{"jql":7}'}, "request: jql: 7 is not of type 'string'"),
        ({"query": (("startAt", "0"),)}, "request: parameter startAt is not declared"),
        ({"answer": b'{"issues":[],"total":1}'}, "answer: : Additional properties are not allowed"),
        ({"answer": b'{"issues":[{"id":7}]}'}, "answer: issues/0/id: 7 is not of type 'string'"),
        ({"answer": b"{"}, "answer: the body is no JSON"),
        ({"answer": b""}, "answer: a body was expected"),
        ({"status": 299}, "answer: the status is not declared"),
        ({"status": 400, "answer": b'{"error":"x"}'}, "answer: : Additional properties are not allowed"),
    ],
)
def test_what_the_documents_do_not_allow_is_found(change: dict[str, Any], problem: str) -> None:
    good = Recorded(
        "POST", f"{V3}/search/jql", (), {}, b'{"jql":"x","fields":null}', 200, b'{"issues":[],"isLast":true}'
    )
    assert Contract.cloud().problems([good]) == []
    (found,) = Contract.cloud().problems([replace(good, **change)])
    assert problem in found
