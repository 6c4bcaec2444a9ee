"""The list of workers, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from hub.store import workers
from hub.store.engine import Store
from hub.store.tables import closures, invitations
from hub.testing.clock import START as NOW


async def _register(store: Store, name: str) -> None:
    async with store.write() as connection:
        await workers.register(connection, name, version="1.2", roles=("pull", "web"), now=NOW)


async def _claim(store: Store, name: str, until: Any) -> None:
    """One invitation under way."""
    async with store.write() as connection:
        closure = {"source": "desk", "ticket_id": name, "closure_key": "c", "ticket_key": name, "ticket": "{}"}
        found = await connection.execute(
            closures.insert().values(**closure, closed_at=NOW, seen_at=NOW, decided=True).returning(closures.c.id)
        )
        await connection.execute(
            invitations.insert().values(
                closure_id=found.scalar_one(),
                token=name,
                state="sending",
                created_at=NOW,
                claimed_by=name,
                lease_until=until,
            )
        )


async def test_a_worker_is_listed_with_what_it_says_of_itself_until_it_leaves(store: Store) -> None:
    await _register(store, "a:1:x")
    later = NOW + timedelta(seconds=5)
    async with store.write() as connection:
        assert await workers.beat(connection, "a:1:x", {"sending": 3}, later)
    async with store.read() as connection:
        (worker,) = await workers.all_workers(connection)
    assert worker == workers.Worker("a:1:x", 1, NOW, later, "1.2", ("pull", "web"), {"sending": 3})
    async with store.write() as connection:
        await workers.leave(connection, "a:1:x")
        assert not await workers.is_registered(connection, "a:1:x")
        assert not await workers.beat(connection, "a:1:x", {}, later)
        assert await workers.all_workers(connection) == []


async def test_only_who_stands_still_is_buried(store: Store) -> None:
    await _register(store, "a:1:x")
    async with store.write() as connection:
        await workers.beat(connection, "a:1:x", {}, NOW)
        assert not await workers.bury(connection, "a:1:x", 0), "it has beaten since"
        assert await workers.is_registered(connection, "a:1:x")
        assert await workers.bury(connection, "a:1:x", 1)
        assert not await workers.bury(connection, "a:1:x", 1), "another one was faster"


async def test_a_worker_of_the_version_before_is_known_by_its_claims(store: Store) -> None:
    await _register(store, "a:1:x")
    await _claim(store, "old:7", NOW)
    await _claim(store, "a:1:x", NOW)
    async with store.write() as connection:
        assert await workers.last_signs(connection) == {"a:1:x": 0, "old:7": NOW}
        assert not await workers.bury(connection, "old:7", NOW - timedelta(seconds=1)), "it has claimed since"
        assert await workers.bury(connection, "old:7", NOW)
        assert await workers.count_claims(connection, "a:1:x") == (1, 0)


async def test_nobody_is_buried_while_it_claims(store: Store) -> None:
    await _register(store, "a:1:x")
    claiming, order = asyncio.Event(), []

    async def claim() -> None:
        async with store.write() as connection:
            assert await workers.is_registered(connection, "a:1:x")
            claiming.set()
            await asyncio.sleep(0.05)
            order.append("claimed")

    async def bury() -> None:
        await claiming.wait()
        async with store.write() as connection:
            assert await workers.bury(connection, "a:1:x", 0)
            order.append("buried")

    await asyncio.gather(claim(), bury())
    assert order == ["claimed", "buried"]


async def test_a_beat_does_not_wait_for_a_claim(store: Store) -> None:
    """A claim that takes long must not make its worker look dead; on SQLite writers queue anyway."""
    if store.is_embedded:
        return
    await _register(store, "a:1:x")
    async with store.write() as claiming:
        assert await workers.is_registered(claiming, "a:1:x")
        async with asyncio.timeout(2), store.write() as connection:
            assert await workers.beat(connection, "a:1:x", {}, NOW)


async def test_signs_of_life_are_found_by_index(store: Store) -> None:
    explain = "EXPLAIN QUERY PLAN" if store.is_embedded else "EXPLAIN"
    query = "SELECT claimed_by, max(lease_until) FROM invitations WHERE claimed_by IS NOT NULL GROUP BY claimed_by"
    async with store.write() as connection:
        if not store.is_embedded:  # the planner prefers to read a table as small as this one
            await connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        plan = " ".join(str(row) for row in await connection.execute(sa.text(f"{explain} {query}")))
    assert "ix_invitations_claimed_by" in plan
