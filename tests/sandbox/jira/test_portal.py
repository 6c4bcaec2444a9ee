"""Jira Service Management."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sandbox.jira import EmailShown

from tests.sandbox.jira.conftest import PORTAL, V3, World

OPT_IN = {"X-ExperimentalApi": "opt-in"}


def is_portal_error(answer: httpx.Response) -> bool:
    document = answer.json()
    return document.keys() == {"errorMessage", "i18nErrorMessage"} and bool(document["errorMessage"])


async def test_a_request_with_everything_expanded(cloud: World) -> None:
    cloud.site.user_zone = "Europe/Vienna"
    issue = cloud.closed()[0]
    issue.participants.append(cloud.site.agent)
    expand = {"expand": "participant,status,sla,requestType,serviceDesk"}
    shown = (await cloud.client.get(f"{PORTAL}/request/SUP-1", params=expand)).json()
    assert (shown["issueId"], shown["issueKey"], shown["serviceDeskId"]) == (issue.id, "SUP-1", cloud.desk.desk_id)
    assert shown["reporter"]["emailAddress"] == "fred@example.org"
    assert shown["currentStatus"]["statusCategory"] == "DONE"
    assert shown["currentStatus"]["statusDate"] == {
        "iso8601": "2026-03-02T10:00:00+0100",
        "jira": "2026-03-02T10:00:00.000+0100",
        "friendly": "02/Mar/26 10:00 AM",
        "epochMillis": 1772442000000,
    }
    assert shown["requestType"]["name"] == "Get IT help"
    assert shown["serviceDesk"]["projectKey"] == "SUP"
    assert shown["participants"]["values"][0]["displayName"] == "Anna Agent"
    assert [each["status"] for each in shown["status"]["values"]] == ["Resolved", "Open"]
    assert len(shown["sla"]["values"]) == 2


async def test_an_issue_outside_service_desks_is_no_request(cloud: World) -> None:
    cloud.site.open_issue(cloud.software, "Bug", cloud.site.agent)
    answer = await cloud.client.get(f"{PORTAL}/request/DEV-1")
    assert (answer.status_code, is_portal_error(answer)) == (404, True)


async def test_status_history_is_most_recent_first(cloud: World) -> None:
    issue = cloud.closed(apart=60)[0]
    cloud.site.reopen(issue)
    history = (await cloud.client.get(f"{PORTAL}/request/SUP-1/status")).json()
    assert [each["status"] for each in history["values"]] == ["In Progress", "Resolved", "Open"]


async def test_pages_are_capped_and_linked(cloud: World) -> None:
    issue = cloud.closed()[0]
    for number in range(60):
        cloud.site.comment(issue, cloud.site.agent, f"note {number}", public=False)
    url: str | None = f"{PORTAL}/request/SUP-1/comment?limit=1000"
    sizes = []
    while url:
        page = (await cloud.client.get(url)).json()
        sizes.append((page["start"], page["size"], page["limit"], page["isLastPage"]))
        url = page["_links"].get("next")
    assert sizes == [(0, 50, 50, False), (50, 10, 50, True)]


async def test_comments_are_internal_or_public_as_asked(cloud: World) -> None:
    url = f"{PORTAL}/request/SUP-1/comment"
    cloud.closed()
    internal = await cloud.client.post(url, json={"body": "note", "public": False})
    assert (internal.status_code, internal.json()["public"], cloud.site.mails) == (201, False, [])
    await cloud.client.post(url, json={"body": "hello", "public": True})
    assert cloud.site.mails == [("SUP-1", "public comment")]
    shown = (await cloud.client.get(url, params={"public": "false"})).json()["values"]
    assert [comment["body"] for comment in shown] == ["note"]


@pytest.mark.parametrize("body", [{"body": "x"}, {"public": True}, {"body": {"type": "doc"}, "public": True}])
async def test_a_comment_needs_text_and_public(cloud: World, body: dict[str, object]) -> None:
    cloud.closed()
    answer = await cloud.client.post(f"{PORTAL}/request/SUP-1/comment", json=body)
    assert (answer.status_code, is_portal_error(answer)) == (400, True)


async def test_without_an_agent_licence_the_desk_is_closed_in_its_own_ways(cloud: World) -> None:
    issue = cloud.closed()[0]
    cloud.site.comment(issue, cloud.site.agent, "note", public=False)
    cloud.site.account.is_agent = False
    assert (await cloud.client.get(f"{PORTAL}/info")).status_code == 200
    desks = await cloud.client.get(f"{PORTAL}/servicedesk?limit=1")
    assert (desks.status_code, desks.content) == (403, b"")
    assert (await cloud.client.get(f"{PORTAL}/request/SUP-1/comment")).json()["values"] == []
    internal = await cloud.client.post(f"{PORTAL}/request/SUP-1/comment", json={"body": "x", "public": False})
    assert internal.status_code == 403


async def test_feedback_can_be_read_with_the_opt_in_and_written_by_the_reporter_only(cloud: World) -> None:
    issue = cloud.closed()[0]
    url = f"{PORTAL}/request/SUP-1/feedback"
    assert (await cloud.client.get(url)).status_code == 412
    assert (await cloud.client.get(url, headers=OPT_IN)).status_code == 404
    cloud.site.rate(issue, 4, "Great work!")
    rated = {"type": "csat", "rating": 4, "comment": {"body": "Great work!"}}
    assert (await cloud.client.get(url, headers=OPT_IN)).json() == rated
    denied = await cloud.client.post(url, headers=OPT_IN, json=rated)
    assert (denied.status_code, is_portal_error(denied)) == (403, True)
    cloud.site.auth.add_token(cloud.fred, "freds")
    cloud.client.auth = httpx.BasicAuth("fred@example.org", "freds")
    ratings = [{"type": "csat", "rating": rating} for rating in (6, 5)]
    statuses = [(await cloud.client.post(url, headers=OPT_IN, json=rating)).status_code for rating in ratings]
    assert (statuses, issue.feedback and issue.feedback.rating) == ([400, 201], 5)


async def test_customers_are_experimental_and_five_a_second(cloud: World) -> None:
    url = f"{PORTAL}/servicedesk/{cloud.desk.desk_id}/customer"
    assert (await cloud.client.get(url)).status_code == 412
    cloud.clock.advance(timedelta(seconds=1))
    answers = [await cloud.client.get(url, headers=OPT_IN, params={"query": "fred"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[0].json()["values"][0]["emailAddress"] == "fred@example.org"


@pytest.mark.parametrize(
    ("shown", "on_platform", "in_portal"),
    [(EmailShown.EVERYWHERE, True, True), (EmailShown.PORTAL, False, True), (EmailShown.NOWHERE, False, False)],
)
async def test_who_sees_an_address(cloud: World, shown: EmailShown, *, on_platform: bool, in_portal: bool) -> None:
    cloud.fred.email_shown = shown
    cloud.closed()
    platform = (await cloud.client.get(f"{V3}/issue/SUP-1")).json()["fields"]["reporter"]
    portal = (await cloud.client.get(f"{PORTAL}/request/SUP-1")).json()["reporter"]
    assert ("emailAddress" in platform, "emailAddress" in portal) == (on_platform, in_portal)


@pytest.mark.parametrize(("form", "value"), [("null", None), ("empty", "")])
async def test_a_hidden_address_may_be_null_or_empty(cloud: World, form: str, value: str | None) -> None:
    cloud.fred.email_shown = EmailShown.NOWHERE
    cloud.site.hidden_email = form  # type: ignore[assignment]
    cloud.closed()
    assert (await cloud.client.get(f"{V3}/issue/SUP-1")).json()["fields"]["reporter"]["emailAddress"] == value


async def test_a_deleted_person_has_a_name_only(cloud: World) -> None:
    cloud.fred.deleted = True
    cloud.closed()
    reporter = (await cloud.client.get(f"{V3}/issue/SUP-1")).json()["fields"]["reporter"]
    assert (reporter["displayName"], "emailAddress" in reporter) == ("Former user", False)


async def test_the_clocks_of_service_levels(cloud: World) -> None:
    issue = cloud.site.open_issue(cloud.desk, "VPN", cloud.fred)
    cloud.clock.advance(timedelta(hours=5))
    cloud.site.comment(issue, cloud.site.agent, "looking")
    first, resolution = (await cloud.client.get(f"{PORTAL}/request/SUP-1/sla")).json()["values"]
    cycle = first["completedCycles"][0]
    assert (cycle["breached"], cycle["elapsedTime"]["millis"]) == (True, 5 * 3600 * 1000)
    assert (resolution["completedCycles"], resolution["ongoingCycle"]["breached"]) == ([], False)


async def test_organisations_and_the_issue_fields_of_a_request(cloud: World) -> None:
    acme = cloud.site.add_organization("Acme")
    cloud.site.open_issue(cloud.desk, "VPN", cloud.fred, organization=acme, request_type="Request access")
    listed = (await cloud.client.get(f"{PORTAL}/organization")).json()["values"]
    assert [each["name"] for each in listed] == ["Acme"]
    fields = (await cloud.client.get(f"{V3}/issue/SUP-1")).json()["fields"]
    assert fields["customfield_10002"] == [{"id": acme.id, "name": "Acme"}]
    assert fields["customfield_10010"]["requestType"]["name"] == "Request access"
