"""Takes persons out of what is older than `survey.retention`, a little at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.journey.forget import blank_answers, forget
from hub.store.among import among
from hub.store.dialect import insert
from hub.store.engine import Store
from hub.store.tables import answers, closures, contacts, facts

BATCH = 100
_CLOSURES, _ANSWERS = "retention.closures", "retention.answers"
"""The facts that say up to which row this has been done: rows are stored in the order they came."""


async def forget_old(store: Store, retention: timedelta, now: datetime, batch: int = BATCH) -> int:
    """Forget the persons of some closures that were seen, and of answers that came, before the retention time.

    Most answers go with their closure; those that belong to none, as machine mail and unsolicited feedback do not,
    go by their own age.

    :returns: how many closures and answers that were; 0 means that none is left.
    """
    before = now - retention
    async with store.write() as connection:
        closure_ids = await _next(connection, _CLOSURES, closures.c.id, closures.c.seen_at < before, batch)
        if closure_ids:
            await forget(connection, closure_ids)
        answer_ids = await _next(connection, _ANSWERS, answers.c.id, answers.c.stored_at < before, batch)
        if answer_ids:
            await blank_answers(connection, among(answers.c.id, answer_ids))
        return len(closure_ids) + len(answer_ids)


async def _next(
    connection: AsyncConnection, fact: str, id_: sa.Column[int], is_old: sa.ColumnElement[bool], batch: int
) -> Sequence[int]:
    """The next old rows, which count as done from now on."""
    done = int(await connection.scalar(sa.select(facts.c.value).where(facts.c.name == fact)) or 0)
    # only the oldest are looked at: whether all rows were old would cost a look at all of them
    oldest = sa.select(id_, is_old.label("is_old")).where(id_ > done).order_by(id_).limit(batch)
    rows = (await connection.execute(oldest)).all()
    ids = [row[0] for row in takewhile(lambda row: row.is_old, rows)]
    if ids:
        noted = insert(connection, facts).values(name=fact, value=str(ids[-1]))
        newer = {"value": noted.excluded.value}
        await connection.execute(noted.on_conflict_do_update(index_elements=["name"], set_=newer))
    return ids


async def forget_contacts(store: Store, retention: timedelta, now: datetime) -> int:
    """Delete addresses that were not asked within the retention time, or never.

    Those that said stop stay, to be left alone.

    :returns: how many.
    """
    async with store.write() as connection:
        # of those who were never asked nothing is known but the address, which the next ticket brings again
        never = sa.and_(*(contacts.c[name].is_(None) for name in ("asked_at", "consent", "unusable_at")))
        long_ago = sa.and_(contacts.c.asked_at < now - retention, contacts.c.asked_for.is_(None))
        idle = contacts.delete().where(contacts.c.opted_out_at.is_(None), sa.or_(never, long_ago))
        return (await connection.execute(idle)).rowcount
