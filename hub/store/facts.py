"""What a store knows of itself."""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from hub.store.dialect import insert
from hub.store.engine import Store
from hub.store.tables import facts

_SALT = "salt"
_SALT_BYTES = 16


async def salt(store: Store) -> bytes:
    """16 random bytes, made once and the same for all who use this store. They are no secret."""
    query = sa.select(facts.c.value).where(facts.c.name == _SALT)
    async with store.read() as connection:
        known: str | None = await connection.scalar(query)
    if known is None:
        async with store.write() as connection:
            made = insert(connection, facts).values(name=_SALT, value=secrets.token_hex(_SALT_BYTES))
            await connection.execute(made.on_conflict_do_nothing())
            known = (await connection.execute(query)).scalar_one()  # another one may have been first
    return bytes.fromhex(known)
