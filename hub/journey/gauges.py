"""How the journey stands at this moment, for `/metrics`: what waits, how long, and what is out of order.

The cost does not grow with the store: only partial indexes are read, and nothing is counted beyond `CAP`. Conditions
on states are literal, so that these indexes serve them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store import components
from hub.store.components import ComponentState
from hub.store.engine import Store
from hub.store.tables import Text, UtcDateTime, answers, closures, experiences, hints, invitations, workers, write_backs

CAP = 10_000
"""Longer queues are counted as this long."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Things that wait."""

    length: int
    """Up to `CAP`."""
    since: datetime | None
    """Since when the oldest waits; None when nothing does."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """The state of the journey at one moment."""

    queues: Mapping[tuple[str, str], Queue]
    """By what waits, and the id of the component it waits for: `("invitations", "gateways.sms")` are messages due.

    `write_backs` are results that are not written yet, `hints` tickets that webhooks named; `closures` wait for a
    decision and `answers` for their invitation, both at "hub". `unknown` are surveys that may have left; nobody says
    since when. Later messages of a conversation that may have left are not among them: nobody has to settle these.
    """
    components: Mapping[str, ComponentState]
    """By loop: `sources.desk:write`."""
    workers: Mapping[str, int]
    """How many workers are on the list, by role."""


async def read(store: Store, ids: Collection[str], now: datetime) -> Gauges:
    """Read everything in one transaction.

    :param ids: the components of hub.toml, such as `gateways.sms`; others are left out.
    """
    async with store.read() as connection:
        return Gauges(
            queues=await _queues(connection, ids, now),
            components=await _components(connection, ids),
            workers=await _workers(connection),
        )


async def _queues(connection: AsyncConnection, ids: Collection[str], now: datetime) -> dict[tuple[str, str], Queue]:
    sources, gateways, sinks = (_named(ids, kind) for kind in ("sources", "gateways", "sinks"))
    hub = [("hub", "")]
    queries = {
        "closures": _waiting(hub, _undecided),
        "answers": _waiting(hub, _unread),
        "hints": _waiting(sources, _unfollowed),
        "invitations": _waiting(gateways, lambda names: _due(names, now)),
        "unknown": _waiting(gateways, _unknown),
        "write_backs": _waiting(sources + sinks, _unwritten),
    }
    found = {}
    for queue, query in queries.items():
        for row in await connection.execute(query):
            found[queue, row.id] = Queue(row.length, row.since)
    return found


def _named(ids: Collection[str], kind: str) -> list[tuple[str, str]]:
    """Ids of one kind, each with the name in it."""
    return [(id_, id_.partition(".")[2]) for id_ in sorted(ids) if id_.startswith(f"{kind}.")]


def _waiting(components: Sequence[tuple[str, str]], queue: Callable[[sa.CTE], _Rows]) -> sa.Select[Any]:
    """For each component how much waits, and since when."""
    columns = sa.column("id", Text), sa.column("name", Text)
    names = sa.values(*columns, name="names").data(components or [("", "")]).cte("names")
    counted, where, since = queue(names)
    rows = (
        sa.select(counted).where(*where).order_by(counted).limit(CAP).correlate(names).subquery()
    )  # as the index goes
    return sa.select(
        names.c.id,
        sa.select(sa.func.count()).select_from(rows).scalar_subquery().label("length"),
        since.correlate(names).scalar_subquery().label("since"),
    ).where(names.c.id != "")


Condition = Any
"""What `where` takes; SQLAlchemy has no name for it."""
_Rows = tuple[sa.Column[Any], Sequence[Condition], sa.Select[Any]]
"""The indexed column to count by, the conditions, and the query for the time of the oldest."""


def _undecided(_names: sa.CTE) -> _Rows:
    where: list[Condition] = [sa.text("NOT closures.decided")]
    return closures.c.id, where, _first(closures.c.seen_at, closures.c.id, where)


def _unread(_names: sa.CTE) -> _Rows:
    where: list[Condition] = [sa.text("answers.state = 'new'")]
    return answers.c.id, where, _first(answers.c.stored_at, answers.c.id, where)


def _unfollowed(names: sa.CTE) -> _Rows:
    where: list[Condition] = [sa.text("NOT hints.followed"), hints.c.source == names.c.name]
    return hints.c.id, where, _first(hints.c.received_at, hints.c.id, where)


def _due(names: sa.CTE, now: datetime) -> _Rows:
    where: list[Condition] = [
        sa.text("invitations.state = 'waiting'"),
        invitations.c.gateway == names.c.name,
        invitations.c.due_at <= now,
    ]
    return invitations.c.due_at, where, _first(invitations.c.due_at, invitations.c.due_at, where)


def _unknown(names: sa.CTE) -> _Rows:
    where: list[Condition] = [
        sa.text("invitations.state = 'unknown'"),
        invitations.c.gateway == names.c.name,
        invitations.c.step == 0,
    ]
    return invitations.c.gateway, where, sa.select(sa.null().cast(UtcDateTime))


def _unwritten(names: sa.CTE) -> _Rows:
    """A result that failed is due later and later: its age counts from when it was made."""
    where: list[Condition] = [
        sa.text("write_backs.state IN ('pending', 'writing')"),
        write_backs.c.target == names.c.id,
    ]
    rows = sa.select(write_backs.c.id).where(*where).order_by(write_backs.c.next_at).limit(CAP).correlate(names)
    oldest = sa.select(sa.func.min(rows.subquery().c.id)).scalar_subquery()
    made_at = sa.select(experiences.c.created_at).join(write_backs).where(write_backs.c.id == oldest)
    return write_backs.c.next_at, where, made_at


def _first(value: sa.Column[datetime], order: sa.Column[Any], where: Sequence[Condition]) -> sa.Select[Any]:
    return sa.select(value).where(*where).order_by(order).limit(1)


async def _components(connection: AsyncConnection, ids: Collection[str]) -> dict[str, ComponentState]:
    """Those of hub.toml, and the hub itself."""
    states = await components.get_all(connection)
    return {id_: state for id_, state in states.items() if id_.partition(":")[0] in {*ids, "hub"}}


async def _workers(connection: AsyncConnection) -> dict[str, int]:
    found = await connection.execute(sa.select(workers.c.roles))
    return dict(Counter(role for roles in found.scalars() for role in roles.split(",") if role))
