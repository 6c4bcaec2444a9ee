"""Stage 3, first half: tickets are read once more before their surveys leave.

A pull may be minutes old, and a search index older still. Nobody is asked, or reminded, about a ticket that was opened
again. What the source itself has said a moment ago is believed, where the survey had nothing else to wait for. Who
handled the ticket is what the source says now: the customer answers about those.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from hub.api.component import Clock
from hub.api.errors import RemoteError
from hub.api.records import Fetched, Milestone, Ticket
from hub.journey.conversations import OPENERS
from hub.journey.hints import BATCH
from hub.journey.intake import store_fetched
from hub.journey.invite import withdraw_closed_meanwhile, withdraw_closures
from hub.journey.singly import one_by_one
from hub.store.engine import Store
from hub.store.given import given
from hub.store.tables import InvitationState, Text, closures, indexable, invitations

FRESH = timedelta(seconds=30)
"""How long what a desk said of a ticket is believed: the surveys of many tickets closed at once leave in that time."""
LATER = timedelta(minutes=1)
"""When to try again while the source cannot be read."""
MUCH_LATER = timedelta(minutes=5)
"""When to try a ticket again that could not be read by itself: after the others."""

_HANDLED_BY = ("agent", "team", "service")
_handled = given(closure=closures.c.id.type, ticket=Text()).c
_HANDLED = closures.update().where(closures.c.id == _handled.closure).values(ticket=_handled.ticket)

Reread = Callable[[str, Sequence[str]], Awaitable[Fetched | None]]
"""Reads tickets of a source, by its name; gives None when that source cannot read single tickets.

It raises RemoteError when the source is out of order.
"""
Row = Mapping[Any, Any]


async def still_closed(
    store: Store, taken: Sequence[Row], reread: Reread, *, max_age: timedelta, clock: Clock
) -> list[Row]:
    """Read the tickets that these messages ask about from their sources.

    What became of those that have changed is stored: withdrawn when the ticket is open again, closed anew or gone, put
    off when its source cannot be read. Those whose ticket is too old by now are not read: they are not sent anyway.

    :returns: those whose tickets are still closed as they were, or too old; of surveys about progress those whose
        tickets are still open; and those that answer a customer.
    """
    now = clock.now()

    def may_go(row: Row) -> bool:
        if row["step"] > 0:
            return row["kind"] not in OPENERS
        return (row["at_once"] and is_fresh(row["read_at"], now)) or now - row["closed_at"] > max_age

    may_leave = [row for row in taken if may_go(row)]
    others = sorted((row for row in taken if not may_go(row)), key=lambda row: row["source"])
    for source, rows in groupby(others, key=lambda row: row["source"]):
        may_leave += await _of_source(store, source, list(rows), reread, clock)
    return may_leave


def is_fresh(read_at: datetime | None, now: datetime) -> bool:
    """Whether what was read of a ticket then is still believed."""
    return read_at is not None and abs(now - read_at) <= FRESH


async def _of_source(store: Store, source: str, rows: Sequence[Row], reread: Reread, clock: Clock) -> list[Row]:
    may_leave: list[Row] = []

    async def read(some: Sequence[Row]) -> None:
        now = clock.now()
        fetched = await reread(source, list({row["ticket_id"] for row in some}))
        if fetched is None:
            may_leave.extend(some)
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


async def _judge(store: Store, source: str, rows: Sequence[Row], fetched: Fetched, now: datetime) -> list[Row]:
    closed = {(indexable(ticket.id), indexable(ticket.closure_key)): ticket for ticket in fetched.tickets}
    open_ = {indexable(id_) for id_ in fetched.open}
    same = [row for row in rows if _is_as_it_was(row, closed, open_)]
    if len(same) < len(rows):
        others = [row for row in rows if not _is_as_it_was(row, closed, open_)]
        closed_anew = {ticket.id for ticket in fetched.tickets}
        async with store.write() as connection:
            await store_fetched(connection, source, fetched, now)
            outdated = [row for row in others if row["ticket_id"] in closed_anew]
            closings = [row["closure_id"] for row in outdated if row["milestone"] == Milestone.CLOSED]
            progress = [row["closure_id"] for row in outdated if row["milestone"] != Milestone.CLOSED]
            await withdraw_closures(connection, source, closings, now)
            await withdraw_closed_meanwhile(connection, source, progress, now)
        # those that are left: the desk did not speak of them, or by its or another worker's clock they are newer
        await _put_off(store, others, now + LATER)
    progress = [row for row in same if row["milestone"] != Milestone.CLOSED]
    closings = [(row, closed[row["ticket_id"], row["closure_key"]]) for row in same if row not in progress]
    return progress + await _attribute(store, closings)


async def _attribute(store: Store, rows: Sequence[tuple[Row, Ticket]]) -> list[Row]:
    """Keep who handled these tickets, where it is somebody else by now. What the customer sees changes with it."""
    current: list[Row] = []
    changed: dict[int, str] = {}
    for row, ticket in rows:
        before = json.loads(row["ticket"])
        if row["step"] > 0 or all(before.get(name) == getattr(ticket, name) for name in _HANDLED_BY):
            current.append(row)
            continue
        changed[row["closure_id"]] = text = ticket.model_dump_json(exclude_defaults=True)
        current.append({**row, "ticket": text})
    if changed:
        async with store.write() as connection:
            news = [{"closure": id_, "ticket": text} for id_, text in sorted(changed.items())]
            await connection.execute(_HANDLED, {"rows": news})
    return current


def _is_as_it_was(row: Row, closed: Collection[tuple[str, str]], open_: Collection[str]) -> bool:
    """Whether a ticket is closed as it was; or still open, when the survey is about its progress."""
    if row["milestone"] != Milestone.CLOSED:
        return row["ticket_id"] in open_
    return (row["ticket_id"], row["closure_key"]) in closed


async def _put_off(store: Store, rows: Sequence[Row], until: datetime) -> None:
    if rows:
        async with store.write() as connection:
            await connection.execute(
                invitations.update()
                .where(invitations.c.id.in_([row["id"] for row in rows]))
                .where(invitations.c.state == InvitationState.WAITING)
                .values(due_at=until)
            )
