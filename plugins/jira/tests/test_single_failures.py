"""One thing that fails must not hold up the rest: a ticket, a target, a count, an id that search will not hear of."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from sandbox.jira import Answer, EmailShown, Silence
from sandbox.jira.faults import Without, html

from hub import RateLimited, RemoteError, Unavailable, Unexpected

JSON = {"content-type": "application/json"}
BROKEN = Answer(500, {"errorMessage": "x"}, JSON)


async def started(rig: Any, new_hub: Any, **settings: Any) -> Any:
    """A hub after its first pull."""
    hub = new_hub(rig.source(**settings))
    await hub.pull()
    rig.advance(minutes=1)
    return hub


def portal_customer(rig: Any, name: str) -> Any:
    """Somebody whose address only Service Management tells."""
    return rig.customer(name, f"{name}@customer.example", email_shown=EmailShown.PORTAL)


@pytest.mark.parametrize("fault", [BROKEN, html(200, "Oops"), Silence()], ids=["500", "page", "silence"])
async def test_request_that_service_management_fails_on_is_taken_as_the_platform_shows_it(
    jsm: Any, new_hub: Any, fault: Any
) -> None:
    """Named to the operator, and not asked for again; those around it are complete."""
    hub = await started(jsm, new_hub, page_size=100)
    issues = [jsm.close(jsm.open(reporter=portal_customer(jsm, f"c{number}"))) for number in range(12)]
    bad = issues[4]
    jsm.advance(minutes=1)
    jsm.site.faults.on("GET", rf"/request/{bad.id}", fault, times=0)
    [page, last] = await hub.pull()
    assert hub.ids == {issue.id for issue in issues}
    without = [ticket.id for ticket in page.tickets if ticket.customer.email is None]
    assert without == [bad.id]
    assert bad.key in page.warning
    assert last.cursor == hub.cursor
    asked = jsm.asked(f"/request/{bad.id}")
    [page, _] = await hub.pull()
    assert page.warning is None
    assert jsm.asked(f"/request/{bad.id}") == asked


async def test_request_that_fails_alone_on_its_page_is_told_from_an_outage(jsm: Any, new_hub: Any) -> None:
    """By one that was shown before."""
    hub = await started(jsm, new_hub, page_size=100)
    jsm.close()
    jsm.advance(minutes=1)
    await hub.pull()
    bad = jsm.close()
    jsm.advance(minutes=1)
    jsm.site.faults.on("GET", rf"/request/{bad.id}", BROKEN, times=0)
    await hub.pull()
    assert bad.id in hub.ids


async def test_outage_of_service_management_costs_no_address(jsm: Any, new_hub: Any) -> None:
    """Also when requests were shown before it, and even on the same page."""
    hub = await started(jsm, new_hub, page_size=100)
    jsm.close()
    jsm.advance(minutes=1)
    await hub.pull()
    issues = [jsm.close(jsm.open(reporter=portal_customer(jsm, f"c{number}"))) for number in range(20)]
    jsm.advance(minutes=1)
    cursor = hub.cursor
    jsm.site.faults.on("GET", "/servicedeskapi/request/", BROKEN, times=0, after=10)
    with pytest.raises(Unavailable):
        await hub.pull()
    assert hub.cursor == cursor
    jsm.site.faults.clear()
    await hub.pull()
    found = {ticket.id: ticket.customer.email for ticket in hub.closures.values()}
    assert [found[issue.id] for issue in issues] == [issue.reporter.email for issue in issues]


async def test_limit_of_service_management_is_waited_for(jsm: Any, new_hub: Any) -> None:
    """It says nothing of the ticket."""
    hub = await started(jsm, new_hub, page_size=100)
    jsm.close()
    bad = jsm.close()
    jsm.advance(minutes=1)
    limit = Answer(429, b"", {"Retry-After": "1800"})
    jsm.site.faults.on("GET", rf"/request/{bad.id}", limit, times=0)
    with pytest.raises(RateLimited):
        await hub.pull()


@pytest.mark.parametrize("fault", [BROKEN, html(200, "Oops"), Answer(409, {"errorMessage": "x"}, JSON)])
async def test_targets_that_cannot_be_read_are_left_out(jsm: Any, new_hub: Any, fault: Any) -> None:
    """No ticket waits for a time."""
    hub = await started(jsm, new_hub)
    issue = jsm.close(jsm.open(reporter=portal_customer(jsm, "c")))
    jsm.advance(minutes=1)
    jsm.site.faults.on("GET", rf"/request/{issue.id}$", Without(drop=("sla",)), times=0)
    jsm.site.faults.on("GET", r"/sla$", fault, times=0)
    await hub.pull()
    [ticket] = hub.closures.values()
    assert (ticket.customer.email, ticket.time_to_resolve) == ("c@customer.example", None)


async def test_target_with_a_time_that_cannot_be_read_is_left_out(jsm: Any, new_hub: Any) -> None:
    """The rest of the request stays."""
    hub = await started(jsm, new_hub)
    issue = jsm.close(jsm.open(reporter=portal_customer(jsm, "c")))
    jsm.advance(minutes=1)
    cycle = {"name": "Time to first response", "completedCycles": [{"stopTime": {"epochMillis": 10**30}}]}
    damaged = Without(replace={"sla": {"values": [cycle]}})
    jsm.site.faults.on("GET", rf"/request/{issue.id}$", damaged, times=0)
    await hub.pull()
    [ticket] = hub.closures.values()
    assert (ticket.customer.email, ticket.first_response_at) == ("c@customer.example", None)


class Damaging(httpx.AsyncBaseTransport):
    """Puts a time that nobody can read into what is shown of one issue."""

    def __init__(self, inner: httpx.AsyncBaseTransport, member: str) -> None:
        self.inner, self.member, self.issue_id = inner, member, ""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        shown = json.loads(await response.aread() or b"null")
        return httpx.Response(response.status_code, json=self._change(shown), request=request)

    def _change(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._change(each) for each in value]
        if not isinstance(value, dict):
            return value
        if self.issue_id in {value.get("id"), value.get("issueId")}:
            return Without(replace={self.member: "31/12/2026"})._walk(value)
        return {name: self._change(each) for name, each in value.items()}


@pytest.mark.parametrize("member", ["created", "statuscategorychangedate", "status"])
async def test_ticket_that_cannot_be_read_is_left_out_and_named(any_rig: Any, new_hub: Any, member: str) -> None:
    """When it is pulled; when it is asked for, it is neither open nor gone, so that the hub asks again."""
    if any_rig.flavour == "dc" and member == "statuscategorychangedate":
        pytest.skip("Data Center has no such field")
    damaging = any_rig.context._transport = Damaging(any_rig.context._transport, member)
    hub = await started(any_rig, new_hub, page_size=100)
    good, bad, later = any_rig.close(), any_rig.close(), any_rig.close()
    any_rig.site.reopen(bad)
    any_rig.close(bad)
    any_rig.advance(minutes=1)
    damaging.issue_id = bad.id
    [page, last] = await hub.pull()
    assert hub.ids == {good.id, later.id}
    assert bad.key in page.warning
    assert "31/12" not in page.warning
    assert last.cursor == hub.cursor
    fetched = await hub.source.fetch([good.id, bad.id])
    assert [ticket.id for ticket in fetched.tickets] == [good.id]
    assert (fetched.open, fetched.gone) == ((), ())
    with pytest.raises(Unexpected):
        await hub.source.fetch([bad.id])


async def test_tickets_that_can_none_of_them_be_read_stop_the_pull(any_rig: Any, new_hub: Any) -> None:
    """Then it is the hub that does not understand Jira any more."""
    hub = await started(any_rig, new_hub, page_size=100)
    cursor = hub.cursor
    for _ in range(3):
        any_rig.close()
    any_rig.advance(minutes=1)
    any_rig.site.faults.on("*", "/(search|search/jql)$", Without(replace={"status": "Done"}))
    with pytest.raises(Unexpected):
        await hub.pull()
    assert hub.cursor == cursor


async def test_ticket_that_data_center_fails_on_is_in_no_part_of_the_answer(data_center: Any) -> None:
    """The others are read."""
    issues = [data_center.close() for _ in range(10)]
    source = data_center.source()
    data_center.site.faults.on("GET", rf"/issue/{issues[0].id}$", BROKEN, times=0)
    fetched = await source.fetch([issue.id for issue in issues])
    assert len(fetched.tickets) == 9
    assert (fetched.open, fetched.gone) == ((), ())
    with pytest.raises(Unavailable):
        await source.fetch([issues[0].id])


async def test_data_center_that_is_out_of_order_is_not_asked_for_all_tickets(data_center: Any) -> None:
    """Eight tell enough."""
    issues = [data_center.close() for _ in range(40)]
    source = data_center.source()
    await source.fetch([issues[0].id])
    data_center.site.faults.on("GET", "/issue/", BROKEN, times=0)
    with pytest.raises(Unavailable):
        await source.fetch([issue.id for issue in issues])
    failed = {request.path for request in data_center.site.requests if request.status == 500}
    assert len(failed) == 8


@pytest.mark.parametrize("fault", [BROKEN, Answer(403), Answer(410), html(200, "Oops"), Silence(), Answer(200, [])])
async def test_count_that_fails_stops_no_pull(cloud: Any, new_hub: Any, fault: Any) -> None:
    """Nothing but a warning depends on it, and reopened tickets are told all the same."""
    hub = await started(cloud, new_hub)
    issue, again = cloud.close(), cloud.close()
    cloud.advance(minutes=1)
    cloud.site.reopen(again)
    cloud.site.faults.on("POST", "approximate-count", fault, times=0)
    [*_, last] = await hub.pull()
    assert (hub.ids, hub.reopened) == ({issue.id}, {again.id})
    assert last.warning is None


class Strict(httpx.AsyncBaseTransport):
    """A Jira that refuses a search when one of the ids in `reconcileIssues` does not exist."""

    def __init__(self, rig: Any) -> None:
        self.inner, self.site, self.refused = rig.context._transport, rig.site, 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        named = json.loads(request.content).get("reconcileIssues", []) if request.method == "POST" else []
        if any(self.site.issues.find(str(each)) is None for each in named):
            self.refused += 1
            return httpx.Response(400, json={"errorMessages": ["Issue does not exist"], "errors": {}}, request=request)
        return await self.inner.handle_async_request(request)


async def test_deleted_ticket_that_a_webhook_named_stops_no_search(cloud: Any, new_hub: Any) -> None:
    """The search is repeated without such help; once the ticket is known to be gone, it is not named any more."""
    strict = cloud.context._transport = Strict(cloud)
    hub = await started(cloud, new_hub)
    deleted = cloud.close()
    [request, *_] = await cloud.pushes(deleted.id)
    await hub.source.receive(request)
    cloud.site.delete(deleted)
    kept = cloud.close()
    cloud.advance(minutes=1)
    await hub.pull()
    assert hub.ids == {kept.id}
    assert strict.refused > 0
    assert (await hub.source.fetch([deleted.id])).gone == (deleted.id,)
    strict.refused = 0
    await hub.pull()
    assert strict.refused == 0


async def test_query_that_is_refused_with_and_without_help_is_refused(cloud: Any, new_hub: Any) -> None:
    """It is tried twice at most."""
    hub = await started(cloud, new_hub)
    [request, *_] = await cloud.pushes(cloud.close().id)
    await hub.source.receive(request)
    cloud.site.faults.on("POST", "/search/jql", Answer(400, {"errorMessages": ["No"], "errors": {}}, JSON), times=0)
    asked = cloud.asked("/search/jql")
    with pytest.raises(RemoteError, match="No"):
        await hub.pull()
    assert cloud.asked("/search/jql") == asked + 2


async def test_open_ticket_that_cannot_be_read_does_not_hide_one_that_was_opened_again(
    cloud: Any, new_hub: Any
) -> None:
    """Nor does one that Jira says it cannot read just now: it is read again before a survey leaves."""
    damaging = cloud.context._transport = Damaging(cloud.context._transport, "status")
    hub = await started(cloud, new_hub)
    bad, again = cloud.close(), cloud.close()
    cloud.advance(minutes=1)
    for issue in (bad, again):
        cloud.site.reopen(issue)
    damaging.issue_id = bad.id
    cloud.site.faults.on("POST", "/issue/bulkfetch", Without(replace={"issueErrors": [{"id": bad.id}]}))
    await hub.pull()
    assert hub.reopened == {again.id}


@pytest.mark.parametrize("member", ["created", "status"])
async def test_open_ticket_that_cannot_be_read_does_not_hide_that_others_wait(any_rig: Any, member: str) -> None:
    """When none can be read it is the hub that does not understand Jira any more."""
    damaging = any_rig.context._transport = Damaging(any_rig.context._transport, member)
    source, since = any_rig.source(page_size=100), any_rig.clock.now()
    bad, good = any_rig.open(), any_rig.open()
    any_rig.advance(days=2)
    damaging.issue_id = bad.id
    assert [ticket.id async for page in source.milestones(since) for ticket in page] == [good.id]
    any_rig.site.delete(good)
    with pytest.raises(Unexpected):
        [page async for page in source.milestones(since)]
