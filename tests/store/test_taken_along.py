"""On SQLite, where one writes at a time, a write takes along what waits for a shared commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import metrics, watch
from hub.store.engine import Store
from hub.store.tables import InvitationState, components

Work = Callable[[AsyncConnection], Awaitable[str]]


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    opened = await Store.open(f"sqlite:///{tmp_path}/hub.db")
    yield opened
    await opened.close()


def _insert(name: str) -> Work:
    async def work(connection: AsyncConnection) -> str:
        await connection.execute(components.insert().values(id=name, failures=0))
        return name

    return work


async def _names(store: Store) -> list[str]:
    async with store.read() as connection:
        return sorted((await connection.execute(sa.select(components.c.id))).scalars())


async def _write(store: Store, *names: str, then: Exception | None = None) -> None:
    async with store.write() as connection:
        for name in names:
            await _insert(name)(connection)
        if then is not None:
            raise then


async def _while_another_writes(store: Store, *works: Awaitable[Any]) -> list[Any]:
    """The works in this order, all of which come while another transaction is open."""
    async with store.write() as connection:
        tasks = []
        for work in works:
            tasks.append(asyncio.ensure_future(work))
            await asyncio.sleep(0)
        await _insert("first")(connection)
    return await asyncio.gather(*tasks, return_exceptions=True)


def _commits(store: Store) -> list[object]:
    commits: list[object] = []
    sa.event.listen(store._engine.sync_engine, "commit", commits.append)
    return commits


async def test_a_write_whose_turn_it_is_commits_what_waits_behind_it(store: Store) -> None:
    commits = _commits(store)
    results = await _while_another_writes(
        store, _write(store, "block"), store.commit(_insert("a")), store.commit(_insert("b"))
    )
    assert results == [None, "a", "b"]
    assert await _names(store) == ["a", "b", "block", "first"]
    assert len(commits) == 2


async def test_a_write_sees_what_it_took_along(store: Store) -> None:
    async def look() -> list[str]:
        async with store.write() as connection:
            return sorted((await connection.execute(sa.select(components.c.id))).scalars())

    results = await _while_another_writes(store, look(), store.commit(_insert("a")))
    assert results == [["a", "first"], "a"]


async def test_what_a_failing_write_took_along_is_committed_without_it(store: Store) -> None:
    results = await _while_another_writes(
        store, _write(store, "block", then=RuntimeError("mine")), store.commit(_insert("a"))
    )
    assert [type(results[0]), results[1]] == [RuntimeError, "a"]
    assert await _names(store) == ["a", "first"]


async def test_what_a_cancelled_write_took_along_is_committed_without_it(store: Store) -> None:
    inside = asyncio.Event()

    async def stay() -> None:
        async with store.write() as connection:
            await _insert("block")(connection)
            inside.set()
            await asyncio.Event().wait()

    async with store.write():
        staying = asyncio.create_task(stay())
        await asyncio.sleep(0)
        commit = asyncio.create_task(store.commit(_insert("a")))
        await asyncio.sleep(0)
    await inside.wait()
    staying.cancel()
    assert await commit == "a"
    assert await _names(store) == ["a"]


async def test_what_fails_when_it_is_taken_along_harms_only_its_caller(store: Store) -> None:
    results = await _while_another_writes(
        store, _write(store, "block"), store.commit(_insert("a")), store.commit(_insert("first"))
    )
    assert results[:2] == [None, "a"]
    assert isinstance(results[2], IntegrityError)
    assert await _names(store) == ["a", "block", "first"]


async def test_what_was_taken_along_in_vain_is_counted_once(store: Store) -> None:
    async def counted(connection: AsyncConnection) -> None:
        watch.moved(connection, InvitationState.CANCELLED)

    results = await _while_another_writes(
        store, _write(store, "block"), store.commit(counted), store.commit(_insert("first"))
    )
    assert isinstance(results[2], IntegrityError)
    assert sum(metrics.INVITATIONS.values.values()) == 1


async def test_on_a_full_disk_everybody_is_told_and_what_comes_later_is_written(store: Store) -> None:
    async def large(connection: AsyncConnection) -> None:
        await connection.execute(components.insert().values(id="large", failures=0, cursor="x" * 10_000_000))

    async with store.write() as connection:
        pages = (await connection.execute(sa.text("PRAGMA page_count"))).scalar_one()
        await connection.execute(sa.text(f"PRAGMA max_page_count = {pages + 20}"))
    results = await _while_another_writes(store, _write(store, "block"), store.commit(large), store.commit(large))
    assert results[0] is None
    assert [type(one) for one in results[1:]] == [OperationalError, OperationalError]
    assert await store.commit(_insert("later")) == "later"
    assert await _names(store) == ["block", "first", "later"]


@given(
    plan=st.lists(st.tuples(st.sampled_from(["write", "fail", "commit"]), st.integers(0, 5)), min_size=1, max_size=12)
)
async def test_each_caller_hears_what_became_of_its_own_work(
    plan: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = await Store.open(f"sqlite:///{tmp_path_factory.mktemp('along')}/hub.db")

    def begun(kind: str, name: str) -> Awaitable[Any]:
        if kind == "commit":
            return store.commit(_insert(name))
        return _write(store, name, then=RuntimeError("mine") if kind == "fail" else None)

    try:
        results = await _while_another_writes(store, *(begun(kind, f"n{number}") for kind, number in plan))
        stored = [f"n{n}" for (_, n), result in zip(plan, results, strict=True) if not isinstance(result, Exception)]
        assert sorted([*stored, "first"]) == await _names(store)
        assert {f"n{number}" for kind, number in plan if kind != "fail"} == set(stored)
    finally:
        await store.close()
