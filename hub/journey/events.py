"""The notable moments of a closure that its rows do not show by themselves; told by `hub why`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store.tables import events


async def note(connection: AsyncConnection, closure_id: int, at: datetime, what: str) -> None:
    """Keep a sentence for the operator. It must not hold addresses or customers' words."""
    await connection.execute(events.insert().values(closure_id=closure_id, at=at, what=what))
