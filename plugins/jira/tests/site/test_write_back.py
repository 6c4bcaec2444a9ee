"""Experiences on their tickets: one property, one internal comment, fields where they are wanted."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hub_jira.record import as_json
from sandbox.jira import Answer, Silence

from hub import DeliveryStatus, RemoteError

PROPERTY = "com.itsm-hub.experience"


async def test_an_experience_is_property_and_comment(world: Any) -> None:
    issue = world.closed()
    item = world.experience(issue)
    [receipt] = await world.write(item)
    assert (receipt.status, receipt.reason) == (DeliveryStatus.DELIVERED, "property, comment")
    assert issue.properties == {PROPERTY: {"v": 1, **item.model_dump(mode="json")}}
    [comment] = issue.comments
    assert receipt.provider_id == comment.id
    assert "CSAT 4" in comment.text
    assert "Solved fast" in comment.text
    assert comment.text.endswith(f"Ref {item.id}.1")


async def test_five_requests_write_an_ordinary_experience(world: Any) -> None:
    issue = world.closed()
    writer = world.writer()
    await writer.write([world.experience(world.closed())])
    start = len(world.site.requests)
    await writer.write([world.experience(issue)])
    assert [each.partition(" ")[0] for each in world.asked(start)] == ["GET", "PUT", "GET", "POST", "GET"]


@pytest.mark.parametrize("write_back", [("property", "comment"), ("comment", "property"), ("comment",), ("property",)])
@pytest.mark.parametrize("desk", [True, False])
async def test_writing_twice_leaves_what_writing_once_left(world: Any, desk: bool, write_back: Any) -> None:
    """Checklist 11. The property is replaced by an equal one: 201, then 200."""
    issue = world.closed(world.desk if desk else world.plain)
    item = world.experience(issue)
    for _ in range(3):
        [receipt] = await world.write(item, write_back=write_back)
        assert receipt.status is DeliveryStatus.DELIVERED
    assert len(issue.comments) == ("comment" in write_back)
    put = [each.status for each in world.site.requests if each.method == "PUT"]
    assert put == ([201, 200, 200] if "property" in write_back else [])
    assert issue.properties == ({PROPERTY: json.loads(as_json(item))} if "property" in write_back else {})


async def test_a_later_revision_replaces_the_property_and_adds_a_comment(world: Any) -> None:
    issue = world.closed()
    first, second = world.experience(issue), world.experience(issue, 2, "Broken again")
    for item in (first, second, second):
        await world.write(item)
    assert issue.properties[PROPERTY] == json.loads(as_json(second))
    assert ["Solved fast" in issue.comments[0].text, "Broken again" in issue.comments[1].text] == [True, True]
    assert len(issue.comments) == 2


async def test_an_earlier_revision_does_not_overwrite_a_later_one(world: Any) -> None:
    issue = world.closed()
    await world.write(world.experience(issue, 2))
    [receipt] = await world.write(world.experience(issue, 1))
    assert receipt.status is DeliveryStatus.DELIVERED
    assert issue.properties[PROPERTY]["revision"] == 2
    assert len(issue.comments) == 1


async def test_two_closings_of_one_ticket_have_a_comment_each(world: Any) -> None:
    """Also when the later one was written in between, and its property replaced the first one's."""
    issue = world.closed()
    first, second = world.experience(issue, id="aaa-1"), world.experience(issue, id="bbb-2")
    for item in (first, second, first, second):
        await world.write(item)
    assert [text.splitlines()[-1] for text in world.texts(issue)] == ["Ref aaa-1.1", "Ref bbb-2.1"]


async def test_results_of_one_ticket_are_written_in_order(world: Any) -> None:
    """Also when the first one takes longest: its request has to be repeated."""
    issue = world.closed()
    items = [world.experience(issue, id=f"aaa-{number}") for number in range(5)]
    world.site.faults.on("PUT", f"/issue/{issue.id}/", Answer(503), times=2)
    receipts = await world.write(*items, world.experience(world.closed()))
    assert [receipt.status for receipt in receipts] == [DeliveryStatus.DELIVERED] * 6
    assert issue.properties[PROPERTY]["id"] == "aaa-4"
    assert [text.splitlines()[-1] for text in world.texts(issue)] == [f"Ref aaa-{number}.1" for number in range(5)]


async def test_a_read_time_out_after_the_comment_leaves_one_comment(world: Any) -> None:
    """Checklist 10."""
    issue = world.closed()
    world.site.faults.on("POST", "/comment$", Silence())
    [receipt] = await world.write(world.experience(issue))
    assert receipt.status is DeliveryStatus.DELIVERED
    await world.write(world.experience(issue))
    assert len(issue.comments) == 1


async def test_a_comment_that_arrives_late_is_not_written_twice(world: Any) -> None:
    """Checklist 10. The look right after the time-out does not find it yet, so nothing more is written in this call."""
    issue = world.closed()
    item = world.experience(issue)
    world.site.faults.on("POST", "/comment$", Silence(acted=False))
    [receipt] = await world.write(item)
    assert receipt.status is DeliveryStatus.UNKNOWN
    assert issue.comments == []
    late = json.loads(next(each.body for each in world.site.requests if each.method == "POST"))
    world.site.comment(issue, world.site.account, f"…\n\nRef {item.id}.1", public=False, adf=_document(late["body"]))
    [receipt] = await world.write(item)
    assert (receipt.status, receipt.provider_id) == (DeliveryStatus.DELIVERED, issue.comments[0].id)
    assert len(issue.comments) == 1


def _document(body: Any) -> Any:
    return body if isinstance(body, dict) else None


async def test_a_comment_that_never_arrived_is_written_later(world: Any) -> None:
    issue = world.closed(world.desk)
    world.site.faults.on("POST", "/comment$", Silence(acted=False))
    await world.write(world.experience(issue))
    [receipt] = await world.write(world.experience(issue))
    assert receipt.status is DeliveryStatus.DELIVERED
    assert len(issue.comments) == 1


async def test_an_unreadable_answer_to_a_comment_does_not_double_it(world: Any) -> None:
    for number, body in enumerate((b"", b"<html>", b'{"id":', b"[]", b'{"id": 7}')):
        issue = world.closed(summary=f"Ticket {number}")
        world.site.faults.on("POST", "/comment$", Answer(201, body, acted=True))
        [receipt] = await world.write(world.experience(issue))
        assert receipt.status is DeliveryStatus.DELIVERED
        assert len(issue.comments) == 1


async def test_a_crash_between_property_and_comment_is_made_good(world: Any) -> None:
    issue = world.closed()
    item = world.experience(issue)
    world.site.faults.on("POST", "/comment$", Answer(503, {}), times=0)
    [receipt] = await world.write(item)
    assert receipt.status is DeliveryStatus.UNKNOWN
    assert receipt.reason.startswith("property written, then: ")
    world.site.faults.clear()
    [receipt] = await world.write(item)
    assert receipt.status is DeliveryStatus.DELIVERED
    assert len(issue.comments) == 1


async def test_the_comment_is_found_among_hundreds(world: Any) -> None:
    issue = world.closed()
    item = world.experience(issue)
    await world.write(item)
    for number in range(250):
        world.site.comment(issue, world.site.agent, f"Note {number}: Ref {item.id}.1 was seen")
    await world.write(item)
    assert sum("Solved fast" in text for text in world.texts(issue)) == 1


async def test_a_comment_on_a_service_desk_is_internal(world: Any) -> None:
    """Checklist 17. Nobody gets a mail, and the platform's call, public by default, is not used."""
    issue = world.closed(world.desk)
    [receipt] = await world.write(world.experience(issue))
    assert (receipt.status, receipt.reason) == (DeliveryStatus.DELIVERED, "property, comment")
    assert [comment.public for comment in issue.comments] == [False]
    assert world.site.mails == []
    assert f"POST /rest/servicedeskapi/request/{issue.id}/comment" in world.asked()


async def test_a_ticket_that_moves_to_a_service_desk_meanwhile_shows_no_comment_there(world: Any) -> None:
    issue = world.closed(world.plain)
    world.site.faults.on("PUT", "/properties/", Answer(201, acted=True))
    before = issue.project

    class Moving(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:  # while the property is written
            super().__setitem__(key, value)
            issue.project = world.desk

    issue.properties = Moving()
    await world.write(world.experience(issue))
    assert before is not issue.project
    assert [comment.public for comment in issue.comments] == [False]
    assert world.site.mails == []


async def test_without_an_agent_licence_nothing_is_commented(world: Any) -> None:
    issue = world.closed(world.desk)
    world.site.account.is_agent = False
    [receipt] = await world.write(world.experience(issue))
    assert receipt.status is DeliveryStatus.DELIVERED
    assert receipt.reason.startswith("property; no comment: the account is not an agent")
    assert issue.comments == []
    assert not any(each.startswith("POST") for each in world.asked())


async def test_a_licence_lost_today_is_noticed_at_the_refusal(world: Any) -> None:
    issue = world.closed(world.desk)
    writer = world.writer()
    await writer.write([world.experience(world.closed(world.desk))])
    world.site.account.is_agent = False
    [receipt] = await writer.write([world.experience(issue)])
    assert receipt.reason.startswith("property; no comment: ")
    assert issue.comments == []


async def test_a_comment_that_comes_out_public_is_taken_back_and_none_follows(world: Any) -> None:
    first, second = world.closed(world.desk), world.closed(world.desk)
    public = {"id": "77", "body": "x", "public": True}
    world.site.faults.on("POST", "/comment$", Answer(201, public))
    world.site.faults.on("DELETE", "/comment/77$", Answer(204))
    writer = world.writer()
    [receipt] = await writer.write([world.experience(first)])
    assert (receipt.status, receipt.reason) == (
        DeliveryStatus.DELIVERED, "property; no comment: Jira made the comment public, so it was deleted again"
    )  # fmt: skip
    await writer.write([world.experience(second)])
    assert second.comments == []


async def test_a_public_comment_that_stays_is_reported(world: Any) -> None:
    issue = world.closed(world.desk)
    world.site.faults.on("POST", "/comment$", Answer(201, {"id": "77", "body": "x", "public": True}))
    [receipt] = await world.write(world.experience(issue))
    assert receipt.reason == "property; no comment: Jira made comment 77 public: delete it by hand"


async def test_a_ticket_that_is_no_request_has_no_comment(world: Any) -> None:
    issue = world.closed(world.desk)
    issue.request_type = None
    [receipt] = await world.write(world.experience(issue))
    assert receipt.reason == "property; no comment: the ticket is no request of the service desk's portal"
    assert issue.comments == []


async def test_feedback_of_the_portal_is_never_written(world: Any) -> None:
    """Checklist 18. Only the reporter may; the property holds the result instead."""
    issue = world.closed(world.desk)
    await world.write(world.experience(issue))
    assert issue.feedback is None
    assert not any("/feedback" in each for each in world.asked())
    assert PROPERTY in issue.properties


async def test_a_deleted_ticket_is_rejected_alone(world: Any) -> None:
    """Checklist 20."""
    gone, hidden, kept = world.closed(), world.closed(), world.closed()
    world.site.delete(gone)
    world.site.hide(hidden)
    receipts = await world.write(*map(world.experience, (gone, hidden, kept)))
    found = [(receipt.status, receipt.reason) for receipt in receipts]
    rejected = (DeliveryStatus.REJECTED, "gone")
    assert found == [rejected, rejected, (DeliveryStatus.DELIVERED, "property, comment")]


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_ticket_deleted_meanwhile_is_rejected(world: Any, method: str) -> None:
    issue = world.closed()
    body = {"errorMessages": ["Issue does not exist or you do not have permission to see it."], "errors": {}}
    world.site.faults.on(method, str(issue.id), Answer(404, body))
    [receipt] = await world.write(world.experience(issue))
    assert (receipt.status, receipt.reason) == (DeliveryStatus.REJECTED, "gone")


async def test_a_moved_ticket_is_found_by_its_id(world: Any) -> None:
    """Checklist 26."""
    issue = world.closed()
    item = world.experience(issue)
    world.site.move(issue, world.desk)
    [receipt] = await world.write(item)
    assert receipt.status is DeliveryStatus.DELIVERED
    assert [comment.public for comment in issue.comments] in ([False], [])


async def test_an_account_that_may_not_edit_still_comments(world: Any) -> None:
    issue = world.closed()
    world.site.account.can_edit_issues = False
    for _ in range(2):
        [receipt] = await world.write(world.experience(issue))
        assert (receipt.status, receipt.reason) == (
            DeliveryStatus.DELIVERED, "comment; no property: the account may not do this on this ticket"
        )  # fmt: skip
    assert len(issue.comments) == 1


async def test_a_status_that_cannot_be_edited_still_takes_a_comment(world: Any) -> None:
    world.site.add_status("Archived", "done", editable=False)
    issue = world.closed()
    world.site.transition(issue, "Archived", by=world.site.agent)
    [receipt] = await world.write(world.experience(issue))
    assert receipt.status is DeliveryStatus.DELIVERED
    assert receipt.reason.startswith("comment; no property: ")


async def test_the_comment_limit_of_a_ticket_leaves_the_property(world: Any) -> None:
    issue = world.closed()
    world.site.comment_limit = 0
    [receipt] = await world.write(world.experience(issue))
    assert receipt.status is DeliveryStatus.DELIVERED
    assert "Jira answered 413 to POST" in receipt.reason


async def test_a_property_that_does_not_read_back_is_not_delivered(world: Any) -> None:
    issue = world.closed()
    world.site.faults.on("PUT", "/properties/", Answer(200))
    [receipt] = await world.write(world.experience(issue))
    assert receipt.status is DeliveryStatus.UNKNOWN
    assert "does not read back" in receipt.reason


@pytest.mark.parametrize(("settings", "at_once"), [({}, 8), ({"writes_at_once": 1}, 1), ({"writes_at_once": 20}, 20)])
async def test_only_so_many_tickets_are_written_to_at_once(cloud: Any, settings: Any, at_once: int) -> None:
    under_way = most = 0
    inner = cloud.context._transport

    class Watching(type(inner)):
        async def handle_async_request(self, request: Any) -> Any:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            try:
                return await super().handle_async_request(request)
            finally:
                under_way -= 1

    cloud.context._transport = Watching(cloud.site.app)
    receipts = await cloud.write(*[cloud.experience(cloud.closed()) for _ in range(30)], **settings)
    assert {receipt.status for receipt in receipts} == {DeliveryStatus.DELIVERED}
    assert most == at_once


async def test_the_customers_words_stay_out_of_errors_and_logs(world: Any, redacted: Any) -> None:
    words = "call me +358 40 1234567"
    for status in (400, 403, 409, 413, 422, 500):
        issue = world.closed()
        echo = {"errorMessages": [f"cannot take '{words}'"], "errors": {"comment": words}}
        world.site.faults.on("*", "/(comment|properties)", Answer(status, echo), times=0)
        try:
            told = await world.write(world.experience(issue, comment=words))
        except RemoteError as error:
            told = [error]
        redacted(world, *told, also=[words, "1234567"])
        world.site.faults.clear()
