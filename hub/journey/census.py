"""Every few hours a source is asked for the ids of all it has closed lately, and the hub compares.

What the pull missed (a search index that lagged for longer than any overlap) is fetched. A second closing of a known
ticket is not seen here: desks are asked for ids only. Tickets that have vanished (deleted, moved out of sight) are
looked at, and their surveys withdrawn: no pull tells of these.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from hub.api.errors import AuthFailed, RateLimited, RemoteError, Unavailable
from hub.api.records import Milestone
from hub.journey.hints import BATCH, Fetch
from hub.journey.intake import store_fetched
from hub.journey.singly import one_by_one
from hub.store import components
from hub.store.engine import Store
from hub.store.tables import closures, invitations

EVERY = timedelta(hours=6)
_OUT_OF_ORDER = (AuthFailed, RateLimited, Unavailable)

ListIds = Callable[[datetime], AsyncIterator[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Census:
    """What a census found."""

    present: int
    """Tickets that are closed at the source."""
    missed: int
    """Those of them that were unknown until now and are surveyed like any other."""
    vanished: int
    """Tickets whose survey was still waiting, and which the source does not list any more."""


async def take_census(
    store: Store, source: str, ids: ListIds, fetch: Fetch, *, max_age: timedelta, now: datetime
) -> Census | None:
    """Compare with everything that is young enough to be surveyed.

    :returns: None when the source has never been pulled.
    :raises RemoteError: the source cannot be read; what was fetched until then is stored.
    """
    async with store.read() as connection:
        first_at = (await components.get(connection, f"sources.{source}")).first_at
    if first_at is None:
        return None
    since = max(first_at, now - max_age)
    present = {id_ async for page in ids(since) for id_ in page}
    known, waiting = await _known(store, source, since)
    missed, vanished = present - known, waiting - present
    new = await _look_at(store, source, fetch, [*sorted(missed), *sorted(vanished)], now)
    return Census(len(present), new, len(vanished))


async def _known(store: Store, source: str, since: datetime) -> tuple[set[str], set[str]]:
    """Ids of all tickets the hub has seen closed lately, and of those among them whose survey has not left.

    A ticket may have been stored with a closing that the source dates later by now; so everything seen since counts.
    """
    query = (
        sa.select(closures.c.ticket_id, sa.text("coalesce(invitations.state = 'waiting', true)"))
        .outerjoin_from(
            closures, invitations, sa.and_(invitations.c.closure_id == closures.c.id, invitations.c.step == 0)
        )
        .where(closures.c.source == source, closures.c.milestone == Milestone.CLOSED)
        .where(sa.or_(closures.c.closed_at >= since, closures.c.seen_at >= since))
    )
    async with store.read() as connection:
        rows = (await connection.execute(query)).all()
    return {row[0] for row in rows}, {row[0] for row in rows if row[1]}


async def _look_at(store: Store, source: str, fetch: Fetch, ids: Sequence[str], now: datetime) -> int:
    new = 0

    async def look_at(some: Sequence[str]) -> None:
        nonlocal new
        fetched = await fetch(some)
        async with store.write() as connection:
            new += await store_fetched(connection, source, fetched, now)

    failure: RemoteError | None = None
    worked = False
    for chunk in _chunks(ids):
        try:
            await look_at(chunk)
        except RemoteError as error:
            outcome = await one_by_one([[id_] for id_ in chunk], look_at)
            if outcome.nothing_worked:
                failure = outcome.error or error
                if isinstance(failure, _OUT_OF_ORDER):
                    raise failure from error
                continue  # it may be these tickets that are to blame; the same ones come first the next time
        worked = True
    if failure is not None and not worked:
        raise failure
    return new


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
