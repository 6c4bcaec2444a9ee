"""Transactions, group commits and migrations, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import ConfigError, Cursor
from hub.clock import SystemClock
from hub.store import components, failures, migrate
from hub.store.engine import Store
from hub.store.tables import components as table
from hub.store.tables import metadata

NOW = SystemClock().now()


async def _ids(store: Store) -> list[str]:
    async with store.read() as connection:
        return list((await connection.execute(sa.select(table.c.id).order_by(table.c.id))).scalars())


def _insert(name: str):
    async def work(connection: AsyncConnection) -> str:
        await connection.execute(table.insert().values(id=name, failures=0))
        return name

    return work


async def test_migrations_build_exactly_the_tables_that_the_code_uses(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    async with store.read() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync, opts={"compare_type": True}), metadata)
        )
    assert differences == []


async def test_a_store_of_an_earlier_version_is_brought_up_to_date_with_its_rows(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(migrate, "HEAD", "0001")
        old = await Store.open(empty_url)
    async with old.write() as connection:
        await connection.execute(
            sa.text("INSERT INTO components (id, cursor, failures) VALUES ('sources.desk', 'c1', 0)")
        )
    await old.close()
    store = await Store.open(empty_url)
    async with store.read() as connection:
        state = await components.get(connection, "sources.desk")
        assert await connection.run_sync(migrate.current) == migrate.HEAD
    await store.close()
    assert (state.cursor, state.first_at, state.warning) == ("c1", None, None)


async def test_a_pull_remembers_its_first_time_and_its_last_warning(store: Store) -> None:
    later = NOW + timedelta(hours=1)
    async with store.write() as connection:
        await components.pulled(connection, "sources.desk", Cursor("c1"), "3 rows are hidden", NOW)
        await components.pulled(connection, "sources.desk", Cursor("c2"), None, later)
    async with store.read() as connection:
        state = await components.get(connection, "sources.desk")
    assert (state.cursor, state.first_at) == ("c2", NOW)
    assert (state.warning, state.warned_at) == ("3 rows are hidden", NOW)


async def test_two_processes_that_start_at_once_migrate_once(empty_url: str) -> None:
    stores = await asyncio.gather(*(Store.open(empty_url) for _ in range(4)))
    async with stores[0].read() as connection:
        assert await connection.run_sync(migrate.current) == migrate.HEAD
    await asyncio.gather(*(store.close() for store in stores))


async def test_a_store_of_a_later_version_is_refused(store: Store, store_url: str) -> None:
    async with store.write() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.execute(sa.text("UPDATE facts SET value = '9998' WHERE name = 'oldest_beside'"))
    with pytest.raises(ConfigError, match="later version"):
        await Store.open(store_url)


@pytest.mark.parametrize("url", ["mysql://u:s3cret@x/y", "sqlite:////nowhere/at/all/hub.db"])
async def test_a_store_that_cannot_be_opened_is_a_clear_error_without_the_password(url: str) -> None:
    with pytest.raises(ConfigError, match=r"hub\.store") as raised:
        await Store.open(url)
    assert "s3cret" not in str(raised.value)


async def test_a_write_that_raises_leaves_nothing(store: Store) -> None:
    async def fail() -> None:
        async with store.write() as connection:
            await _insert("a")(connection)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await _ids(store) == []


async def test_concurrent_commits_return_their_own_results(store: Store) -> None:
    names = [f"n{number:03}" for number in range(100)]
    assert await asyncio.gather(*(store.commit(_insert(name)) for name in names)) == names
    assert await _ids(store) == names


async def test_one_failing_commit_of_a_group_harms_only_its_caller(store: Store) -> None:
    await store.commit(_insert("taken"))
    names = ["a", "taken", "b", "c"]
    results = await asyncio.gather(*(store.commit(_insert(name)) for name in names), return_exceptions=True)
    assert [results[0], *results[2:]] == ["a", "b", "c"]
    assert isinstance(results[1], sa.exc.IntegrityError)
    assert await _ids(store) == ["a", "b", "c", "taken"]


async def test_readers_see_no_half_written_transaction(store: Store) -> None:
    async with store.write() as connection:
        await _insert("a")(connection)
        assert await _ids(store) == []
    assert await _ids(store) == ["a"]


async def test_a_component_remembers_cursor_and_health_apart(store: Store) -> None:
    async with store.write() as connection:
        await components.set_cursor(connection, "sources.desk", Cursor("c1"))
        await components.failed(connection, "sources.desk", error="down", failures=2, since=NOW, retry_at=NOW)
    async with store.read() as connection:
        state = await components.get(connection, "sources.desk")
    assert (state.cursor, state.error, state.failures, state.failing_since) == ("c1", "down", 2, NOW)
    async with store.write() as connection:
        await components.worked(connection, "sources.desk", NOW)
    async with store.read() as connection:
        state = await components.get(connection, "sources.desk")
    assert (state.cursor, state.error, state.failures, state.failing_since) == ("c1", None, 0, None)


class _Failing:
    """Writes that fail; counts how often they were tried."""

    def __init__(self, error: Exception) -> None:
        self.tries = 0
        self._error = error

    async def __call__(self, _connection: AsyncConnection) -> None:
        self.tries += 1
        raise self._error


async def test_while_the_database_is_away_not_every_waiting_write_tries_by_itself(store: Store) -> None:
    works = [_Failing(OperationalError("COMMIT", None, ConnectionResetError(), connection_invalidated=True))] * 20
    results = await asyncio.gather(*(store.commit(work) for work in works), return_exceptions=True)
    assert {type(result) for result in results} == {OperationalError}
    assert works[0].tries <= 4


async def test_a_group_that_gave_way_to_another_transaction_is_tried_again_at_once(store: Store) -> None:
    class Deadlock(Exception):
        sqlstate = "40P01"

    tries = 0

    async def work(connection: AsyncConnection) -> str:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise DBAPIError("UPDATE", None, Deadlock())
        return await _insert("a")(connection)

    assert await store.commit(work) == "a"
    assert await _ids(store) == ["a"]


async def test_closing_does_not_wait_for_a_database_that_fell_silent(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silence(_connection: AsyncConnection) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("hub.store.engine._CLOSING_S", 0.1)
    writes = [asyncio.create_task(store.commit(silence))]
    await asyncio.sleep(0.05)
    writes.append(asyncio.create_task(store.commit(silence)))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await store.close()
        await asyncio.gather(*writes, return_exceptions=True)
    assert all(write.cancelled() for write in writes)


async def test_a_statement_that_is_not_answered_is_given_up_with_its_connection(
    store: Store, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.is_embedded:
        return  # nobody else could fall silent
    monkeypatch.setattr("hub.store.engine.ANSWERS_WITHIN_S", 0.3)
    impatient = await Store.open(store_url)
    with pytest.raises(OperationalError) as raised:
        async with impatient.read() as connection:
            await connection.execute(sa.text("SELECT pg_sleep(20)"))
    assert raised.value.connection_invalidated
    assert "cannot be reached" in failures.words(raised.value)
    assert await _ids(impatient) == []
    await impatient.close()


async def test_soon_after_a_commit_writes_that_come_one_by_one_share_the_next(store: Store) -> None:
    if store.is_embedded:
        return  # a commit is not many messages there
    commits: list[object] = []
    sa.event.listen(store._engine.sync_engine, "commit", commits.append)
    await store.commit(_insert("first"))
    writes = []
    for name in "abc":
        writes.append(asyncio.create_task(store.commit(_insert(name))))
        await asyncio.sleep(0)
    await asyncio.gather(*writes)
    assert len(commits) == 2
    assert await _ids(store) == ["a", "b", "c", "first"]


async def test_connections_that_the_server_has_ended_are_replaced_before_their_next_use(
    store: Store, store_url: str
) -> None:
    if store.is_embedded:
        return  # there is no server
    await asyncio.gather(*(_ids(store) for _ in range(5)))
    other = await Store.open(store_url)
    async with other.write() as connection:
        await connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    await other.close()
    await asyncio.gather(*(_ids(store) for _ in range(5)))
    await store.commit(_insert("a"))
    assert await _ids(store) == ["a"]
