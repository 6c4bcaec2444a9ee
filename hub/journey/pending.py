"""Whether the journey has anything to do: one look that takes no lock, for the many times when it has not."""

from __future__ import annotations

import sqlalchemy as sa

from hub.store.engine import Store
from hub.store.tables import answers, closures, reports


async def anything_to_do(store: Store) -> bool:
    """Whether closures wait for a decision, or answers or reports for their invitation."""
    work = (
        sa.select(closures.c.id).where(sa.text("NOT closures.decided")),
        sa.select(answers.c.id).where(sa.text("answers.state = 'new'")),
        sa.select(reports.c.id),
    )
    async with store.read() as connection:
        return bool(await connection.scalar(sa.select(sa.or_(*(sa.exists(query) for query in work)))))
