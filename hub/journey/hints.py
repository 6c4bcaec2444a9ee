"""What webhooks of sources say: stored first, then followed by reading the tickets from their source.

A hint is never believed, and a lost one costs time only: the next pull finds the ticket too.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.errors import RemoteError
from hub.api.records import Fetched, Hint
from hub.faults import fault_point
from hub.journey.intake import store_fetched
from hub.journey.singly import Outcome, one_by_one
from hub.store.among import among
from hub.store.dialect import insert
from hub.store.engine import Store
from hub.store.tables import hints, indexable

BATCH = 100
ATTEMPTS = 5
REMEMBERED = timedelta(days=1)
"""How long a delivery is known by its id, and a hint is of use: the pull has found its ticket long since."""
_OPEN = sa.text("NOT hints.followed")  # literal, so that the partial index serves it

Fetch = Callable[[Sequence[str]], Awaitable[Fetched]]


async def store_hint(store: Store, source: str, hint: Hint, now: datetime) -> None:
    """Keep a hint; durable when this returns. A repeated delivery changes nothing."""
    delivery = indexable(hint.delivery_id or secrets.token_hex(16))
    rows = [
        {"source": source, "delivery_id": delivery, "ticket_id": id_, "received_at": now, "attempts": 0}
        for id_ in dict.fromkeys(hint.ticket_ids)
    ]
    if rows:
        await store.commit(
            lambda connection: connection.execute(
                insert(connection, hints).values([{**row, "followed": False} for row in rows]).on_conflict_do_nothing()
            )
        )
        fault_point("hints.stored")


async def follow(store: Store, source: str, fetch: Fetch, now: datetime) -> int:
    """Read the tickets that open hints of one source name, and store what became of them.

    :returns: how many hints were followed; 0 means that none is open.
    :raises RemoteError: the source cannot be read; the hints stay open.
    """
    async with store.read() as connection:
        rows = await _open(connection, source, now)
    if not rows:
        return 0
    try:
        await _follow(store, source, fetch, rows, now)
    except RemoteError as error:
        outcome: Outcome[Mapping[Any, Any]] = Outcome(rows, (), error, nothing_worked=True)
        if len(rows) > 1:
            outcome = await one_by_one(rows, lambda row: _follow(store, source, fetch, [row], now))
        # also when nothing worked, so that others are the first to be tried next time; but then none is given up
        await _count_attempts(store, outcome.failed, give_up=not outcome.nothing_worked)
        if outcome.nothing_worked:
            raise outcome.error or error from error
    return len(rows)


async def _open(connection: AsyncConnection, source: str, now: datetime) -> Sequence[Mapping[Any, Any]]:
    found = await connection.execute(
        sa.select(hints.c.id, hints.c.ticket_id, hints.c.attempts)
        .where(_OPEN, hints.c.source == source, hints.c.received_at > now - REMEMBERED)
        .order_by(hints.c.attempts, hints.c.id)
        .limit(BATCH)
    )
    return found.mappings().all()


async def _follow(store: Store, source: str, fetch: Fetch, rows: Sequence[Mapping[Any, Any]], now: datetime) -> None:
    fetched = await fetch(list(dict.fromkeys(row["ticket_id"] for row in rows)))
    fault_point("hints.fetched")
    async with store.write() as connection:
        await store_fetched(connection, source, fetched, now)
        await connection.execute(
            hints.update().where(among(hints.c.id, [row["id"] for row in rows])).values(followed=True)
        )
        await connection.execute(hints.delete().where(hints.c.received_at < now - REMEMBERED))


async def _count_attempts(store: Store, rows: Sequence[Mapping[Any, Any]], *, give_up: bool) -> None:
    """Those that failed go behind the others. A ticket that cannot be read again and again is left to the pull."""
    if rows:
        values: dict[str, Any] = {"attempts": hints.c.attempts + 1}
        if give_up:
            values["followed"] = hints.c.attempts + 1 >= ATTEMPTS
        statement = hints.update().where(hints.c.id == sa.bindparam("row")).values(**values)
        await store.commit(lambda connection: connection.execute(statement, [{"row": row["id"]} for row in rows]))
