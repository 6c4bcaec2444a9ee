"""What an operator can do with messages to customers, and with answers that are held back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.journey.events import note
from hub.journey.invite import withdraw
from hub.journey.policy import Reason
from hub.store.engine import Store
from hub.store.tables import InvitationState, closures, contacts, invitations
from hub.survey.model import MessageKind

RETRIABLE = (InvitationState.UNKNOWN, InvitationState.FAILED)
CANCELLABLE = (InvitationState.WAITING, InvitationState.UNKNOWN)
_survey = invitations.alias("survey")


async def list_invitations(store: Store, state: str | None, limit: int) -> list[Mapping[Any, Any]]:
    """Surveys, newest first, without addresses; and what followed them, where it did not go well."""
    query = (
        sa.select(
            invitations.c.id,
            closures.c.source,
            closures.c.ticket_key,
            invitations.c.kind,
            invitations.c.state,
            invitations.c.reason,
            invitations.c.gateway,
            invitations.c.due_at,
            invitations.c.sent_at,
            invitations.c.answered_at,
        )
        .join(closures)
        .where(sa.or_(invitations.c.step == 0, invitations.c.state.in_(RETRIABLE)))
        .order_by(invitations.c.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(invitations.c.state == state)
    async with store.read() as connection:
        return list((await connection.execute(query)).mappings())


async def retry(store: Store, ids: Sequence[int], now: datetime, max_age: timedelta) -> dict[int, str]:
    """Send messages again whose outcome is unknown or which failed.

    :param max_age: `survey.max_age`; surveys about what was closed longer ago would not be sent.
    :returns: why each of the others was left alone.
    """
    refused: dict[int, str] = {}
    async with store.write() as connection:
        for id_, row in (await _rows(connection, ids, RETRIABLE, refused)).items():
            if why := _too_late(row, now, max_age):
                refused[id_] = why
                continue
            await connection.execute(
                invitations.update()
                .where(invitations.c.id == id_)
                .values(state=InvitationState.WAITING, reason=None, due_at=now, claimed_by=None, lease_until=None)
            )
            if row["step"] == 0:
                await connection.execute(
                    contacts.update()
                    .where(contacts.c.address == row["identity"])
                    .values(asked_at=now, asked_for=row["closure_id"])
                )
            await note(connection, row["closure_id"], now, "sent again by the operator")
    return refused


def _too_late(row: Mapping[Any, Any], now: datetime, max_age: timedelta) -> str | None:
    if row["step"] == 0 and now - row["closed_at"] > max_age:
        return "the ticket was closed longer ago than survey.max_age allows"
    is_over = row["kind"] == MessageKind.QUESTION and row["conversation"] is None
    if row["step"] > 0 and (is_over or now >= row["expires_at"]):
        return "the conversation is over"
    return None


async def cancel(store: Store, ids: Sequence[int], now: datetime) -> dict[int, str]:
    """Take back messages that have not left for certain.

    :returns: why each of the others was left alone.
    """
    refused: dict[int, str] = {}
    async with store.write() as connection:
        for row in (await _rows(connection, ids, CANCELLABLE, refused)).values():
            await withdraw(connection, row, InvitationState.CANCELLED, Reason.OPERATOR)
            await note(connection, row["closure_id"], now, "cancelled by the operator")
    return refused


async def _rows(
    connection: AsyncConnection, ids: Sequence[int], allowed: Sequence[str], refused: dict[int, str]
) -> dict[int, Mapping[Any, Any]]:
    """The invitations in one of the allowed states; why not goes into `refused`."""
    found = await connection.execute(
        sa.select(invitations, closures.c.closed_at, _survey.c.open_until.label("conversation"))
        .join_from(invitations, closures)
        .join(_survey, sa.and_(_survey.c.closure_id == closures.c.id, _survey.c.step == 0))
        .where(invitations.c.id.in_(ids))
        .with_for_update(of=invitations)
    )
    rows: dict[int, Mapping[Any, Any]] = {row["id"]: row for row in found.mappings()}
    for id_ in ids:
        if id_ not in rows:
            refused[id_] = "there is no such invitation; see: hub invitations list"
        elif rows[id_]["state"] not in allowed:
            refused[id_] = f"it is {rows.pop(id_)['state']}; only {' or '.join(allowed)} ones can be"
    return rows
