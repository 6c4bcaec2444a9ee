"""Stage 3, first half: tickets are read once more before their surveys leave.

A pull may be minutes old, and a search index older still. Nobody is asked about a ticket that was opened again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from hub.api.errors import RemoteError
from hub.api.records import Fetched
from hub.journey.hints import BATCH
from hub.journey.intake import store_fetched
from hub.journey.invite import withdraw_closures
from hub.store.engine import Store
from hub.store.tables import InvitationState, closures, indexable, invitations

LATER = timedelta(minutes=1)
"""When to try again while the source cannot be read. The survey's age limit ends that."""
MUCH_LATER = timedelta(minutes=5)
"""When to try a ticket again that could not be read by itself."""
TRIED_SINGLY = 3
"""So many failures at the beginning mean that the source is out of order."""

Reread = Callable[[str, Sequence[str]], Awaitable[Fetched | None]]
"""Reads tickets of a source, by its name; gives None when that source cannot read single tickets.

It raises RemoteError when the source is out of order.
"""


async def still_closed(store: Store, gateway: str, reread: Reread, limit: int, now: datetime) -> tuple[int, list[int]]:
    """Look at up to `limit` due invitations of a gateway.

    What became of those whose ticket has changed is stored: withdrawn when it is open again, closed anew or gone, put
    off when its source cannot be read.

    :returns: how many were looked at, and the ids of those whose tickets are still closed as they were.
    """
    query = (
        sa.select(
            invitations.c.id, invitations.c.closure_id, closures.c.source, closures.c.ticket_id, closures.c.closure_key
        )
        .join(closures)
        .where(sa.text("invitations.state = 'waiting'"), invitations.c.gateway == gateway)
        .where(invitations.c.due_at <= now)
        .order_by(invitations.c.due_at)
        .limit(limit)
    )
    async with store.read() as connection:
        due = list((await connection.execute(query)).mappings())
    due.sort(key=lambda row: row["source"])
    may_leave: list[int] = []
    for source, rows in groupby(due, key=lambda row: row["source"]):
        may_leave += await _of_source(store, source, list(rows), reread, now)
    return len(due), may_leave


async def _of_source(
    store: Store, source: str, rows: Sequence[Mapping[Any, Any]], reread: Reread, now: datetime
) -> list[int]:
    may_leave: list[int] = []
    for start in range(0, len(rows), BATCH):
        chunk = rows[start : start + BATCH]
        try:
            may_leave += await _read(store, source, chunk, reread, now)
        except RemoteError:
            if len(chunk) == 1:
                await _put_off(store, chunk, now + LATER)
                continue
            may_leave += await _read_singly(store, source, chunk, reread, now)
    return may_leave


async def _read(
    store: Store, source: str, rows: Sequence[Mapping[Any, Any]], reread: Reread, now: datetime
) -> list[int]:
    fetched = await reread(source, list({row["ticket_id"] for row in rows}))
    if fetched is None:
        return [row["id"] for row in rows]
    return await _judge(store, source, rows, fetched, now)


async def _read_singly(
    store: Store, source: str, rows: Sequence[Mapping[Any, Any]], reread: Reread, now: datetime
) -> list[int]:
    """One ticket that the source cannot read must not hold up the others.

    When the first ones all fail, the source is out of order. Those that failed come back after the others.
    """
    may_leave: list[int] = []
    failed: list[Mapping[Any, Any]] = []
    for number, row in enumerate(rows):
        if number == len(failed) == TRIED_SINGLY:
            await _put_off(store, rows[number:], now + LATER)
            break
        try:
            may_leave += await _read(store, source, [row], reread, now)
        except RemoteError:
            failed.append(row)
    await _put_off(store, failed, now + MUCH_LATER)
    return may_leave


async def _judge(
    store: Store, source: str, rows: Sequence[Mapping[Any, Any]], fetched: Fetched, now: datetime
) -> list[int]:
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


async def _put_off(store: Store, rows: Sequence[Mapping[Any, Any]], until: datetime) -> None:
    if rows:
        async with store.write() as connection:
            await connection.execute(
                invitations.update()
                .where(invitations.c.id.in_([row["id"] for row in rows]))
                .where(invitations.c.state == InvitationState.WAITING)
                .values(due_at=until)
            )
