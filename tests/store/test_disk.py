"""The -wal file stays small, and a disk that is full or cannot be written loses nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hub import ConfigError, Unavailable
from hub.cli.exits import Exit
from hub.cli.failures import exit_code_of
from hub.store import dialect, failures
from hub.store.engine import Store
from hub.store.tables import components
from tests.databases import Postgres

MB = 1024 * 1024


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    opened = await Store.open(f"sqlite:///{tmp_path}/hub.db")
    yield opened
    await opened.close()


async def _write(store: Store, name: str, size: int = 100_000) -> None:
    async with store.write() as connection:
        await connection.execute(components.insert().values(id=name, failures=0, cursor="x" * size))


async def _names(store: Store) -> list[str]:
    async with store.read() as connection:
        return list((await connection.execute(sa.select(components.c.id).order_by(components.c.id))).scalars())


@contextmanager
def _reader(path: Path) -> Iterator[None]:
    """Somebody who reads the state of this moment for a while, as `hub status` does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM components").fetchone()
        yield


def _wal_mb(folder: Path) -> float:
    return (folder / "hub.db-wal").stat().st_size / MB


async def test_the_wal_stays_small_under_steady_writes_with_a_reader_that_comes_and_goes(
    store: Store, tmp_path: Path
) -> None:
    largest = 0.0
    for round_ in range(15):
        with _reader(tmp_path / "hub.db"):
            for number in range(7):
                await _write(store, f"a{round_}-{number}")
        for number in range(3):
            await _write(store, f"b{round_}-{number}")
        largest = max(largest, _wal_mb(tmp_path))
    assert largest < 8, "15 MB were written"


async def test_the_wal_shrinks_after_a_long_reader_has_ended(store: Store, tmp_path: Path) -> None:
    with _reader(tmp_path / "hub.db"):
        for number in range(50):
            await _write(store, f"a{number}", 500_000)
        assert _wal_mb(tmp_path) > 24
    for number in range(4):
        await _write(store, f"b{number}", 10)
    assert _wal_mb(tmp_path) <= 16.1


async def test_a_wal_that_always_has_a_reader_is_emptied_without_losing_anything(store: Store, tmp_path: Path) -> None:
    for number in range(20):
        await _write(store, f"a{number:02}")
    engine = store._engine
    dialect.shrink_wal(engine)
    assert _wal_mb(tmp_path) > 1, "it is not long enough to be worth a wait"
    dialect.shrink_wal(engine, longest_bytes=MB)
    assert _wal_mb(tmp_path) == 0
    assert len(await _names(store)) == 20


async def test_a_reader_that_stays_only_puts_the_emptying_off(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "_WAIT_FOR_READERS_MS", 20)
    with _reader(tmp_path / "hub.db"):
        for number in range(20):
            await _write(store, f"a{number:02}")
        dialect.shrink_wal(store._engine, longest_bytes=MB)
        assert _wal_mb(tmp_path) > 1
    await _write(store, "b")
    dialect.shrink_wal(store._engine, longest_bytes=MB)
    assert _wal_mb(tmp_path) == 0


@contextmanager
def _pragma(store: Store, statement: str) -> Iterator[None]:
    """Something that is true of every connection of the store opened meanwhile."""

    def configure(connection: Any, _record: Any) -> None:
        connection.cursor().execute(statement)

    engine = store._engine.sync_engine
    sa.event.listen(engine, "connect", configure)
    try:
        yield
    finally:
        sa.event.remove(engine, "connect", configure)


async def test_a_full_disk_refuses_writes_lets_reads_through_and_goes_on_when_there_is_room(store: Store) -> None:
    await _write(store, "before")
    await store._engine.dispose()
    with _pragma(store, "PRAGMA max_page_count = 1"):  # no page more than there are
        for number in range(3):
            with pytest.raises(sa.exc.OperationalError) as raised:
                await _write(store, f"meanwhile{number}")
            assert failures.words(raised.value).startswith("the disk is full. Free space")
            assert await _names(store) == ["before"]
        await store._engine.dispose()
    await _write(store, "after")
    assert await _names(store) == ["after", "before"]


async def test_a_file_that_could_not_be_written_is_opened_anew(store: Store) -> None:
    await store._engine.dispose()
    with _pragma(store, "PRAGMA query_only = ON"), pytest.raises(sa.exc.OperationalError) as raised:
        await _write(store, "meanwhile")
    assert failures.words(raised.value).startswith("the store cannot be written. Let the hub's user")
    await _write(store, "after")
    assert await _names(store) == ["after"]


async def test_a_file_that_is_no_store_is_a_message_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_text("Dear diary, " * 1_000)
    with pytest.raises(ConfigError, match=r"no store of the hub\. Name another one in hub\.toml"):
        await Store.open(f"sqlite:///{tmp_path}/hub.db")


async def test_a_failure_of_the_store_ends_a_command_with_words_and_without_values(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    await _write(store, "+358401234567")
    with pytest.raises(sa.exc.IntegrityError) as raised:
        await _write(store, "+358401234567")
    assert exit_code_of(raised.value) == Exit.REMOTE
    shown = capsys.readouterr().err
    assert shown == "hub.store: the database failed with SQLITE_CONSTRAINT_PRIMARYKEY\n"


@pytest.mark.parametrize("url", ["postgresql://u:s3cret@127.0.0.1:1/x"])
async def test_a_server_that_cannot_be_reached_says_so(url: str) -> None:
    with pytest.raises(sa.exc.OperationalError) as raised:
        async with dialect.create_engine(url).connect():
            raise AssertionError("who listens there?")
    assert failures.words(raised.value).startswith("PostgreSQL cannot be reached: Connect call failed")


async def test_a_command_that_finds_its_server_away_ends_as_with_any_remote_system(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Unavailable, match=r"^hub\.store: cannot open .*PostgreSQL cannot be reached") as raised:
        await Store.open("postgresql://u:s3cret@127.0.0.1:1/x")
    assert exit_code_of(raised.value) == Exit.REMOTE
    assert "s3cret" not in str(raised.value) + capsys.readouterr().err


async def test_a_database_that_does_not_exist_is_a_fault_in_the_configuration(postgres_server: Postgres) -> None:
    nowhere = sa.make_url(postgres_server.new_database()).set(database="of_another_name")
    with pytest.raises(ConfigError, match="no database of this name") as raised:
        await Store.open(nowhere.render_as_string(hide_password=False))
    assert exit_code_of(raised.value) == Exit.CONFIG


@pytest.mark.parametrize(
    ("sqlstate", "words"),
    [("53100", "disk of PostgreSQL is full"), ("28P01", "refused the user"), ("57P03", "stopping or starting")],
)
def test_states_of_postgresql_have_words(sqlstate: str, words: str) -> None:
    class ServerError(Exception):
        pass

    error = ServerError("with a value in it")
    error.sqlstate = sqlstate  # type: ignore[attr-defined]
    assert failures.is_of_the_store(error)
    assert words in failures.words(error)


async def test_all_writing_goes_over_one_connection_beside_any_readers(store: Store) -> None:
    opened = list[str]()
    sa.event.listen(store._engine.sync_engine, "connect", lambda *_: opened.append("to write"))
    sa.event.listen(store._reading.sync_engine, "connect", lambda *_: opened.append("to read"))
    async with store.read(), store.read():
        await asyncio.gather(*(_write(store, f"a{number}") for number in range(5)))
        assert len(await _names(store)) == 5
    assert opened.count("to write") == 1
    assert opened.count("to read") <= 3
