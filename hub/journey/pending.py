"""Whether the journey has anything to do: one look that takes no lock, for the many times when it has not."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from hub.store.engine import Store
from hub.store.tables import answers, closures, invitations, reports


async def anything_to_do(store: Store, now: datetime) -> bool:
    """Whether closures wait for a decision, answers or reports for their invitation, or dead workers left work."""
    work = (
        sa.select(closures.c.id).where(sa.text("NOT closures.decided")),
        sa.select(answers.c.id).where(sa.text("answers.state = 'new'")),
        sa.select(reports.c.id),
        sa.select(invitations.c.id).where(sa.text("invitations.state = 'sending'"), invitations.c.lease_until < now),
    )
    async with store.read() as connection:
        return bool(await connection.scalar(sa.select(sa.or_(*(sa.exists(query) for query in work)))))
