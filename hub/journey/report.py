"""Delivery reports: news of messages sent earlier, in any order and any number of times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import watch
from hub.api.records import DeliveryStatus
from hub.journey import wishes
from hub.journey.converse import what
from hub.journey.events import note
from hub.journey.invite import not_reached
from hub.journey.outcome import mark_unusable
from hub.store.among import among
from hub.store.engine import Store
from hub.store.given import given
from hub.store.tables import InvitationState, Text, UtcDateTime, invitations, reports

Row = Mapping[Any, Any]
BATCH = 200
KEEP_UNMATCHED = timedelta(days=7)
_STATES = {
    DeliveryStatus.QUEUED: InvitationState.SENT,
    DeliveryStatus.SENT: InvitationState.SENT,
    DeliveryStatus.DELIVERED: InvitationState.DELIVERED,
    DeliveryStatus.REJECTED: InvitationState.FAILED,
    DeliveryStatus.FAILED: InvitationState.FAILED,
}
"""What each report says of its message; others say nothing but their reason."""
_LEFT = (InvitationState.SENT, InvitationState.DELIVERED)
_NEWS = (InvitationState.DELIVERED, InvitationState.FAILED)
_OPEN = (InvitationState.SENDING, InvitationState.UNKNOWN, InvitationState.SENT, InvitationState.WAITING)
_OF_MESSAGE = ("closure_id", "step", "kind", "question", "address")
_BY_ID = sa.and_(invitations.c.provider_id == reports.c.provider_id, invitations.c.gateway == reports.c.gateway)
_FOUND = (
    sa.select(reports, invitations.c.id.label("invitation_id"), *(invitations.c[name] for name in _OF_MESSAGE))
    .join(invitations, sa.or_(invitations.c.token == reports.c.key, _BY_ID))
    .order_by(reports.c.id)
    .limit(sa.bindparam("number"))
    .with_for_update(skip_locked=True, of=reports)
)
_LOCKED = (  # in one order for all who change invitations; see `outcome.store_outcomes`
    sa.select(invitations.c.id)
    .where(among(invitations.c.id, "ids"))
    .order_by(invitations.c.id)
    .with_for_update(key_share=True)
)
_told = given(invitation=invitations.c.id.type, state=Text(), at=UtcDateTime(), reason=Text()).c
_MOVE = (
    # forward, never back: what was delivered or answered stays delivered
    invitations.update()
    .where(invitations.c.id == _told.invitation, invitations.c.state.in_(_OPEN), invitations.c.attempts > 0)
    .values(
        state=sa.func.coalesce(_told.state, invitations.c.state),
        reason=_told.reason,
        sent_at=sa.case(
            (_told.state.in_(_LEFT), sa.func.coalesce(invitations.c.sent_at, _told.at)), else_=invitations.c.sent_at
        ),
        delivered_at=sa.case((_told.state == InvitationState.DELIVERED, _told.at), else_=invitations.c.delivered_at),
    )
    .returning(invitations.c.id)
)
_DONE = reports.delete().where(
    sa.or_(among(reports.c.id, "ids"), reports.c.stored_at < sa.bindparam("before", type_=UtcDateTime))
)


async def apply_reports(store: Store, now: datetime) -> int:
    """Apply reports to their messages, up to a batch in one transaction.

    A report may be here before the id that it names; it waits.

    :returns: how many were applied.
    """
    async with store.write() as connection:
        rows = (await connection.execute(_FOUND, {"number": BATCH})).mappings().all()
        if rows and connection.dialect.name == "postgresql":
            await connection.execute(_LOCKED, {"ids": [row["invitation_id"] for row in rows]})
        for turn in _turns(sorted(rows, key=lambda row: row["invitation_id"])):
            await _apply(connection, turn)
        await connection.execute(_DONE, {"ids": [row["id"] for row in rows], "before": now - KEEP_UNMATCHED})
    return len(rows)


def _turns(rows: Sequence[Row]) -> list[list[Row]]:
    """The reports, so that each turn has one of a message at most, in the order they came."""
    turns: list[list[Row]] = []
    had: Counter[int] = Counter()
    for row in rows:
        turn = had[row["invitation_id"]]
        had[row["invitation_id"]] += 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(row)
    return turns


async def _apply(connection: AsyncConnection, turn: Sequence[Row]) -> None:
    moves = [_move(row) for row in turn]
    moved = set((await connection.execute(_MOVE, {"rows": moves})).scalars())
    for row, move in zip(turn, moves, strict=True):
        has_moved = row["invitation_id"] in moved
        if move["state"] in _NEWS and row["step"] == 0:
            watch.moved(connection, move["state"], move["reason"], int(has_moved))
        if move["state"] == InvitationState.FAILED and has_moved:
            await _not_delivered(connection, row)
        if row["address_unusable"]:
            await mark_unusable(connection, row["address"], row["reason"], row["at"])
        if row["opted_out"]:
            await wishes.stop_as_told(connection, row, row["at"])


def _move(report: Row) -> dict[str, Any]:
    state = _STATES.get(report["status"])
    reason = None if state in _LEFT else report["reason"]
    if state is InvitationState.FAILED:
        reason = reason or "not_delivered"
    return {"invitation": report["invitation_id"], "state": state, "at": report["at"], "reason": reason}


async def _not_delivered(connection: AsyncConnection, report: Row) -> None:
    about = f"{what(report['kind'], report['question'])} " if report["step"] > 0 else ""
    said = f"{report['gateway']}: {about}reported as not delivered"
    await note(connection, report["closure_id"], report["at"], said)
    await not_reached(connection, report)
