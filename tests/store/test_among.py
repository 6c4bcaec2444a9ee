"""Conditions on many values, on both databases."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from hub.store.among import among
from hub.store.engine import Store
from hub.store.tables import contacts, events, invitations

ADDRESSES = ("plain@example.org", "+358401234567", "ä\N{PILE OF POO}'\"\\,{}[]%", "a\0b")


async def _store(store: Store) -> None:
    async with store.write() as connection:
        await connection.execute(contacts.insert(), [{"address": address} for address in ADDRESSES])


@pytest.mark.parametrize("wanted", [(), ADDRESSES[:1], ADDRESSES, ("nobody", ADDRESSES[2])])
async def test_texts_are_found_as_they_were_stored(store: Store, wanted: tuple[str, ...]) -> None:
    await _store(store)
    async with store.read() as connection:
        found = await connection.scalars(sa.select(contacts.c.address).where(among(contacts.c.address, wanted)))
        stored = {address.replace("\0", "\N{REPLACEMENT CHARACTER}") for address in set(wanted) & set(ADDRESSES)}
        assert set(found) == stored


async def test_a_parameter_takes_any_number_of_values_each_time(store: Store) -> None:
    await _store(store)
    query = sa.select(sa.func.count()).select_from(contacts).where(among(contacts.c.address, "several"))
    async with store.read() as connection:
        for number in range(len(ADDRESSES) + 1):
            assert await connection.scalar(query, {"several": ADDRESSES[:number]}) == number


async def test_it_stands_with_other_conditions_and_in_changes(store: Store) -> None:
    await _store(store)
    both = sa.and_(among(contacts.c.address, ADDRESSES[:2]), contacts.c.unusable_reason.is_(None))
    async with store.write() as connection:
        changed = await connection.execute(contacts.update().where(both).values(unusable_reason="dead"))
        assert changed.rowcount == 2
        changed = await connection.execute(
            contacts.delete().where(sa.or_(both, among(contacts.c.address, ADDRESSES[2:])))
        )
        assert changed.rowcount == 2


async def test_numbers_are_looked_up_by_the_index(store: Store) -> None:
    query = sa.select(invitations.c.token).where(among(invitations.c.id, [1, 2**40]))
    async with store.read() as connection:
        if store.is_embedded:
            text = str(query.compile(dialect=connection.dialect)).replace("?", "'[1]'")
            plan = [str(row) for row in await connection.execute(sa.text(f"EXPLAIN QUERY PLAN {text}"))]
            assert any("SEARCH invitations USING INTEGER PRIMARY KEY" in step for step in plan)
        assert (await connection.execute(query)).all() == []
        assert (await connection.execute(sa.select(events.c.id).where(among(events.c.id, [])))).all() == []
