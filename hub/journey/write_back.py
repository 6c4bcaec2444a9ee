"""Stage 6: experiences go onto their tickets, and to every sink. One row per revision and target.

A target looks before it writes: after a crash it is called again with what may already be there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.component import Clock
from hub.api.errors import Rejected, RemoteError, Unexpected
from hub.api.records import DeliveryStatus, Experience, Receipt
from hub.faults import fault_point
from hub.journey.backoff import backoff
from hub.store.engine import Store
from hub.store.tables import UtcDateTime, WriteBackState, experiences, write_backs

LEASE = timedelta(minutes=5)
ATTEMPTS = 10
_BACKOFF_FIRST = timedelta(seconds=15)
_BACKOFF_LAST = timedelta(hours=1)
_OPEN = sa.text("write_backs.state IN ('pending', 'writing')")  # literal, so that the partial index serves it
_WRITTEN = (DeliveryStatus.SENT, DeliveryStatus.DELIVERED)


@dataclass(frozen=True, slots=True)
class Target:
    """A source that takes experiences back, or a sink."""

    id: str
    put: Callable[[Sequence[Experience]], Awaitable[Sequence[Receipt]]]
    worker: str
    clock: Clock


async def queue(
    connection: AsyncConnection,
    revisions: Sequence[tuple[int, Sequence[str]]],
    invitation_ids: Sequence[int],
    now: datetime,
) -> None:
    """Note which targets have to hear of new revisions; older ones that nobody has begun with are dropped.

    :param revisions: ids of experiences, each with its targets.
    """
    earlier = sa.select(experiences.c.id).where(experiences.c.invitation_id.in_(invitation_ids))
    await connection.execute(
        write_backs.update()
        .where(write_backs.c.experience_id.in_(earlier), write_backs.c.state == WriteBackState.PENDING)
        .values(state=WriteBackState.SUPERSEDED)
    )
    rows = [
        {"experience_id": id_, "target": target, "state": WriteBackState.PENDING, "next_at": now}
        for id_, targets in revisions
        for target in targets
    ]
    if rows:
        await connection.execute(write_backs.insert(), rows)


async def write_due(store: Store, target: Target, limit: int) -> int:
    """Write up to `limit` experiences that are due for one target.

    :returns: how many were written.
    :raises RemoteError: the target as a whole does not work; nothing of the batch was written.
    """
    rows = await _claim(store, target, limit)
    if not rows:
        return 0
    fault_point("write_back.claimed")
    items = [Experience.model_validate_json(row["record"]) for row in rows]
    try:
        receipts = await target.put(items)
        _require_all(receipts, items)
    except RemoteError as error:
        await _put_off(store, target, rows, error)
        if isinstance(error, Rejected):
            return 0
        raise
    fault_point("write_back.written")
    now = target.clock.now()
    await store.commit(lambda connection: _store(connection, rows, receipts, now))
    fault_point("write_back.stored")
    return sum(receipt.status in _WRITTEN for receipt in receipts)


async def _claim(store: Store, target: Target, limit: int) -> list[Mapping[Any, Any]]:
    now = target.clock.now()
    async with store.write() as connection:
        found = await connection.execute(
            sa.select(write_backs, experiences.c.record)
            .join(experiences)
            .where(_OPEN, write_backs.c.target == target.id, write_backs.c.next_at <= now)
            .where(sa.or_(write_backs.c.lease_until.is_(None), write_backs.c.lease_until < now))
            .order_by(write_backs.c.next_at, write_backs.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=write_backs)
        )
        rows: list[Mapping[Any, Any]] = list(found.mappings())
        if not rows:
            return []
        await connection.execute(
            write_backs.update()
            .where(write_backs.c.id.in_([row["id"] for row in rows]))
            .values(
                state=WriteBackState.WRITING,
                attempts=write_backs.c.attempts + 1,
                claimed_by=target.worker,
                lease_until=now + LEASE,
            )
        )
        fault_point("write_back.before_claim_commit")
    return rows


def _require_all(receipts: Sequence[Receipt], items: Sequence[Experience]) -> None:
    if [receipt.key for receipt in receipts] != [item.id for item in items]:
        raise Unexpected("the plugin did not return one receipt per experience, in order")


async def _store(
    connection: AsyncConnection, rows: Sequence[Mapping[Any, Any]], receipts: Sequence[Receipt], now: datetime
) -> None:
    results = [{"row": row["id"], **_result(row, receipt, now)} for row, receipt in zip(rows, receipts, strict=True)]
    await connection.execute(
        write_backs.update()
        .where(write_backs.c.id == sa.bindparam("row"))
        .values(
            claimed_by=None,
            lease_until=None,
            state=sa.bindparam("new_state"),
            next_at=sa.bindparam("again_at", type_=UtcDateTime),
            done_at=sa.bindparam("written_at", type_=UtcDateTime),
            provider_id=sa.bindparam("place"),
            reason=sa.bindparam("why"),
        ),
        results,
    )


def _result(row: Mapping[Any, Any], receipt: Receipt, now: datetime) -> dict[str, Any]:
    values = {"place": receipt.provider_id, "why": receipt.reason, "again_at": row["next_at"], "written_at": None}
    if receipt.status in _WRITTEN:
        return values | {"new_state": WriteBackState.DONE, "written_at": now}
    if receipt.status is DeliveryStatus.REJECTED or row["attempts"] + 1 >= ATTEMPTS:
        return values | {"new_state": WriteBackState.FAILED}
    again_at = now + backoff(row["attempts"], _BACKOFF_FIRST, _BACKOFF_LAST)
    return values | {"new_state": WriteBackState.PENDING, "again_at": again_at}


async def _put_off(store: Store, target: Target, rows: Sequence[Mapping[Any, Any]], error: RemoteError) -> None:
    """Nothing of the batch was written: a rejected batch is tried a limited number of times, others until it works."""
    now = target.clock.now()
    async with store.write() as connection:
        for row in rows:
            given_up = isinstance(error, Rejected) and row["attempts"] + 1 >= ATTEMPTS
            await connection.execute(
                write_backs.update()
                .where(write_backs.c.id == row["id"])
                .values(
                    state=WriteBackState.FAILED if given_up else WriteBackState.PENDING,
                    reason=str(error),
                    next_at=now + backoff(row["attempts"], _BACKOFF_FIRST, _BACKOFF_LAST),
                    claimed_by=None,
                    lease_until=None,
                )
            )
