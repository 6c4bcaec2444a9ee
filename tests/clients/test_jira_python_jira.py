"""The `jira` package against the simulated Jira sites."""

from __future__ import annotations

import json
import time

import pytest
from jira import JIRA, JIRAError
from sandbox.jira import EMAIL, PAT, TOKEN, JiraSite
from sandbox.jira.faults import html, rate_limited

from hub.testing.clock import FakeClock
from tests.clients.conftest import Serve
from tests.clients.jira_site import TICKETS, calls, populated

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
DONE = "project = SUP AND statusCategory = Done ORDER BY updated ASC, key ASC"
KEYS = [f"SUP-{number}" for number in range(1, TICKETS + 1)]


@pytest.fixture
def site(fake_clock: FakeClock, serve: Serve) -> JiraSite:
    made = populated("cloud", fake_clock)
    made.base_url = serve(made.app)
    return made


@pytest.fixture
def client(site: JiraSite) -> JIRA:
    return JIRA(server=site.url, basic_auth=(EMAIL, TOKEN), options={"rest_api_version": "3"}, max_retries=0)


@pytest.fixture
def server_site(fake_clock: FakeClock, serve: Serve) -> JiraSite:
    made = populated("dc", fake_clock)
    made.base_url = serve(made.app)
    return made


@pytest.fixture
def server_client(server_site: JiraSite) -> JIRA:
    return JIRA(server=server_site.url, token_auth=PAT, max_retries=0)


def test_the_probe_finds_a_cloud_site_and_its_account(site: JiraSite, client: JIRA) -> None:
    assert (client.server_info()["deploymentType"], client.myself()["accountId"]) == ("Cloud", site.account.account_id)
    assert site.requests[0].path == "/rest/api/3/serverInfo"


@pytest.mark.parametrize("use_post", [False, True])
def test_a_walk_over_three_pages_with_ties(site: JiraSite, client: JIRA, *, use_post: bool) -> None:
    site.limits.page_cap = 3
    found = client.enhanced_search_issues(DONE, maxResults=0, fields=["summary", "status"], use_post=use_post)
    assert [issue.key for issue in found] == KEYS
    assert [issue.fields.status.name for issue in found] == ["Resolved"] * TICKETS
    walked = [each for each in site.requests if each.path.endswith("/search/jql")]
    assert ([each.status for each in walked], {each.method for each in walked}) == (
        [200, 200, 200],
        {"POST" if use_post else "GET"},
    )
    assert len(client.enhanced_search_issues("this is not jql")) == 0


def test_null_members_of_the_client_are_taken(site: JiraSite, client: JIRA) -> None:
    number = int(next(iter(site.issues)).id)
    client.enhanced_search_issues(DONE, reconcileIssues=[number], use_post=True)
    body = json.loads(site.requests[-1].body)
    assert (body["expand"], body["properties"], body["reconcileIssues"]) == (None, None, [number])


def test_counting(client: JIRA) -> None:
    assert client.approximate_issue_count(DONE) == TICKETS


def test_a_single_issue_with_its_customer(client: JIRA) -> None:
    issue = client.issue("SUP-3")
    assert (issue.fields.summary, issue.fields.reporter.emailAddress) == ("Ticket 2", "fred@example.org")
    assert issue.fields.status.statusCategory.key == "done"


def test_an_internal_comment_and_a_public_one(site: JiraSite, fake_clock: FakeClock) -> None:
    client = JIRA(server=site.url, basic_auth=(EMAIL, TOKEN), options={"rest_api_version": "2"}, max_retries=0)
    internal = client.add_comment("SUP-1", "Survey answer: 4/5", is_internal=True)
    public = client.add_comment("SUP-1", "Thank you")
    assert (internal.jsdPublic, public.jsdPublic) == (False, True)
    assert [comment.body for comment in client.comments("SUP-1")] == ["Survey answer: 4/5", "Thank you"]
    sent = json.loads(next(each.body for each in site.requests if each.method == "POST"))
    assert sent["properties"] == [{"key": "sd.public.comment", "value": {"internal": True}}]
    assert site.mails == [("SUP-1", "public comment")]


def test_text_is_no_comment_on_version_three(client: JIRA) -> None:
    with pytest.raises(JIRAError) as caught:
        client.add_comment("SUP-1", "plain text")
    assert (caught.value.status_code, "Comment body is not valid!" in caught.value.text) == (400, True)


def test_a_property_twice_and_back(site: JiraSite, client: JIRA) -> None:
    for _ in range(2):
        client.add_issue_property("SUP-1", "com.example.xm", {"nps": 9})
    assert [each.value.nps for each in client.issue_properties("SUP-1")] == [9]
    assert [status for _, _, status in calls(site, "/com.example.xm")] == [201, 200, 200]


def test_an_update_of_a_field_without_mail(site: JiraSite, client: JIRA) -> None:
    site.account.is_admin = True
    rating = next(iter(site.fields))
    issue = client.issue("SUP-1")
    issue.update(fields={rating: 4}, notify=False)
    assert (getattr(issue.fields, rating), site.mails) == (4, [])
    assert ("notifyUsers", "false") in next(each.query for each in site.requests if each.method == "PUT")
    with pytest.raises(JIRAError, match="not on the appropriate screen"):
        issue.update(fields={"customfield_1": 4})


def test_the_service_desk(site: JiraSite, client: JIRA) -> None:
    assert client.supports_service_desk()
    (desk,) = client.service_desks()
    assert (desk.projectKey, [kind.name for kind in client.request_types(desk)]) == (
        "SUP",
        ["Get IT help", "Request access"],
    )


def test_a_missing_issue(client: JIRA) -> None:
    with pytest.raises(JIRAError) as caught:
        client.issue("SUP-99")
    assert (caught.value.status_code, "do not have permission" in caught.value.text) == (404, True)


def test_wrong_credentials(site: JiraSite) -> None:
    with pytest.raises(JIRAError) as caught:
        JIRA(server=site.url, basic_auth=(EMAIL, "wrong"), max_retries=0)
    assert (caught.value.status_code, site.requests[-1].status) == (401, 401)


def test_a_429_is_waited_out(site: JiraSite, client: JIRA, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    patient = JIRA(server=site.url, basic_auth=(EMAIL, TOKEN), options={"rest_api_version": "3"}, max_retries=2)
    site.faults.on("GET", "/myself", rate_limited(1))
    assert patient.myself()["accountId"] == site.account.account_id
    assert [status for _, _, status in calls(site, "/myself")] == [429, 200]
    assert [1 <= wait <= 2 for wait in waits if wait > 0.5] == [True]


def test_a_client_that_takes_the_site_for_a_server_meets_the_removed_search(site: JiraSite) -> None:
    client = JIRA(server=site.url, basic_auth=(EMAIL, TOKEN), get_server_info=False, max_retries=0)
    with pytest.raises(JIRAError) as caught:
        client.search_issues(DONE)
    assert (caught.value.status_code, "CHANGE-2046" in caught.value.text) == (410, True)


def test_data_center_is_a_server_under_its_context_path(server_site: JiraSite, server_client: JIRA) -> None:
    assert (server_client.server_info()["deploymentType"], server_client.myself()["name"]) == ("Server", "hub")
    assert server_site.requests[0].path == "/rest/api/2/serverInfo"


def test_data_center_pages_by_offset(server_site: JiraSite, server_client: JIRA) -> None:
    server_site.limits.server_page_cap = 3
    found = server_client.search_issues(DONE, maxResults=False, fields="summary")
    assert ([issue.key for issue in found], found.total) == (KEYS, TICKETS)
    starts = [dict(each.query)["startAt"] for each in server_site.requests if each.path.endswith("/search")]
    assert starts == ["0", "3", "6"]


def test_data_center_writes(server_site: JiraSite, server_client: JIRA) -> None:
    rating = next(iter(server_site.fields))
    server_client.add_comment("SUP-1", "*note*", is_internal=True)
    server_client.add_issue_property("SUP-1", "com.example.xm", {"nps": 9})
    issue = server_client.issue("SUP-1")
    issue.update(fields={rating: 4})
    assert [comment.body for comment in server_client.comments("SUP-1")] == ["*note*"]
    assert ([each.value.nps for each in server_client.issue_properties("SUP-1")], getattr(issue.fields, rating)) == (
        [9],
        4,
    )
    assert server_site.mails == [("SUP-1", "issue updated")]


def test_data_center_refuses_a_wrong_token_and_answers_pages_for_429(
    server_site: JiraSite, server_client: JIRA
) -> None:
    with pytest.raises(JIRAError) as caught:
        JIRA(server=server_site.url, token_auth="wrong", max_retries=0)
    assert caught.value.status_code == 401
    server_site.faults.on("GET", "/myself", html(429, "Too Many Requests", {"Retry-After": "1"}))
    with pytest.raises(JIRAError) as caught:
        server_client.myself()
    assert caught.value.status_code == 429
    with pytest.raises(JIRAError, match="permission"):
        server_client.issue("SUP-99")
