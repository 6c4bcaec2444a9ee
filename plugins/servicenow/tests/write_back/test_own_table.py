"""Answers in a table of their own."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox.servicenow import faults
from sandbox.servicenow.exchange import Reply

from hub import DeliveryStatus

TABLE = "u_experience"
SETTINGS = {"write_back": ["table"]}


def rows(desk: Any) -> list[dict[str, str]]:
    return desk.instance.store.rows(TABLE)


async def test_one_row_refers_to_the_task(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    before = desk.instance.record(ticket)
    [receipt] = await desk.source(**SETTINGS).write_back([answer(ticket)])
    [row] = rows(desk)
    assert (receipt.status, receipt.reason) == (DeliveryStatus.DELIVERED, "row in u_experience")
    assert receipt.provider_id == row["sys_id"]
    assert (row["u_task"], row["u_csat"], row["u_xm_response_id"]) == (ticket, "4", "x991.1")
    assert desk.instance.record(ticket) == before


async def test_each_revision_is_a_row_and_a_repetition_is_none(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    for item in (answer(ticket), answer(ticket), answer(ticket, revision=2), answer(ticket, revision=2)):
        await desk.source(**SETTINGS).write_back([item])
    assert sorted(row["u_xm_response_id"] for row in rows(desk)) == ["x991.1", "x991.2"]


@pytest.mark.parametrize("fault", [faults.time_out, faults.cut, faults.cancelled, faults.empty_created])
async def test_checklist_10_a_lost_answer_leaves_one_row(desk: Any, answer: Any, fault: Any) -> None:
    """Checklist 10."""
    [ticket] = desk.resolved()
    desk.instance.faults.plan(fault, method="POST", path=TABLE)
    [receipt] = await desk.source(**SETTINGS).write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.DELIVERED
    assert len(rows(desk)) == 1


async def test_a_table_that_does_not_exist_is_named(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    [receipt] = await desk.source(**SETTINGS, result_table="u_nothing").write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.UNKNOWN
    assert "Invalid table" in (receipt.reason or "")


async def test_a_table_without_the_response_column_gets_no_rows(desk: Any, answer: Any) -> None:
    """The look would find all rows of the table, for the instance drops what it does not know."""
    [ticket] = desk.resolved()
    desk.instance.add(TABLE)
    desk.instance.drop_column(TABLE, "u_xm_response_id")
    [receipt] = await desk.source(**SETTINGS).write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.UNKNOWN
    assert "u_experience has no column u_xm_response_id" in (receipt.reason or "")
    assert len(rows(desk)) == 1


async def test_rows_that_cannot_be_read_are_not_written_twice(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    source = desk.source(**SETTINGS)
    await source.write_back([answer(ticket)])
    desk.instance.hide(rows(desk)[0]["sys_id"])
    [receipt] = await source.write_back([answer(ticket)])
    assert "may not read the rows of u_experience" in (receipt.reason or "")
    assert len(rows(desk)) == 1


async def test_a_row_that_is_hidden_from_its_writer_is_not_called_read_back(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()

    def hidden_at_once(proceed: Any) -> Reply:
        reply = proceed()
        desk.instance.hide(rows(desk)[0]["sys_id"])
        return reply

    desk.instance.faults.plan(hidden_at_once, method="POST", path=TABLE)
    [receipt] = await desk.source(**SETTINGS).write_back([answer(ticket)])
    assert (receipt.status, receipt.reason) == (DeliveryStatus.SENT, "row in u_experience, not read back")


async def test_what_a_unique_column_refuses_is_there_already(desk: Any, answer: Any) -> None:
    """A lost request can arrive after the hub has looked."""
    [ticket] = desk.resolved()
    source = desk.source(**SETTINGS)
    await source.write_back([answer(ticket)])
    nothing_yet = Reply(200, b'{"result":[]}', {"Content-Type": "application/json", "X-Total-Count": "0"})
    desk.instance.faults.plan(faults.answer(nothing_yet), method="GET", path=TABLE)
    [receipt] = await source.write_back([answer(ticket)])
    assert (receipt.status, receipt.reason) == (DeliveryStatus.DELIVERED, "row in u_experience")
    assert len(rows(desk)) == 1
