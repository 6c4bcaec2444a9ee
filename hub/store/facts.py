"""What a store knows of itself."""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from hub.store.dialect import insert
from hub.store.engine import Store
from hub.store.tables import facts

_SALT_BYTES = 16
_PAGE_KEY_BYTES = 32


async def salt(store: Store) -> bytes:
    """16 random bytes, made once and the same for all who use this store. They are no secret."""
    return await _random_bytes(store, "salt", _SALT_BYTES)


async def page_key(store: Store) -> bytes:
    """32 random bytes, made once and the same for all workers, which sign what pages bring back. They are secret."""
    return await _random_bytes(store, "page_key", _PAGE_KEY_BYTES)


async def _random_bytes(store: Store, name: str, number: int) -> bytes:
    query = sa.select(facts.c.value).where(facts.c.name == name)
    async with store.read() as connection:
        known: str | None = await connection.scalar(query)
    if known is None:
        async with store.write() as connection:
            made = insert(connection, facts).values(name=name, value=secrets.token_hex(number))
            await connection.execute(made.on_conflict_do_nothing())
            known = (await connection.execute(query)).scalar_one()  # another one may have been first
    return bytes.fromhex(known)
