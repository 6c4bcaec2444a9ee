"""Which target gets an answer, and what the hub hears of it."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox.servicenow import faults

from hub import AuthFailed, DeliveryStatus, RateLimited, Unavailable, Unexpected

ALL = {"write_back": ["fields", "note", "table", "import"]}


async def test_only_the_first_target_that_works_is_used(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    await desk.source(**ALL).write_back([answer(ticket)])
    assert desk.instance.store.rows("u_experience") == []


async def test_a_locked_record_leads_to_the_own_table_and_the_reason_says_why(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.close(ticket)
    desk.instance.lock_closed()
    [receipt] = await desk.source(**ALL).write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.DELIVERED
    better = "ACL Exception Update Failed due to security constraints"
    used, *refusals = (receipt.reason or "").split("; not ")
    assert used == "row in u_experience"
    assert [refusal.split(":")[0] for refusal in refusals] == ["fields", "note"]
    assert all(better in refusal for refusal in refusals)


async def test_a_business_rule_that_aborts_leads_to_the_next_target(desk: Any, answer: Any) -> None:
    [ticket] = desk.resolved()
    desk.instance.faults.plan(faults.RULE_ABORTS, method="PATCH")
    [receipt] = await desk.source(**ALL).write_back([answer(ticket)])
    assert (receipt.reason or "").startswith("work note; not fields: ")
    assert "aborted by Business Rule" in (receipt.reason or "")


async def test_when_all_refuse_the_hub_tries_again(desk: Any, answer: Any) -> None:
    """An admin can still open a door."""
    [ticket] = desk.resolved()
    desk.instance.close(ticket)
    desk.instance.lock_closed()
    [receipt] = await desk.source().write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.UNKNOWN
    assert (receipt.reason or "").startswith("not note: ")


async def test_checklist_20_a_deleted_ticket_is_rejected_and_blocks_nobody(desk: Any, answer: Any) -> None:
    """Checklist 20."""
    gone, hidden, kept = desk.resolved(3)
    desk.instance.delete(gone)
    desk.instance.hide(hidden)
    receipts = await desk.source(**ALL).write_back([answer(one) for one in (gone, hidden, kept)])
    assert [receipt.status for receipt in receipts] == [
        DeliveryStatus.REJECTED,
        DeliveryStatus.REJECTED,
        DeliveryStatus.DELIVERED,
    ]
    assert (receipts[0].reason or "").startswith("gone")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.UNAUTHENTICATED, AuthFailed),
        (faults.HIBERNATING, Unexpected),
        (faults.LOGIN, Unexpected),
        (faults.MAINTENANCE, Unavailable),
        (faults.SEMAPHORES_TAKEN, RateLimited),
    ],
)
async def test_when_nothing_was_tried_it_raises(desk: Any, answer: Any, fault: Any, error: type[Exception]) -> None:
    desk.instance.faults.plan(fault, times=100)
    [ticket] = desk.resolved()
    with pytest.raises(error):
        await desk.source().write_back([answer(ticket)])
    assert desk.instance.journal(ticket, "work_notes") == []


async def test_an_outage_in_mid_batch_keeps_what_was_written(desk: Any, answer: Any) -> None:
    tickets = desk.resolved(20)
    desk.instance.faults.plan(faults.MAINTENANCE, method="GET", after=10, times=1000)
    receipts = await desk.source().write_back([answer(ticket, id=ticket) for ticket in tickets])
    delivered = [receipt.key for receipt in receipts if receipt.status is DeliveryStatus.DELIVERED]
    written = [ticket for ticket in tickets if desk.instance.journal(ticket, "work_notes")]
    assert 0 < len(delivered) <= len(written) < 20
    assert set(delivered) <= set(written)
    assert {receipt.status for receipt in receipts} == {DeliveryStatus.DELIVERED, DeliveryStatus.UNKNOWN}


async def test_a_failed_look_after_a_write_is_unknown_not_raised(desk: Any, answer: Any) -> None:
    """Something was tried, so the hub must hear of it item by item."""
    [ticket] = desk.resolved()
    desk.instance.faults.plan(faults.MAINTENANCE, method="GET", path="sys_journal_field", after=1, times=1000)
    [receipt] = await desk.source().write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.UNKNOWN
    desk.instance.faults.clear()
    [receipt] = await desk.source().write_back([answer(ticket)])
    assert receipt.status is DeliveryStatus.DELIVERED
    assert len(desk.instance.journal(ticket, "work_notes")) == 1


async def test_checklist_5_the_own_write_back_is_no_second_closure(desk: Any, answer: Any) -> None:
    """Checklist 5: it moves sys_updated_on, so the ticket is pulled again, under the same key."""
    source = desk.source()
    [start] = [page async for page in source.pull(None)]
    [ticket] = desk.resolved()
    before = {found.closure_key async for page in source.pull(start.cursor) for found in page.tickets}
    await source.write_back([answer(ticket)])
    again = [found async for page in source.pull(start.cursor) for found in page.tickets]
    assert {found.closure_key for found in again} == before
    assert [found.id for found in again] == [ticket]
