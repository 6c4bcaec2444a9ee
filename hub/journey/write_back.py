"""Stage 6: experiences go onto their tickets, and to every sink. One row per revision and target.

A target looks before it writes: after a crash it is called again with what may already be there.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.component import Clock
from hub.api.errors import Rejected, RemoteError, Unavailable, Unexpected
from hub.api.records import DeliveryStatus, Experience, Receipt
from hub.faults import fault_point
from hub.journey.backoff import backoff
from hub.store.engine import Store
from hub.store.tables import UtcDateTime, WriteBackState, experiences, write_backs

PUT_LIMIT = timedelta(minutes=2)
LEASE = PUT_LIMIT * 3  # a batch has ended, one way or the other, well before others may take its rows
ATTEMPTS = 10
ATTEMPTS_UNEXPECTED = 48  # two days: a page that says "maintenance" is no reason to lose a result
_BACKOFF_FIRST = timedelta(seconds=15)
_BACKOFF_LAST = timedelta(hours=1)
_OPEN = sa.text("write_backs.state IN ('pending', 'writing')")  # literal, so that the partial index serves it
_other = write_backs.alias("other")
_other_experience = experiences.alias("other_experience")
_WRITTEN = (DeliveryStatus.SENT, DeliveryStatus.DELIVERED)


class _TooSlow(Unavailable):
    """A batch did not end in time. Nobody knows what of it was written, and a smaller one may get through."""


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

    :returns: how many were looked at.
    :raises RemoteError: the target as a whole does not work; nothing of the batch was written.
    """
    rows = await _claim(store, target, limit)
    if not rows:
        return 0
    fault_point("write_back.claimed")
    try:
        receipts = await _put(target, rows)
    except RemoteError as error:
        if isinstance(error, Rejected | Unexpected | _TooSlow) and len(rows) > 1:
            return await _write_singly(store, target, rows)
        await _put_off(store, target, rows, error)
        if isinstance(error, Rejected):
            return len(rows)
        raise
    await _store(store, target, rows, receipts)
    return len(rows)


async def _write_singly(store: Store, target: Target, rows: Sequence[Mapping[Any, Any]]) -> int:
    """One item that the target cannot take must not hold up the others."""
    failures: list[RemoteError] = []
    until = target.clock.now() + LEASE - PUT_LIMIT * 2  # the batch as a whole has had one PUT_LIMIT of the lease
    for number, row in enumerate(rows):
        if target.clock.now() > until:
            await _put_off(store, target, rows[number:], Unavailable("the rest of the batch waits for its turn"))
            break
        try:
            receipts = await _put(target, [row])
        except RemoteError as error:
            failures.append(error)
            if not isinstance(error, Rejected | Unexpected):
                await _put_off(store, target, rows[number:], error)
                raise
            await _put_off(store, target, [row], error)
        else:
            await _store(store, target, [row], receipts)
    if len(failures) == len(rows) and not isinstance(failures[0], Rejected):
        raise failures[0]
    return len(rows)


async def _put(target: Target, rows: Sequence[Mapping[Any, Any]]) -> Sequence[Receipt]:
    try:
        items = [Experience.model_validate_json(row["record"]) for row in rows]
        async with asyncio.timeout(PUT_LIMIT.total_seconds()):
            receipts = await target.put(items)
        in_order = [receipt.key for receipt in receipts] == [item.id for item in items]
    except RemoteError:
        raise
    except TimeoutError:
        raise _TooSlow("it took too long to write results") from None
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) and task.cancelling():
            raise
        raise Unexpected("the plugin was cancelled from inside") from None
    except Exception as error:
        raise Unexpected(f"the plugin failed with {type(error).__name__}") from error
    if not in_order:
        raise Unexpected("the plugin did not return one receipt per experience, in order")
    return receipts


async def _claim(store: Store, target: Target, limit: int) -> list[Mapping[Any, Any]]:
    now = target.clock.now()
    async with store.write() as connection:
        await _supersede(connection, target)
        found = await connection.execute(
            sa.select(write_backs, experiences.c.record)
            .join(experiences)
            .where(_OPEN, write_backs.c.target == target.id, write_backs.c.next_at <= now)
            .where(sa.or_(write_backs.c.lease_until.is_(None), write_backs.c.lease_until < now))
            .where(~_revision(_other_experience.c.revision < experiences.c.revision, _other.c.lease_until >= now))
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


def _revision(*conditions: sa.ColumnElement[bool]) -> sa.Exists:
    """Whether the same customer's record has another revision for the same target."""
    return (
        sa.exists()
        .select_from(_other.join(_other_experience, _other.c.experience_id == _other_experience.c.id))
        .where(
            _other_experience.c.invitation_id == experiences.c.invitation_id, _other.c.target == write_backs.c.target
        )
        .where(*conditions)
        .correlate(experiences, write_backs)
    )


async def _supersede(connection: AsyncConnection, target: Target) -> None:
    """A revision that waits again after a failure must not be written after the one that replaced it."""
    outdated = (
        sa.select(write_backs.c.id)
        .join(experiences)
        .where(_OPEN, write_backs.c.target == target.id, write_backs.c.state == WriteBackState.PENDING)
        .where(_revision(_other_experience.c.revision > experiences.c.revision))
    )
    await connection.execute(
        write_backs.update().where(write_backs.c.id.in_(outdated)).values(state=WriteBackState.SUPERSEDED)
    )


def _mine(target: Target) -> sa.Update:
    """A row of this worker's: one that was away for longer than its lease must not undo what another did since."""
    return write_backs.update().where(
        write_backs.c.id == sa.bindparam("row"),
        write_backs.c.claimed_by == target.worker,
        write_backs.c.state == WriteBackState.WRITING,
    )


async def _store(store: Store, target: Target, rows: Sequence[Mapping[Any, Any]], receipts: Sequence[Receipt]) -> None:
    fault_point("write_back.written")
    now = target.clock.now()
    results = [{"row": row["id"], **_result(row, receipt, now)} for row, receipt in zip(rows, receipts, strict=True)]
    statement = _mine(target).values(
        claimed_by=None,
        lease_until=None,
        state=sa.bindparam("new_state"),
        next_at=sa.bindparam("again_at", type_=UtcDateTime),
        done_at=sa.bindparam("written_at", type_=UtcDateTime),
        provider_id=sa.bindparam("place"),
        reason=sa.bindparam("why"),
    )
    await store.commit(lambda connection: connection.execute(statement, results))
    fault_point("write_back.stored")


def _result(row: Mapping[Any, Any], receipt: Receipt, now: datetime) -> dict[str, Any]:
    values = {"place": receipt.provider_id, "why": receipt.reason, "again_at": row["next_at"], "written_at": None}
    if receipt.status in _WRITTEN:
        return values | {"new_state": WriteBackState.DONE, "written_at": now}
    if receipt.status is DeliveryStatus.REJECTED or row["attempts"] + 1 >= ATTEMPTS:
        return values | {"new_state": WriteBackState.FAILED}
    again_at = now + backoff(row["attempts"], _BACKOFF_FIRST, _BACKOFF_LAST)
    return values | {"new_state": WriteBackState.PENDING, "again_at": again_at}


async def _put_off(store: Store, target: Target, rows: Sequence[Mapping[Any, Any]], error: RemoteError) -> None:
    """Nothing of these was written. An item that is to blame itself is tried a limited number of times."""
    now = target.clock.now()
    results = []
    for row in rows:
        given_up = len(rows) == 1 and row["attempts"] + 1 >= _most_attempts(error)
        state = WriteBackState.FAILED if given_up else WriteBackState.PENDING
        again_at = now + backoff(row["attempts"], _BACKOFF_FIRST, _BACKOFF_LAST)
        results.append({"row": row["id"], "new_state": state, "again_at": again_at})
    statement = _mine(target).values(
        claimed_by=None,
        lease_until=None,
        state=sa.bindparam("new_state"),
        next_at=sa.bindparam("again_at", type_=UtcDateTime),
        reason=str(error),
    )
    await store.commit(lambda connection: connection.execute(statement, results))


def _most_attempts(error: RemoteError) -> float:
    if isinstance(error, Rejected):
        return ATTEMPTS
    return ATTEMPTS_UNEXPECTED if isinstance(error, Unexpected) else math.inf
