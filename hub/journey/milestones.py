"""Early surveys: every few minutes sources are asked for open tickets that were handed over, or wait for long.

Such a ticket is stored like a closing, under another milestone, and decided on by the same rules. A source may tell of
the same one again and again. When the ticket is closed before its customer was asked how it goes, only the closing is
asked about.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from hub.api.errors import Unexpected
from hub.api.records import Cursor, Milestone, Ticket
from hub.config.survey import Rule
from hub.journey.intake import store_milestones
from hub.store import components
from hub.store.engine import Store, despite_deadlock

EVERY = timedelta(minutes=5)
OVERLAP = timedelta(hours=1)
"""How far each look goes back behind the last one: a search index may show a change late."""

ListTickets = Callable[[datetime], AsyncIterator[Sequence[Ticket]]]


def are_asked_about(rules: Iterable[Rule]) -> bool:
    """Whether any rule asks about tickets that are not closed yet. Otherwise nobody need look for them."""
    return any(rule.ask and set(rule.milestone) - {Milestone.CLOSED} for rule in rules)


async def look(
    store: Store,
    source: str,
    tickets: ListTickets,
    *,
    max_age: timedelta,
    now: datetime,
    mine: Callable[[], bool],
) -> int | None:
    """Ask a source what has reached a milestone since the last look, and store it.

    :param mine: whether this worker is still the one that reads from the source. When it is not, no more is stored.
    :returns: how many were new; None when the source has never been pulled.
    :raises RemoteError: the source cannot be read; what it told until then is stored.
    """
    id_ = f"sources.{source}:milestones"
    async with store.read() as connection:
        first_at = (await components.get(connection, f"sources.{source}")).first_at
        last = (await components.get(connection, id_)).cursor
    if first_at is None:
        return None
    since = max(first_at, now - max_age)
    if last is not None:
        since = max(since, min(datetime.fromisoformat(last), now) - OVERLAP)
    new = 0
    async for page in tickets(since):
        reached = [_checked(ticket) for ticket in page if ticket.closed_at >= since]
        if not mine():
            return new
        new += await despite_deadlock(partial(store_milestones, store, source, reached, now))
    await store.commit(lambda connection: components.set_cursor(connection, id_, Cursor(now.isoformat())))
    return new


def _checked(ticket: Ticket) -> Ticket:
    if ticket.milestone == Milestone.CLOSED:
        raise Unexpected("the plugin yielded a closed ticket where other milestones were asked for")
    return ticket
