"""Messages are judged again when they are about to leave: the hub may have been down, the customer may have stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.journey import conversations, converse
from hub.journey.addresses import StopList, entries_of, identity
from hub.journey.heard import steps_of
from hub.journey.policy import Plan, Reason, next_moment, too_old
from hub.store.among import among
from hub.store.tables import answers, contacts, invitations, stops
from hub.survey.model import MessageKind

Row = Mapping[Any, Any]
EXPIRED = "expired"
"""Why a message was not sent: nothing would come of an answer any more."""
_STOPPED = (
    sa.select(
        contacts.c.address,
        sa.case((contacts.c.opted_out_at.is_not(None), Reason.OPTED_OUT), else_=Reason.UNUSABLE_ADDRESS).label("why"),
    )
    .where(among(contacts.c.address, "identities"))
    .where(sa.or_(contacts.c.opted_out_at.is_not(None), contacts.c.unusable_at.is_not(None)))
    .union_all(sa.select(stops.c.entry, sa.null()).where(among(stops.c.entry, "entries")))
)
_UNREAD = (
    sa.select(answers.c.sender, invitations.c.closure_id)
    .outerjoin(invitations, invitations.c.token == answers.c.key)
    .where(sa.text("answers.state = 'new'"))
)
_UNTIL_READ = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a message does not leave now."""

    reason: str | None = None
    """It is not to be sent any more."""
    until: datetime | None = None
    """It may be then."""
    waits_for: str | None = None
    """What it waits for until then; none for its time of day."""


async def judge(
    connection: AsyncConnection, gateway: str, rows: Sequence[Row], plan: Plan, now: datetime
) -> dict[int, Verdict]:
    """Judge messages that are due on a gateway.

    :returns: those that may not leave now, by id.
    """
    stopped = await _stopped(connection, {row["identity"] for row in rows}, plan.stop_list)
    following = {row["closure_id"] for row in rows if row["step"] > 0}
    steps = await steps_of(connection, following, lock=True) if following else {}
    heard_of = await _heard_of(connection, [row for row in rows if row["kind"] == MessageKind.REMINDER])
    found: dict[int, Verdict] = {}
    for row in rows:
        if reason := _why_not(row, stopped, steps.get(row["closure_id"], ()), plan, now):
            found[row["id"]] = Verdict(reason=reason)
        elif not _is_awaited(row, now) and (later := next_moment(plan, now, row)) > now:
            found[row["id"]] = Verdict(until=later)
        elif row["id"] in heard_of:
            found[row["id"]] = Verdict(until=now + _UNTIL_READ)
    free = [row for row in rows if row["id"] not in found]
    waits = await conversations.wait_for(connection, gateway, free, now)
    return found | {id_: Verdict(until=until, waits_for=conversations.ANOTHER) for id_, until in waits.items()}


def _why_not(row: Row, stopped: Mapping[str, Reason], steps: Sequence[Row], plan: Plan, now: datetime) -> str | None:
    if row["step"] == 0 and too_old(row["closed_at"], plan, now):
        return Reason.TOO_OLD
    if row["step"] > 0 and now >= row["expires_at"]:
        return EXPIRED
    if row["step"] > 0 and _went_on(row, steps):
        return converse.WENT_ON
    reason = stopped.get(row["identity"])
    return None if reason is Reason.OPTED_OUT and row["kind"] == MessageKind.STOPPED else reason


def _went_on(row: Row, steps: Sequence[Row]) -> bool:
    """Whether the customer has moved on from what a message says."""
    if row["kind"] == MessageKind.REMINDER:
        return steps[0]["answered_at"] is not None
    if row["kind"] != MessageKind.QUESTION:
        return False
    later = (step for step in steps if step["step"] > row["step"] and step["kind"] not in converse.CONFIRMATIONS)
    return steps[0]["open_until"] is None or any(converse.counts(step) for step in later)


def _is_awaited(row: Row, now: datetime) -> bool:
    """Whether the customer wrote a moment ago, and expects an answer at any time of day."""
    return row["kind"] not in conversations.OPENERS and now - row["created_at"] <= converse.AT_ONCE


async def _heard_of(connection: AsyncConnection, reminders: Sequence[Row]) -> set[int]:
    """Those reminders whose customer has written what was not read yet: it may be the answer."""
    if not reminders:
        return set()
    unread = (await connection.execute(_UNREAD)).all()
    writers, closure_ids = {identity(one.sender) for one in unread}, {one.closure_id for one in unread}
    return {row["id"] for row in reminders if row["identity"] in writers or row["closure_id"] in closure_ids}


async def _stopped(connection: AsyncConnection, identities: Iterable[str], listed: StopList) -> dict[str, Reason]:
    """Which of these are not to be written to, and why."""
    entries = {one: entries_of(one) for one in identities}
    listing = sorted({entry for some in entries.values() for entry in some})
    found = await connection.execute(_STOPPED, {"identities": list(entries), "entries": listing})
    reasons = {row.address: Reason(row.why or Reason.ON_STOP_LIST) for row in found}
    on_list = StopList(listed.entries | {entry for entry, why in reasons.items() if why is Reason.ON_STOP_LIST})
    return {
        one: Reason.ON_STOP_LIST if on_list.covers(one) else reasons[one]
        for one in entries
        if on_list.covers(one) or one in reasons
    }
