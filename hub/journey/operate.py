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
from hub.store.among import among
from hub.store.engine import Store
from hub.store.tables import AnswerState, InvitationState, answers, closures, contacts, invitations

RETRIABLE = (InvitationState.UNKNOWN, InvitationState.FAILED)
CANCELLABLE = (InvitationState.WAITING, InvitationState.UNKNOWN)
_HELD = sa.text("answers.state IN ('quarantined', 'refused')")  # literal, so that the partial index serves it
_ANSWERED = sa.or_(
    invitations.c.id == answers.c.invitation_id,
    sa.and_(answers.c.invitation_id.is_(None), invitations.c.token == answers.c.key),
)
"""Before it counts, an answer of a page names its survey by the token only."""
REJECTED = "rejected"
"""Why an answer does not count that an operator took for a machine's."""


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
    if row["step"] > 0 and now >= row["expires_at"]:
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
        sa.select(invitations, closures.c.closed_at)
        .join(closures)
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


async def list_held(store: Store, limit: int) -> list[Mapping[Any, Any]]:
    """Answers that do not count, newest first, with the customers' words: quarantined, or refused."""
    columns = (answers.c[name] for name in ("id", "gateway", "state", "suspicion", "given", "text", "received_at"))
    query = (
        sa.select(*columns, closures.c.source, closures.c.ticket_key)
        .join_from(answers, invitations, _ANSWERED)
        .join(closures, closures.c.id == invitations.c.closure_id)
        .where(_HELD)
        .order_by(answers.c.id.desc())
        .limit(limit)
    )
    async with store.read() as connection:
        return list((await connection.execute(query)).mappings())


async def confirm_answer(store: Store, ids: Sequence[int]) -> dict[int, str]:
    """Let quarantined answers count: a person gave them.

    :returns: why each of the others was left alone.
    """
    return await _judge(store, ids, {"state": AnswerState.NEW})


async def reject_answer(store: Store, ids: Sequence[int]) -> dict[int, str]:
    """Let quarantined answers never count: a machine gave them.

    :returns: why each of the others was left alone.
    """
    return await _judge(store, ids, {"state": AnswerState.REFUSED, "suspicion": REJECTED})


async def _judge(store: Store, ids: Sequence[int], values: dict[str, Any]) -> dict[int, str]:
    these = answers.update().where(among(answers.c.id, ids), answers.c.state == AnswerState.QUARANTINED)
    async with store.write() as connection:
        changed = set((await connection.execute(these.values(**values).returning(answers.c.id))).scalars())
    return {id_: "no answer of this number is quarantined" for id_ in ids if id_ not in changed}
