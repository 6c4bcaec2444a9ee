"""The notable moments of a closure that its rows do not show by themselves; told by `hub why`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store.tables import events


async def note_all(connection: AsyncConnection, notes: Sequence[tuple[int, datetime, str]]) -> None:
    """The same for several: numbers of closures with times and sentences."""
    rows = [{"closure_id": closure_id, "at": at, "what": what} for closure_id, at, what in notes]
    if rows:
        await connection.execute(events.insert(), rows)


async def note(connection: AsyncConnection, closure_id: int, at: datetime, what: str) -> None:
    """Keep a sentence for the operator. It must not hold addresses or customers' words."""
    await connection.execute(events.insert().values(closure_id=closure_id, at=at, what=what))
