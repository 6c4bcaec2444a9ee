"""The workers on a store: each has a row from its start to its end, and raises its beat while it lives.

Nobody compares the clocks of two machines: a worker is dead when its beat stands still, as the others see it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store.tables import invitations, workers, write_backs

_WAIT_A_MOMENT = "SET LOCAL lock_timeout = '1s'"
_BEAT = workers.update().where(workers.c.name == sa.bindparam("of")).values(beat=workers.c.beat + 1)
_REGISTERED = (
    sa.select(workers.c.name).where(workers.c.name == sa.bindparam("of")).with_for_update(read=True, key_share=True)
)
_BEATS = sa.select(workers.c.name, workers.c.beat)
_CLAIMS = [
    sa.select(table.c.claimed_by, sa.func.max(table.c.lease_until))
    .where(table.c.claimed_by.is_not(None))
    .group_by(table.c.claimed_by)
    for table in (invitations, write_backs)
]
_COUNTS = sa.select(
    *(
        sa.select(sa.func.count())
        .where(table.c.claimed_by == sa.bindparam("of"), sa.text(f"{table.name}.state = '{state}'"))
        .scalar_subquery()
        for table, state in ((invitations, "sending"), (write_backs, "writing"))
    )
)
Load = Mapping[str, float | int]
Sign = int | datetime | None
"""A worker's last sign of life: its beat. Of one without a row (the version before had none) its newest claim."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One row of `hub status`."""

    name: str
    """`host:pid:...`; unlike any other, also of the same process."""
    beat: int
    started_at: datetime
    seen_at: datetime
    """By its own clock."""
    version: str
    roles: tuple[str, ...]
    load: Load = field(default_factory=dict)
    """What it is doing; see `hub.daemon.load`."""


async def register(
    connection: AsyncConnection, name: str, *, version: str, roles: Sequence[str], now: datetime
) -> None:
    """Enter a worker. Before that it may claim nothing."""
    await connection.execute(
        workers.insert().values(
            name=name, beat=0, started_at=now, seen_at=now, version=version, roles=",".join(roles), load="{}"
        )
    )


async def beat(connection: AsyncConnection, name: str, load: Load, now: datetime) -> bool:
    """Say that the worker lives.

    :returns: False when the others have buried it: what it had claimed is not its own any more.
    """
    found = await connection.execute(_BEAT, {"of": name, "seen_at": now, "load": json.dumps(dict(load))})
    return found.rowcount == 1


async def leave(connection: AsyncConnection, name: str) -> None:
    """Take a worker off the list."""
    await connection.execute(workers.delete().where(workers.c.name == name))


async def is_registered(connection: AsyncConnection, name: str) -> bool:
    """Whether a worker may claim: until this transaction ends nobody can bury it."""
    return await connection.scalar(_REGISTERED, {"of": name}) is not None


async def bury(connection: AsyncConnection, name: str, sign: Sign) -> bool:
    """Take a worker off the list that has stood still at this sign of life.

    It may have been frozen while it held locks. On PostgreSQL this transaction waits for them for a moment only.

    :returns: False when it has given another one since.
    :raises DBAPIError: what it has locked is not free yet; also from what follows in this transaction.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(sa.text(_WAIT_A_MOMENT))
    if isinstance(sign, int):
        found = await connection.execute(workers.delete().where(workers.c.name == name, workers.c.beat == sign))
        return found.rowcount == 1
    signs = await last_signs(connection)
    return name in signs and signs[name] == sign


async def all_workers(connection: AsyncConnection) -> list[Worker]:
    """Every worker on the list, dead ones too until they are buried; in the order of their names."""
    found = await connection.execute(sa.select(workers).order_by(workers.c.name))
    return [_worker(row) for row in found.mappings()]


async def last_signs(connection: AsyncConnection) -> dict[str, Sign]:
    """The last sign of life of every worker that is on the list or holds a claim, by name."""
    signs: dict[str, Sign] = {}
    for claims in _CLAIMS:
        for name, until in await connection.execute(claims):
            signs[name] = max(filter(None, (until, signs.get(name))), default=None)
    listed = await connection.execute(_BEATS)
    return signs | {row.name: row.beat for row in listed}


async def count_claims(connection: AsyncConnection, name: str) -> tuple[int, int]:
    """How many messages and how many results a worker has under way."""
    row = (await connection.execute(_COUNTS, {"of": name})).one()
    return row[0], row[1]


def _worker(row: Mapping[Any, Any]) -> Worker:
    return Worker(**{**row, "roles": tuple(filter(None, row["roles"].split(","))), "load": json.loads(row["load"])})
