"""Messages that may have left are looked up at the service, where it can tell.

What the service has is sent. What it has not is sent again, but only where the attempt is known to have ended: a worker
that is taken for dead may only have been asleep, and finish sending when it wakes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import watch
from hub.api.errors import AuthFailed, HubError, RateLimited, Unavailable
from hub.api.records import DeliveryStatus, Receipt
from hub.journey.events import note
from hub.journey.invite import not_reached
from hub.journey.post import Post, Row
from hub.store.engine import Store
from hub.store.tables import InvitationState, closures, indexable, invitations

LOOK_UP_AFTER = timedelta(minutes=10)
"""By then the service shows what it took, and the attempt has long ended."""
BATCH = 20
_LIMIT = timedelta(seconds=60)
_ENDED, _WORKER_DIED, _LOOKED_UP = "outcome_unknown", "worker_died", "looked_up"
_OUT_OF_ORDER = (AuthFailed, RateLimited, Unavailable)
_UNKNOWN = sa.text("invitations.state = 'unknown'")  # literal, so that the partial index serves it
_ARRIVED = {
    DeliveryStatus.QUEUED: InvitationState.SENT,
    DeliveryStatus.SENT: InvitationState.SENT,
    DeliveryStatus.DELIVERED: InvitationState.DELIVERED,
    DeliveryStatus.REJECTED: InvitationState.FAILED,
    DeliveryStatus.FAILED: InvitationState.FAILED,
}


async def look_up(store: Store, post: Post) -> int:
    """Ask the service about messages whose outcome has been unknown for a while, each of them once.

    :returns: how many were settled, or handed to the operator.
    :raises RemoteError: the service is out of order; the rest is asked about later.
    """
    rows = await _in_doubt(store, post)
    for row in rows:
        found = await _ask(post, row)
        async with store.write() as connection:
            await _settle(connection, post, row, found)
    return len(rows)


async def _in_doubt(store: Store, post: Post) -> Sequence[Row]:
    query = (
        sa.select(invitations, *(closures.c[name] for name in ("source", "ticket_key", "milestone", "ticket")))
        .join(closures)
        .where(_UNKNOWN, invitations.c.gateway == post.name, invitations.c.reason.in_((_ENDED, _WORKER_DIED)))
        .where(invitations.c.due_at <= post.clock.now())
        .order_by(invitations.c.due_at)
        .limit(BATCH)
    )
    async with store.read() as connection:
        return list((await connection.execute(query)).mappings())


async def _ask(post: Post, row: Row) -> Receipt | str | None:
    """What the service says: a receipt, nothing, or in words why it cannot be told."""
    try:
        async with asyncio.timeout(_LIMIT.total_seconds()):
            return await post.gateway.look_up(post.compose(row), row["created_at"])
    except _OUT_OF_ORDER:
        raise
    except TimeoutError:
        raise Unavailable("the service did not say in time what became of a message") from None
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not keep the others from being looked up
        return str(error) if isinstance(error, HubError) else f"it could not be looked up: {type(error).__name__}"


async def _settle(connection: AsyncConnection, post: Post, row: Row, found: Receipt | str | None) -> None:
    """Store what was found, unless a report, a reply or the operator was faster."""
    now = post.clock.now()
    if isinstance(found, Receipt) and await _is_anothers(connection, post.name, row["id"], found):
        found = "what the service has is another survey's message"
    values, what = _values(found, row, now)
    changed = await connection.execute(
        invitations.update().where(invitations.c.id == row["id"], _UNKNOWN).values(**values)
    )
    if not changed.rowcount:
        return
    if row["step"] == 0:
        watch.moved(connection, values["state"], values["reason"])
    await note(connection, row["closure_id"], now, f"{post.name}: {what}")
    if values["state"] == InvitationState.FAILED:
        await not_reached(connection, row)


async def _is_anothers(connection: AsyncConnection, gateway: str, invitation_id: int, found: Receipt) -> bool:
    """Whether the message found is known as that of another invitation: equal words may go to one customer twice."""
    others = sa.select(invitations.c.id).where(
        invitations.c.provider_id == indexable(found.provider_id or ""),
        invitations.c.gateway == gateway,
        invitations.c.id != invitation_id,
    )
    return (await connection.execute(others.limit(1))).first() is not None


def _values(found: Receipt | str | None, row: Row, now: datetime) -> tuple[dict[str, Any], str]:
    """The invitation's new values, and what happened in words."""
    if found is None and row["reason"] == _ENDED:
        again = {"state": InvitationState.WAITING, "reason": None, "due_at": now}
        return again, "the service has no such message; it is sent again"
    if found is None:
        found = "the service has no such message, but the worker may only have been asleep"
    if isinstance(found, Receipt) and (state := _ARRIVED.get(found.status)):
        return _found(found, state, row, now), f"looked up at the service: {found.status}"
    words = found if isinstance(found, str) else "the service cannot tell"
    return {"state": InvitationState.UNKNOWN, "reason": _LOOKED_UP}, words


def _found(found: Receipt, state: InvitationState, row: Row, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {"state": state, "reason": None}
    values["provider_id"] = found.provider_id and indexable(found.provider_id)
    if state == InvitationState.FAILED:
        return values | {"reason": found.reason or "not_delivered"}
    if state == InvitationState.DELIVERED:
        values["delivered_at"] = now
    return values | {"sent_at": row["sent_at"] or row["due_at"] - LOOK_UP_AFTER}
