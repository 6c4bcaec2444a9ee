"""What an operator can do with invitations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hub.journey.events import note
from hub.journey.invite import withdraw
from hub.journey.policy import Reason
from hub.store.engine import Store
from hub.store.tables import AnswerState, InvitationState, answers, closures, invitations

RETRIABLE = (InvitationState.UNKNOWN, InvitationState.FAILED)
CANCELLABLE = (InvitationState.WAITING, InvitationState.UNKNOWN)


async def list_invitations(store: Store, state: str | None, limit: int) -> list[Mapping[Any, Any]]:
    """Invitations, newest first, without addresses."""
    query = (
        sa.select(
            invitations.c.id,
            closures.c.source,
            closures.c.ticket_key,
            invitations.c.state,
            invitations.c.reason,
            invitations.c.gateway,
            invitations.c.due_at,
            invitations.c.sent_at,
            invitations.c.answered_at,
        )
        .join(closures)
        .order_by(invitations.c.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(invitations.c.state == state)
    async with store.read() as connection:
        return list((await connection.execute(query)).mappings())


async def retry(store: Store, ids: Sequence[int], now: datetime) -> dict[int, str]:
    """Send invitations again whose outcome is unknown or which failed.

    :returns: why each of the others was left alone.
    """
    return await _change(store, ids, RETRIABLE, now, "sent again by the operator")


async def cancel(store: Store, ids: Sequence[int], now: datetime) -> dict[int, str]:
    """Take back invitations that have not left for certain.

    :returns: why each of the others was left alone.
    """
    return await _change(store, ids, CANCELLABLE, now, "cancelled by the operator")


async def _change(store: Store, ids: Sequence[int], allowed: Sequence[str], now: datetime, what: str) -> dict[int, str]:
    refused: dict[int, str] = {}
    async with store.write() as connection:
        found = await connection.execute(sa.select(invitations).where(invitations.c.id.in_(ids)).with_for_update())
        rows = {row["id"]: row for row in found.mappings().all()}
        for id_ in ids:
            row = rows.get(id_)
            if row is None:
                refused[id_] = "there is no such invitation; see: hub invitations list"
            elif row["state"] not in allowed:
                refused[id_] = f"it is {row['state']}; only {' or '.join(allowed)} ones can be"
            else:
                await note(connection, row["closure_id"], now, what)
                if allowed is CANCELLABLE:
                    await withdraw(connection, row, InvitationState.CANCELLED, Reason.OPERATOR)
                else:
                    await connection.execute(
                        invitations.update()
                        .where(invitations.c.id == id_)
                        .values(state=InvitationState.WAITING, reason=None, due_at=now)
                    )
    return refused


async def list_unmatched(store: Store, limit: int) -> list[Mapping[Any, Any]]:
    """Answers that belong to no invitation, newest first, with the customers' words."""
    query = (
        sa.select(answers.c.id, answers.c.gateway, answers.c.sender, answers.c.text, answers.c.received_at)
        .where(answers.c.state == AnswerState.UNMATCHED)
        .order_by(answers.c.id.desc())
        .limit(limit)
    )
    async with store.read() as connection:
        return list((await connection.execute(query)).mappings())
