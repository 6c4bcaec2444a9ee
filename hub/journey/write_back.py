"""Stage 6: experiences go onto their tickets, and to every sink. One row per revision and target.

A target looks before it writes: after a crash it is called again with what may already be there.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import watch
from hub.api.component import Clock
from hub.api.errors import Rejected, RemoteError, Unavailable, Unexpected
from hub.api.records import DeliveryStatus, Experience, Receipt
from hub.faults import fault_point
from hub.journey.backoff import backoff
from hub.journey.insist import insist
from hub.store import workers
from hub.store.among import among
from hub.store.engine import Store, despite_deadlock
from hub.store.given import given, insert_given
from hub.store.tables import Text, UtcDateTime, WriteBackState, experiences, invitations, write_backs

PUT_LIMIT = timedelta(minutes=2)
LEASE = PUT_LIMIT * 3  # kept for workers of the version before, which go by it
SINGLY_LIMIT = PUT_LIMIT * 2
"""How long the items of a batch that failed are tried one by one, before the others get their turn."""
ATTEMPTS = 10
ATTEMPTS_UNEXPECTED = 48  # two days: a page that says "maintenance" is no reason to lose a result
_BACKOFF_FIRST = timedelta(seconds=15)
_BACKOFF_LAST = timedelta(hours=1)
_SINKS = "sinks."
_OPEN = sa.text("write_backs.state IN ('pending', 'writing')")  # literal, so that the partial index serves it
_ANSWERED_AT = sa.case((experiences.c.revision == 1, invitations.c.answered_at), else_=experiences.c.created_at).label(
    "answered_at"
)
_QUEUE = insert_given(
    write_backs.insert(), *(write_backs.c[name] for name in ("experience_id", "target", "state", "next_at"))
)
_DROP = (
    write_backs.update()
    .where(
        write_backs.c.experience_id.in_(
            sa.select(experiences.c.id).where(among(experiences.c.invitation_id, "invitations"))
        ),
        write_backs.c.state == WriteBackState.PENDING,
    )
    .values(state=WriteBackState.SUPERSEDED)
)
_ended = given(
    row=write_backs.c.id.type, worker=Text(), state=Text(), next_at=UtcDateTime(), done_at=UtcDateTime(),
    provider_id=Text(), reason=Text(),
).c  # fmt: skip
_MINE = (
    # a worker that was taken for dead must not undo what another one did since
    write_backs.update()
    .where(
        write_backs.c.id == _ended.row,
        write_backs.c.claimed_by == _ended.worker,
        write_backs.c.state == WriteBackState.WRITING,
    )
    .values(
        claimed_by=None,
        lease_until=None,
        state=_ended.state,
        next_at=_ended.next_at,
        done_at=_ended.done_at,
        provider_id=_ended.provider_id,
        reason=_ended.reason,
    )
)
_other = write_backs.alias("other")
_other_experience = experiences.alias("other_experience")


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


_REPLACED = _revision(_other_experience.c.revision > experiences.c.revision)
_EARLIER_UNDER_WAY = _revision(
    _other_experience.c.revision < experiences.c.revision, _other.c.state == WriteBackState.WRITING
)
_FREE = (
    _OPEN,
    write_backs.c.target == sa.bindparam("for_target"),
    # a worker writes one batch at a time: what it is said to be writing is left over
    sa.or_(write_backs.c.state == WriteBackState.PENDING, write_backs.c.claimed_by == sa.bindparam("worker")),
)
_SUPERSEDE = (
    # a revision that waits again after a failure must not be written after the one that replaced it
    write_backs.update()
    .where(write_backs.c.id.in_(sa.select(write_backs.c.id).join(experiences).where(*_FREE).where(_REPLACED)))
    .values(state=WriteBackState.SUPERSEDED, claimed_by=None, lease_until=None)
)
_DUE = (
    sa.select(
        write_backs.c.id,
        write_backs.c.attempts,
        write_backs.c.next_at,
        experiences.c.record,
        invitations.c.closure_id,
        _ANSWERED_AT,
    )
    .select_from(write_backs)
    .join(experiences)
    .join(invitations, invitations.c.id == experiences.c.invitation_id)
    .where(*_FREE, write_backs.c.next_at <= sa.bindparam("now"), ~_REPLACED, ~_EARLIER_UNDER_WAY)
    .order_by(write_backs.c.next_at, write_backs.c.id)
    .limit(sa.bindparam("number"))
    .with_for_update(skip_locked=True, of=write_backs)
)
_BEGIN = (
    write_backs.update()
    .where(among(write_backs.c.id, "ids"))
    .values(
        state=WriteBackState.WRITING,
        attempts=write_backs.c.attempts + 1,
        claimed_by=sa.bindparam("worker"),
        lease_until=sa.bindparam("lease", type_=UtcDateTime),
    )
)
_WRITTEN = (DeliveryStatus.SENT, DeliveryStatus.DELIVERED)


class _TooSlow(Unavailable):
    """A batch did not end in time. Nobody knows what of it was written, and a smaller one may get through."""


@dataclass(frozen=True, slots=True)
class Target:
    """A source that takes experiences back, or a sink."""

    id: str
    put: Callable[[Sequence[Experience]], Awaitable[Sequence[Receipt]]]
    worker: Callable[[], str]
    """The name that this process claims rows under at the moment."""
    clock: Clock


async def queue(
    connection: AsyncConnection,
    revisions: Sequence[tuple[int, Sequence[str]]],
    invitation_ids: Sequence[int],
    now: datetime,
    sink_wait: timedelta = timedelta(),
) -> None:
    """Note which targets have to hear of new revisions; older ones that nobody has begun with are dropped.

    :param revisions: ids of experiences, each with its targets.
    :param sink_wait: how long sinks wait for a customer who corrects a slip; the ticket has it at once.
    """
    await connection.execute(_DROP, {"invitations": invitation_ids})
    rows = [
        {
            "experience_id": id_,
            "target": target,
            "state": WriteBackState.PENDING,
            "next_at": now + sink_wait if target.startswith(_SINKS) else now,
        }
        for id_, targets in revisions
        for target in targets
    ]
    if rows:
        await connection.execute(_QUEUE, {"rows": rows})


async def write_due(store: Store, target: Target, limit: int) -> int:
    """Write up to `limit` experiences that are due for one target.

    :returns: how many were looked at.
    :raises RemoteError: the target as a whole does not work; nothing of the batch was written.
    """
    rows = await despite_deadlock(partial(_claim, store, target, limit))
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
    monotonic = asyncio.get_running_loop().time
    until = monotonic() + SINGLY_LIMIT.total_seconds()
    for number, row in enumerate(rows):
        if monotonic() > until:
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
    now, worker = target.clock.now(), target.worker()
    async with store.write() as connection:
        if not await workers.is_registered(connection, worker):
            return []
        free = {"for_target": target.id, "worker": worker}
        await connection.execute(_SUPERSEDE, free)
        found = await connection.execute(_DUE, free | {"now": now, "number": limit})
        rows: list[Mapping[Any, Any]] = [{**row, "claimed_by": worker, "claimed_at": now} for row in found.mappings()]
        if not rows:
            return []
        begun = {"ids": [row["id"] for row in rows], "worker": worker, "lease": now + LEASE}
        await connection.execute(_BEGIN, begun)
        fault_point("write_back.before_claim_commit")
    return rows


async def _store(store: Store, target: Target, rows: Sequence[Mapping[Any, Any]], receipts: Sequence[Receipt]) -> None:
    fault_point("write_back.written")
    now = target.clock.now()
    results = [_result(row, receipt, now) for row, receipt in zip(rows, receipts, strict=True)]
    await _end(store, target, rows, results)
    fault_point("write_back.stored")


def _result(row: Mapping[Any, Any], receipt: Receipt, now: datetime) -> dict[str, Any]:
    values = _as_it_was(row) | {"provider_id": receipt.provider_id, "reason": receipt.reason}
    if receipt.status in _WRITTEN:
        return values | {"state": WriteBackState.DONE, "done_at": now}
    if receipt.status is DeliveryStatus.REJECTED or row["attempts"] + 1 >= ATTEMPTS:
        return values | {"state": WriteBackState.FAILED}
    again_at = now + backoff(row["attempts"], _BACKOFF_FIRST, _BACKOFF_LAST)
    return values | {"state": WriteBackState.PENDING, "next_at": again_at}


async def _put_off(store: Store, target: Target, rows: Sequence[Mapping[Any, Any]], error: RemoteError) -> None:
    """Nothing of these was written. An item that is to blame itself is tried a limited number of times."""
    now = target.clock.now()
    results = []
    for row in rows:
        given_up = len(rows) == 1 and row["attempts"] + 1 >= _most_attempts(error)
        state = WriteBackState.FAILED if given_up else WriteBackState.PENDING
        again_at = now + backoff(row["attempts"], _BACKOFF_FIRST, _BACKOFF_LAST)
        results.append(_as_it_was(row) | {"state": state, "next_at": again_at, "reason": str(error)})
    await _end(store, target, rows, results)


def _as_it_was(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "row": row["id"],
        "worker": row["claimed_by"],
        "next_at": row["next_at"],
        "done_at": None,
        "provider_id": None,
        "reason": None,
    }


async def _end(
    store: Store, target: Target, rows: Sequence[Mapping[Any, Any]], results: Sequence[dict[str, Any]]
) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(_MINE, {"rows": results})
        ended = zip(rows, (result["state"] for result in results), strict=True)
        watch.written(connection, target.id, ended, target.clock.now())

    await insist(lambda: store.commit(work), target.clock)


def _most_attempts(error: RemoteError) -> float:
    if isinstance(error, Rejected):
        return ATTEMPTS
    return ATTEMPTS_UNEXPECTED if isinstance(error, Unexpected) else math.inf
