"""Delivery reports: news of messages sent earlier, in any order and any number of times."""

from __future__ import annotations

from collections.abc import Mapping
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
from hub.store.tables import InvitationState, invitations, reports

BATCH = 200
KEEP_UNMATCHED = timedelta(days=7)
_FAILED = (DeliveryStatus.FAILED, DeliveryStatus.REJECTED)
_TAKEN = (DeliveryStatus.QUEUED, DeliveryStatus.SENT)
_OF_MESSAGE = ("closure_id", "step", "kind", "question", "address")
_OPEN = (InvitationState.SENDING, InvitationState.UNKNOWN, InvitationState.SENT, InvitationState.WAITING)


async def apply_reports(store: Store, now: datetime) -> int:
    """Apply reports to their invitations, up to a batch in one transaction.

    A report may be here before the id that it names; it waits.

    :returns: how many were applied.
    """
    by_id = sa.and_(invitations.c.provider_id == reports.c.provider_id, invitations.c.gateway == reports.c.gateway)
    async with store.write() as connection:
        found = await connection.execute(
            sa.select(reports, invitations.c.id.label("invitation_id"), *(invitations.c[name] for name in _OF_MESSAGE))
            .join(invitations, sa.or_(invitations.c.token == reports.c.key, by_id))
            .order_by(reports.c.id)
            .limit(BATCH)
            .with_for_update(skip_locked=True, of=reports)
        )
        rows = found.mappings().all()
        for row in sorted(rows, key=lambda row: row["invitation_id"]):  # see `outcome.store_outcomes`
            await _apply(connection, row)
        done = sa.or_(among(reports.c.id, [row["id"] for row in rows]), reports.c.stored_at < now - KEEP_UNMATCHED)
        await connection.execute(reports.delete().where(done))
    return len(rows)


async def _apply(connection: AsyncConnection, report: Mapping[Any, Any]) -> None:
    """Move the message forward, never back: what was delivered or answered stays delivered."""
    values = _values(report)
    changed = await connection.execute(
        invitations.update()
        .where(invitations.c.id == report["invitation_id"], invitations.c.state.in_(_OPEN), invitations.c.attempts > 0)
        .values(**values)
    )
    is_news = report["status"] == DeliveryStatus.DELIVERED or report["status"] in _FAILED
    if is_news and report["step"] == 0:
        watch.moved(connection, values["state"], values["reason"], changed.rowcount)
    if report["status"] in _FAILED and changed.rowcount:
        about = f"{what(report['kind'], report['question'])} " if report["step"] > 0 else ""
        said = f"{report['gateway']}: {about}reported as not delivered"
        await note(connection, report["closure_id"], report["at"], said)
        await not_reached(connection, report)
    if report["address_unusable"]:
        await mark_unusable(connection, report["address"], report["reason"], report["at"])
    if report["opted_out"]:
        await wishes.stop_as_told(connection, report, report["at"])


def _values(report: Mapping[Any, Any]) -> dict[str, Any]:
    at: datetime = report["at"]
    sent_at = sa.func.coalesce(invitations.c.sent_at, sa.literal(at, type_=invitations.c.sent_at.type))
    if report["status"] == DeliveryStatus.DELIVERED:
        return {"state": InvitationState.DELIVERED, "delivered_at": at, "sent_at": sent_at, "reason": None}
    if report["status"] in _FAILED:
        return {"state": InvitationState.FAILED, "reason": report["reason"] or "not_delivered"}
    if report["status"] in _TAKEN:
        return {"state": InvitationState.SENT, "sent_at": sent_at, "reason": None}
    return {"reason": report["reason"]}
