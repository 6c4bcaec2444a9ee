"""Pulling closed and reopened tickets: what must hold whatever the index, the clock and the account do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hub_jira.cursor import Position
from sandbox.jira import Answer
from sandbox.jira.faults import html

from hub import AuthFailed, Unexpected


async def started(rig: Any, new_hub: Any, **settings: Any) -> Any:
    """A hub after its first pull."""
    hub = new_hub(rig.source(**settings))
    await hub.pull()
    rig.advance(minutes=1)
    return hub


async def test_first_pull_gives_only_a_cursor_at_jiras_time(any_rig: Any, new_hub: Any) -> None:
    """Not at the hub's time, which may be an hour off."""
    any_rig.close()
    any_rig.site.clock_skew = timedelta(hours=1)
    hub = new_hub(any_rig.source())
    [page] = await hub.pull()
    assert page.tickets == ()
    ahead = Position.read(page.cursor).since_time - any_rig.clock.now()
    assert ahead == timedelta(hours=1)


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo"])
async def test_account_in_another_time_zone_finds_each_closing_once(any_rig: Any, new_hub: Any, zone: str) -> None:
    """Checklist 1. Closed half a minute before the pull."""
    any_rig.site.user_zone = zone
    hub = await started(any_rig, new_hub)
    issue = any_rig.close()
    any_rig.advance(seconds=30)
    await hub.pull()
    any_rig.advance(minutes=1)
    await hub.pull()
    [(ticket_id, _)] = hub.closures
    assert ticket_id == issue.id


async def test_index_that_shows_a_later_closing_first_loses_nothing(any_rig: Any, new_hub: Any) -> None:
    """Checklist 2. The cursor has passed the first closing by minutes when it comes to light."""
    hub = await started(any_rig, new_hub, settle="0s")
    any_rig.site.search_lag = timedelta(minutes=8)
    late = any_rig.close()
    any_rig.site.search_lag = timedelta()
    for _ in range(4):
        any_rig.advance(minutes=1.5)
        any_rig.close()
        await hub.pull()
    assert late.id not in hub.ids
    any_rig.advance(minutes=3)
    await hub.pull()
    assert late.id in hub.ids


async def test_cursor_stays_behind_what_has_not_settled(any_rig: Any, new_hub: Any) -> None:
    """Later rows may be visible before earlier ones."""
    hub = await started(any_rig, new_hub, settle="5m")
    any_rig.advance(minutes=10)
    any_rig.close()
    await hub.pull()
    assert Position.read(hub.cursor).since_time == any_rig.clock.now() - timedelta(minutes=5)


async def test_cursor_of_a_quiet_desk_does_not_move(any_rig: Any, new_hub: Any) -> None:
    """One answer with a wrong Date must not carry it past closings that nobody has seen."""
    hub = await started(any_rig, new_hub)
    before = Position.read(hub.cursor).since
    any_rig.site.clock_skew = timedelta(days=1)
    await hub.pull()
    any_rig.site.clock_skew = timedelta()
    assert Position.read(hub.cursor).since == before


async def test_cursor_moves_only_after_the_last_page(any_rig: Any, new_hub: Any) -> None:
    """A walk that was broken off begins again."""
    hub = await started(any_rig, new_hub)
    for _ in range(5):
        any_rig.close()
        any_rig.advance(minutes=1)
    before = hub.cursor
    pages = await hub.pull()
    assert len(pages) >= 4
    assert {page.cursor for page in pages[:-1]} == {before}
    assert pages[-1].cursor != before


async def test_resolved_and_closed_later_is_one_closing(any_rig: Any, new_hub: Any) -> None:
    """Checklist 4."""
    hub = await started(any_rig, new_hub)
    issue = any_rig.close()
    any_rig.advance(minutes=1)
    await hub.pull()
    any_rig.site.transition(issue, "Closed", by=any_rig.site.agent)
    any_rig.advance(minutes=1)
    await hub.pull()
    assert len(hub.closures) == 1
    assert hub.reopened == set()


async def test_own_write_that_counts_as_an_update_is_no_news(any_rig: Any, new_hub: Any) -> None:
    """Checklist 5."""
    hub = await started(any_rig, new_hub)
    issue = any_rig.close()
    any_rig.advance(minutes=1)
    await hub.pull()
    any_rig.site.comment(issue, any_rig.site.account, "Survey: 4 of 5", public=False)
    any_rig.advance(hours=1)
    await hub.pull()
    assert len(hub.closures) == 1


async def test_reopened_and_closed_again_is_told_and_a_new_closing(any_rig: Any, new_hub: Any) -> None:
    """Checklist 3: the survey of the first closing is withheld."""
    hub = await started(any_rig, new_hub)
    issue = any_rig.close()
    any_rig.advance(minutes=1)
    await hub.pull()
    any_rig.site.reopen(issue)
    any_rig.advance(minutes=1)
    await hub.pull()
    assert hub.reopened == {issue.id}
    any_rig.close(issue)
    any_rig.advance(minutes=1)
    [*_, _] = await hub.pull()
    keys = sorted(key for _, key in hub.closures)
    assert len(keys) == 2
    assert hub.closures[issue.id, keys[1]].reopen_count == 1


async def test_ticket_opened_again_during_a_long_walk_is_told(any_rig: Any, new_hub: Any) -> None:
    """Relative times count from the moment of each search, not from the beginning of the pull."""
    hub = await started(any_rig, new_hub)
    issues = [any_rig.close() for _ in range(6)]
    any_rig.advance(minutes=1)
    reopened: set[str] = set()
    async for page in hub.source.pull(hub.cursor):
        if issues[0].status.name == "Resolved":
            any_rig.site.reopen(issues[0])
            any_rig.advance(hours=1)
        reopened |= set(page.reopened)
    assert reopened == {issues[0].id}


async def test_index_that_forgets_a_second_closing_does_not_reopen_it(cloud: Any, new_hub: Any) -> None:
    """Search is asked for what is open; the ticket itself decides."""
    hub = await started(cloud, new_hub)
    issue = cloud.close()
    cloud.site.reopen(issue)
    cloud.site.search_lag = timedelta(minutes=5)
    cloud.close(issue)
    cloud.advance(minutes=1)
    await hub.pull()
    assert hub.reopened == set()


async def test_moved_ticket_keeps_its_closing(any_rig: Any, new_hub: Any) -> None:
    """Checklist 26: a new key, the same id."""
    other = any_rig.site.add_project("HLP")
    hub = await started(any_rig, new_hub, projects=["SUP", "HLP"])
    issue = any_rig.close()
    any_rig.advance(minutes=1)
    await hub.pull()
    any_rig.site.move(issue, other)
    any_rig.advance(minutes=1)
    await hub.pull()
    [ticket] = hub.closures.values()
    assert (ticket.id, ticket.key) == (issue.id, "HLP-1")


async def test_ticket_closed_before_the_first_pull_stays_unasked_when_somebody_writes_on_it(
    data_center: Any, new_hub: Any
) -> None:
    """Data Center is searched by the time of update, which comes up again years later."""
    issue = data_center.close()
    data_center.advance(days=30)
    hub = await started(data_center, new_hub)
    data_center.site.comment(issue, data_center.site.agent, "For the record")
    data_center.advance(minutes=1)
    await hub.pull()
    assert hub.closures == {}


async def test_ticket_that_was_opened_again_long_ago_is_not_told_of_each_time_it_is_written_on(
    data_center: Any, new_hub: Any
) -> None:
    """On Data Center all open tickets with an update are looked at."""
    issue = data_center.close()
    data_center.site.reopen(issue)
    data_center.advance(days=1)
    hub = await started(data_center, new_hub)
    data_center.site.comment(issue, data_center.site.agent, "Still working on it")
    data_center.advance(minutes=1)
    await hub.pull()
    assert hub.reopened == set()


async def test_done_without_a_resolution_is_closed(any_rig: Any, new_hub: Any) -> None:
    """Some workflows set none."""
    hub = await started(any_rig, new_hub)
    issue = any_rig.close(resolution=None)
    any_rig.advance(minutes=1)
    await hub.pull()
    assert hub.ids == {issue.id}


async def test_gap_of_months_is_read_from_its_beginning(any_rig: Any, new_hub: Any) -> None:
    """A hub that stood still."""
    hub = await started(any_rig, new_hub)
    issue = any_rig.close()
    any_rig.advance(days=90)
    await hub.pull()
    assert hub.ids == {issue.id}


async def test_rewind_begins_where_it_is_told(any_rig: Any, new_hub: Any) -> None:
    """And not before."""
    any_rig.close()
    any_rig.advance(days=1)
    since = any_rig.clock.now()
    wanted = any_rig.close()
    any_rig.advance(days=20)
    hub = new_hub(any_rig.source())
    hub.cursor = await hub.source.rewind(since)
    await hub.pull()
    assert hub.ids == {wanted.id}


async def test_ticket_that_a_webhook_named_is_found_before_the_index_shows_it(cloud: Any, new_hub: Any) -> None:
    """The id travels with the next searches."""
    hub = await started(cloud, new_hub)
    cloud.site.search_lag = timedelta(hours=1)
    issue = cloud.close()
    [request, *_] = await cloud.pushes(issue.id)
    await hub.source.receive(request)
    cloud.advance(minutes=1)
    await hub.pull()
    assert hub.ids == {issue.id}


async def test_old_search_that_was_removed_is_reported_and_not_repeated(data_center: Any, new_hub: Any) -> None:
    """Checklist 13."""
    hub = await started(data_center, new_hub)
    gone = {"errorMessages": ["The requested API has been removed."], "errors": {}}
    data_center.site.faults.on("POST", "/search", Answer(410, gone, {"content-type": "application/json"}), times=0)
    asked = data_center.asked("/search")
    with pytest.raises(Unexpected, match="update the hub"):
        await hub.pull()
    assert data_center.asked("/search") == asked + 1


async def test_page_token_that_repeats_ends_the_walk(cloud: Any, new_hub: Any) -> None:
    """Checklist 14."""
    hub = await started(cloud, new_hub)
    cursor = hub.cursor
    page = {"issues": [], "nextPageToken": "again", "isLast": False}
    cloud.site.faults.on("POST", "/search/jql", Answer(200, page, {"content-type": "application/json"}), times=0)
    with pytest.raises(Unexpected, match="twice"):
        await hub.pull()
    assert hub.cursor == cursor


async def test_empty_pages_with_ever_new_tokens_end_the_walk(cloud: Any, new_hub: Any) -> None:
    """They would go on for ever."""
    hub = await started(cloud, new_hub)
    for number in range(3):
        page = {"issues": [], "nextPageToken": f"token-{number}"}
        cloud.site.faults.on("POST", "/search/jql", Answer(200, page, {"content-type": "application/json"}))
    with pytest.raises(Unexpected, match="empty pages"):
        await hub.pull()


@pytest.mark.parametrize(
    "fault",
    [
        html(200, "Your site is waking up"),
        Answer(200, b'{"issues": [{"id": "10', {"content-type": "application/json"}),
        Answer(200, {"issues": "none"}, {"content-type": "application/json"}),
        Answer(200, [], {"content-type": "application/json"}),
    ],
    ids=["page", "cut", "wrong type", "list"],
)
async def test_answer_that_is_no_search_result_leaves_the_cursor(any_rig: Any, new_hub: Any, fault: Answer) -> None:
    """Checklist 15."""
    hub = await started(any_rig, new_hub)
    issue = any_rig.close()
    any_rig.advance(minutes=1)
    cursor = hub.cursor
    any_rig.site.faults.on("POST", "/search", fault)
    with pytest.raises(Unexpected):
        await hub.pull()
    assert hub.cursor == cursor
    await hub.pull()
    assert hub.ids == {issue.id}


async def test_token_that_jira_has_forgotten_begins_the_walk_again(cloud: Any, new_hub: Any) -> None:
    """Tokens live for seven days, and less when Jira is restarted."""
    hub = await started(cloud, new_hub)
    issues = {cloud.close().id for _ in range(5)}
    cloud.advance(minutes=1)
    refused = {"errorMessages": ["The provided next page token is invalid or expired."], "errors": {}}
    answer = Answer(400, refused, {"content-type": "application/json"})
    cloud.site.faults.on("POST", "/search/jql", answer, after=1)
    await hub.pull()
    assert hub.ids == issues
    for well in (1, 2):
        cloud.site.faults.on("POST", "/search/jql", answer, after=well)
    hub.cursor = await hub.source.rewind(cloud.clock.now() - timedelta(hours=1))
    with pytest.raises(Unexpected, match="token is invalid"):
        await hub.pull()


async def test_query_that_jira_refuses_is_shown_with_its_reason(any_rig: Any, new_hub: Any) -> None:
    """The operator's own words may be quoted."""
    hub = new_hub(any_rig.source(jql="project = NOPE"))
    await hub.pull()
    with pytest.raises(Unexpected, match="'NOPE' does not exist"):
        await hub.pull()


async def test_lost_credentials_that_look_like_an_empty_desk_are_noticed(any_rig: Any, new_hub: Any) -> None:
    """Search answers anonymous callers with nothing."""
    hub = await started(any_rig, new_hub)
    any_rig.site.auth.lapse_to_anonymous = True
    for secret in any_rig.secrets[:2]:
        if secret in any_rig.site.auth._tokens:
            any_rig.site.auth.revoke(secret)
    with pytest.raises(AuthFailed):
        await hub.pull()


async def test_rows_that_are_counted_but_not_shown_are_warned_of(cloud: Any, new_hub: Any) -> None:
    """The count is an estimate, so that a few do not matter."""
    hub = await started(cloud, new_hub, page_size=100)
    issues = [cloud.close() for _ in range(20)]
    cloud.advance(minutes=1)
    for issue in issues[:5]:
        cloud.site.vanish(issue)
    [*_, last] = await hub.pull()
    assert last.warning is None
    for issue in issues[:6]:
        cloud.site.vanish(issue)
    [*_, last] = await hub.pull()
    assert last.warning
    assert "20" in last.warning
    assert "14" in last.warning


async def test_census_lists_what_is_closed_and_was_closed_since(any_rig: Any) -> None:
    """Not what was only written on since then, and not what is open again."""
    old = any_rig.close()
    any_rig.advance(days=2)
    since = any_rig.clock.now()
    kept, reopened = any_rig.close(), any_rig.close()
    any_rig.advance(minutes=1)
    any_rig.site.reopen(reopened)
    any_rig.site.comment(old, any_rig.site.agent, "For the record")
    listed = {one async for page in any_rig.source().census(since) for one in page}
    assert listed == {kept.id}


async def test_pulling_a_thousand_tickets_takes_few_requests(cloud: Any, new_hub: Any) -> None:
    """No ticket is read by itself."""
    hub = await started(cloud, new_hub, page_size=100)
    for _ in range(1000):
        cloud.close()
    cloud.advance(minutes=1)
    before = len(cloud.site.requests)
    await hub.pull()
    assert len(hub.closures) == 1000
    assert len(cloud.site.requests) - before <= 25


async def test_desk_request_is_read_once_for_each_closing(jsm: Any, new_hub: Any) -> None:
    """Overlap and the look before sending cost no further requests to Service Management."""
    hub = await started(jsm, new_hub)
    issue = jsm.close()
    jsm.advance(minutes=1)
    await hub.pull()
    await hub.pull()
    await hub.source.fetch([issue.id])
    assert jsm.asked(f"/request/{issue.id}") == 1
