"""Writing while something is wrong: with Jira, with the account, or with one ticket."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hub_jira.record import as_json, is_later
from hypothesis import given
from hypothesis import strategies as st
from sandbox.jira import PAT, TOKEN, Answer, Silence

from hub import AuthFailed, DeliveryStatus, OutcomeUnknown, RateLimited, Unavailable, Unexpected

PROPERTY = "com.itsm-hub.experience"
GONE = Answer(404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."], "errors": {}})
FORBIDDEN = Answer(403, {"errorMessages": ["You do not have the permission."], "errors": {}})


async def knowing(world: Any, **more: Any) -> Any:
    """A write-back that knows the site already."""
    writer = world.writer(**more)
    await writer.write([world.experience(world.closed())])
    return writer


class TakingTurns(httpx.ASGITransport):
    """Requests that are under way at the same time take turns, as on a wire."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return await super().handle_async_request(request)


async def test_tickets_that_lapsed_credentials_no_longer_show_are_not_given_up(world: Any) -> None:
    issue = world.closed()
    writer = await knowing(world)
    world.site.auth.lapse_to_anonymous = True
    world.site.auth.revoke(TOKEN if world.site.kind == "cloud" else PAT)
    with pytest.raises(AuthFailed):
        await writer.write([world.experience(issue)])


async def test_before_tickets_count_as_gone_the_account_is_asked_once(world: Any) -> None:
    items = [world.experience(world.closed()) for _ in range(3)]
    writer = await knowing(world)
    world.site.faults.on("GET", "/issue/", GONE, times=0)
    start = len(world.site.requests)
    assert {each.status for each in await writer.write(items)} == {DeliveryStatus.REJECTED}
    assert sum(each.endswith("/myself") for each in world.asked(start)) == 1
    world.site.faults.on("GET", "/myself$", Answer(401, b""), times=0)
    with pytest.raises(AuthFailed):
        await writer.write(items)


async def test_a_ticket_is_not_gone_while_the_account_cannot_be_asked(world: Any) -> None:
    gone, kept = world.closed(), world.closed()
    writer = await knowing(world)
    world.site.delete(gone)
    world.site.faults.on("GET", "/myself$", Answer(503), times=0)
    receipts = await writer.write([world.experience(gone), world.experience(kept)])
    assert [receipt.status for receipt in receipts] == [DeliveryStatus.UNKNOWN, DeliveryStatus.DELIVERED]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(401, b""), AuthFailed),
        (Answer(503, b""), Unavailable),
        (Answer(429, b"", {"Retry-After": "1800"}), RateLimited),
        (Answer(200, b"<html>down for maintenance</html>", {"content-type": "text/html"}), Unexpected),
    ],
)
async def test_when_nothing_can_be_written_the_batch_fails_as_a_whole(world: Any, answer: Answer, error: Any) -> None:
    items = [world.experience(world.closed()) for _ in range(20)]
    writer = world.writer()
    await writer.write([world.experience(world.closed())])
    world.site.faults.on("*", "/issue/", answer, times=0)
    start = len(world.site.requests)
    with pytest.raises(error):
        await writer.write(items)
    assert len(world.site.requests) - start <= 60  # ten times six attempts: not for each of the twenty


@pytest.mark.parametrize("write_back", [("property", "comment"), ("comment", "property"), ("comment",)])
async def test_an_outage_of_writing_gives_no_result_up(world: Any, write_back: Any) -> None:
    """Whether the comment arrived is not known, but the hub looks before it writes again."""
    issue = world.closed()
    item = world.experience(issue)
    world.site.faults.on("PUT", "", Answer(503), times=0)
    world.site.faults.on("POST", "/comment$", Answer(503), times=0)
    for _ in range(2):
        with pytest.raises(Unavailable if write_back[0] == "property" else OutcomeUnknown):
            await world.write(item, write_back=write_back)
    world.site.faults.clear()
    [receipt] = await world.write(item, write_back=write_back)
    assert receipt.status is DeliveryStatus.DELIVERED
    assert len(issue.comments) == 1


async def test_a_pause_that_jira_asks_for_reaches_the_hub(world: Any) -> None:
    writer, item = await knowing(world), world.experience(world.closed())
    world.site.faults.on("PUT", "", Answer(503, b"", {"Retry-After": "600"}), times=0)
    with pytest.raises(Unavailable) as told:
        await writer.write([item])
    assert told.value.retry_after == timedelta(minutes=10)


async def test_a_property_whose_answers_are_lost_is_not_claimed(world: Any) -> None:
    issue = world.closed()
    world.site.faults.on("PUT", "/properties/", Silence(), times=0)
    with pytest.raises(OutcomeUnknown):
        await world.write(world.experience(issue))
    world.site.faults.clear()
    [receipt] = await world.write(world.experience(issue))
    assert receipt.status is DeliveryStatus.DELIVERED
    assert len(issue.comments) == 1


async def test_other_tickets_are_written_while_one_is_in_trouble(world: Any) -> None:
    issues = [world.closed() for _ in range(12)]
    world.site.faults.on("GET", f"/issue/{issues[3].id}", Answer(200, {"id": "1"}), times=0)
    receipts = await world.write(*map(world.experience, issues))
    statuses = [receipt.status for receipt in receipts]
    assert statuses == [DeliveryStatus.UNKNOWN if number == 3 else DeliveryStatus.DELIVERED for number in range(12)]


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(("status", "told"), [(403, "403|property"), (500, "500")])
async def test_one_ticket_that_always_fails_holds_up_no_other(world: Any, method: str, status: int, told: str) -> None:
    world.context._transport = TakingTurns(world.site.app)
    issues = [world.closed() for _ in range(60)]
    world.site.faults.on(method, f"/issue/{issues[0].id}", Answer(status), times=0)
    world.site.faults.on("POST", f"/{issues[0].id}/comment", Answer(status), times=0)
    first, *others = await world.write(*map(world.experience, issues))
    assert first.status is DeliveryStatus.UNKNOWN
    assert any(word in first.reason for word in told.split("|"))
    assert {receipt.status for receipt in others} == {DeliveryStatus.DELIVERED}


async def test_what_was_written_before_others_failed_is_delivered(world: Any) -> None:
    """Two tickets on which Jira always fails stop a batch, and would otherwise be in the next one too."""
    issues = [world.closed() for _ in range(30)]
    for issue in issues[10:12]:
        world.site.faults.on("PUT", f"/issue/{issue.id}/", Answer(503), times=0)
    receipts = await world.write(*map(world.experience, issues))
    delivered = [receipt.status is DeliveryStatus.DELIVERED for receipt in receipts]
    assert delivered == [PROPERTY in issue.properties for issue in issues]
    assert sum(delivered) >= 10


@pytest.mark.parametrize("write_back", [("property", "comment"), ("comment",), ("property",)])
@pytest.mark.parametrize("count", [1, 20])
async def test_an_account_that_may_write_nothing_stops_the_write_back(world: Any, count: int, write_back: Any) -> None:
    """The hub pauses and tells the operator; no result is given up."""
    world.site.account.can_edit_issues = world.site.account.can_comment = False
    with pytest.raises(AuthFailed, match="the account may not do this"):
        await world.write(*(world.experience(world.closed()) for _ in range(count)), write_back=write_back)


async def test_an_account_without_a_licence_that_may_not_edit_stops_the_write_back(world: Any) -> None:
    world.site.account.can_edit_issues = world.site.account.is_agent = False
    with pytest.raises(AuthFailed, match="not an agent"):
        await world.write(world.experience(world.closed(world.desk)))


async def test_several_tickets_that_all_refuse_everything_stop_the_write_back(world: Any) -> None:
    items = [world.experience(world.closed()) for _ in range(2)]
    world.site.faults.on("PUT", "/properties/", FORBIDDEN, times=0)
    world.site.faults.on("POST", "/comment$", FORBIDDEN, times=0)
    with pytest.raises(AuthFailed):
        await world.write(*items)


async def test_one_ticket_that_refuses_everything_stops_nothing(world: Any) -> None:
    """Its project lets the account write, so that others may do better."""
    issue, other = world.closed(), world.closed()
    world.site.faults.on("PUT", f"/{issue.id}/properties/", FORBIDDEN, times=0)
    world.site.faults.on("POST", f"/{issue.id}/comment$", FORBIDDEN, times=0)
    for items in ([issue], [issue, other]):
        receipt = (await world.write(*map(world.experience, items)))[0]
        assert receipt.status is DeliveryStatus.UNKNOWN
        assert "no property: " in receipt.reason
        assert "no comment: " in receipt.reason
    assert PROPERTY in other.properties


async def test_a_comment_that_was_written_when_the_property_was_not_is_not_written_again(world: Any) -> None:
    """The hub was stopped before it could store the receipt, so it calls again."""
    issue = world.closed()
    item = world.experience(issue)
    world.site.faults.on("PUT", "/properties/", Answer(409, {"errorMessages": ["conflict"], "errors": {}}))
    for reason in ("comment; no property: ", "property, comment"):
        [receipt] = await world.write(item)
        assert receipt.reason.startswith(reason)
    assert len(issue.comments) == 1


async def test_a_comment_whose_fate_was_not_known_is_found_when_the_property_can_be_written_again(world: Any) -> None:
    issue = world.closed()
    item = world.experience(issue)
    world.site.account.can_edit_issues = False
    world.site.faults.on("POST", "/comment", Silence())
    world.site.faults.on("GET", "/comment$", Answer(500), times=0, after=1)
    with pytest.raises(Unavailable):
        await world.write(item)
    world.site.faults.clear()
    world.site.account.can_edit_issues = True
    [receipt] = await world.write(item)
    assert (receipt.status, receipt.provider_id) == (DeliveryStatus.DELIVERED, issue.comments[0].id)
    assert len(issue.comments) == 1


@pytest.mark.parametrize(
    ("write_back", "reason"),
    [
        (("property", "comment"), "comment; a later answer is on the ticket"),
        (("property",), "a later answer is on the ticket"),
    ],
)
async def test_what_is_said_late_of_an_older_closing_hides_no_newer_answer(
    world: Any, write_back: Any, reason: str
) -> None:
    issue = world.closed()
    older = world.experience(issue, 2, "older", id="aaa-1")
    world.clock.advance(timedelta(hours=1))
    newer = world.experience(issue, 1, "newer", id="bbb-2")
    for _ in range(2):
        await world.write(newer, write_back=write_back)
        [receipt] = await world.write(older, write_back=write_back)
        assert (receipt.status, receipt.reason) == (DeliveryStatus.DELIVERED, reason)
    assert issue.properties[PROPERTY] == json.loads(as_json(newer))
    assert len(issue.comments) == 2 * ("comment" in write_back)


async def test_what_is_said_late_needs_no_comment_where_none_can_be_written(world: Any) -> None:
    issue = world.closed(world.desk)
    world.site.account.is_agent = False
    older = world.experience(issue, 2, id="aaa-1")
    world.clock.advance(timedelta(hours=1))
    await world.write(world.experience(issue, id="bbb-2"))
    [receipt] = await world.write(older)
    assert receipt.status is DeliveryStatus.DELIVERED
    assert receipt.reason.startswith("a later answer is on the ticket; no comment: ")


json_values = st.none() | st.integers() | st.text(max_size=9) | st.datetimes().map(str)


@given(json_values | st.dictionaries(st.sampled_from(["id", "answered_at", "revision"]), json_values))
def test_what_other_programs_left_in_the_property_is_no_later_answer(cloud_factory: Any, record: Any) -> None:
    world = cloud_factory()
    assert is_later(record, world.experience(world.closed())) is False
