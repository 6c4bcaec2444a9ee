"""Sites in process, and the account that calls them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sandbox.jira import EMAIL, PAT, TOKEN, Issue, JiraSite, Project, User

from hub.testing.clock import FakeClock

V3, PORTAL = "/rest/api/3", "/rest/servicedeskapi"


@dataclass
class World:
    """A site with a service desk, a software project and a customer, and a client that is signed in."""

    site: JiraSite
    clock: FakeClock
    client: httpx.AsyncClient
    desk: Project
    software: Project
    fred: User

    def closed(self, count: int = 1, *, apart: float = 0, status: str = "Resolved") -> list[Issue]:
        """Open and close this many tickets, some seconds apart."""
        issues = []
        for number in range(count):
            issue = self.site.open_issue(self.desk, f"Ticket {number}", self.fred)
            self.site.transition(issue, status, by=self.site.agent)
            self.clock.advance(timedelta(seconds=apart))
            issues.append(issue)
        return issues

    async def search(self, jql: str, **members: Any) -> httpx.Response:
        """`POST /search/jql`."""
        return await self.client.post(f"{V3}/search/jql", json={"jql": jql, **members})

    async def keys(self, jql: str) -> list[str]:
        """The keys a search finds on its first page."""
        answer = await self.search(jql, fields=["key"])
        assert answer.status_code == 200, answer.text
        return [issue["key"] for issue in answer.json()["issues"]]


def _world(site: JiraSite, clock: FakeClock, client: httpx.AsyncClient) -> World:
    fred = site.add_user("Fred F.", email="fred@example.org", account_type="customer")
    return World(site, clock, client, site.add_project("SUP", service_desk=True), site.add_project("DEV"), fred)


@pytest.fixture
async def cloud(fake_clock: FakeClock) -> AsyncIterator[World]:
    """A Cloud site."""
    site = JiraSite("cloud", clock=fake_clock.now)
    transport = httpx.ASGITransport(site.app)
    async with httpx.AsyncClient(transport=transport, base_url=site.url, auth=(EMAIL, TOKEN)) as client:
        yield _world(site, fake_clock, client)


@pytest.fixture
async def server(fake_clock: FakeClock) -> AsyncIterator[World]:
    """A Data Center installation with a context path."""
    site = JiraSite("dc", clock=fake_clock.now, base_url="https://jira.example", context_path="/jira")
    headers = {"authorization": f"Bearer {PAT}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site.app), base_url=site.url, headers=headers) as client:
        yield _world(site, fake_clock, client)
