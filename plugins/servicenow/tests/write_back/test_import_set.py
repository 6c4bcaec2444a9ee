"""Answers through an import set."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sandbox.servicenow import faults
from sandbox.servicenow.exchange import as_json
from sandbox.servicenow.transform import ON_EXPERIENCE

from hub import DeliveryStatus

STAGING = "u_imp_experience"
SETTINGS = {"write_back": ["import"]}


def imported(status: str, count: int = 1) -> Any:
    """An answer of the import API with this status in each row."""
    row = {"transform_map": "Experience", "table": "incident", "status": status, "error_message": "Kiitos, Åsa!"}
    return faults.answer(as_json({"import_set": "ISET1", "staging_table": STAGING, "result": [row] * count}, 201))


async def test_the_ticket_gets_what_the_transform_map_makes_of_it(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    [receipt] = await desk.source(**SETTINGS).write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.DELIVERED
    assert receipt.reason in ("import set u_imp_experience (inserted)", "import set u_imp_experience (updated)")
    [posted] = [request for request in desk.instance.requests if request.method == "POST"]
    assert json.loads(posted.body) == {
        "u_task": desk.instance.record(ticket)["number"],
        "u_csat": "4",
        "u_xm_comment": "Kiitos, Åsa!",
        "u_xm_response_id": "x991.1",
    }


async def test_a_repetition_imports_nothing(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    for _ in range(2):
        [receipt] = await desk.source(**SETTINGS).write_back([answer(ticket)])
        assert receipt.status is DeliveryStatus.DELIVERED
    assert len(desk.instance.store.rows(STAGING)) == 1


@pytest.mark.parametrize("status", ["error", "skipped"])
async def test_an_error_with_201_is_no_success(desk: Any, answer: Any, status: str) -> None:
    [ticket] = desk.resolved()
    desk.instance.faults.plan(imported(status), method="POST", path="/import/")
    [receipt] = await desk.source(**SETTINGS).write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.UNKNOWN
    assert receipt.reason == f"not import: the transform map of u_imp_experience answered {status}"


async def test_a_status_that_nobody_knows_is_not_called_read_back(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.faults.plan(imported("something new"), method="POST", path="/import/")
    [receipt] = await desk.source(**SETTINGS).write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.SENT


async def test_rows_that_a_dropped_query_finds_are_not_taken_for_the_answer(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.add(STAGING, sys_import_state="inserted")
    desk.instance.drop_column(STAGING, "u_xm_response_id")
    await desk.source(**SETTINGS).write_back([answer(ticket)])
    assert [request.method for request in desk.instance.requests].count("POST") == 1


async def test_what_the_transform_map_ignored_is_not_called_delivered(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.faults.plan(imported("ignored"), method="POST", path="/import/")
    [receipt] = await desk.source(**SETTINGS).write_back([answer(ticket)])
    assert (receipt.status, receipt.reason) == (
        DeliveryStatus.SENT,
        "import set u_imp_experience: the transform map ignored the answer",
    )


async def test_what_is_ignored_after_a_lost_answer_is_there(desk: Any, answer: Any) -> None:
    """Staging rows are hidden, so that the same values are sent once more, and coalesce."""
    [ticket] = desk.resolved()
    desk.instance.deny_table(STAGING)
    desk.instance.transform_maps[STAGING] = ON_EXPERIENCE
    desk.instance.faults.plan(faults.time_out, method="POST", path="/import/")
    statuses = [(await desk.source(**SETTINGS).write_back([answer(ticket)]))[0].status for _ in range(2)]
    assert statuses == [DeliveryStatus.UNKNOWN, DeliveryStatus.DELIVERED]
    assert len(desk.instance.store.rows("u_experience")) == 1


@pytest.mark.parametrize("fault", [faults.empty_created, faults.time_out])
async def test_an_empty_answer_makes_it_look_into_the_staging_table(desk: Any, answer: Any, fault: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.faults.plan(fault, method="POST", path="/import/")
    [receipt] = await desk.source(**SETTINGS).write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.DELIVERED
    assert len(desk.instance.store.rows(STAGING)) == 1


async def test_an_empty_answer_and_a_closed_staging_table_are_not_called_read_back(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.deny_table(STAGING)
    desk.instance.faults.plan(faults.empty_created, method="POST", path="/import/")
    [receipt] = await desk.source(**SETTINGS).write_back([answer(ticket)])
    assert (receipt.status, receipt.reason) == (
        DeliveryStatus.SENT,
        "import set u_imp_experience, not read back",
    )


@pytest.mark.parametrize("body", faults.NO_RESULT)
async def test_an_answer_of_another_shape_is_unknown(desk: Any, answer: Any, body: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.faults.plan(body, method="POST", path="/import/")
    [receipt] = await desk.source(**SETTINGS).write_back([answer(ticket)])
    assert receipt.status in (DeliveryStatus.UNKNOWN, DeliveryStatus.SENT)
