"""How many requests Jira and ServiceNow get for 1,000 closed tickets: pulled, read again before asking, written back.

Against the simulators of the sandbox, in one process and on a clock of its own. Prints one JSON line for each desk.

    python contrib/bench/desk_requests.py [TICKETS]
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx
from hub_jira.config import JiraConfig
from hub_jira.source import JiraSource
from hub_servicenow.config import ServiceNowConfig
from hub_servicenow.source import ServiceNowSource
from sandbox.jira import EMAIL, PAT, TOKEN, JiraSite
from sandbox.servicenow import Instance, build_app

from hub import Channel, Experience, Score, Source, Ticket, TicketSnapshot
from hub.testing.fakes import FakeClock, FakeContext

REREAD_AT_ONCE = 100
"""As many as the hub looks at together before surveys leave."""
WRITTEN_AT_ONCE = 100
"""As many as the hub hands over for writing at once."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One simulated desk and the connector to it."""

    name: str
    source: Source[Any]
    clock: FakeClock
    close: Callable[[int], None]
    """Closes that many new tickets."""
    requests: Sequence[Any]


def jira(name: str, *, service_desk: bool = False, data_center: bool = False, **settings: Any) -> Desk:
    """A Jira with one project."""
    clock = FakeClock()
    site = JiraSite("dc" if data_center else "cloud", clock=clock.now, base_url="https://jira.example")
    project = site.add_project("SUP", service_desk=service_desk)
    sign_in = {"token": PAT} if data_center else {"email": EMAIL, "api_token": TOKEN}
    config = JiraConfig.model_validate({"url": site.url, "projects": ["SUP"], **sign_in, **settings})

    def close(count: int) -> None:
        for number in range(count):
            customer = site.add_user(f"Customer {number}", email=f"c{number}@customer.example")
            site.transition(site.open_issue(project, f"Ticket {number}", customer), "Resolved", by=site.agent)
            clock.advance(timedelta(seconds=1))

    return Desk(name, JiraSource(config, _context(site.app, clock)), clock, close, site.requests)


def servicenow() -> Desk:
    """A ServiceNow with incidents, answers as work notes."""
    clock = FakeClock()
    instance = Instance(clock, "https://acme.service-now.example")
    account = {"username": instance.account.username, "password": instance.account.password}
    config = ServiceNowConfig.model_validate({"url": instance.base_url, "table": "incident", **account})

    def close(count: int) -> None:
        for number in range(count):
            caller = instance.add_user(f"c{number}@customer.example")
            instance.resolve(instance.open_record("incident", caller, f"Ticket {number}"))
            clock.advance(timedelta(seconds=1))

    source = ServiceNowSource(config, _context(build_app(instance), clock))
    return Desk("servicenow", source, clock, close, instance.requests)


def _context(app: Any, clock: FakeClock) -> FakeContext:
    return FakeContext(transport=httpx.ASGITransport(app), clock=clock)


async def measure(desk: Desk, tickets: int) -> dict[str, Any]:
    """Requests of each stage, and of which kinds."""
    figures: dict[str, Any] = {"desk": desk.name, "tickets": tickets}
    [start] = [page async for page in desk.source.pull(None)]
    desk.clock.advance(timedelta(minutes=5))
    desk.close(tickets)
    desk.clock.advance(timedelta(minutes=30))
    async with _counted(desk, figures, "pull"):
        pages = [page async for page in desk.source.pull(start.cursor)]
    found = {ticket.id: ticket for page in pages for ticket in page.tickets}
    async with _counted(desk, figures, "quiet_pull"):
        desk.clock.advance(timedelta(minutes=30))
        _ = [page async for page in desk.source.pull(pages[-1].cursor)]
    ids = list(found)
    async with _counted(desk, figures, "reread"):
        for first in range(0, len(ids), REREAD_AT_ONCE):
            await desk.source.fetch(ids[first : first + REREAD_AT_ONCE])
    items = [_experience(ticket) for ticket in found.values()]
    async with _counted(desk, figures, "write_back"):
        for first in range(0, len(items), WRITTEN_AT_ONCE):
            await desk.source.write_back(items[first : first + WRITTEN_AT_ONCE])
    return figures | {"found": len(found)}


@asynccontextmanager
async def _counted(desk: Desk, figures: dict[str, Any], stage: str) -> AsyncIterator[None]:
    before = len(desk.requests)
    yield
    kinds = Counter(_kind(request) for request in desk.requests[before:])
    figures[stage] = sum(kinds.values())
    figures[f"{stage}_by_kind"] = dict(kinds.most_common(6))


def _kind(request: Any) -> str:
    parts = [part for part in request.path.split("/") if part and not any(letter.isdigit() for letter in part)]
    return f"{request.method} {'/'.join(parts[-2:])}"


def _experience(ticket: Ticket) -> Experience:
    snapshot: Mapping[str, Any] = {"source": "desk", "id": ticket.id, "key": ticket.key}
    return Experience(
        id=f"x{ticket.id}",
        revision=1,
        ticket=TicketSnapshot(**snapshot, closure_key=ticket.closure_key, closed_at=ticket.closed_at),
        survey="closing",
        survey_version="1",
        channel=Channel.SMS,
        language="en",
        scores=(Score(question="csat", value=4, minimum=1, maximum=5),),
        comment="Solved fast",
        answered_at=ticket.closed_at,
    )


async def main() -> None:
    """Measure all desks."""
    tickets = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for desk in (
        jira("jira cloud"),
        jira("jira cloud, property only", write_back=["property"]),
        jira("jira service management", service_desk=True),
        jira("jira data center", data_center=True),
        servicenow(),
    ):
        print(json.dumps(await measure(desk, tickets)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
