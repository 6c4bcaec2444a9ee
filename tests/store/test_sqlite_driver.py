"""The driver's cursors behave like any other's."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.store import dialect
from hub.store.sqlite_driver import AT_ONCE, Connection, connect

MANY = 2 * AT_ONCE + 7


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    async with connect(":memory:", isolation_level=None) as opened:
        await opened.cursor().execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
        yield opened


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    opened = dialect.create_engine(f"sqlite:///{tmp_path}/test.db")
    async with opened.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"))
    yield opened
    await opened.dispose()


@pytest.mark.parametrize("number", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, MANY])
async def test_all_rows_come_whatever_their_number(connection: Connection, number: int) -> None:
    cursor = connection.cursor()
    await cursor.executemany("INSERT INTO numbers VALUES (?)", [(n,) for n in range(number)])
    assert cursor.rowcount == number
    await cursor.execute("SELECT n FROM numbers ORDER BY n")
    assert await cursor.fetchall() == [(n,) for n in range(number)]
    assert await cursor.fetchall() == []


async def test_rows_can_be_taken_by_and_by_and_the_rest_left(connection: Connection) -> None:
    cursor = connection.cursor()
    await cursor.executemany("INSERT INTO numbers VALUES (?)", [(n,) for n in range(MANY)])
    await cursor.execute("SELECT n FROM numbers ORDER BY n")
    taken = await cursor.fetchmany(AT_ONCE - 1) + await cursor.fetchmany(2) + await cursor.fetchmany(5)
    assert [n for (n,) in taken] == list(range(AT_ONCE + 5))
    await cursor.close()
    await connection.cursor().execute("DROP TABLE numbers")  # an open statement would keep it


async def test_changed_rows_and_numbers_of_new_ones_are_told(connection: Connection) -> None:
    cursor = connection.cursor()
    await cursor.execute("INSERT INTO numbers VALUES (?)", (7,))
    assert (cursor.rowcount, cursor.lastrowid, cursor.description) == (1, 7, None)
    await cursor.execute("UPDATE numbers SET n = 8 RETURNING n")
    assert (cursor.rowcount, await cursor.fetchall()) == (1, [(8,)])


async def test_a_statement_that_fails_leaves_the_connection_usable(connection: Connection) -> None:
    cursor = connection.cursor()
    with pytest.raises(sqlite3.OperationalError):
        await cursor.execute("SELECT nothing FROM nowhere")
    await cursor.execute("SELECT 1")
    assert await cursor.fetchall() == [(1,)]


async def test_a_stream_of_many_rows_arrives_in_order(engine: AsyncEngine) -> None:
    async with engine.begin() as writing:
        await writing.execute(sa.text("INSERT INTO numbers VALUES (:n)"), [{"n": n} for n in range(MANY)])
    async with engine.connect() as reading:
        stream = await reading.stream(sa.text("SELECT n FROM numbers ORDER BY n").execution_options(yield_per=300))
        assert [row.n async for row in stream] == list(range(MANY))


async def test_what_a_connection_left_open_is_rolled_back_before_it_is_used_again(engine: AsyncEngine) -> None:
    raw = await engine.raw_connection()
    driver = raw.driver_connection
    assert isinstance(driver, Connection)
    await driver.cursor().execute("BEGIN IMMEDIATE")
    await driver.cursor().execute("INSERT INTO numbers VALUES (1)")
    raw.close()
    async with engine.begin() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM numbers")) == 0


async def test_a_failed_transaction_is_rolled_back_and_named(engine: AsyncEngine) -> None:
    twice = sa.text("INSERT INTO numbers VALUES (1)")
    async with engine.connect() as connection:
        await connection.execute(twice)
        with pytest.raises(IntegrityError):
            await connection.execute(twice)
    with pytest.raises(OperationalError):
        async with engine.begin() as connection:
            await connection.execute(sa.text("SELECT nothing FROM nowhere"))
    async with engine.connect() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM numbers")) == 0


async def test_an_opening_that_fails_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = _workers()
    with pytest.raises(sqlite3.OperationalError):
        await connect(str(tmp_path))
    assert _workers() <= before


async def test_an_opening_that_is_given_up_is_over_when_its_thread_is() -> None:
    is_asked, may_open, before = threading.Event(), threading.Event(), _workers()

    def open_late() -> sqlite3.Connection:
        is_asked.set()
        may_open.wait()
        return sqlite3.connect(":memory:", check_same_thread=False)

    opening = asyncio.ensure_future(_opened(Connection(open_late)))
    await asyncio.to_thread(is_asked.wait)
    opening.cancel()
    done, _ = await asyncio.wait({opening}, timeout=0.01)
    assert not done
    may_open.set()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert _workers() <= before


def _workers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if "connection_worker" in thread.name}


async def _opened(connection: Connection) -> Connection:
    return await connection
