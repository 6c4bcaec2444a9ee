"""The desks on Jira and ServiceNow: what their people do, what the hub is told, and what is read of its work."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest
from sandbox.desk import Place
from sandbox.jira_desk import JiraDesk, JiraTicket
from sandbox.people import Person
from sandbox.servicenow import build_app
from sandbox.servicenow_desk import ServiceNowDesk
from sandbox.story import Answer, Closing, Story, System
from sandbox.wiring import Api

MAIJA = Person("Maija Meikäläinen", "maija@asiakas.example", "fi", "+358400000001")
KEY = "com.itsm-hub.experience"
LAST_YEAR = datetime(2025, 5, 4, 3, 2, 1, tzinfo=UTC)


def story(system: System, closing: Closing = Closing.PLAIN, person: Person = MAIJA) -> Story:
    return Story(1, system, person, closing, Answer.WORDS, "VPN ei yhdistä")


@dataclass
class Hub:
    """Takes what desks push."""

    pushed: list[httpx.Request] = field(default_factory=list)

    def take(self, request: httpx.Request) -> httpx.Response:
        self.pushed.append(request)
        return httpx.Response(200)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.take))


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
async def jira(hub: Hub) -> AsyncIterator[JiraDesk]:
    api = Api("http://jira.test", "hub@acme.example", "token", "http://hub.test/push/jira", "webhook-secret")
    async with hub.client() as client:
        desk = JiraDesk(api, client, ("SUP", "OPS"), KEY)
        yield desk
        await desk.stop()


@pytest.fixture
async def servicenow(hub: Hub) -> AsyncIterator[ServiceNowDesk]:
    api = Api("http://now.test", "survey.hub", "password", "http://hub.test/push/servicenow", "push-secret")
    async with hub.client() as client:
        desk = ServiceNowDesk(api, client)
        yield desk
        await desk.stop()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("sandbox.jira_desk", "sandbox.servicenow_desk"):
        monkeypatch.setattr(f"{module}.STEP_SECONDS", 0)


async def errands() -> None:
    """Let the desk's calls to the hub be made."""
    for _ in range(20):
        await asyncio.sleep(0)


def jira_client(desk: JiraDesk) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(desk.site.app)
    return httpx.AsyncClient(transport=transport, base_url="http://jira.test", auth=("hub@acme.example", "token"))


async def test_jira_signs_what_it_tells_the_hub_of_a_closing(jira: JiraDesk, hub: Hub) -> None:
    ticket = await jira.open(story(System.JIRA))
    await jira.close(ticket)
    await errands()
    (request,) = hub.pushed
    expected = hmac.new(b"webhook-secret", request.content, hashlib.sha256).hexdigest()
    assert request.headers["x-hub-signature"] == f"sha256={expected}"
    assert json.loads(request.content)["issue"]["key"] == ticket.key
    assert (request.url.path, ticket.closings) == ("/push/jira", 1)


async def test_resolved_and_closed_later_is_one_closing_in_jira(jira: JiraDesk) -> None:
    ticket = await jira.open(story(System.JIRA))
    await jira.close_stepwise(ticket)
    assert (ticket.issue.status.name, ticket.closings) == ("Closed", 1)


async def test_a_customer_who_writes_again_opens_an_issue_again(jira: JiraDesk) -> None:
    ticket = await jira.open(story(System.JIRA))
    await jira.close(ticket)
    await jira.hear(ticket)
    assert ticket.issue.status.category.key == "indeterminate"
    await jira.close(ticket)
    assert ticket.closings == 2


async def test_putting_away_an_old_issue_is_no_closing(jira: JiraDesk) -> None:
    ticket = await jira.open_old(story(System.JIRA, Closing.OLD), LAST_YEAR)
    resolved_at = ticket.issue.category_changed_at
    await jira.close(ticket)
    assert (ticket.issue.status.name, ticket.closings) == ("Closed", 0)
    assert ticket.issue.category_changed_at == resolved_at
    assert resolved_at is not None
    assert resolved_at.year == 2025


async def test_an_issue_that_is_passed_on_has_another_key(jira: JiraDesk) -> None:
    ticket = await jira.open(story(System.JIRA, Closing.PASSED_ON))
    before = ticket.key
    await jira.pass_on(ticket)
    assert (before, ticket.key) == ("SUP-1", "OPS-1")


@pytest.mark.parametrize("closing", [Closing.HIDDEN, Closing.AUTOMATIC])
async def test_jira_tells_no_address_of_some(closing: Closing, jira: JiraDesk) -> None:
    ticket = await jira.open(story(System.JIRA, closing))
    async with jira_client(jira) as client:
        shown = (await client.get(f"/rest/api/3/issue/{ticket.key}")).text
        portal = (await client.get(f"/rest/servicedeskapi/request/{ticket.key}")).text
    assert MAIJA.name in shown
    assert MAIJA.email not in shown + portal


async def write_to_jira(desk: JiraDesk, ticket: JiraTicket, *, internal: bool) -> None:
    comment = {"body": "CSAT 4 on a scale of 1 to 5\n\nKiitos\\!"}
    if internal:
        comment |= {"properties": [{"key": "sd.public.comment", "value": {"internal": True}}]}
    async with jira_client(desk) as client:
        answer = await client.post(f"/rest/api/2/issue/{ticket.key}/comment", json=comment)
        assert answer.status_code == 201


async def test_comments_of_the_hub_are_read_once_and_told_from_those_customers_see(jira: JiraDesk) -> None:
    ticket = await jira.open(story(System.JIRA))
    await jira.answer(ticket)
    for internal, place in ((True, Place.NOTE), (False, Place.PUBLIC)):
        await write_to_jira(jira, ticket, internal=internal)
        (result,) = await jira.new_results()
        assert (result.ticket, result.place, result.scores) == (ticket, place, {"csat": 4})
        assert "Kiitos!" in result.words
    assert await jira.new_results() == []


async def test_the_property_is_a_result_each_time_it_changes(jira: JiraDesk) -> None:
    ticket = await jira.open(story(System.JIRA))
    found = []
    async with jira_client(jira) as client:
        for rating in (4, 4, 5):
            scores = [{"question": "service", "value": float(rating)}]
            record = {"scores": scores, "comment": "Kiitos", "items": [{"kind": "praise", "text": "Kiitos"}]}
            await client.put(f"/rest/api/3/issue/{ticket.key}/properties/{KEY}", json=record)
            found.append([(result.scores["service"], result.items) for result in await jira.new_results()])
    assert found == [[(4, [("praise", "Kiitos")])], [], [(5, [("praise", "Kiitos")])]]


async def test_a_business_rule_tells_the_hub_of_each_closing_twice(servicenow: ServiceNowDesk, hub: Hub) -> None:
    incident = await servicenow.open(story(System.SERVICENOW))
    await servicenow.answer(incident)
    await servicenow.close(incident)
    await errands()
    first, second = hub.pushed
    assert first.content == second.content
    assert json.loads(first.content)["sys_id"] == incident.sys_id
    assert (first.headers["x-hub-secret"], first.url.path) == ("push-secret", "/push/servicenow")


async def test_resolved_and_closed_later_is_one_closing_in_servicenow(servicenow: ServiceNowDesk) -> None:
    incident = await servicenow.open(story(System.SERVICENOW))
    await servicenow.close_stepwise(incident)
    assert (servicenow.instance.record(incident.sys_id)["state"], incident.closings) == ("7", 1)


async def test_a_caller_who_writes_again_opens_an_incident_again(servicenow: ServiceNowDesk) -> None:
    incident = await servicenow.open(story(System.SERVICENOW))
    await servicenow.hear(incident)
    assert servicenow.instance.record(incident.sys_id)["reopen_count"] == "0"
    await servicenow.close(incident)
    await servicenow.hear(incident)
    record = servicenow.instance.record(incident.sys_id)
    assert (record["state"], record["reopen_count"]) == ("2", "1")


async def test_putting_away_an_old_incident_is_no_closing(servicenow: ServiceNowDesk, hub: Hub) -> None:
    incident = await servicenow.open_old(story(System.SERVICENOW, Closing.OLD), LAST_YEAR)
    await errands()
    assert hub.pushed == []
    await servicenow.close(incident)
    record = servicenow.instance.record(incident.sys_id)
    assert (record["state"], record["resolved_at"][:4], incident.closings) == ("7", "2025", 0)


async def test_a_hidden_caller_has_no_addresses(servicenow: ServiceNowDesk) -> None:
    incident = await servicenow.open(story(System.SERVICENOW, Closing.HIDDEN))
    caller = servicenow.instance.record(servicenow.instance.record(incident.sys_id)["caller_id"])
    assert (caller["name"], caller["email"], caller["mobile_phone"]) == (MAIJA.name, "", "")


@pytest.mark.parametrize(("column", "place"), [("work_notes", Place.NOTE), ("comments", Place.PUBLIC)])
async def test_only_what_the_hub_wrote_into_a_journal_is_a_result(
    column: str, place: Place, servicenow: ServiceNowDesk
) -> None:
    incident = await servicenow.open(story(System.SERVICENOW))
    await servicenow.answer(incident)
    transport = httpx.ASGITransport(build_app(servicenow.instance))
    auth = ("survey.hub", "password")
    async with httpx.AsyncClient(transport=transport, base_url="http://now.test", auth=auth) as client:
        path = f"/api/now/table/incident/{incident.sys_id}"
        (await client.patch(path, json={column: "csat 4/5\nKiitos"})).raise_for_status()
    (result,) = await servicenow.new_results()
    assert (result.ticket, result.place, result.scores) == (incident, place, {"csat": 4})
    assert await servicenow.new_results() == []


async def test_a_customer_keeps_their_account(jira: JiraDesk, servicenow: ServiceNowDesk) -> None:
    issues = [await jira.open(story(System.JIRA)) for _ in range(2)]
    incidents = [await servicenow.open(story(System.SERVICENOW)) for _ in range(2)]
    assert len({id(ticket.issue.reporter) for ticket in issues}) == 1
    assert len({servicenow.instance.record(incident.sys_id)["caller_id"] for incident in incidents}) == 1
