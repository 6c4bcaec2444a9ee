"""Messages that could not be made, for `hub status`: nobody got them, and nothing else says so."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.journey.overview import MOST_ROWS, Overview
from hub.store.tables import InvitationState, invitations

REASON = "cannot_compose"


async def uncomposed(connection: AsyncConnection, seen: Overview) -> dict[str, int]:
    """How many there are in the window of an overview, by gateway. Where nothing failed, nothing is read."""
    sent = [*seen.asked.values(), *seen.follow_ups.values()]
    if not any(states.get(InvitationState.FAILED) for states in sent):
        return {}
    row = invitations.c
    last = sa.select(row.gateway, row.state, row.reason, row.created_at).order_by(row.id.desc()).limit(MOST_ROWS)
    newest = last.subquery().c  # the limit keeps a look at years of surveys from being one at all of them
    query = (
        sa.select(newest.gateway, sa.func.count())
        .where(newest.state == InvitationState.FAILED, newest.reason == REASON, newest.created_at >= seen.since)
        .group_by(newest.gateway)
        .order_by(newest.gateway)
    )
    return dict([tuple(row) for row in await connection.execute(query)])
