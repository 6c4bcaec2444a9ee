"""The other side of the benchmark, as the connectors see it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from bench import issues
from bench.site import PAGE, PROPERTY_KEY, SEND, Load, Site
from bench.wire import Request
from hub_jira.config import JiraConfig
from hub_jira.cursor import Position
from hub_jira.source import JiraSource

from hub import Channel, DeliveryStatus, Experience, Score, Ticket, TicketSnapshot
from hub.testing.fakes import FakeClock, FakeContext

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def ask(site: Site, method: str, target: str, body: bytes = b"", **headers: str) -> list[bytes]:
    """Make a request; the answers so far."""
    answers: list[bytes] = []
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())])
    site.handle(Request(method, target, head.encode(), body), answers.append)
    return answers


def over(site: Site) -> httpx.MockTransport:
    """The site as httpx reaches it."""

    def handle(request: httpx.Request) -> httpx.Response:
        [answer] = ask(site, request.method, request.url.raw_path.decode(), request.content)
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        return httpx.Response(
            int(lines[0].split()[1]), headers=[tuple(x.split(": ", 1)) for x in lines[1:]], content=body
        )

    return httpx.MockTransport(handle)


def jira(site: Site) -> JiraSource:
    config = JiraConfig.model_validate(
        {
            "url": "https://jira.example",
            "email": "hub@acme.example",
            "api_token": "x",
            "projects": ["BENCH"],
            "contact_phone_fields": [issues.PHONE_FIELD],
            "write_back": ["property"],
        }
    )
    return JiraSource(config, FakeContext(transport=over(site), clock=FakeClock(datetime.now(UTC))))


async def pulled(source: JiraSource) -> list[Ticket]:
    since = datetime.now(UTC) - timedelta(days=1)
    return [ticket async for page in source.pull(Position.starting(since, since).write()) for ticket in page.tickets]


def experience(ticket: Ticket) -> Experience:
    snapshot = TicketSnapshot(
        source="jira", id=ticket.id, key=ticket.key, closure_key=ticket.closure_key, closed_at=ticket.closed_at
    )
    return Experience(
        id=f"x{ticket.id}",
        revision=1,
        ticket=snapshot,
        survey="closing",
        survey_version="1",
        channel=Channel.SMS,
        language="en",
        scores=(Score(question="csat", value=4, minimum=1, maximum=5),),
        answered_at=ticket.closed_at,
    )


async def test_the_jira_connector_finds_every_issue_once_with_its_customers_number() -> None:
    site = Site()
    site.begin(Load(250, closed_at=datetime.now(UTC).timestamp()))
    found = await pulled(jira(site))
    assert [ticket.customer.phone for ticket in found] == [issues.phone(number) for number in range(250)]
    assert site.figures()["unknown"] == []


async def test_the_jira_connector_reads_its_own_write_back() -> None:
    site = Site()
    site.begin(Load(3, closed_at=datetime.now(UTC).timestamp()))
    source = jira(site)
    items = [experience(ticket) for ticket in await pulled(source)]
    receipts = await source.write_back(items)
    assert [receipt.status for receipt in receipts] == [DeliveryStatus.DELIVERED] * 3
    assert site.progress()["written"] == 3


async def test_an_issue_is_about_4_kb() -> None:
    site = Site()
    site.begin(Load(1, closed_at=NOW.timestamp(), recording=True))
    await pulled(jira(site))
    asked = next(each for each in site.recording() if b"statusCategory = Done" in each.body)
    [answer] = ask(site, "POST", asked.target, asked.body)
    assert 3500 < len(answer) < 4500


async def test_a_held_request_is_answered_after_the_release() -> None:
    site = Site()
    site.begin(Load(1, closed_at=NOW.timestamp(), hold=PAGE))
    search = json.dumps({"jql": "statusCategory = Done", "fields": ["id", "status"], "maxResults": 100}).encode()
    answers = ask(site, "POST", "/rest/api/3/search/jql", search)
    assert answers == []
    site.release()
    assert len(answers) == 1


async def test_a_message_that_is_sent_twice_is_told() -> None:
    site = Site()
    site.begin(Load(2, closed_at=NOW.timestamp()))
    for number in (0, 1, 1):
        ask(site, "POST", "/cgi-bin/sendsms", b"How did it go?", **{"x-kannel-to": issues.phone(number)})
    assert site.figures()["duplicates"] == 1
    assert site.figures()["kinds"][SEND]["count"] == 3


async def test_a_path_that_nobody_knows_is_told() -> None:
    site = Site()
    [answer] = ask(site, "GET", "/rest/api/3/dashboard")
    assert answer.startswith(b"HTTP/1.1 404")
    assert site.figures()["unknown"] == ["dashboard"]


@pytest.mark.parametrize("fields", [["project"], ["status", "summary"], [issues.PHONE_FIELD]])
def test_an_issue_shows_the_fields_that_were_asked_for(fields: list[str]) -> None:
    shown = json.loads(issues.issue(7, fields, "2026-03-02T09:00:00.000+0000", [(PROPERTY_KEY, b'{"v":1}')]))
    assert list(shown["fields"]) == fields
    assert shown["id"] == issues.issue_id(7)
    assert shown["properties"] == {PROPERTY_KEY: {"v": 1}}
