"""What the journey has to do: one look that takes no lock, for the many times when there is nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from hub.store.engine import Store
from hub.store.tables import UtcDateTime, answers, closures, invitations, reports

_LOOK = sa.select(
    sa.exists(sa.select(closures.c.id).where(sa.text("NOT closures.decided"))),
    sa.exists(sa.select(reports.c.id)),
    sa.exists(sa.select(answers.c.id).where(sa.text("answers.state = 'new'"))),
    sa.exists(sa.select(invitations.c.id).where(invitations.c.remind_at <= sa.bindparam("now", type_=UtcDateTime))),
)


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits."""

    closures: bool
    """For a decision."""
    reports: bool
    """For their invitation."""
    answers: bool
    """For theirs."""
    reminders: bool
    """For their time, which has come."""


async def pending(store: Store, now: datetime) -> Pending:
    """Look for all of it."""
    async with store.read() as connection:
        return Pending(*map(bool, (await connection.execute(_LOOK, {"now": now})).one()))
