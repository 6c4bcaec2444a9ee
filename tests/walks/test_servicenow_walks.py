"""Walks through a simulated ServiceNow instance with ten thousand tickets and more: nothing there may be missed.

Each test prints one line of JSON: how many closings were there to be seen, how many were found, in how many requests.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from hub_servicenow.config import ServiceNowConfig
from hub_servicenow.source import ServiceNowSource
from sandbox.servicenow import Instance, build_app

from hub import Cursor, Page
from hub.testing.clock import FakeClock
from hub.testing.fakes import FakeContext

pytestmark = pytest.mark.timeout(120)

URL = "https://acme.service-now.com"
Closure = tuple[str, str]


class Desk:
    """An instance on which people work, and the hub that pulls from it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.clock = FakeClock()
        self.instance = Instance(self.clock, URL, seed=seed)
        self.caller = self.instance.add_user("mia@example.com")
        self.pages: list[Page] = []
        self._cursor: Cursor | None = None
        self._transport = httpx.ASGITransport(build_app(self.instance))

    async def pull(self) -> None:
        """One pull by a hub that was started afresh."""
        config = ServiceNowConfig(url=URL, username="xm.hub", password="correct-horse")
        source = ServiceNowSource(config, FakeContext(transport=self._transport, clock=self.clock))
        async for page in source.pull(self._cursor):
            self.pages.append(page)
            self._cursor = page.cursor

    def open(self, count: int) -> list[str]:
        return [self.instance.open_record("incident", self.caller, "VPN drops") for _ in range(count)]

    def closure(self, ticket_id: str) -> Closure:
        return ticket_id, f"{self.instance.record(ticket_id)['reopen_count']}:resolved"

    def found(self) -> list[Closure]:
        return [(ticket.id, ticket.closure_key) for page in self.pages for ticket in page.tickets]

    def minute(self, minutes: float = 1) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    def report(self, scenario: str, there: set[Closure]) -> None:
        found = set(self.found())
        figures = {"there": len(there), "found": len(found & there), "requests": len(self.instance.requests)}
        print(json.dumps({"scenario": f"servicenow {scenario}", **figures}))
        assert found == there


async def test_more_closings_in_one_second_than_fit_on_a_page() -> None:
    """Auto-close jobs: seven times 1,500 tickets with one sys_updated_on, in pages of 200."""
    desk = Desk(1)
    await desk.pull()
    tickets = desk.open(10_500)
    for first in range(0, len(tickets), 1500):
        desk.minute()
        for ticket_id in tickets[first : first + 1500]:
            desk.instance.resolve(ticket_id)
    await desk.pull()
    assert len(desk.found()) == len(tickets)
    desk.report("ties", {desk.closure(one) for one in tickets})


async def test_closings_that_become_visible_late_and_out_of_order() -> None:
    """Each becomes visible up to four minutes after the time that it bears; the hub pulls every minute."""
    desk = Desk(2)
    await desk.pull()
    tickets = desk.open(10_000)
    for first in range(0, len(tickets), 200):
        for ticket_id in tickets[first : first + 200]:
            desk.clock.advance(timedelta(milliseconds=300))
            desk.instance.lag = timedelta(seconds=desk.random.randint(0, 240))
            desk.instance.resolve(ticket_id)
        await desk.pull()
    desk.minute(5)
    await desk.pull()
    desk.report("lag", {desk.closure(one) for one in tickets})


async def test_access_rules_that_hide_most_rows() -> None:
    """60 % are hidden, among them 1,000 in a row, which makes whole pages empty."""
    desk = Desk(3)
    await desk.pull()
    tickets = desk.open(10_000)
    hidden = set(tickets[4000:5000])
    hidden |= set(desk.random.sample(sorted(set(tickets) - hidden), 5000))
    for number, ticket_id in enumerate(tickets):
        if number % 50 == 0:
            desk.clock.advance(timedelta(seconds=1))
        desk.instance.resolve(ticket_id)
        if ticket_id in hidden:
            desk.instance.hide(ticket_id)
    desk.minute()
    await desk.pull()
    assert (desk.pages[-1].warning or "").startswith("6000 of 10000 rows are hidden from the account")
    desk.report("hidden rows", {desk.closure(one) for one in tickets if one not in hidden})


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo"])
async def test_an_account_in_another_time_zone(zone: str) -> None:
    """Closings around minutes and hours are found exactly once each, apart from the overlap."""
    desk = Desk(4)
    desk.instance.account.zone = ZoneInfo(zone)
    await desk.pull()
    tickets = desk.open(10_000)
    for first in range(0, len(tickets), 500):
        for ticket_id in tickets[first : first + 500]:
            desk.clock.advance(timedelta(seconds=desk.random.choice([0, 1, 2])))
            desk.instance.resolve(ticket_id)
        await desk.pull()
    ends = {ticket.closed_at for page in desk.pages for ticket in page.tickets}
    assert max(ends) <= desk.clock.now()
    desk.report(f"zone {zone}", {desk.closure(one) for one in tickets})


async def test_tickets_that_move_while_the_walk_goes_on() -> None:
    """Before each page some tickets are resolved, closed for good, reopened, resolved again or written on."""
    desk = Desk(5)
    await desk.pull()
    tickets = desk.open(10_000)
    for number, ticket_id in enumerate(tickets):
        if number % 30 == 0:
            desk.clock.advance(timedelta(seconds=1))
        desk.instance.resolve(ticket_id)
    happened = {desk.closure(one) for one in tickets}
    work = Work(desk, tickets, happened)
    for _ in range(8):
        for page in range(1, 130):
            desk.instance.before_page(page, work.go_on)
        await desk.pull()
        desk.minute()
    desk.instance.watch.before_page.clear()
    await desk.pull()
    closed = {desk.closure(one) for one in tickets if desk.instance.record(one)["state"] in ("6", "7")}
    assert set(desk.found()) <= happened
    told_open = {one for page in desk.pages for one in page.reopened}
    still_open = {one for one in tickets if desk.instance.record(one)["state"] not in ("6", "7")}
    assert still_open <= told_open
    found = set(desk.found())
    figures = {"there": len(closed), "found": len(found & closed), "requests": len(desk.instance.requests)}
    print(json.dumps({"scenario": "servicenow moves", **figures, "reopened": len(told_open)}))
    assert closed <= found


class Work:
    """What people do to a few tickets between two pages."""

    def __init__(self, desk: Desk, tickets: list[str], happened: set[Closure]) -> None:
        self._desk = desk
        self._tickets = tickets
        self._happened = happened

    def go_on(self) -> None:
        self._desk.clock.advance(timedelta(seconds=self._desk.random.choice([0, 0, 1])))
        for ticket_id in self._desk.random.sample(self._tickets, 5):
            self._on(ticket_id)

    def _on(self, ticket_id: str) -> None:
        instance = self._desk.instance
        state = instance.record(ticket_id)["state"]
        usual: Callable[[str], None] = instance.close if state == "6" else instance.reopen
        action = self._desk.random.choice([usual, instance.reopen, self._write])
        if state not in ("6", "7"):
            action = self._desk.random.choice([instance.resolve, self._write])
        action(ticket_id)
        if instance.record(ticket_id)["state"] in ("6", "7"):
            self._happened.add(self._desk.closure(ticket_id))

    def _write(self, ticket_id: str) -> None:
        self._desk.instance.update(ticket_id, priority=str(self._desk.random.randint(1, 5)))
