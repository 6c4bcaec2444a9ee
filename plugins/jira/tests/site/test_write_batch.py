"""Many results at once: Cloud shows all tickets in one answer, and what that does not tell is asked singly."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hub_jira.record import as_json
from hypothesis import given
from hypothesis import strategies as st
from sandbox.jira import Answer, Cut, Silence
from sandbox.jira.faults import Without, html, rate_limited

from hub import AuthFailed, DeliveryStatus, RateLimited, Unavailable
from hub.http.calls import HttpxWire

PROPERTY = "com.itsm-hub.experience"
BULK = "/issue/bulkfetch$"
ONE = r"/issue/[0-9]+$"
DELIVERED, UNKNOWN = DeliveryStatus.DELIVERED, DeliveryStatus.UNKNOWN
FAILURES = {
    "lost": Silence(acted=False),
    "cut": Cut(40),
    "cut connection": Cut(40, connection=True),
    "page": html(200, "Log in"),
    "refused": Answer(400, {"errorMessages": ["Invalid request payload."], "errors": {}}),
    "broken": Answer(500),
    "too large": Answer(413),
    "forbidden": Answer(403),
    "no issues": Answer(200, {}),
    "wrong types": Answer(200, {"issues": [{"id": 7}]}),
    "empty": Answer(200, {"issues": [], "issueErrors": []}),
    "without properties": Without(drop=("properties",)),
    "without projects": Without(drop=("project",)),
}


def kinds(world: Any, start: int = 0) -> Counter[str]:
    """How many requests there were of each kind."""
    names = {"GET comment", "POST comment", "PUT properties", "POST bulkfetch"}
    found: Counter[str] = Counter()
    for method, _, path in (each.partition(" ") for each in world.asked(start)):
        part = "properties" if "/properties/" in path else path.rpartition("/")[2]
        found[f"{method} {part}" if f"{method} {part}" in names else f"{method} one"] += 1
    return found


async def written(world: Any, count: int, **more: Any) -> tuple[list[Any], Counter[str]]:
    """Issues that were written to in one batch, and what was asked for that."""
    writer = world.writer(**more)
    await writer.write([world.experience(world.closed())])
    issues = [world.closed() for _ in range(count)]
    start = len(world.site.requests)
    receipts = await writer.write([world.experience(issue) for issue in issues])
    assert {receipt.status for receipt in receipts} == {DELIVERED}
    return issues, kinds(world, start)


async def test_cloud_is_asked_for_all_tickets_at_once_before_and_after(cloud: Any) -> None:
    issues, asked = await written(cloud, 50)
    assert asked == {"POST bulkfetch": 2, "PUT properties": 50, "GET comment": 50, "POST comment": 50}
    assert all(PROPERTY in issue.properties and len(issue.comments) == 1 for issue in issues)


async def test_more_tickets_than_one_answer_holds_are_read_in_several(cloud: Any) -> None:
    _, asked = await written(cloud, 120, write_back=("property",))
    assert asked == {"POST bulkfetch": 4, "PUT properties": 120}


async def test_nothing_is_read_back_that_jira_has_confirmed(cloud: Any) -> None:
    _, asked = await written(cloud, 10, write_back=("comment",))
    assert asked == {"POST bulkfetch": 1, "GET comment": 10, "POST comment": 10}


async def test_data_center_is_asked_for_each_ticket(dc: Any) -> None:
    _, asked = await written(dc, 10)
    assert asked == {"GET one": 20, "PUT properties": 10, "GET comment": 10, "POST comment": 10}


@pytest.mark.parametrize("after", [0, 1], ids=["before", "afterwards"])
@pytest.mark.parametrize("failure", FAILURES)
async def test_an_answer_for_all_that_tells_nothing_is_made_good_singly(cloud: Any, failure: str, after: int) -> None:
    issues = [cloud.closed() for _ in range(6)]
    cloud.site.faults.on("POST", BULK, FAILURES[failure], times=0, after=after)
    receipts = await cloud.write(*map(cloud.experience, issues))
    assert [(receipt.status, receipt.reason) for receipt in receipts] == [(DELIVERED, "property, comment")] * 6
    assert [len(issue.comments) for issue in issues] == [1] * 6
    assert kinds(cloud)["GET one"] >= 6


@pytest.mark.parametrize("readable", [True, False])
@pytest.mark.parametrize("status", [400, 500])
async def test_one_bad_ticket_among_fifty_spoils_no_other(cloud: Any, status: int, readable: bool) -> None:
    """Jira fails on every answer that should hold it, also when it is asked for by itself."""
    issues = [cloud.closed() for _ in range(50)]
    cloud.site.faults.on("POST", BULK, Answer(status), times=0, body=f'"{issues[20].id}"')
    if not readable:
        cloud.site.faults.on("GET", f"/issue/{issues[20].id}$", Answer(500), times=0)
    receipts = await cloud.write(*map(cloud.experience, issues))
    bad = receipts.pop(20)
    assert {receipt.status for receipt in receipts} == {DELIVERED}
    assert bad.status is (DELIVERED if readable else UNKNOWN)
    assert len(issues[20].comments) == readable


async def test_a_ticket_that_jira_names_as_unreadable_is_asked_for_by_itself(cloud: Any) -> None:
    issues = [cloud.closed() for _ in range(50)]
    cloud.site.faults.on("GET", f"/issue/{issues[20].id}$", Answer(503), times=0)
    receipts = await cloud.write(*map(cloud.experience, issues))
    assert [number for number, receipt in enumerate(receipts) if receipt.status is UNKNOWN] == [20]
    assert kinds(cloud)["GET comment"] == 49
    cloud.site.faults.clear()
    [receipt] = await cloud.write(cloud.experience(issues[20]))
    assert (receipt.status, len(issues[20].comments)) == (DELIVERED, 1)


async def test_missing_hidden_and_refused_tickets_are_told_apart(cloud: Any) -> None:
    gone, hidden, refused, *kept = [cloud.closed() for _ in range(10)]
    cloud.site.delete(gone)
    cloud.site.hide(hidden)
    cloud.site.faults.on("GET", f"/issue/{refused.id}$", Answer(403), times=0)
    receipts = await cloud.write(*map(cloud.experience, (gone, hidden, refused, *kept)))
    assert [(receipt.status, receipt.reason) for receipt in receipts[:2]] == [(DeliveryStatus.REJECTED, "gone")] * 2
    assert receipts[2].status is UNKNOWN
    assert "the account may not do this" in receipts[2].reason
    assert {receipt.status for receipt in receipts[3:]} == {DELIVERED}


async def test_a_later_revision_among_many_is_not_overwritten(cloud: Any) -> None:
    issues = [cloud.closed() for _ in range(10)]
    later = cloud.experience(issues[4], 2, "Broken again")
    await cloud.write(later)
    receipts = await cloud.write(*map(cloud.experience, issues))
    assert [receipt.reason for receipt in receipts].count("a later revision is on the ticket") == 1
    assert issues[4].properties[PROPERTY] == json.loads(as_json(later))
    assert len(issues[4].comments) == 1


async def test_a_revision_that_the_answer_for_all_keeps_back_is_not_overwritten(cloud: Any) -> None:
    issues = [cloud.closed() for _ in range(3)]
    later = cloud.experience(issues[1], 2, "Broken again")
    await cloud.write(later)
    cloud.site.faults.on("POST", BULK, Without(drop=("properties",)))
    await cloud.write(*map(cloud.experience, issues))
    assert issues[1].properties[PROPERTY] == json.loads(as_json(later))


async def test_an_answer_for_all_that_is_behind_the_times_is_checked_ticket_by_ticket(cloud: Any) -> None:
    issues = [cloud.closed() for _ in range(3)]
    cloud.site.faults.on("POST", BULK, Without(replace={"properties": {}}), after=1)
    receipts = await cloud.write(*map(cloud.experience, issues))
    assert {receipt.status for receipt in receipts} == {DELIVERED}
    assert kinds(cloud)["GET comment"] == 3


async def test_several_results_of_one_ticket_see_each_other(cloud: Any) -> None:
    busy, quiet = cloud.closed(), cloud.closed()
    revisions = [cloud.experience(busy, number, f"No {number}") for number in (1, 3, 2)]
    receipts = await cloud.write(*revisions, cloud.experience(quiet))
    assert [receipt.reason for receipt in receipts] == [
        "property, comment", "property, comment", "a later revision is on the ticket", "property, comment"
    ]  # fmt: skip
    assert busy.properties[PROPERTY] == json.loads(as_json(revisions[1]))
    assert len(busy.comments) == 2


async def test_one_property_that_does_not_read_back_fails_no_other(cloud: Any) -> None:
    issues = [cloud.closed() for _ in range(10)]
    cloud.site.faults.on("PUT", f"/{issues[4].id}/properties/", Answer(200))
    receipts = await cloud.write(*map(cloud.experience, issues))
    assert [number for number, receipt in enumerate(receipts) if receipt.status is not DELIVERED] == [4]
    assert (receipts[4].status, receipts[4].reason) == (
        UNKNOWN, "property, comment written, then: the issue property does not read back as it was written"
    )  # fmt: skip


async def test_a_ticket_deleted_before_it_is_read_back_is_gone(cloud: Any) -> None:
    issues = [cloud.closed() for _ in range(3)]
    doomed = issues[1]

    class Doomed(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:
            super().__setitem__(key, value)
            cloud.site.delete(doomed)

    doomed.properties = Doomed()
    receipts = await cloud.write(*map(cloud.experience, issues), write_back=("property",))
    assert [receipt.status for receipt in receipts] == [DELIVERED, DeliveryStatus.REJECTED, DELIVERED]


async def test_a_pause_before_anything_is_written_concerns_the_whole_batch(cloud: Any) -> None:
    issues = [cloud.closed() for _ in range(10)]
    cloud.site.faults.on("POST", BULK, rate_limited(1800), times=0)
    with pytest.raises(RateLimited):
        await cloud.write(*map(cloud.experience, issues))
    assert not any(kinds(cloud)[kind] for kind in ("PUT properties", "POST comment"))


async def test_a_pause_before_all_is_read_back_repeats_no_comment(cloud: Any) -> None:
    issues = [cloud.closed() for _ in range(10)]
    writer = cloud.writer()
    cloud.site.faults.on("POST", BULK, rate_limited(1800), times=0, after=1)
    receipts = await writer.write([*map(cloud.experience, issues)])
    assert {receipt.status for receipt in receipts} == {UNKNOWN}
    assert all(receipt.reason.startswith("property, comment written, then: ") for receipt in receipts)
    cloud.site.faults.clear()
    cloud.clock.advance(timedelta(minutes=31))
    receipts = await cloud.write(*map(cloud.experience, issues))
    assert {receipt.status for receipt in receipts} == {DELIVERED}
    assert [len(issue.comments) for issue in issues] == [1] * 10


async def test_refused_credentials_are_tried_twice_and_not_for_each_ticket(cloud: Any) -> None:
    writer = cloud.writer()
    await writer.write([cloud.experience(cloud.closed())])
    items = [cloud.experience(cloud.closed()) for _ in range(20)]
    cloud.site.faults.on("*", "", Answer(401, b""), times=0)
    start = len(cloud.site.requests)
    with pytest.raises(AuthFailed):
        await writer.write(items)
    assert len(cloud.site.requests) - start == 2


async def test_a_site_that_cannot_be_reached_is_not_asked_for_each_ticket(cloud: Any) -> None:
    writer = cloud.writer()
    await writer.write([cloud.experience(cloud.closed())])
    items = [cloud.experience(cloud.closed()) for _ in range(20)]
    tried = []

    class Away(type(cloud.context._transport)):
        async def handle_async_request(self, request: Any) -> Any:
            tried.append(request)
            raise httpx.ConnectError("no route")

    cloud.context.http._wire = HttpxWire(Away(cloud.site.app))
    with pytest.raises(Unavailable):
        await writer.write(items)
    assert len(tried) == 6


FATES = ("kept", "gone", "hidden", "refused", "broken", "later revision", "later answer", "written", "not editable")


def _meet(world: Any, issue: Any, fate: str) -> None:
    """Let something happen to a ticket before results are written."""
    if fate == "gone":
        world.site.delete(issue)
    elif fate == "hidden":
        world.site.hide(issue)
    elif fate in {"refused", "broken"}:
        answer = Answer(403 if fate == "refused" else 500)
        world.site.faults.on("GET", f"/issue/{issue.id}$", answer, times=0)
    elif fate == "not editable":
        world.site.faults.on("PUT", f"/issue/{issue.id}/", Answer(403), times=0)
    elif fate != "kept":
        revision = {"later revision": 9}.get(fate, 1)
        item = world.experience(issue, revision, **({"id": "other"} if fate == "later answer" else {}))
        issue.properties[PROPERTY] = json.loads(as_json(item))


async def _outcomes(world: Any, fates: Sequence[str], repeated: Sequence[int]) -> list[Any]:
    """What a batch came to: the receipts, and what is on the tickets."""
    issues = [world.closed() for _ in fates]
    earlier = [world.experience(issue) for issue in issues]
    for issue, fate in zip(issues, fates, strict=True):
        _meet(world, issue, fate)
    later = [world.experience(issues[number % len(issues)], 2) for number in repeated]
    told = await world.write(*earlier, *later)
    seen = [(issue.properties.get(PROPERTY), [comment.text for comment in issue.comments]) for issue in issues]
    return [[(receipt.status, receipt.reason) for receipt in told], seen]


@given(
    st.lists(st.sampled_from(FATES), max_size=6).filter(lambda fates: fates.count("broken") < 2),
    st.lists(st.integers(0, 5), max_size=3),
)
async def test_tickets_end_the_same_whether_jira_shows_them_together_or_singly(
    cloud_factory: Callable[[], Any], fates: list[str], repeated: list[int]
) -> None:
    together, singly = cloud_factory(), cloud_factory()
    singly.site.faults.on("POST", BULK, Answer(400), times=0)
    fates = ["kept", *fates]
    assert await _outcomes(together, fates, repeated) == await _outcomes(singly, fates, repeated)
    assert bool(kinds(together)["POST bulkfetch"]) is (len(fates) > 1)
