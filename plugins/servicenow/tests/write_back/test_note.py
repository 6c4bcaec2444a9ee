"""Answers as work notes, with a journal that the account may read or not."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox.servicenow import faults

from hub import DeliveryStatus
from hub.testing.fakes import FakeContext

JOURNAL = "sys_journal_field"
WITHOUT_RESPONSE = {"result_fields": {}}


def notes(desk: Any, ticket: str) -> list[str]:
    return desk.instance.journal(ticket, "work_notes")


async def test_the_note_is_read_back_from_the_journal(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    [receipt] = await desk.source().write_back([answer(ticket)])
    assert (receipt.status, receipt.reason) == (DeliveryStatus.DELIVERED, "work note")
    assert len(notes(desk, ticket)) == 1
    assert desk.instance.record(ticket)["u_xm_response_id"] == ""


async def test_the_tenth_revision_is_not_taken_for_the_first(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    source = desk.source()
    await source.write_back([answer(ticket, revision=10)])
    await source.write_back([answer(ticket, revision=1)])
    assert len(notes(desk, ticket)) == 2


@pytest.mark.parametrize("fault", [faults.time_out, faults.cut, faults.cancelled])
async def test_checklist_10_a_lost_answer_leaves_one_note(desk: Any, answer: Any, fault: Any) -> None:
    """Checklist 10."""
    [ticket] = desk.resolved()
    desk.instance.faults.plan(fault, method="PATCH")
    [receipt] = await desk.source().write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.DELIVERED
    await desk.source().write_back([answer(ticket)])
    assert len(notes(desk, ticket)) == 1


async def test_with_a_closed_journal_the_response_column_tells(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.deny_table(JOURNAL)
    desk.instance.faults.plan(faults.time_out, method="PATCH")
    [receipt] = await desk.source().write_back([answer(ticket)])
    assert (receipt.status, receipt.reason) == (DeliveryStatus.DELIVERED, "columns and work note")
    await desk.source().write_back([answer(ticket)])
    assert len(notes(desk, ticket)) == 1
    assert desk.instance.record(ticket)["u_csat"] == "", "only the response id may be written beside the note"


async def test_with_a_closed_journal_alone_the_note_is_written_and_not_called_read_back(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.deny_table(JOURNAL)
    [receipt] = await desk.source(**WITHOUT_RESPONSE).write_back([answer(ticket)])
    assert (receipt.status, receipt.reason) == (DeliveryStatus.SENT, "work note, not read back")
    assert len(notes(desk, ticket)) == 1


async def test_what_nobody_can_look_for_is_not_repeated(desk: Any, answer: Any) -> None:
    """Not by the next process either."""
    [ticket] = desk.resolved()
    desk.instance.deny_table(JOURNAL)
    desk.instance.faults.plan(faults.time_out, method="PATCH")
    [lost] = await desk.source(**WITHOUT_RESPONSE).write_back([answer(ticket)])
    [again] = await desk.source(**WITHOUT_RESPONSE).write_back([answer(ticket)])
    assert (lost.status, again.status) == (DeliveryStatus.UNKNOWN, DeliveryStatus.SENT)
    assert "not repeated" in (again.reason or "")
    assert len(notes(desk, ticket)) == 1


async def test_journal_rows_that_are_hidden_are_not_taken_for_none(desk: Any, answer: Any) -> None:
    """Row rules leave 200 and no rows, but the count betrays them."""
    [ticket] = desk.resolved()
    desk.instance.faults.plan(faults.time_out, method="PATCH")
    desk.instance.listeners.append(lambda *_: hide_journal(desk))
    source = desk.source(**WITHOUT_RESPONSE)
    statuses = [(await source.write_back([answer(ticket)]))[0].status for _ in range(2)]
    assert statuses == [DeliveryStatus.UNKNOWN, DeliveryStatus.SENT]
    assert len(notes(desk, ticket)) == 1


def hide_journal(desk: Any) -> None:
    for row in desk.instance.store.rows(JOURNAL):
        desk.instance.hide(row["sys_id"])


async def test_a_note_that_is_told_of_is_personal_and_not_logged(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.faults.plan(faults.ACL_REFUSES, method="PATCH")
    context: FakeContext = desk.context
    [receipt] = await desk.source().write_back([answer(ticket)])
    assert "Kiitos" not in " ".join(map(str, context.log.entries)) + (receipt.reason or "")
