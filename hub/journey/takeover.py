"""What workers that died had begun is taken over by the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import watch
from hub.journey.events import note
from hub.journey.look_up import LOOK_UP_AFTER
from hub.store.tables import InvitationState, WriteBackState, invitations, write_backs


async def take_over(
    connection: AsyncConnection, dead: Collection[str], repeatable: Mapping[str, bool], now: datetime
) -> int:
    """Release what these workers had claimed; call it in the transaction that declares them dead.

    What was only looked at is looked at by others. A message under way is sent again where a repetition reaches nobody
    twice; elsewhere its outcome is unknown until a report or a reply proves that it left, or the operator decides. A
    result under way is written again: targets look before they write.

    :param dead: names of workers.
    :param repeatable: by gateway, whether a message may be repeated; for a gateway that is gone it may not.
    :returns: how many messages and results there were.
    """
    released = await connection.execute(
        write_backs.update()
        .where(sa.text("write_backs.state = 'writing'"), write_backs.c.claimed_by.in_(dead))
        .values(state=WriteBackState.PENDING, next_at=now, claimed_by=None, lease_until=None)
    )
    sending = await release_sending(
        connection,
        invitations.c.claimed_by.in_(dead),
        lambda _id, gateway: repeatable.get(gateway, False),
        now,
        "the worker ended while it was sending",
    )
    for table in (invitations, write_backs):  # what was looked at, and what a report or an answer has moved on since
        await connection.execute(
            table.update().where(table.c.claimed_by.in_(dead)).values(claimed_by=None, lease_until=None)
        )
    return released.rowcount + sending


async def release_sending(
    connection: AsyncConnection,
    these: sa.ColumnElement[bool],
    again: Callable[[int, str], bool],
    now: datetime,
    what: str,
) -> int:
    """Settle messages that nobody is sending any more, although their rows say so.

    :param again: whether one may be sent again, by its id and gateway; otherwise its outcome is unknown.
    :param what: what happened, for `hub why`.
    :returns: how many there were.
    """
    found = await connection.execute(
        sa.select(invitations.c.id, invitations.c.closure_id, invitations.c.step, invitations.c.gateway)
        .where(sa.text("invitations.state = 'sending'"), these)
        .order_by(invitations.c.id)
        .with_for_update()
    )
    rows = found.all()
    for row in rows:
        due_at = now + LOOK_UP_AFTER
        values: dict[str, Any] = {"state": InvitationState.UNKNOWN, "reason": "worker_died", "due_at": due_at}
        if again(row.id, row.gateway):
            values = {"state": InvitationState.WAITING, "reason": None}
        await connection.execute(
            invitations.update().where(invitations.c.id == row.id).values(claimed_by=None, lease_until=None, **values)
        )
        if row.step == 0:
            watch.moved(connection, values["state"], values["reason"])
        await note(connection, row.closure_id, now, f"{row.gateway}: {what}")
    return len(rows)
