"""When the next work is due, for the journey and all components in one look that touches one index entry each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store.tables import UtcDateTime

HINTS_WANTED_FOR = timedelta(days=1)
JOURNEY = "journey"
"""The id of what is to be decided, applied or read, whatever component it came from."""

# in words, since SQLAlchemy needs longer to recognise a statement of a hundred parts than SQLite to run it
_LOOKS = "SELECT id, at FROM ({}) AS looks WHERE at IS NOT NULL"
_LOOK = "SELECT {} AS id, ({} LIMIT 1) AS at"
_INVITATION = """SELECT due_at FROM invitations WHERE state = 'waiting' AND gateway = {} AND claimed_by IS NULL
    ORDER BY due_at"""
_WRITE_BACK = """SELECT next_at FROM write_backs
    WHERE state IN ('pending', 'writing') AND state = 'pending' AND target = {} ORDER BY next_at"""
_HINT = "SELECT received_at FROM hints WHERE NOT followed AND received_at > :oldest_hint AND source = {} ORDER BY id"
_JOURNEY = (
    "SELECT :now FROM closures WHERE NOT decided",
    "SELECT :now FROM reports",
    "SELECT :now FROM answers WHERE state = 'new'",
    "SELECT :now FROM invitations WHERE remind_at <= :now",
)
_TIMES = [sa.bindparam(name, type_=UtcDateTime) for name in ("now", "oldest_hint")]


class Due:
    """Asks for the components that one worker serves."""

    def __init__(self, gateways: Collection[str], targets: Collection[str], sources: Collection[str]) -> None:
        """
        :param gateways: names; what is due on them has the id `gateways.NAME`.
        :param targets: ids of components; what is due to them has that id.
        :param sources: names; hints for them have the id `sources.NAME:hints`.
        """
        looks = [
            *(_look(f"gateways.{name}", _INVITATION.format(_quoted(name))) for name in gateways),
            *(_look(id_, _WRITE_BACK.format(_quoted(id_))) for id_ in targets),
            *(_look(f"sources.{name}:hints", _HINT.format(_quoted(name))) for name in sources),
            *(_look(JOURNEY, first) for first in _JOURNEY),
        ]
        text = sa.text(_LOOKS.format(" UNION ALL ".join(looks))).bindparams(*(_TIMES if sources else _TIMES[:1]))
        self._looks = text.columns(id=sa.Text, at=UtcDateTime)

    async def next_times(self, connection: AsyncConnection, now: datetime) -> Mapping[str, datetime]:
        """When the first piece of work is or was due, by id; without those that have none."""
        found = await connection.execute(self._looks, {"now": now, "oldest_hint": now - HINTS_WANTED_FOR})
        return {row.id: row.at for row in found}


def _look(id_: str, first: str) -> str:
    return _LOOK.format(_quoted(id_), first)


def _quoted(value: str) -> str:
    """A constant for `sa.text`, where a colon begins a parameter."""
    return "'" + value.replace("'", "''").replace(":", r"\:") + "'"
