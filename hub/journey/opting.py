"""Customers who want no more surveys, or want them again, by a page's token."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Channel
from hub.journey import wishes
from hub.journey.events import note
from hub.journey.page import find_by_token
from hub.journey.people import addresses_of
from hub.journey.policy import Plan
from hub.store.among import among
from hub.store.engine import Store
from hub.store.tables import contacts

ASKED_TO_START = "the customer asked to be surveyed again"


async def has_stopped(store: Store, token: str) -> bool:
    """Whether the customer of this token gets no surveys, by a wish of their own."""
    async with store.read() as connection:
        invitation = await find_by_token(connection, token)
        if invitation is None or not invitation["identity"]:
            return False
        theirs = (await addresses_of(connection, [invitation["identity"]]))[invitation["identity"]]
        stopped = sa.select(contacts.c.address).where(
            among(contacts.c.address, list(theirs)), contacts.c.opted_out_at.is_not(None)
        )
        return (await connection.execute(stopped)).first() is not None


async def opt_out(store: Store, token: str, now: datetime) -> bool:
    """Never ask this customer again, under any address known to be theirs. Repeating it changes nothing.

    :returns: False when no survey has this token.
    """

    async def work(connection: AsyncConnection) -> bool:
        invitation = await find_by_token(connection, token)
        if invitation is None or not invitation["identity"]:
            return False
        if await wishes.stop(connection, [invitation["identity"]], now):
            await note(connection, invitation["closure_id"], now, wishes.ASKED_TO_STOP)
        return True

    found: bool = await store.commit(work)
    return found


async def opt_in(store: Store, token: str, plan: Plan, now: datetime) -> bool:
    """Take an opt-out back, for all addresses of the customer. What an operator put on the stop list stays there.

    :returns: False when no survey has this token.
    """

    async def work(connection: AsyncConnection) -> bool:
        invitation = await find_by_token(connection, token)
        if invitation is None or not invitation["identity"]:
            return False
        if await wishes.start(connection, invitation["identity"], Channel(invitation["channel"]), plan):
            await note(connection, invitation["closure_id"], now, ASKED_TO_START)
        return True

    found: bool = await store.commit(work)
    return found
