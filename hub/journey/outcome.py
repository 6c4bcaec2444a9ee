"""Stores what became of messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import watch
from hub.api.errors import AuthFailed, RateLimited, Rejected, RemoteError, Unavailable
from hub.api.records import DeliveryStatus, Receipt
from hub.journey import wishes
from hub.journey.addresses import identity
from hub.journey.backoff import backoff
from hub.journey.converse import what
from hub.journey.events import note
from hub.journey.invite import not_reached
from hub.journey.look_up import LOOK_UP_AFTER
from hub.store.given import given
from hub.store.tables import InvitationState, Text, UtcDateTime, contacts, indexable, invitations

_BACKOFF_FIRST = timedelta(seconds=30)
_BACKOFF_LAST = timedelta(minutes=30)


_UNDECIDED = sa.text("invitations.state IN ('sending', 'unknown', 'waiting')")
_taken = given(
    invitation=invitations.c.id.type, state=Text(), at=UtcDateTime(), arrived=sa.Boolean(), provider_id=Text()
).c
_TAKEN = (
    # a report or a reply may have been here before the answer to the send call: never step back
    invitations.update()
    .where(invitations.c.id == _taken.invitation)
    .values(
        state=sa.case((_UNDECIDED, _taken.state), else_=invitations.c.state),
        reason=sa.case((_UNDECIDED, None), else_=invitations.c.reason),
        sent_at=sa.func.coalesce(invitations.c.sent_at, _taken.at),
        delivered_at=sa.case((_taken.arrived, _taken.at), else_=invitations.c.delivered_at),
        provider_id=_taken.provider_id,
        claimed_by=None,
        lease_until=None,
    )
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to send one message. `row` is the message as it was when a worker took it."""

    gateway: str
    repeatable: bool
    row: Mapping[Any, Any]
    started_at: datetime
    ended_at: datetime


async def store_outcomes(connection: AsyncConnection, ended: Sequence[tuple[Attempt, Receipt | RemoteError]]) -> None:
    """Store how attempts ended.

    A success counts in any case. A failure counts only while the row is still this attempt's: a worker that was taken
    for dead must not undo what another one did since.
    """
    taken = []
    # in one order for all who change invitations, so that none waits for another one in a circle
    for attempt, result in sorted(ended, key=lambda one: one[0].row["id"]):
        if isinstance(result, RemoteError):
            await _store_failure(connection, attempt, result)
        else:
            taken.append(_success(attempt, result))
            watch.sent(connection, attempt, taken[-1]["state"])
    if taken:
        await connection.execute(_TAKEN, {"rows": taken})


def _success(attempt: Attempt, receipt: Receipt) -> dict[str, Any]:
    delivered = receipt.status is DeliveryStatus.DELIVERED
    return {
        "invitation": attempt.row["id"],
        "state": InvitationState.DELIVERED if delivered else InvitationState.SENT,
        "at": attempt.ended_at,
        "arrived": delivered,
        "provider_id": receipt.provider_id and indexable(receipt.provider_id),
    }


async def _store_failure(connection: AsyncConnection, attempt: Attempt, error: RemoteError) -> None:
    row, values = attempt.row, _not_sent(error, attempt)
    changed = await connection.execute(
        invitations.update()
        .where(
            invitations.c.id == row["id"],
            invitations.c.state == InvitationState.SENDING,
            invitations.c.claimed_by == row["claimed_by"],
            invitations.c.attempts == row["attempts"] + 1,
        )
        .values(claimed_by=None, lease_until=None, **values)
    )
    watch.sent(connection, attempt, values["state"], values.get("reason"))
    about = f"{attempt.gateway}: {what(row['kind'], row['question'])}" if row["step"] > 0 else attempt.gateway
    await note(connection, row["closure_id"], attempt.ended_at, f"{about}: {error}")
    if isinstance(error, Rejected) and changed.rowcount:
        await not_reached(connection, row)
        if error.address_unusable:
            await mark_unusable(connection, row["address"], error.reason, attempt.ended_at)
        if error.opted_out:
            await wishes.stop_as_told(connection, row, attempt.ended_at)


def _not_sent(error: RemoteError, attempt: Attempt) -> dict[str, Any]:
    if isinstance(error, Rejected):
        return {"state": InvitationState.FAILED, "reason": error.reason}
    if isinstance(error, RateLimited | Unavailable | AuthFailed) or attempt.repeatable:
        due_at = attempt.ended_at + backoff(attempt.row["attempts"], _BACKOFF_FIRST, _BACKOFF_LAST)
        return {"state": InvitationState.WAITING, "due_at": due_at}
    due_at = attempt.ended_at + LOOK_UP_AFTER
    return {"state": InvitationState.UNKNOWN, "reason": "outcome_unknown", "due_at": due_at}


async def mark_unusable(connection: AsyncConnection, address: str, reason: str | None, now: datetime) -> None:
    """Stop using an address that was reported dead."""
    await connection.execute(
        contacts.update().where(contacts.c.address == identity(address)).values(unusable_at=now, unusable_reason=reason)
    )
