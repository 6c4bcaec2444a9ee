"""`atlassian-python-api` against the simulated Jira sites."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from atlassian import Jira, ServiceDesk
from atlassian.jira import JiraCloud
from requests import HTTPError
from sandbox.jira import EMAIL, PAT, TOKEN, JiraSite
from sandbox.jira.faults import rate_limited

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
def login(site: JiraSite) -> dict[str, Any]:
    return {"url": site.url, "username": EMAIL, "password": TOKEN}


@pytest.fixture
def client(login: dict[str, Any]) -> Iterator[Jira]:
    with closing(Jira(**login, cloud=True)) as opened:
        yield opened


@pytest.fixture
def desk(login: dict[str, Any]) -> Iterator[ServiceDesk]:
    with closing(ServiceDesk(**login)) as opened:
        yield opened


@pytest.fixture
def server_site(fake_clock: FakeClock, serve: Serve) -> JiraSite:
    made = populated("dc", fake_clock)
    made.base_url = serve(made.app)
    return made


@pytest.fixture
def server_client(server_site: JiraSite) -> Iterator[Jira]:
    with closing(Jira(url=server_site.url, token=PAT, cloud=False)) as opened:
        yield opened


def test_the_probe(site: JiraSite, client: Jira) -> None:
    assert client.get_server_info()["deploymentType"] == "Cloud"
    assert client.myself()["accountId"] == site.account.account_id


def test_a_walk_over_three_pages_with_ties(site: JiraSite, client: Jira) -> None:
    site.limits.page_cap = 3
    assert [issue["key"] for issue in client.enhanced_jql_get_list_of_tickets(DONE)] == KEYS
    assert [status for _, _, status in calls(site, "/search/jql")] == [200, 200, 200]
    assert [issue["key"] for issue in client.jql(DONE)["issues"]] == KEYS[:3]


def test_reading_and_writing_an_issue(site: JiraSite, client: Jira) -> None:
    rating = next(iter(site.fields))
    assert client.issue("SUP-2")["fields"]["summary"] == "Ticket 1"
    assert client.issue_add_comment("SUP-2", "hello")["body"] == "hello"
    for _ in range(2):
        client.set_issue_property("SUP-2", "com.example.xm", {"nps": 9})
    assert client.get_issue_property("SUP-2", "com.example.xm")["value"] == {"nps": 9}
    assert [key["key"] for key in client.get_issue_property_keys("SUP-2")["keys"]] == ["com.example.xm"]
    client.update_issue_field("SUP-2", {rating: 4}, notify_users=False)
    assert client.issue("SUP-2", fields=rating)["fields"] == {rating: 4}
    assert [status for method, _, status in calls(site, "/com.example.xm") if method == "PUT"] == [201, 200]


def test_a_missing_issue_and_wrong_credentials(site: JiraSite, client: Jira) -> None:
    with pytest.raises(HTTPError, match="do not have permission to see it") as caught:
        client.issue("SUP-99")
    assert caught.value.response.status_code == 404
    with closing(Jira(url=site.url, username=EMAIL, password="wrong", cloud=True)) as refused, pytest.raises(HTTPError):
        refused.myself()
    assert site.requests[-1].status == 401


def test_a_429_is_waited_out_once_when_it_names_a_time(
    site: JiraSite, client: Jira, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    site.faults.on("GET", "/myself", rate_limited(1))
    assert client.myself()["accountId"] == site.account.account_id
    assert ([status for _, _, status in calls(site, "/myself")], 1.0 in waits) == ([429, 200], True)
    site.faults.on("GET", "/myself", rate_limited(None))
    with pytest.raises(HTTPError, match="rate-limited"):
        client.myself()


def test_the_search_that_was_removed(login: dict[str, Any]) -> None:
    with closing(JiraCloud(**login)) as cloud, pytest.raises(HTTPError, match="CHANGE-2046") as caught:
        cloud.search_for_issues_using_jql(DONE)
    assert caught.value.response.status_code == 410


def test_the_generated_client_of_cloud_searches_with_tokens(site: JiraSite, login: dict[str, Any]) -> None:
    with closing(JiraCloud(**login)) as cloud:
        first = cloud.enhanced_jql(DONE, fields=["summary"], limit=4)
        second = cloud.enhanced_jql(DONE, fields=["summary"], limit=4, nextPageToken=first["nextPageToken"])
    assert [issue["key"] for page in (first, second) for issue in page["issues"]] == KEYS
    assert "nextPageToken" not in second


def test_the_service_desk(site: JiraSite, desk: ServiceDesk) -> None:
    assert desk.get_info()["isLicensedForUse"] is True
    assert [each["projectKey"] for each in desk.get_service_desks()] == ["SUP"]
    request = desk.get_customer_request("SUP-1")
    assert (request["issueKey"], request["reporter"]["emailAddress"]) == ("SUP-1", "fred@example.org")
    assert desk.get_customer_request_status("SUP-1") == "Resolved"
    made = desk.create_request_comment("SUP-1", "Survey answer: 4/5", public=False)
    assert (made["public"], site.mails) == (False, [])
    assert [comment["body"] for comment in desk.get_request_comments("SUP-1")] == ["Survey answer: 4/5"]
    assert len(desk.get_sla("SUP-1")) == 2
    number = site.projects["SUP"].desk_id
    customers = desk.get_customers(number, query="fred")
    assert [each["displayName"] for each in customers["values"]] == ["Fred F."]
    assert desk.get_request_participants("SUP-1") == []


def test_data_center(server_site: JiraSite, server_client: Jira) -> None:
    server_site.limits.server_page_cap = 3
    assert server_client.get_server_info()["deploymentType"] == "Server"
    assert [issue["key"] for issue in server_client.jql_get_list_of_tickets(DONE)] == KEYS
    assert len(server_client.jql_get_list_of_tickets(DONE, limit=3)) == 3
    assert server_client.issue_add_comment("SUP-1", "*note*")["body"] == "*note*"
    server_client.set_issue_property("SUP-1", "com.example.xm", {"nps": 9})
    assert server_client.get_issue_property("SUP-1", "com.example.xm")["value"] == {"nps": 9}
    with pytest.raises(HTTPError) as caught:
        server_client.issue("SUP-99")
    assert caught.value.response.status_code == 404
    assert {each.path.split("/")[3] for each in server_site.requests} == {"2"}


def test_the_service_desk_of_data_center(server_site: JiraSite) -> None:
    with closing(ServiceDesk(url=server_site.url, token=PAT)) as desk:
        request = desk.get_customer_request("SUP-1")
        desk.create_request_comment("SUP-1", "note", public=False)
    assert ("accountId" in request["reporter"], request["reporter"]["name"]) == (False, "fred")
    assert next(iter(server_site.issues)).comments[0].public is False
