"""When the next work is due, for all components in one look that touches one index entry each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store.tables import UtcDateTime, hints, invitations, write_backs

HINTS_WANTED_FOR = timedelta(days=1)


class Due:
    """Asks for the components that one worker serves."""

    def __init__(self, gateways: Collection[str], targets: Collection[str], sources: Collection[str]) -> None:
        """
        :param gateways: names; what is due on them has the id `gateways.NAME`.
        :param targets: ids of components; what is due to them has that id.
        :param sources: names; hints for them have the id `sources.NAME:hints`.
        """
        looks = [
            *(_look(f"gateways.{name}", _invitation(name)) for name in gateways),
            *(_look(id_, _write_back(id_)) for id_ in targets),
            *(_look(f"sources.{name}:hints", _hint(name)) for name in sources),
        ]
        self._looks = sa.union_all(*looks) if looks else None

    async def next_times(self, connection: AsyncConnection, now: datetime) -> Mapping[str, datetime]:
        """When the first piece of work is or was due, by id; without those that have none."""
        if self._looks is None:
            return {}
        found = await connection.execute(self._looks, {"oldest_hint": now - HINTS_WANTED_FOR})
        return {row.id: row.at for row in found if row.at is not None}


def _look(id_: str, first: sa.Select[Any]) -> sa.Select[str, datetime]:
    at = sa.type_coerce(first.scalar_subquery(), UtcDateTime)
    return sa.select(sa.literal(id_).label("id"), at.label("at"))


def _invitation(gateway: str) -> sa.Select[Any]:
    waiting = sa.text("invitations.state = 'waiting'")  # literal, so that the partial index serves it
    return _first(invitations.c.due_at, waiting, invitations.c.gateway == gateway, invitations.c.claimed_by.is_(None))


def _write_back(target: str) -> sa.Select[Any]:
    pending = sa.text("write_backs.state IN ('pending', 'writing') AND write_backs.state = 'pending'")
    return _first(write_backs.c.next_at, pending, write_backs.c.target == target)


def _hint(source: str) -> sa.Select[Any]:
    waiting = (sa.text("NOT hints.followed"), hints.c.received_at > sa.bindparam("oldest_hint", type_=UtcDateTime))
    return sa.select(hints.c.received_at).where(*waiting, hints.c.source == source).order_by(hints.c.id).limit(1)


def _first(column: sa.Column[datetime], *conditions: Any) -> sa.Select[Any]:
    return sa.select(column).where(*conditions).order_by(column).limit(1)
