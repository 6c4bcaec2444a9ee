"""Which messages a worker has: taken to look at their tickets, then claimed to be sent.

What is taken is still waiting. What is claimed is `sending`, committed before anything leaves. Either belongs to the
worker that the row names, and only as long as it does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.faults import fault_point
from hub.journey import conversations, surveys
from hub.journey.invite import withdraw
from hub.journey.policy import Plan
from hub.journey.post import Post, Row
from hub.journey.takeover import release_sending
from hub.journey.verdicts import Verdict, judge
from hub.store import workers
from hub.store.among import among
from hub.store.engine import Store, despite_deadlock
from hub.store.tables import InvitationState, UtcDateTime, closures, invitations

LEASE = timedelta(minutes=3)  # kept for workers of the version before, which go by it
_WAITING: sa.ColumnElement[bool] = sa.literal_column("invitations.state = 'waiting'")  # literal, for the partial index
_DUE = (
    _WAITING,
    invitations.c.gateway == sa.bindparam("on"),
    invitations.c.due_at <= sa.bindparam("now"),
    # one of its own that is not at hand was left by a step that failed
    sa.or_(invitations.c.claimed_by.is_(None), invitations.c.claimed_by == sa.bindparam("worker")),
)
_OF_INVITATION = (
    "id", "closure_id", "step", "kind", "question", "token", "survey", "tone", "survey_version", "language", "channel",
    "address", "identity", "created_at", "expires_at", "attempts",
)  # fmt: skip
_OF_CLOSURE = ("source", "ticket_id", "ticket_key", "closure_key", "closed_at", "read_at", "milestone", "ticket")
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
        reason=None,
        attempts=invitations.c.attempts + 1,
        survey_version=sa.bindparam("version"),
        open_until=sa.bindparam("until", type_=UtcDateTime),
        lease_until=sa.bindparam("lease", type_=UtcDateTime),
    )
    .returning(invitations.c.id)
)
_NOT_CONFIGURED = timedelta(minutes=1)
"""When to look again at a survey that is not in this worker's hub.toml: another worker may know it already."""


async def count_due(store: Store, post: Post, limit: int) -> int:
    """How many messages this worker could begin to send on one gateway now, counted up to `limit`."""
    async with store.read() as connection:
        return await connection.scalar(_COUNT, _due(post, limit)) or 0


def _due(post: Post, number: int) -> dict[str, Any]:
    return {"on": post.name, "now": post.clock.now(), "worker": post.worker(), "number": number}


async def take(store: Store, post: Post, number: int) -> Sequence[Row]:
    """Reserve due messages, so that no other worker looks at their tickets meanwhile. They are still waiting."""
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
    """Commit to sending those that may still be sent, and which are this worker's still.

    :returns: them, each with the survey that it belongs to as `asks`.
    """
    if not taken:
        return []
    try:
        return await despite_deadlock(partial(_claim, store, post, plan, taken))
    except IntegrityError:  # another worker began a conversation with one of these customers at the same moment
        if len(taken) == 1:
            return []  # it is taken again, and then it is known that it has to wait
        return [row for one in taken for row in await claim(store, post, plan, [one])]


async def _claim(store: Store, post: Post, plan: Plan, taken: Sequence[Row]) -> Sequence[Row]:
    now = post.clock.now()
    async with store.write() as connection:
        verdicts = await judge(connection, post.name, taken, plan, now)
        wanted = await _with_surveys(connection, [row for row in taken if row["id"] not in verdicts], plan, now)
        if len(wanted) < len(taken):
            ids = {row["id"] for row in wanted}
            await _drop(connection, [row for row in taken if row["id"] not in ids], verdicts, now)
        if not wanted:
            return []
        claimed = await _begin(connection, wanted, now, now + plan.survey.conversation)
        fault_point("deliver.before_claim_commit")
    return [row for row in wanted if row["id"] in claimed]


async def _begin(connection: AsyncConnection, rows: Sequence[Row], now: datetime, open_until: datetime) -> set[int]:
    """Those that are this worker's still are `sending` from now on; gives their ids."""
    again = [row["closure_id"] for row in rows if row["step"] > 0 and conversations.opens(row)]
    await conversations.keep_open(connection, again, open_until)
    alike: dict[tuple[str, bool], list[Row]] = {}
    for row in rows:
        opens = row["step"] == 0 and conversations.opens(row)
        alike.setdefault((row["asks"].version, opens), []).append(row)
    claimed = set[int]()
    for (version, opens), some in alike.items():  # nearly always one
        begun = {"version": version, "until": open_until if opens else None, "lease": now + LEASE}
        claimed.update((await connection.execute(_BEGIN, _these(some) | begun)).scalars())
    return claimed


async def _with_surveys(connection: AsyncConnection, rows: Sequence[Row], plan: Plan, now: datetime) -> list[Row]:
    """The messages with the surveys that they belong to: what is sent for the first time asks what hub.toml says now.

    Those whose survey is not in hub.toml are left out.
    """
    found: list[Row] = []
    for row in rows:
        name = row["survey"] or surveys.DEFAULT
        if row["survey_version"] is not None:
            found.append({**row, "asks": await surveys.survey_of(connection, row, plan.surveys)})
        elif (survey := plan.surveys.get(name)) is not None:
            await surveys.keep(connection, survey, now)
            found.append({**row, "asks": survey})
        else:
            structlog.get_logger().warning("survey.not_configured", survey=name, hint="it waits until hub.toml has it")
    return found


async def _drop(
    connection: AsyncConnection, rows: Sequence[Row], verdicts: Mapping[int, Verdict], now: datetime
) -> None:
    """Withdraw those with a reason and put off the others. What another worker has by now is not touched."""
    found = await connection.execute(_MINE, _these(rows))
    mine = set(found.scalars())
    for row in rows:
        if row["id"] not in mine:
            continue
        verdict = verdicts.get(row["id"], Verdict(until=now + _NOT_CONFIGURED))
        if verdict.reason:
            await withdraw(connection, row, InvitationState.SKIPPED, verdict.reason)
        else:
            put_off = {"due_at": verdict.until, "reason": verdict.waits_for, "claimed_by": None}
            await connection.execute(invitations.update().where(invitations.c.id == row["id"]).values(**put_off))


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
