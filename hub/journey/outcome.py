"""Stores what became of a message, and takes over what dead workers left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.errors import AuthFailed, RateLimited, Rejected, RemoteError, Unavailable
from hub.api.records import DeliveryStatus, Receipt
from hub.journey.addresses import identity
from hub.journey.backoff import backoff
from hub.journey.events import note
from hub.journey.invite import release_contact
from hub.store.engine import Store
from hub.store.tables import InvitationState, UtcDateTime, contacts, indexable, invitations

_BACKOFF_FIRST = timedelta(seconds=30)
_BACKOFF_LAST = timedelta(minutes=30)
_SENDING = sa.text("invitations.state = 'sending'")  # literal, so that the partial index serves it


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of one worker to send one invitation. `row` is the invitation as it was when it was claimed."""

    gateway: str
    worker: str
    repeatable: bool
    row: Mapping[Any, Any]
    ended_at: datetime


async def store_outcome(connection: AsyncConnection, attempt: Attempt, result: Receipt | RemoteError) -> None:
    """Store how an attempt ended.

    A success counts in any case. A failure counts only while the row is still this attempt's: a worker that was away
    for longer than its lease must not undo what another one did since.
    """
    row = attempt.row
    this = invitations.update().where(invitations.c.id == row["id"])
    if isinstance(result, Receipt):
        await connection.execute(this.values(_sent(result, attempt.ended_at)))
        return
    changed = await connection.execute(
        this.where(
            invitations.c.state == InvitationState.SENDING,
            invitations.c.claimed_by == attempt.worker,
            invitations.c.attempts == row["attempts"] + 1,
        ).values(claimed_by=None, lease_until=None, **_not_sent(result, attempt))
    )
    await note(connection, row["closure_id"], attempt.ended_at, f"{attempt.gateway}: {result}")
    if isinstance(result, Rejected) and changed.rowcount:
        await release_contact(connection, row["closure_id"])
        if result.address_unusable:
            await mark_unusable(connection, row["address"], result.reason, attempt.ended_at)


def _sent(receipt: Receipt, now: datetime) -> dict[str, Any]:
    """A report or a reply may have been here before the answer to the send call: never step back."""
    delivered = receipt.status is DeliveryStatus.DELIVERED
    state = InvitationState.DELIVERED if delivered else InvitationState.SENT
    undecided = invitations.c.state.in_([InvitationState.SENDING, InvitationState.UNKNOWN, InvitationState.WAITING])
    return {
        "state": sa.case((undecided, state), else_=invitations.c.state),
        "reason": sa.case((undecided, None), else_=invitations.c.reason),
        "sent_at": sa.func.coalesce(invitations.c.sent_at, sa.literal(now, UtcDateTime)),
        "delivered_at": now if delivered else invitations.c.delivered_at,
        "provider_id": receipt.provider_id and indexable(receipt.provider_id),
        "claimed_by": None,
        "lease_until": None,
    }


def _not_sent(error: RemoteError, attempt: Attempt) -> dict[str, Any]:
    if isinstance(error, Rejected):
        return {"state": InvitationState.FAILED, "reason": error.reason}
    if isinstance(error, RateLimited | Unavailable | AuthFailed) or attempt.repeatable:
        due_at = attempt.ended_at + backoff(attempt.row["attempts"], _BACKOFF_FIRST, _BACKOFF_LAST)
        return {"state": InvitationState.WAITING, "due_at": due_at}
    return {"state": InvitationState.UNKNOWN, "reason": "outcome_unknown"}


async def mark_unusable(connection: AsyncConnection, address: str, reason: str | None, now: datetime) -> None:
    """Stop using an address that was reported dead."""
    await connection.execute(
        contacts.update().where(contacts.c.address == identity(address)).values(unusable_at=now, unusable_reason=reason)
    )


async def take_over(store: Store, repeatable: Mapping[str, bool], now: datetime) -> int:
    """Deal with invitations whose worker died while sending.

    Where a repetition reaches nobody twice they are sent again; elsewhere the outcome is unknown until a report or a
    reply proves that the message left, or the operator decides.

    :param repeatable: whether that holds, by gateway; for a gateway that is gone it does not.
    :returns: how many were found.
    """
    async with store.write() as connection:
        found = await connection.execute(
            sa.select(invitations.c.id, invitations.c.closure_id, invitations.c.gateway)
            .where(_SENDING, invitations.c.lease_until < now)
            .with_for_update(skip_locked=True)
        )
        rows = found.all()
        for row in rows:
            again = repeatable.get(row.gateway, False)
            await connection.execute(
                invitations.update()
                .where(invitations.c.id == row.id)
                .values(
                    state=InvitationState.WAITING if again else InvitationState.UNKNOWN,
                    reason=None if again else "worker_died",
                    claimed_by=None,
                    lease_until=None,
                )
            )
            await note(connection, row.closure_id, now, f"{row.gateway}: the worker ended while it was sending")
    return len(rows)
