"""No row is lost, whatever the instance hides, moves or drops. The same at scale: `make test-walks`."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hub_servicenow.client import ServiceNowClient
from hub_servicenow.page_size import PageSize
from hub_servicenow.query import parse_filter
from hub_servicenow.walk import Question, Walk
from hypothesis import given
from hypothesis import strategies as st
from sandbox.servicenow import faults

from hub import Cursor, Page, Unavailable, Unexpected

FIELDS = ("sys_id", "number", "state", "sys_updated_on")
TABLE = "/api/now/table/incident"


class Puller:
    """A hub that pulls again and again, each time started afresh."""

    def __init__(self, desk: Any, **settings: Any) -> None:
        self._desk = desk
        self._settings = settings
        self.cursor: Cursor | None = None
        self.pages: list[Page] = []

    async def pull(self) -> None:
        async for page in self._desk.source(**self._settings).pull(self.cursor):
            self.pages.append(page)
            self.cursor = page.cursor

    def found(self) -> list[str]:
        return [ticket.id for page in self.pages for ticket in page.tickets]


async def test_all_rows_of_one_second_are_found(desk: Any) -> None:
    """Checklist 6."""
    puller = Puller(desk, page_size=20)
    await puller.pull()
    desk.clock.advance(timedelta(minutes=1))
    tickets = desk.resolved(150)
    await puller.pull()
    assert sorted(puller.found()) == sorted(tickets)


async def test_hidden_rows_and_empty_pages_end_nothing_and_are_told(desk: Any) -> None:
    """Checklist 7."""
    puller = Puller(desk, page_size=10)
    await puller.pull()
    tickets = []
    for _ in range(100):
        desk.clock.advance(timedelta(seconds=1))
        tickets += desk.resolved()
    hidden = {*tickets[20:45], *random.Random(7).sample(tickets[50:], 35)}
    for ticket_id in hidden:
        desk.instance.hide(ticket_id)
    await puller.pull()
    assert sorted(puller.found()) == sorted(set(tickets) - hidden)
    assert puller.pages[-1].warning is not None
    assert puller.pages[-1].warning.startswith("60 of 100 rows are hidden from the account")
    [entry] = [one for one in desk.context.log.entries if one.event == "servicenow.rows_hidden"]
    assert entry.level == "warning"
    assert entry.values == {"hidden": 60, "expected": 100, "untimed": 0}


async def test_a_full_view_gives_no_warning(desk: Any) -> None:
    puller = Puller(desk, page_size=10)
    await puller.pull()
    desk.clock.advance(timedelta(minutes=1))
    desk.resolved(35)
    await puller.pull()
    assert puller.pages[-1].warning is None
    assert "servicenow.rows_hidden" not in desk.context.log.events()


async def test_a_row_that_moves_in_mid_walk_is_not_lost(desk: Any) -> None:
    """Checklist 9: the rows behind it move up, as with an offset, and it comes later itself."""
    puller = Puller(desk, page_size=10)
    await puller.pull()
    tickets = []
    for _ in range(60):
        desk.clock.advance(timedelta(seconds=1))
        tickets += desk.resolved()
    desk.clock.advance(timedelta(seconds=1))
    source = desk.source(page_size=10)
    found, page_number = [], 0
    async for page in source.pull(puller.cursor):
        found += [ticket.id for ticket in page.tickets]
        if page_number < 4:
            desk.instance.close(tickets[page_number * 10])
            desk.instance.reopen(tickets[page_number * 10 + 25])
            desk.instance.delete(tickets[page_number * 10 + 3])
        page_number += 1
    gone = {tickets[number * 10 + place] for number in range(4) for place in (3, 25)}
    assert set(tickets) - gone <= set(found)


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo"])
async def test_the_accounts_time_zone_does_not_matter(desk: Any, zone: str) -> None:
    """Checklist 1."""
    desk.instance.account.zone = ZoneInfo(zone)
    puller = Puller(desk, overlap="0s", settle="0s")
    await puller.pull()
    desk.clock.advance(timedelta(seconds=30))
    tickets = desk.resolved()
    desk.clock.advance(timedelta(seconds=30))
    for _ in range(3):
        await puller.pull()
        desk.clock.advance(timedelta(hours=1))
    assert set(puller.found()) == set(tickets)
    assert puller.pages[1].tickets[0].closed_at == desk.clock.now() - timedelta(hours=3, seconds=30)


async def test_rows_that_become_visible_late_are_found(desk: Any) -> None:
    """Checklist 2."""
    puller = Puller(desk)
    await puller.pull()
    there = []
    for lag in (90, 0, 240, 10, 0, 0, 0, 0, 0):
        desk.clock.advance(timedelta(minutes=1))
        desk.instance.lag = timedelta(seconds=lag)
        there += desk.resolved(2)
        await puller.pull()
    assert set(puller.found()) == set(there)


async def test_the_cursor_moves_only_when_the_walk_is_over(desk: Any) -> None:
    puller = Puller(desk, page_size=10)
    await puller.pull()
    before = puller.cursor
    desk.clock.advance(timedelta(minutes=10))
    desk.resolved(25)
    desk.clock.advance(timedelta(minutes=10))
    await puller.pull()
    assert [page.cursor for page in puller.pages[1:-1]] == [before] * 3
    assert puller.pages[-1].cursor != before
    assert puller.pages[-1].tickets == ()


async def test_a_batch_is_not_read_again_all_night(desk: Any) -> None:
    puller = Puller(desk)
    await puller.pull()
    desk.clock.advance(timedelta(minutes=1))
    desk.resolved(25)
    for _ in range(13):
        await puller.pull()
        desk.clock.advance(timedelta(minutes=1))
    puller.pages.clear()
    await puller.pull()
    assert puller.found() == []


async def test_a_quiet_table_costs_two_requests(desk: Any) -> None:
    source = desk.source()
    [page] = [page async for page in source.pull(None)]
    before = len(desk.instance.requests)
    [page] = [page async for page in source.pull(page.cursor)]
    assert len(desk.instance.requests) - before == 2


def walk(desk: Any, query: str = "stateIN6,7", *, proof: str | None = None, page_size: int = 10) -> Walk:
    client = ServiceNowClient(desk.config(), desk.context)
    question = Question("incident", query, parse_filter(proof or query), FIELDS, required=FIELDS)
    return Walk(client, question, PageSize(page_size))


async def ids(walk: Walk, start: str = "2026-01-01 00:00:00") -> list[str]:
    return [row["sys_id"] async for rows in walk.since(start) for row in rows]


async def test_a_row_that_does_not_satisfy_the_query_stops_everything(desk: Any) -> None:
    """The instance dropped `stat`, of which it knows nothing, and gave the whole table."""
    desk.resolved(3)
    desk.instance.open_record("incident", short_description="still open")
    with pytest.raises(Unexpected, match="does not satisfy 'statIN6,7'"):
        await ids(walk(desk, "statIN6,7", proof="stateIN6,7"))


async def test_a_time_that_is_dropped_is_noticed(desk: Any) -> None:
    desk.resolved(3)
    desk.clock.advance(timedelta(minutes=5))
    rows = '{"result":[{"sys_id":"a","number":"1","state":"6","sys_updated_on":"2026-03-02 09:00:00"}]}'
    answer = faults.answer(faults.Reply(200, rows.encode(), {"Content-Type": "application/json", "X-Total-Count": "1"}))
    desk.instance.faults.plan(answer, path=TABLE)
    with pytest.raises(Unexpected, match="from before the time"):
        await ids(walk(desk), "2026-03-02 09:01:00")


@pytest.mark.parametrize("name", FIELDS)
async def test_a_row_without_a_needed_field_stops_everything(desk: Any, name: str) -> None:
    desk.resolved(3)
    desk.instance.hide_field("incident", name, absent=True)
    with pytest.raises(Unexpected, match=f"{name}|does not satisfy"):
        await ids(walk(desk))


@pytest.mark.parametrize("fault", [faults.cancelled, faults.time_out], ids=["cancelled", "no answer"])
async def test_a_page_that_is_too_much_is_halved(desk: Any, fault: Any) -> None:
    tickets = desk.resolved(120)
    desk.instance.faults.plan(fault, path=TABLE, times=1 if fault is faults.cancelled else 6)
    found = await ids(walk(desk, page_size=100))
    assert sorted(found) == sorted(tickets)
    limits = [one.query["sysparm_limit"] for one in desk.instance.requests if one.path.endswith(TABLE)]
    assert list(dict.fromkeys(limits)) == ["100", "50"]


@pytest.mark.parametrize(
    ("fault", "error"), [(faults.cancelled, Unexpected), (faults.time_out, Unavailable)], ids=["cancelled", "no answer"]
)
async def test_below_25_rows_it_gives_up(desk: Any, fault: Any, error: type[Exception]) -> None:
    desk.resolved(3)
    desk.instance.faults.plan(fault, path=TABLE, times=1000)
    with pytest.raises(error):
        await ids(walk(desk, page_size=100))
    limits = [one.query["sysparm_limit"] for one in desk.instance.requests]
    assert list(dict.fromkeys(limits)) == ["100", "50", "25"]


async def test_a_refusal_does_not_make_pages_smaller(desk: Any) -> None:
    desk.instance.faults.plan(faults.MAINTENANCE, times=1000)
    with pytest.raises(Unavailable):
        await ids(walk(desk, page_size=100))
    assert {one.query["sysparm_limit"] for one in desk.instance.requests} == {"100"}


@given(
    seconds=st.lists(st.integers(0, 12), min_size=1, max_size=40),
    hidden=st.sets(st.integers(0, 39)),
    page_size=st.integers(1, 7),
)
async def test_exactly_the_visible_rows_are_found_once(
    new_desk: Any, seconds: list[int], hidden: set[int], page_size: int
) -> None:
    desk = new_desk()
    tickets = [desk.resolved(at=desk.clock.now() + timedelta(seconds=offset))[0] for offset in seconds]
    visible = [one for number, one in enumerate(tickets) if number not in hidden]
    for ticket_id in set(tickets) - set(visible):
        desk.instance.hide(ticket_id)
    one = walk(desk, page_size=page_size)
    assert sorted(await ids(one)) == sorted(visible)
    assert one.expected == len(tickets)
    assert one.hidden == len(tickets) - len(visible)
