"""A simulated Jira site and the connector in front of it, on one clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hub_jira.check import Checker
from hub_jira.client import JiraClient
from hub_jira.config import JiraConfig
from hub_jira.write_back import ResultWriter
from sandbox.jira import EMAIL, PAT, TOKEN, Issue, JiraSite

from hub import Channel, CheckResult, Cursor, Experience, Receipt, Score, TicketSnapshot
from hub.testing.fakes import FakeClock, FakeContext
from hub.testing.redaction import assert_redacted

PROPERTY = "com.itsm-hub.experience"


class World:
    """One site with a service desk SUP and a plain project DEV, and a hub that has an account there."""

    def __init__(self, kind: Any) -> None:
        self.clock = FakeClock()
        self.site = JiraSite(kind, clock=self.clock.now, context_path="/jira" if kind == "dc" else "")
        self.context = FakeContext(name="acme", transport=httpx.ASGITransport(self.site.app), clock=self.clock)
        while int(self.site.next_id()) < 10_100:  # numbers below belong to fields of the service desk itself
            pass
        self.desk = self.site.add_project("SUP", service_desk=True)
        self.plain = self.site.add_project("DEV")
        self.customer = self.site.add_user("Fred F.", email="fred@example.org", account_type="customer")
        self.sign_in: dict[str, Any] = {"token": PAT} if kind == "dc" else {"email": EMAIL, "api_token": TOKEN}

    def config(self, **more: Any) -> JiraConfig:
        """Settings with which the hub can work on this site."""
        table = {"url": self.site.url, "projects": ["SUP", "DEV"], **self.sign_in, **more}
        return JiraConfig.model_validate(table)

    def client(self, **more: Any) -> JiraClient:
        return JiraClient(self.config(**more), self.context)

    def writer(self, **more: Any) -> ResultWriter:
        """A write-back that has learnt nothing of the site yet, as after a restart."""
        config = self.config(**more)
        return ResultWriter(config, JiraClient(config, self.context))

    async def write(self, *items: Experience, **more: Any) -> list[Receipt]:
        return await self.writer(**more).write(items)

    async def check(self, **more: Any) -> dict[str, CheckResult]:
        config = self.config(**more)
        checker = Checker(config, JiraClient(config, self.context), self.context.hook_url)
        return {result.what: result for result in await checker.run()}

    def source(self, **more: Any) -> Any:
        from hub_jira.source import JiraSource

        return JiraSource(self.config(**more), self.context)

    def closed(self, project: Any = None, summary: str = "VPN drops") -> Issue:
        """A ticket of the customer's that an agent has just resolved."""
        issue = self.site.open_issue(project or self.plain, summary, self.customer)
        self.site.transition(issue, "Resolved", by=self.site.agent)
        return issue

    def experience(
        self, issue: Issue, revision: int = 1, comment: str | None = "Solved fast", **more: Any
    ) -> Experience:
        snapshot = TicketSnapshot(
            source="acme", id=issue.id, key=issue.key, closure_key="1772441940000", closed_at=self.clock.now()
        )
        values = {
            "id": f"0b5e77a2-{issue.id}",
            "scores": (Score(question="csat", value=4, minimum=1, maximum=5),),
            "answered_at": self.clock.now(),
            **more,
        }
        return Experience(
            revision=revision, ticket=snapshot, survey="closing", survey_version="1", channel=Channel.SMS,
            language="en", comment=comment, **values,
        )  # fmt: skip

    def asked(self, start: int = 0) -> list[str]:
        """The requests so far, as method and path."""
        return [f"{each.method} {each.path}" for each in self.site.requests[start:]]

    def texts(self, issue: Issue) -> list[str]:
        return [comment.text for comment in issue.comments]


@pytest.fixture
def cloud() -> World:
    return World("cloud")


@pytest.fixture
def dc() -> World:
    return World("dc")


@pytest.fixture(params=["cloud", "dc"])
def world(request: pytest.FixtureRequest) -> World:
    """Both kinds of sites, one after the other."""
    return World(request.param)


@pytest.fixture
def start() -> Callable[[Any], Any]:
    """Makes the first pull of a source; returns the cursor."""

    async def started(source: Any) -> Cursor:
        [page] = [page async for page in source.pull(None)]
        return page.cursor

    return started


@pytest.fixture
def walk() -> Callable[[Any, Cursor], AsyncIterator[Any]]:
    async def pages(source: Any, cursor: Cursor) -> list[Any]:
        return [page async for page in source.pull(cursor)]

    return pages


@pytest.fixture
def settled() -> timedelta:
    """After this long the search index has everything, and cursors move."""
    return timedelta(minutes=10)


@pytest.fixture
def redacted() -> Callable[..., None]:
    def check(world: World, *told: object, also: Sequence[str] = ()) -> None:
        private = (EMAIL, TOKEN, PAT, world.customer.email, world.customer.name, *also)
        assert_redacted([*world.context.log.entries, *told], *private)

    return check


@pytest.fixture(scope="session")
def cloud_factory() -> Callable[[], World]:
    """For property tests, which need a fresh site for each example."""
    return lambda: World("cloud")
