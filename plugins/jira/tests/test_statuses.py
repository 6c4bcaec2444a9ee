"""Statuses that come and go while tickets are in them. Data Center tells closings by them alone."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

from hub_jira.closures import closing, departures, transitions
from hypothesis import given
from hypothesis import strategies as st

OPEN, WORK, TESTING, RESOLVED, CLOSED = "1", "3", "77", "5", "6"
ALL = {OPEN: "new", WORK: "indeterminate", TESTING: "indeterminate", RESOLVED: "done", CLOSED: "done"}
DELETED = {status: category for status, category in ALL.items() if status != TESTING}
DONE = {"status": {"statusCategory": {"key": "done"}}, "resolutiondate": "2026-02-28T10:00:00.000+0000"}


def history(*statuses: str) -> Any:
    """A changelog in which a ticket goes through these statuses, a day each."""
    return [
        {
            "id": str(day),
            "created": f"2026-03-{day:02}T10:00:00.000+0000",
            "items": [{"field": "status", "from": before, "to": after}],
        }
        for day, (before, after) in enumerate(itertools.pairwise(statuses), 1)
    ]


def closed_on(categories: dict[str, str], *statuses: str) -> tuple[int, int | None]:
    """The day in March of the last closing, and how often the ticket was opened again."""
    found = closing(DONE, transitions(history(*statuses)), categories)
    assert found
    assert found.at.month == 3
    return found.at.day, found.reopen_count


def test_closing_from_a_status_that_is_deleted_later_keeps_its_moment() -> None:
    """Otherwise it would look like another closing, and be surveyed again."""
    assert closed_on(ALL, OPEN, TESTING, RESOLVED) == closed_on(DELETED, OPEN, TESTING, RESOLVED) == (2, 0)


def test_moving_on_through_a_deleted_status_is_no_new_closing() -> None:
    """From Resolved to Closed, whatever lay between."""
    assert closed_on(DELETED, OPEN, RESOLVED, TESTING, CLOSED) == (1, 0)


def test_reopening_that_ends_in_a_known_status_counts_though_it_began_in_a_deleted_one() -> None:
    """Once."""
    assert closed_on(DELETED, OPEN, RESOLVED, TESTING, WORK, CLOSED) == (4, 1)


@given(st.lists(st.sampled_from(sorted(ALL)), max_size=10), st.sets(st.sampled_from(sorted(ALL.keys() - {CLOSED}))))
def test_deleted_statuses_make_up_no_closing_and_no_reopening(statuses: list[str], deleted: set[str]) -> None:
    """The ticket is in Closed, so that status is known: the last step into Done comes after all reopenings."""
    known = {status: category for status, category in ALL.items() if status not in deleted}
    path = [OPEN, *statuses, CLOSED]
    steps = transitions(history(*path))
    left = departures(steps, known)
    found = closing({**DONE, "created": "2026-01-01T10:00:00.000+0000"}, steps, known)
    assert found
    assert left == sorted(set(left))
    if found.at.month == 3:
        assert known.get(path[found.at.day]) == "done"
        assert all(at < found.at for at in left)


async def test_status_that_is_new_is_looked_up_at_once(data_center: Any, new_hub: Any) -> None:
    """The list of statuses is kept for an hour; by then the cursor has passed these tickets."""
    hub = new_hub(data_center.source())
    await hub.pull()
    data_center.advance(minutes=5)
    again, old = data_center.close(), data_center.open(created=data_center.clock.now() - timedelta(days=3))
    data_center.advance(minutes=3)
    await hub.pull()
    data_center.site.add_status("Solved", "done")
    data_center.site.reopen(again)
    data_center.advance(minutes=1)
    for issue in (again, old):
        data_center.site.transition(issue, "Solved", by=data_center.site.agent, resolution=None)
    data_center.advance(minutes=2)
    await hub.pull()
    assert {issue_id for issue_id, _ in hub.closures} == {again.id, old.id}
    assert len(hub.closures) == 3


async def test_status_that_a_ticket_is_in_needs_no_list(data_center: Any, new_hub: Any) -> None:
    """The ticket tells its category itself."""
    hub = new_hub(data_center.source())
    await hub.pull()
    issue = data_center.open(created=data_center.clock.now() - timedelta(days=3))
    data_center.advance(minutes=1)
    data_center.close()
    data_center.advance(seconds=20)
    await hub.pull()
    asked = data_center.asked("/status")
    data_center.site.add_status("Solved", "done")
    data_center.site.transition(issue, "Solved", by=data_center.site.agent, resolution=None)
    data_center.advance(seconds=20)
    await hub.pull()
    assert issue.id in hub.ids
    assert data_center.asked("/status") == asked


async def test_list_of_statuses_is_read_once_a_minute_at_most(data_center: Any, new_hub: Any) -> None:
    """Though old tickets have statuses in their histories that nobody knows any more."""
    data_center.site.add_status("Testing", "indeterminate")
    hub = new_hub(data_center.source())
    await hub.pull()
    issue = data_center.open()
    data_center.site.transition(issue, "Testing", by=data_center.site.agent)
    del data_center.site.statuses["Testing"]
    data_center.close(issue)
    asked = data_center.asked("/status")
    for _ in range(6):
        data_center.advance(seconds=15)
        await hub.pull()
    assert data_center.asked("/status") - asked == 2


async def test_status_that_is_deleted_while_the_hub_runs_stays_known(data_center: Any, new_hub: Any) -> None:
    """And the closings that it had a part in stay what they were."""
    site = data_center.site
    site.add_status("Testing", "indeterminate")
    hub = new_hub(data_center.source())
    await hub.pull()
    data_center.advance(minutes=1)
    issue = data_center.close()
    data_center.advance(minutes=1)
    site.transition(issue, "Testing", by=site.agent)
    data_center.advance(minutes=1)
    data_center.close(issue)
    data_center.advance(minutes=1)
    await hub.pull()
    before = set(hub.closures)
    data_center.advance(days=3)
    del site.statuses["Testing"]
    site.comment(issue, site.account, "Survey: 4 of 5")
    data_center.advance(minutes=3)
    await hub.pull()
    assert set(hub.closures) == before
    [(_, key)] = before
    assert int(key) == round(_last_change(issue).timestamp() * 1000)


def _last_change(issue: Any) -> datetime:
    return [change.at for change in issue.history if any(item.field == "status" for item in change.items)][-1]
