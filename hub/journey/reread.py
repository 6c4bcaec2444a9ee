"""Stage 3, first half: tickets are read once more before their surveys leave.

A pull may be minutes old, and a search index older still. Nobody is asked about a ticket that was opened again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from hub.api.component import Clock
from hub.api.errors import RemoteError
from hub.api.records import Fetched
from hub.journey.hints import BATCH
from hub.journey.intake import store_fetched
from hub.journey.invite import withdraw_closures
from hub.journey.singly import one_by_one
from hub.store.engine import Store
from hub.store.tables import InvitationState, closures, indexable, invitations

LATER = timedelta(minutes=1)
"""When to try again while the source cannot be read."""
MUCH_LATER = timedelta(minutes=5)
"""When to try a ticket again that could not be read by itself: after the others."""

Reread = Callable[[str, Sequence[str]], Awaitable[Fetched | None]]
"""Reads tickets of a source, by its name; gives None when that source cannot read single tickets.

It raises RemoteError when the source is out of order.
"""
Row = Mapping[Any, Any]


async def still_closed(
    store: Store, gateway: str, reread: Reread, limit: int, *, max_age: timedelta, clock: Clock
) -> tuple[int, list[int]]:
    """Look at up to `limit` due invitations of a gateway.

    What became of those whose ticket has changed is stored: withdrawn when it is open again, closed anew or gone, put
    off when its source cannot be read. Those whose ticket is too old by now are not read: they are not sent anyway.

    :returns: how many were looked at, and the ids of those whose tickets are still closed as they were, or too old.
    """
    now = clock.now()
    query = (
        sa.select(
            invitations.c.id,
            invitations.c.closure_id,
            closures.c.source,
            closures.c.ticket_id,
            closures.c.closure_key,
            closures.c.closed_at,
        )
        .join(closures)
        .where(sa.text("invitations.state = 'waiting'"), invitations.c.gateway == gateway)
        .where(invitations.c.due_at <= now)
        .order_by(invitations.c.due_at)
        .limit(limit)
    )
    async with store.read() as connection:
        due = list((await connection.execute(query)).mappings())
    may_leave = [row["id"] for row in due if now - row["closed_at"] > max_age]
    young = sorted((row for row in due if row["id"] not in may_leave), key=lambda row: row["source"])
    for source, rows in groupby(young, key=lambda row: row["source"]):
        may_leave += await _of_source(store, source, list(rows), reread, clock)
    return len(due), may_leave


async def _of_source(store: Store, source: str, rows: Sequence[Row], reread: Reread, clock: Clock) -> list[int]:
    may_leave: list[int] = []

    async def read(some: Sequence[Row]) -> None:
        now = clock.now()
        fetched = await reread(source, list({row["ticket_id"] for row in some}))
        if fetched is None:
            may_leave.extend(row["id"] for row in some)
        else:
            may_leave.extend(await _judge(store, source, some, fetched, now))

    for start in range(0, len(rows), BATCH):
        chunk = rows[start : start + BATCH]
        try:
            await read(chunk)
        except RemoteError:
            if len(chunk) == 1:
                await _put_off(store, chunk, clock.now() + LATER)
                continue
            outcome = await one_by_one([[row] for row in chunk], read)
            await _put_off(store, [row for [row] in outcome.failed], clock.now() + MUCH_LATER)
            await _put_off(store, [row for [row] in outcome.untried], clock.now() + LATER)
    return may_leave


async def _judge(store: Store, source: str, rows: Sequence[Row], fetched: Fetched, now: datetime) -> list[int]:
    closed = {(indexable(ticket.id), indexable(ticket.closure_key)) for ticket in fetched.tickets}
    same = [row for row in rows if (row["ticket_id"], row["closure_key"]) in closed]
    if len(same) < len(rows):
        others = [row for row in rows if row not in same]
        closed_anew = {ticket.id for ticket in fetched.tickets}
        async with store.write() as connection:
            await store_fetched(connection, source, fetched, now)
            outdated = [row["closure_id"] for row in others if row["ticket_id"] in closed_anew]
            await withdraw_closures(connection, source, outdated, now)
        told = {*fetched.open, *fetched.gone, *closed_anew}
        await _put_off(store, [row for row in others if row["ticket_id"] not in told], now + LATER)
    return [row["id"] for row in same]


async def _put_off(store: Store, rows: Sequence[Row], until: datetime) -> None:
    if rows:
        async with store.write() as connection:
            await connection.execute(
                invitations.update()
                .where(invitations.c.id.in_([row["id"] for row in rows]))
                .where(invitations.c.state == InvitationState.WAITING)
                .values(due_at=until)
            )
