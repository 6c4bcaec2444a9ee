"""Tickets that the search index shows as closed, while Jira itself has them open again. Their histories know."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from hub_jira.closures import closing, transitions
from hypothesis import given
from hypothesis import strategies as st

CATEGORIES = {"1": "new", "3": "indeterminate", "5": "done", "6": "done"}
START = datetime(2026, 3, 1, tzinfo=UTC)


def history(*statuses: str) -> list[dict[str, Any]]:
    """A changelog in which a ticket goes through these statuses, a minute each."""
    return [
        {"id": str(minute), "created": at(minute), "items": [{"field": "status", "from": before, "to": after}]}
        for minute, (before, after) in enumerate(itertools.pairwise(statuses), 1)
    ]


def at(minute: int) -> str:
    return (START + timedelta(minutes=minute)).isoformat()


def shown_closed(minute: int) -> dict[str, Any]:
    """The fields of a ticket that was closed in this minute, as far as an index knows."""
    return {"status": {"statusCategory": {"key": "done"}}, "statuscategorychangedate": at(minute)}


@given(
    st.lists(st.sampled_from(sorted(CATEGORIES)), max_size=6),
    st.lists(st.sampled_from(sorted(CATEGORIES)), max_size=6),
    st.sets(st.sampled_from(["1", "3", "6"])),
)
def test_ticket_is_open_when_its_history_goes_on_to_an_open_status(
    seen: list[str], unseen: list[str], deleted: set[str]
) -> None:
    """A deleted status proves nothing: the ticket then counts as it is shown."""
    path = ["1", *seen, "5"]
    entered = max(minute for minute in range(1, len(path)) if CATEGORIES[path[minute - 1]] != "done")
    known = {status: category for status, category in CATEGORIES.items() if status not in deleted}
    found = closing(shown_closed(entered), transitions(history(*path, *unseen)), known)
    is_open = known.get([*path, *unseen][-1], "done") != "done"
    assert (found is None) == is_open
    if found:
        assert found.at == START + timedelta(minutes=entered)


def test_history_that_lacks_the_last_closing_does_not_open_a_ticket() -> None:
    """Then it is the history that is behind."""
    found = closing(shown_closed(9), transitions(history("1", "5", "3")), CATEGORIES)
    assert found
    assert (found.at, found.reopen_count) == (START + timedelta(minutes=9), 1)


def test_history_does_not_open_a_ticket_that_does_not_say_when_it_was_closed() -> None:
    """Nobody knows which of the two is older."""
    fields = {**shown_closed(1), "statuscategorychangedate": None}
    found = closing(fields, transitions(history("1", "5", "3")), CATEGORIES)
    assert found
    assert found.at == START + timedelta(minutes=1)


async def closed_and_seen(rig: Any, hub: Any) -> Any:
    """A ticket that the index knows to be closed; what happens from now on it will know in an hour."""
    await hub.pull()
    rig.advance(minutes=5)
    issue = rig.close()
    rig.advance(minutes=1)
    rig.site.search_lag = timedelta(hours=1)
    return issue


async def test_ticket_opened_again_behind_the_index_is_no_closing(cloud: Any, new_hub: Any) -> None:
    """Its survey is taken back at once, and the next closing is one like any other."""
    hub = new_hub(cloud.source())
    issue, other = await closed_and_seen(cloud, hub), cloud.open()
    cloud.site.reopen(issue)
    cloud.advance(minutes=1)
    await hub.pull()
    assert (hub.ids, hub.reopened) == (set(), {issue.id})
    cloud.site.search_lag = timedelta()
    cloud.close(issue)
    cloud.close(other)
    cloud.advance(minutes=1)
    await hub.pull()
    assert hub.ids == {issue.id, other.id}
    [found] = [ticket for ticket in hub.closures.values() if ticket.id == issue.id]
    assert found.reopen_count == 1


async def test_only_what_the_history_proves_need_not_be_read_again(cloud: Any, new_hub: Any) -> None:
    hub = new_hub(cloud.source())
    await hub.pull()
    cloud.advance(minutes=5)
    proven, closed_again = cloud.close(), await closed_and_seen(cloud, hub)
    cloud.site.reopen(closed_again)
    cloud.advance(minutes=1)
    cloud.close(closed_again)
    cloud.advance(minutes=1)
    pages = await hub.pull()
    read_at = {ticket.id: page.read_at for page in pages for ticket in page.tickets}
    assert read_at[proven.id] is not None
    assert read_at[closed_again.id] is None


async def test_closed_tickets_beside_one_that_was_opened_again_are_found(jsm: Any, new_hub: Any) -> None:
    """And nothing is called amiss."""
    hub = new_hub(jsm.source())
    await hub.pull()
    jsm.advance(minutes=5)
    kept = jsm.close()
    issue = await closed_and_seen(jsm, hub)
    jsm.site.reopen(issue)
    jsm.advance(minutes=1)
    pages = await hub.pull()
    assert (hub.ids, hub.reopened) == ({kept.id}, {issue.id})
    assert [page.warning for page in pages if page.warning] == []


async def test_ticket_that_went_on_to_a_deleted_status_counts_as_it_is_shown(cloud: Any, new_hub: Any) -> None:
    """Nobody can say any more whether that status was an open one."""
    hub = new_hub(cloud.source())
    cloud.site.add_status("Testing", "indeterminate")
    issue = await closed_and_seen(cloud, hub)
    cloud.site.transition(issue, "Testing", by=cloud.site.agent)
    del cloud.site.statuses["Testing"]
    cloud.advance(minutes=1)
    await hub.pull()
    assert (hub.ids, hub.reopened) == ({issue.id}, set())


def test_closing_is_certain_only_when_the_history_ends_with_it() -> None:
    once, again = history("1", "5"), history("1", "5", "3", "5")
    assert is_certain(shown_closed(1), once)
    assert not is_certain(shown_closed(1), again), "closed again since"
    assert is_certain(shown_closed(3), again)
    assert not is_certain(shown_closed(9), once), "the history is behind"
    assert not is_certain(shown_closed(1), []), "made in a closed status"


def is_certain(fields: dict[str, Any], entries: list[dict[str, Any]]) -> bool:
    found = closing(fields, transitions(entries), CATEGORIES)
    assert found
    return found.is_certain
