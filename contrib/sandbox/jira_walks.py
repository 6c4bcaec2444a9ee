"""Busy Jira sites for the walk tests of the Jira connector: people work while the hub pulls, and nothing may be missed.

Each scenario works on a site of so many tickets with a fixed seed, and tells how many closings the hub had to find, and
how many it found.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

import httpx
from hub_jira.config import JiraConfig
from hub_jira.source import JiraSource

from hub import Cursor
from hub.testing.clock import FakeClock
from hub.testing.fakes import FakeContext
from sandbox.jira import EMAIL, PAT, TOKEN, Issue, JiraSite

Closing = tuple[str, str]
"""Issue id and closure key."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a walk came to. `found` counts those of `there`; `wrong` are closings that never were."""

    scenario: str
    there: int
    found: int
    wrong: int
    reopened_there: int
    reopened_found: int
    requests: int

    def as_dict(self) -> dict[str, Any]:
        """For a line of JSON."""
        return asdict(self)


class Desk:
    """A site on which people work at random, and the hub that pulls from it.

    :param size: how many tickets are to be closed in all.
    """

    def __init__(self, seed: int, size: int, *, kind: Literal["cloud", "dc"] = "cloud", zone: str = "UTC") -> None:
        self.random = random.Random(seed)
        self.size = size
        self.clock = FakeClock()
        self.site = JiraSite(kind, clock=self.clock.now, base_url="https://jira.example")
        self.site.user_zone = zone
        self.projects = [self.site.add_project("SUP"), self.site.add_project("HLP")]
        self.customer = self.site.add_user("Mia", email="mia@customer.example")
        self.closed: list[Issue] = []
        self.ever: set[Closing] = set()
        self.found: set[Closing] = set()
        self.told_open: set[str] = set()
        self._cursor: Cursor | None = None
        self._transport = httpx.ASGITransport(self.site.app)
        self._page_size = 100 if size > 1000 else 20

    def close(self, *, at_millis_ago: int = 0) -> Issue:
        """Open a ticket and close it, some time ago."""
        now = self.clock.now()
        issue = self.site.open_issue(
            self.random.choice(self.projects), "VPN drops", self.customer, created=now - timedelta(days=1)
        )
        self.site.transition(issue, "Resolved", by=self.site.agent, at=now - timedelta(milliseconds=at_millis_ago))
        self._note(issue)
        self.closed.append(issue)
        return issue

    def work(self) -> None:
        """Somebody does something with a ticket that was closed."""
        issue = self.random.choice(self.closed)
        done = issue.status.category.key == "done"
        what = self.random.choice(["archive", "move", "reopen", "reopen", "comment"]) if done else "close"
        if what == "archive":
            self.site.transition(issue, "Closed", by=self.site.agent)
        elif what == "move":
            self.site.move(issue, self.random.choice(self.projects))
        elif what == "reopen":
            self.site.reopen(issue)
        elif what == "comment":
            self.site.comment(issue, self.site.agent, "Thank you")
        else:
            self.site.transition(issue, "Resolved", by=self.site.agent)
            self._note(issue)

    async def start(self) -> None:
        """The first pull, from which on tickets are to be found."""
        await self.pull()
        self.seconds(2)

    async def pull(self, *, meanwhile: Callable[[], None] | None = None, pages: int | None = None) -> None:
        """One pull by a hub that was started afresh; it is killed after some pages, if told so."""
        source = JiraSource(self._config(), FakeContext(transport=self._transport, clock=self.clock))
        async with aclosing(source.pull(self._cursor)) as walk:  # type: ignore[type-var]
            number = 0
            async for page in walk:
                self._cursor = page.cursor
                self.found |= {(ticket.id, ticket.closure_key) for ticket in page.tickets}
                self.told_open |= set(page.reopened)
                number += 1
                if number == pages:
                    return
                if meanwhile:
                    meanwhile()

    def seconds(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(timedelta(seconds=seconds))

    def result(self, scenario: str, *, visible: Callable[[Issue], bool] = lambda _: True) -> Result:
        """Compare what is there now with what the hub found."""
        still = [issue for issue in self.closed if issue.status.category.key == "done" and visible(issue)]
        there = {self._closing(issue) for issue in still}
        known = {ticket_id for ticket_id, _ in self.found}
        opened = {issue.id for issue in self.closed if issue.status.category.key != "done" and issue.id in known}
        return Result(
            scenario=scenario,
            there=len(there),
            found=len(there & self.found),
            wrong=len(self.found - self.ever),
            reopened_there=len(opened),
            reopened_found=len(opened & self.told_open),
            requests=len(self.site.requests),
        )

    def _note(self, issue: Issue) -> None:
        self.ever.add(self._closing(issue))

    @staticmethod
    def _closing(issue: Issue) -> Closing:
        assert issue.category_changed_at is not None
        return issue.id, str(int(issue.category_changed_at.timestamp() * 1000))

    def _config(self) -> JiraConfig:
        sign_in = {"token": PAT} if self.site.kind == "dc" else {"email": EMAIL, "api_token": TOKEN}
        return JiraConfig.model_validate(
            {"url": self.site.url, "projects": ["SUP", "HLP"], "page_size": self._page_size, **sign_in}
        )


async def ties(desk: Desk, scenario: str) -> Result:
    """All tickets are closed in three moments, as bulk changes do."""
    await desk.start()
    for _ in range(3):
        for _ in range(desk.size // 3 + 1):
            desk.close()
        desk.seconds(1)
    desk.seconds(60)
    await desk.pull()
    return desk.result(scenario)


async def lagging_index(desk: Desk, scenario: str) -> Result:
    """Search shows each change up to 90 seconds late, later ones before earlier ones."""
    await desk.start()
    rounds = 8
    for _ in range(rounds):
        for _ in range(desk.size // rounds + 1):
            desk.site.search_lag = timedelta(seconds=desk.random.uniform(0, 90))
            desk.close()
            desk.seconds(900 * rounds / desk.size)
        await desk.pull()
    desk.site.search_lag = timedelta()
    desk.seconds(120)
    await desk.pull()
    return desk.result(scenario)


async def hidden_rows(desk: Desk, scenario: str) -> Result:
    """Six of ten tickets are hidden from the account, and others vanish from the index for a page or two."""
    await desk.start()
    hidden = set()
    for number in range(desk.size):
        issue = desk.close(at_millis_ago=desk.random.randrange(1000))
        if desk.random.random() < 0.6 or number < desk.size // 4:
            desk.site.hide(issue)
            hidden.add(issue.id)
        elif desk.random.random() < 0.05:
            desk.site.vanish(issue, desk.random.randint(1, 2))
        desk.seconds(600 / desk.size)
        if number % (desk.size // 5) == 0:
            await desk.pull()
    for _ in range(3):
        desk.seconds(60)
        await desk.pull()
    return desk.result(scenario, visible=lambda issue: issue.id not in hidden)


async def odd_seconds(desk: Desk, scenario: str) -> Result:
    """Tickets are closed at any second of a minute, by an account whose clock is hours off UTC."""
    await desk.start()
    rounds = 7
    for _ in range(rounds):
        for _ in range(desk.size // rounds + 1):
            desk.close()
            desk.seconds(desk.random.uniform(0, 2 * 2400 * rounds / desk.size))
        await desk.pull()
    desk.seconds(30)
    await desk.pull()
    return desk.result(scenario)


async def busy(desk: Desk, scenario: str) -> Result:
    """People close, reopen, move and archive tickets between the pages of each pull, and the hub is killed at times."""
    await desk.start()

    def meanwhile() -> None:
        for _ in range(desk.random.randint(0, 6)):
            desk.seconds(desk.random.uniform(0, 0.5))
            desk.work()

    rounds = 9
    for _ in range(rounds):
        for _ in range(desk.size * 9 // 8 // rounds):
            desk.close(at_millis_ago=desk.random.randrange(500))
            desk.seconds(1200 * rounds / desk.size)
            if desk.random.random() < 0.1:
                desk.work()
        await desk.pull(meanwhile=meanwhile, pages=1 if desk.random.random() < 0.2 else None)
    desk.seconds(60)
    await desk.pull()
    return desk.result(scenario)


Scenario = Callable[[Desk, str], Awaitable[Result]]
WEST, EAST = "America/Los_Angeles", "Asia/Tokyo"
SCENARIOS: dict[str, tuple[Scenario, Literal["cloud", "dc"], str]] = {
    "cloud: ties": (ties, "cloud", "UTC"),
    "cloud: lagging index": (lagging_index, "cloud", "UTC"),
    "cloud: hidden and vanishing rows": (hidden_rows, "cloud", "UTC"),
    "cloud: account at UTC-8": (odd_seconds, "cloud", WEST),
    "cloud: account at UTC+9": (odd_seconds, "cloud", EAST),
    "cloud: busy": (busy, "cloud", "UTC"),
    "data center: ties": (ties, "dc", "UTC"),
    "data center: lagging index": (lagging_index, "dc", WEST),
    "data center: account at UTC+9": (odd_seconds, "dc", EAST),
    "data center: busy": (busy, "dc", "UTC"),
}


async def play(scenario: str, size: int) -> Result:
    """Play one of the `SCENARIOS` with so many tickets."""
    run, kind, zone = SCENARIOS[scenario]
    return await run(Desk(seed=len(scenario) * 7919 + size, size=size, kind=kind, zone=zone), scenario)
