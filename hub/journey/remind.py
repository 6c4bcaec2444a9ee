"""One reminder for each survey that has no answer, if the configuration wants one. Never a second."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Channel
from hub.faults import fault_point
from hub.journey import converse, surveys
from hub.journey.converse import Say
from hub.journey.heard import steps_of
from hub.journey.policy import Plan, next_moment
from hub.store.among import among
from hub.store.engine import Store
from hub.store.given import given
from hub.store.tables import InvitationState, UtcDateTime, closures, contacts, invitations
from hub.survey.model import MessageKind

Row = Mapping[Any, Any]
BATCH = 200
_ARRIVED = (InvitationState.SENT, InvitationState.DELIVERED)
_NOT_SENT_YET = (InvitationState.WAITING, InvitationState.SENDING, InvitationState.UNKNOWN)
_DUE = (
    sa.select(invitations, closures.c.ticket)
    .join(closures)
    .where(invitations.c.remind_at <= sa.bindparam("now", type_=UtcDateTime))
    .order_by(invitations.c.remind_at)
    .limit(BATCH)
    .with_for_update(skip_locked=True, of=invitations)
)
_later = given(invitation=invitations.c.id.type, at=UtcDateTime()).c
_LATER = invitations.update().where(invitations.c.id == _later.invitation).values(remind_at=_later.at)
_NOT_TO_BE_WRITTEN_TO = sa.select(contacts.c.address).where(
    among(contacts.c.address, "identities"),
    sa.or_(contacts.c.opted_out_at.is_not(None), contacts.c.unusable_at.is_not(None)),
)


async def remind_due(store: Store, plan: Plan, now: datetime) -> int:
    """Add reminders for surveys whose time has come, up to a batch in one transaction.

    :returns: how many surveys were looked at.
    """
    async with store.write() as connection:
        rows = (await connection.execute(_DUE, {"now": now})).mappings().all()
        if not rows:
            return 0
        again = {row["id"]: _not_before(row, plan, now) for row in rows}
        due = [row for row in rows if again[row["id"]] is None]
        await _remind(connection, due, plan, now)
        later = [{"invitation": id_, "at": at} for id_, at in sorted(again.items())]
        await connection.execute(_LATER, {"rows": later})
        fault_point("remind.before_commit")
    fault_point("remind.stored")
    return len(rows)


def _not_before(row: Row, plan: Plan, now: datetime) -> datetime | None:
    """When to look at a survey again that left later than was planned, or has not; None when its time is now."""
    at: datetime | None = None
    wait = _wait(row, plan)
    if row["state"] in _NOT_SENT_YET:
        at = now + wait
    elif row["state"] in _ARRIVED and row["sent_at"] is not None:
        at = row["sent_at"] + wait
    return at if at is not None and now < at < row["expires_at"] else None


def _wait(row: Row, plan: Plan) -> timedelta:
    """How long after a survey its reminder is sent; zero when hub.toml wants none any more."""
    rule = next((rule for rule in plan.rules if rule.name == row["rule"]), None)
    return plan.survey.reminder if rule is None or rule.reminder is None else rule.reminder


async def _remind(connection: AsyncConnection, rows: Sequence[Row], plan: Plan, now: datetime) -> None:
    wanted = [row for row in rows if _is_unanswered(row, now) and _wait(row, plan)]
    steps = await steps_of(connection, [row["closure_id"] for row in wanted])
    stopped = await _stopped(connection, {row["identity"] for row in wanted})
    new = []
    for row in wanted:
        messages = steps[row["closure_id"]]
        if row["identity"] in stopped or not await _may_remind(connection, row, messages, plan):
            continue
        due_at = next_moment(plan, now, row)
        new.append(Say(row, messages[-1]["step"] + 1, MessageKind.REMINDER, None, due_at, row["expires_at"]))
    await converse.add(connection, new, now)


def _is_unanswered(row: Row, now: datetime) -> bool:
    return row["state"] in _ARRIVED and row["answered_at"] is None and now < row["expires_at"]


async def _may_remind(connection: AsyncConnection, row: Row, messages: Sequence[Row], plan: Plan) -> bool:
    """Whether there was no reminder before, and there is room for one among the SMS of a conversation."""
    if any(message["kind"] == MessageKind.REMINDER for message in messages):
        return False
    survey = await surveys.survey_of(connection, row, plan.surveys)
    return row["channel"] != Channel.SMS or sum(map(converse.counts, messages)) < survey.messages


async def _stopped(connection: AsyncConnection, identities: Collection[str]) -> set[str]:
    if not identities:
        return set()
    return set((await connection.execute(_NOT_TO_BE_WRITTEN_TO, {"identities": list(identities)})).scalars())
