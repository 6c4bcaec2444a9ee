"""Which invitations a worker has: taken to look at their tickets, then claimed to be sent.

What is taken is still waiting. What is claimed is `sending`, committed before anything leaves. Either belongs to the
worker that the row names, and only as long as it does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.faults import fault_point
from hub.journey.addresses import identity
from hub.journey.invite import withdraw
from hub.journey.policy import Plan, Reason, after_quiet_hours, too_old
from hub.journey.post import Post, Row
from hub.journey.takeover import release_sending
from hub.store import workers
from hub.store.among import among
from hub.store.engine import Store
from hub.store.tables import InvitationState, UtcDateTime, closures, contacts, invitations

LEASE = timedelta(minutes=3)  # kept for workers of the version before, which go by it
_WAITING: sa.ColumnElement[bool] = sa.literal_column("invitations.state = 'waiting'")  # literal, for the partial index
_DUE = (
    _WAITING,
    invitations.c.gateway == sa.bindparam("on"),
    invitations.c.due_at <= sa.bindparam("now"),
    # one of its own that is not at hand was left by a step that failed
    sa.or_(invitations.c.claimed_by.is_(None), invitations.c.claimed_by == sa.bindparam("worker")),
)
_OF_INVITATION = ("id", "closure_id", "token", "language", "channel", "address", "attempts")
_OF_CLOSURE = ("source", "ticket_id", "ticket_key", "closure_key", "closed_at", "read_at", "ticket")
_SOME_DUE = sa.select(invitations.c.id).where(*_DUE).limit(sa.bindparam("number"))
_COUNT = sa.select(sa.func.count()).select_from(_SOME_DUE.subquery())
_TAKE = (
    sa.select(
        *(invitations.c[name] for name in _OF_INVITATION),
        (invitations.c.due_at <= invitations.c.created_at).label("at_once"),
        *(closures.c[name] for name in _OF_CLOSURE),
    )
    .join(closures)
    .where(*_DUE)
    .order_by(invitations.c.due_at)
    .limit(sa.bindparam("number"))
    .with_for_update(skip_locked=True, of=invitations)
)
_RESERVE = invitations.update().where(among(invitations.c.id, "ids")).values(claimed_by=sa.bindparam("worker"))
_STILL_TAKEN = (_WAITING, invitations.c.claimed_by == sa.bindparam("worker"), among(invitations.c.id, "ids"))
_RELEASE = invitations.update().where(*_STILL_TAKEN).values(claimed_by=None)
_MINE = sa.select(invitations.c.id).where(*_STILL_TAKEN).with_for_update()
_BEGIN = (
    invitations.update()
    .where(*_STILL_TAKEN)
    .values(
        state=InvitationState.SENDING,
        attempts=invitations.c.attempts + 1,
        survey_version=sa.bindparam("version"),
        lease_until=sa.bindparam("lease", type_=UtcDateTime),
    )
    .returning(invitations.c.id)
)
_STOPPED = (
    sa.select(contacts.c.address, contacts.c.opted_out_at, contacts.c.unusable_at)
    .where(among(contacts.c.address, "identities"))
    .where(sa.or_(contacts.c.opted_out_at.is_not(None), contacts.c.unusable_at.is_not(None)))
)


async def count_due(store: Store, post: Post, limit: int) -> int:
    """How many invitations this worker could begin to send on one gateway now, counted up to `limit`."""
    async with store.read() as connection:
        return await connection.scalar(_COUNT, _due(post, limit)) or 0


def _due(post: Post, number: int) -> dict[str, Any]:
    return {"on": post.name, "now": post.clock.now(), "worker": post.worker(), "number": number}


async def take(store: Store, post: Post, number: int) -> Sequence[Row]:
    """Reserve due invitations, so that no other worker looks at their tickets meanwhile. They are still waiting."""
    worker, taken_at = post.worker(), post.clock.now()
    async with store.write() as connection:
        if not await workers.is_registered(connection, worker):
            return []
        found = await connection.execute(_TAKE, _due(post, number))
        rows = [{**row, "claimed_by": worker, "taken_at": taken_at} for row in found.mappings()]
        if rows:
            await connection.execute(_RESERVE, _these(rows))
    return rows


def _these(rows: Sequence[Row]) -> dict[str, Any]:
    return {"worker": rows[0]["claimed_by"], "ids": [row["id"] for row in rows]}


async def release(store: Store, taken: Sequence[Row]) -> None:
    """Hand back what was taken and is not sent now."""
    async with store.write() as connection:
        await connection.execute(_RELEASE, _these(taken))


async def claim(store: Store, post: Post, plan: Plan, taken: Sequence[Row]) -> Sequence[Row]:
    """Commit to sending those whose customers may still be asked, and which are this worker's still."""
    if not taken:
        return []
    now = post.clock.now()
    async with store.write() as connection:
        reasons = await _reasons(connection, taken, plan, now)
        later = after_quiet_hours(now, plan)
        wanted = [row for row in taken if row["id"] not in reasons and later <= now]
        if len(wanted) < len(taken):
            ids = {row["id"] for row in wanted}
            await _drop(connection, [row for row in taken if row["id"] not in ids], reasons, later)
        if not wanted:
            return []
        begun = {"version": post.survey_version, "lease": now + LEASE}
        found = await connection.execute(_BEGIN, _these(wanted) | begun)
        claimed = set(found.scalars())
        fault_point("deliver.before_claim_commit")
    return [row for row in wanted if row["id"] in claimed]


async def _reasons(connection: AsyncConnection, rows: Sequence[Row], plan: Plan, now: datetime) -> dict[int, Reason]:
    """Judge again at the moment of sending: the daemon may have been down, the customer may have said stop.

    :returns: why not, for those that are not to be sent any more.
    """
    stopped = await _stopped(connection, [identity(row["address"]) for row in rows])
    judged = {row["id"]: _why_not(row, stopped, plan, now) for row in rows}
    return {id_: reason for id_, reason in judged.items() if reason}


async def _drop(
    connection: AsyncConnection, rows: Sequence[Row], reasons: Mapping[int, Reason], later: datetime
) -> None:
    """Withdraw those with a reason and put off the others. What another worker has by now is not touched."""
    found = await connection.execute(_MINE, _these(rows))
    mine = set(found.scalars())
    for row in rows:
        if row["id"] not in mine:
            continue
        if reason := reasons.get(row["id"]):
            await withdraw(connection, row, InvitationState.SKIPPED, reason)
        else:
            await connection.execute(
                invitations.update().where(invitations.c.id == row["id"]).values(due_at=later, claimed_by=None)
            )


async def _stopped(connection: AsyncConnection, identities: Sequence[str]) -> dict[str, Reason]:
    found = await connection.execute(_STOPPED, {"identities": identities})
    return {row.address: Reason.OPTED_OUT if row.opted_out_at else Reason.UNUSABLE_ADDRESS for row in found}


def _why_not(row: Row, stopped: Mapping[str, Reason], plan: Plan, now: datetime) -> Reason | None:
    if too_old(row["closed_at"], plan, now):
        return Reason.TOO_OLD
    return stopped.get(identity(row["address"]))


async def recover(store: Store, post: Post, under_way: Collection[int], never_begun: Collection[int]) -> int:
    """Settle what this worker is said to be sending and is not: the answer to a commit was lost, or a step broke off.

    :param under_way: ids of what it is sending indeed.
    :param never_begun: ids of what was certainly not handed to the gateway: it is sent like any other.
    :returns: how many there were.
    """
    lost = sa.and_(
        invitations.c.gateway == post.name,
        invitations.c.claimed_by == post.worker(),
        invitations.c.id.not_in(under_way),
    )
    async with store.write() as connection:
        return await release_sending(
            connection,
            lost,
            lambda id_, _gateway: post.repeatable or id_ in never_begun,
            post.clock.now(),
            "the hub lost track of it while it was sending",
        )
