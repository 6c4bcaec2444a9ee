"""The part of the stop list that is in the store: addresses, numbers and domains that are never surveyed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.journey.addresses import StopList, hashed
from hub.journey.events import note
from hub.journey.invite import withdraw
from hub.journey.people import addresses_of
from hub.journey.policy import Reason
from hub.store.among import among
from hub.store.dialect import insert
from hub.store.engine import Store
from hub.store.tables import InvitationState, contacts, invitations, stops


async def add(store: Store, one: str, reason: str | None, now: datetime) -> tuple[bool, int]:
    """Put an entry on the list, and take back what waits to be sent to the persons it covers.

    :param one: as `addresses.entry` gives it.
    :returns: whether it is new, and how many messages were taken back.
    """
    async with store.write() as connection:
        row = {"entry": one, "added_at": now, "reason": reason}
        statement = insert(connection, stops).values(row).on_conflict_do_nothing().returning(stops.c.entry)
        is_new = (await connection.execute(statement)).first() is not None
        return is_new, await _withdraw_waiting(connection, one, now)


async def remove(store: Store, one: str) -> bool:
    """Take an entry off the list.

    :returns: whether it was there.
    """
    async with store.write() as connection:
        removed = await connection.execute(stops.delete().where(stops.c.entry.in_((one, hashed(one)))))
    return removed.rowcount > 0


async def listed(store: Store) -> Sequence[Mapping[Any, Any]]:
    """All entries in the store, the oldest first."""
    async with store.read() as connection:
        return (await connection.execute(sa.select(stops).order_by(stops.c.added_at, stops.c.entry))).mappings().all()


async def _withdraw_waiting(connection: AsyncConnection, one: str, now: datetime) -> int:
    domain = one.removeprefix("@")
    like = contacts.c.address.endswith(domain, autoescape=True) if one != domain else contacts.c.address == one
    found = (await connection.execute(sa.select(contacts.c.address).where(like))).scalars()
    covered = [address for address in found if StopList(frozenset({one})).covers(address)]
    everywhere = set[str]().union(*(await addresses_of(connection, covered)).values())
    waiting = await connection.execute(
        sa.select(invitations)
        .where(sa.text("invitations.state = 'waiting'"), among(invitations.c.identity, everywhere))
        .order_by(invitations.c.id)
        .with_for_update()
    )
    rows = waiting.mappings().all()
    for row in rows:
        await withdraw(connection, row, InvitationState.SKIPPED, Reason.ON_STOP_LIST)
        await note(connection, row["closure_id"], now, "the customer was put on the stop list before the survey left")
    return len(rows)
