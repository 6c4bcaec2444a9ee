"""Stage 1: pages of closed tickets become closures, each once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from hub import watch
from hub.api.records import Fetched, Milestone, Page, Ticket
from hub.faults import fault_point
from hub.journey.invite import withdraw_earlier, withdraw_gone, withdraw_reopened
from hub.store import components
from hub.store.engine import Store
from hub.store.given import insert_new
from hub.store.tables import closures, indexable

_CHUNK = 500  # PostgreSQL takes no more than 32,767 values in a statement
_NEWS = (closures.c.id, closures.c.ticket_id, closures.c.closed_at, closures.c.milestone)


async def store_page(store: Store, source: str, page: Page, now: datetime, *, asked_at: datetime | None = None) -> int:
    """Store a page's closures and its cursor in one transaction.

    :param asked_at: when the source was asked for it. A closing that a webhook brought since then is newer.
    :returns: how many closures were new.
    """
    new = 0
    async with store.write() as connection:
        await withdraw_reopened(connection, source, page.reopened, now, seen_until=asked_at)
        for start in range(0, len(page.tickets), _CHUNK):
            new += await _insert_closures(connection, source, page.tickets[start : start + _CHUNK], now, page.read_at)
        await components.pulled(connection, f"sources.{source}", page.cursor, page.warning, now)
        if new:
            fault_point("intake.before_commit")
    if new:
        fault_point("intake.stored")
    return new


async def store_fetched(connection: AsyncConnection, source: str, fetched: Fetched, now: datetime) -> int:
    """Store what a source said of single tickets: new closings, and what became of surveys that have not left.

    Tickets that were closed before the source's first pull are left alone, as that pull leaves them.

    :param now: when the source was asked. What was stored since then is newer than its answer.
    :returns: how many closures were new.
    """
    first_at = (await components.get(connection, f"sources.{source}")).first_at
    closed = [ticket for ticket in fetched.tickets if first_at is not None and ticket.closed_at >= first_at]
    await withdraw_reopened(connection, source, fetched.open, now, seen_until=now)
    await withdraw_gone(connection, source, fetched.gone, now, seen_until=now)
    return await _insert_closures(connection, source, closed, now, now) if closed else 0


async def store_milestones(store: Store, source: str, tickets: Sequence[Ticket], now: datetime) -> int:
    """Store open tickets that reached a milestone.

    :returns: how many of these were new.
    """
    new = 0
    if tickets:
        async with store.write() as connection:
            for start in range(0, len(tickets), _CHUNK):
                new += await _insert_closures(connection, source, tickets[start : start + _CHUNK], now, None)
    return new


async def _insert_closures(
    connection: AsyncConnection, source: str, tickets: Sequence[Ticket], now: datetime, read_at: datetime | None
) -> int:
    rows = [
        {
            "source": source,
            "ticket_id": indexable(ticket.id),
            "closure_key": indexable(ticket.closure_key),
            "ticket_key": indexable(ticket.key),
            "closed_at": min(ticket.closed_at, now),  # a desk with a wrong clock must not put surveys off
            "seen_at": now,
            "read_at": read_at,
            "milestone": ticket.milestone,
            "ticket": ticket.model_dump_json(exclude_defaults=True),
            "decided": False,
        }
        for ticket in tickets
    ]
    statement = insert_new(connection, *(closures.c[name] for name in rows[0]), returning=_NEWS)
    new = (await connection.execute(statement, {"rows": rows})).all()
    watch.closed(connection, source, [row for row in new if row.milestone == Milestone.CLOSED], now)
    await withdraw_earlier(connection, source, [row.ticket_id for row in new], now)
    return len(new)
