"""Who has which addresses."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store.among import among
from hub.store.tables import contacts

_known = contacts.alias("known")
_OF_PERSONS = (
    sa.select(_known.c.address.label("known"), contacts.c.address)
    .join_from(_known, contacts, contacts.c.person == _known.c.person)
    .where(among(_known.c.address, "identities"), _known.c.person.is_not(None))
)


async def addresses_of(connection: AsyncConnection, identities: Collection[str]) -> dict[str, set[str]]:
    """All addresses of the persons that these belong to, by identity, itself included."""
    found = {identity: {identity} for identity in identities}
    for row in await connection.execute(_OF_PERSONS, {"identities": list(found)}):
        found[row.known].add(row.address)
    return found
