"""Answers in columns of the ticket."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sandbox.servicenow import faults

from hub import DeliveryStatus

FIELDS = {"write_back": ["fields"]}


async def test_columns_and_a_work_note_are_written_in_one_request(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    [receipt] = await desk.source(**FIELDS).write_back([answer(ticket)])
    assert (receipt.key, receipt.status, receipt.reason) == ("x991", DeliveryStatus.DELIVERED, "columns and work note")
    row = desk.instance.record(ticket)
    assert (row["u_csat"], row["u_xm_comment"], row["u_xm_response_id"]) == ("4", "Kiitos, Åsa!", "x991.1")
    [note] = desk.instance.journal(ticket, "work_notes")
    assert note == "Survey answer x991.1: csat 4/5\nKiitos, Åsa!\nAnswered 2026-03-02 09:00 UTC by sms."
    assert [request.method for request in desk.instance.requests].count("PATCH") == 1


async def test_customers_never_read_it(desk: Any, answer: Any) -> None:
    """`comments` is visible to customers, and mostly mailed to them."""
    [ticket] = desk.resolved()
    for target in ("fields", "note"):
        await desk.source(write_back=[target]).write_back([answer(ticket)])
    assert desk.instance.journal(ticket, "comments") == []


async def test_a_repetition_changes_nothing(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    await desk.source(**FIELDS).write_back([answer(ticket)])
    before = desk.instance.record(ticket)
    [receipt] = await desk.source(**FIELDS).write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.DELIVERED
    assert desk.instance.record(ticket) == before


async def test_a_later_revision_replaces_the_columns_and_adds_a_note(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    source = desk.source(**FIELDS)
    await source.write_back([answer(ticket)])
    await source.write_back([answer(ticket, revision=2, comment=None)])
    row = desk.instance.record(ticket)
    assert (row["u_xm_comment"], row["u_xm_response_id"]) == ("", "x991.2")
    first, second = desk.instance.journal(ticket, "work_notes")
    assert "x991.1:" in first
    assert second.endswith("It replaces an earlier answer.")


async def test_a_column_that_does_not_exist_is_named(desk: Any, answer: Any) -> None:
    """The instance takes unknown columns with 200 and says nothing."""
    [ticket] = desk.resolved()
    settings = {"result_fields": {"rating": "u_typo", "response": "u_xm_response_id"}}
    [receipt] = await desk.source(**FIELDS, **settings).write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.DELIVERED
    assert receipt.reason == "columns and work note; u_typo was ignored"


async def test_a_column_that_is_write_protected_is_named(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.protect_field("incident", "u_csat")
    [receipt] = await desk.source(**FIELDS).write_back([answer(ticket)])
    assert (receipt.status, receipt.reason) == (DeliveryStatus.DELIVERED, "columns and work note; u_csat was ignored")


async def test_a_comment_that_the_column_cuts_is_named(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    [receipt] = await desk.source(**FIELDS).write_back([answer(ticket, comment="ä" * 5000)])
    assert receipt.reason == "columns and work note; u_xm_comment was cut to 4000 characters"


async def test_without_the_column_that_makes_it_repeatable_nothing_is_written(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.drop_column("task", "u_xm_response_id")
    [receipt] = await desk.source(**FIELDS).write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.UNKNOWN
    assert receipt.reason == "not fields: incident has no column u_xm_response_id that the account may read"
    assert desk.instance.journal(ticket, "work_notes") == []


async def test_a_protected_response_column_is_told_and_the_note_stands(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.protect_field("incident", "u_xm_response_id")
    [receipt] = await desk.source(**FIELDS).write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.DELIVERED
    assert receipt.reason == "columns and work note; u_xm_response_id was ignored"
    assert len(desk.instance.journal(ticket, "work_notes")) == 1


@pytest.mark.parametrize("fault", [faults.time_out, faults.cut, faults.cancelled])
async def test_checklist_10_a_lost_answer_leaves_one_note(desk: Any, answer: Any, fault: Any) -> None:
    """Checklist 10."""
    [ticket] = desk.resolved()
    desk.instance.faults.plan(fault, method="PATCH")
    [receipt] = await desk.source(**FIELDS).write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.DELIVERED
    assert len(desk.instance.journal(ticket, "work_notes")) == 1


async def test_a_lost_request_is_unknown_and_written_by_the_next_call(desk: Any, answer: Any) -> None:
    """Not at once: it may still be running."""
    [ticket] = desk.resolved()
    desk.instance.faults.plan(faults.cut_before, method="PATCH")
    source = desk.source(**FIELDS)
    [lost] = await source.write_back([answer(ticket)])
    assert lost.status is DeliveryStatus.UNKNOWN
    assert desk.instance.journal(ticket, "work_notes") == []
    desk.clock.advance(timedelta(seconds=90))
    [receipt] = await desk.source(**FIELDS).write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.DELIVERED
    assert len(desk.instance.journal(ticket, "work_notes")) == 1
