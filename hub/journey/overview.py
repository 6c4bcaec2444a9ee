"""Counts for `hub status`: what waits, what went out, what came back, and why customers were not asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store.tables import InvitationState, answers, closures, experiences, invitations, write_backs


@dataclass(frozen=True, slots=True)
class Overview:
    """The state of the journey at one moment."""

    closures: int
    undecided: int
    invitations: dict[str, int]
    """By state, those that were not sent on purpose left out."""
    skipped: dict[str, int]
    """Customers not asked, by reason; taken back ones among them."""
    unknown: dict[str, int]
    """Invitations nobody knows about, by reason."""
    oldest_due: datetime | None
    """Since when the invitation that is overdue longest waits."""
    answered: int
    answers: dict[str, int]
    experiences: int
    write_backs: dict[str, int]


async def overview(connection: AsyncConnection, now: datetime) -> Overview:
    """Count everything."""
    states = await _count(connection, invitations.c.state)
    not_asked = invitations.c.state.in_([InvitationState.SKIPPED, InvitationState.CANCELLED])
    for state in (InvitationState.SKIPPED, InvitationState.CANCELLED):
        states.pop(state, None)
    return Overview(
        closures=await _number(connection, closures),
        undecided=await _number(connection, closures, sa.text("NOT closures.decided")),
        invitations=states,
        skipped=await _count(connection, invitations.c.reason, not_asked),
        unknown=await _count(connection, invitations.c.reason, invitations.c.state == InvitationState.UNKNOWN),
        oldest_due=await connection.scalar(
            sa.select(sa.func.min(invitations.c.due_at))
            .where(invitations.c.state == InvitationState.WAITING)
            .where(invitations.c.due_at < now)
        ),
        answered=await _number(connection, invitations, invitations.c.answered_at.is_not(None)),
        answers=await _count(connection, answers.c.state),
        experiences=await _number(connection, experiences),
        write_backs=await _count(connection, write_backs.c.state),
    )


async def _count(connection: AsyncConnection, column: sa.Column[Any], *where: Any) -> dict[str, int]:
    query = sa.select(column, sa.func.count()).where(*where).group_by(column).order_by(column)
    return {str(value): count for value, count in (await connection.execute(query)).all()}


async def _number(connection: AsyncConnection, table: sa.Table, *where: Any) -> int:
    return await connection.scalar(sa.select(sa.func.count()).select_from(table).where(*where)) or 0
