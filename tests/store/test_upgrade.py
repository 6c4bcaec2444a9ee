"""Two versions of the hub beside each other on one store."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from types import ModuleType

import pytest
import sqlalchemy as sa

from hub import ConfigError, Unavailable
from hub.store import dialect, migrate
from hub.store.engine import Store
from hub.store.migrations import versions
from hub.store.tables import components, facts
from tests.databases import Postgres

MIGRATIONS: list[ModuleType] = [
    importlib.import_module(f"{versions.__name__}.{found.name}")
    for found in sorted(pkgutil.iter_modules(versions.__path__), key=lambda found: found.name)
]
WITH_NEIGHBOURS = [module for module in MIGRATIONS if hasattr(module, "oldest_beside")]


async def _make_later(store: Store, revision: str, oldest_beside: str) -> None:
    """What a later version leaves behind, seen from this one."""
    async with store.write() as connection:
        await connection.execute(sa.text("ALTER TABLE invitations ADD COLUMN mood TEXT"))
        await connection.execute(sa.text("CREATE TABLE moods (id INTEGER PRIMARY KEY)"))
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        await connection.execute(facts.update().where(facts.c.name == "oldest_beside").values(value=oldest_beside))


async def _revision(store: Store) -> str | None:
    async with store.read() as connection:
        return await connection.run_sync(migrate.current)


async def test_a_hub_starts_on_the_tables_of_a_later_one_that_allows_it_and_leaves_them(
    store: Store, store_url: str
) -> None:
    await _make_later(store, "0999", migrate.HEAD)
    older = await Store.open(store_url)
    async with older.write() as connection:
        await connection.execute(components.insert().values(id="sources.desk", failures=0))
    assert await _revision(older) == "0999"
    await older.close()


async def test_a_hub_that_is_too_old_is_refused(store: Store, store_url: str) -> None:
    await _make_later(store, "0999", "0998")
    with pytest.raises(ConfigError, match="later version"):
        await Store.open(store_url)


async def test_a_store_that_does_not_say_who_may_run_beside_is_refused(store: Store, store_url: str) -> None:
    await _make_later(store, "0999", migrate.HEAD)
    async with store.write() as connection:
        await connection.execute(facts.delete())
    with pytest.raises(ConfigError, match="later version"):
        await Store.open(store_url)


async def test_an_upgrade_says_who_may_run_beside_it(store: Store) -> None:
    async with store.read() as connection:
        oldest = await connection.scalar(sa.select(facts.c.value).where(facts.c.name == "oldest_beside"))
    assert oldest == getattr(MIGRATIONS[-1], "oldest_beside", migrate.HEAD)


def test_revisions_are_numbers_in_a_row_and_the_last_is_head() -> None:
    revisions = [module.revision for module in MIGRATIONS]
    assert revisions == [f"{number:04}" for number in range(1, len(revisions) + 1)]
    assert revisions[-1] == migrate.HEAD
    assert [module.down_revision for module in MIGRATIONS] == [None, *revisions[:-1]]


def test_what_may_run_beside_never_gets_older() -> None:
    stated = [module.oldest_beside for module in WITH_NEIGHBOURS]
    assert stated == sorted(stated)
    assert all(module.oldest_beside <= module.revision for module in WITH_NEIGHBOURS), "its own: nothing runs beside it"
    assert MIGRATIONS[-1] in WITH_NEIGHBOURS, "state oldest_beside in the newest migration"


def _tables(revision: str, monkeypatch: pytest.MonkeyPatch) -> sa.MetaData:
    """The tables of a revision as a database has them."""
    engine = sa.create_engine("sqlite://")
    with monkeypatch.context() as earlier, engine.begin() as connection:
        earlier.setattr(migrate, "HEAD", revision)
        migrate.upgrade(connection)
        found = sa.MetaData()
        found.reflect(connection)
    engine.dispose()
    return found


@pytest.mark.parametrize("module", WITH_NEIGHBOURS, ids=lambda module: module.revision)
def test_a_migration_takes_nothing_from_the_version_that_may_run_beside_it(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expand in one version, contract in a later one; see `hub.store.migrate`."""
    old = _tables(module.oldest_beside, monkeypatch).tables
    new = _tables(module.revision, monkeypatch).tables
    assert old.keys() <= new.keys(), "tables are gone"
    for name, table in old.items():
        assert set(table.c.keys()) <= set(new[name].c.keys()), f"{name}: columns are gone"
        for column in new[name].c:
            before = table.c.get(column.name)
            if before is None:
                assert column.nullable or column.server_default is not None, (
                    f"{name}: the old cannot fill {column.name}"
                )
            else:
                assert column.nullable or not before.nullable, f"{name}.{column.name}: the old may leave it empty"
                assert str(column.type) == str(before.type), f"{name}.{column.name}: another type"
        assert _unique(new[name]) <= _unique(table), f"{name}: what is unique now was not"


def _unique(table: sa.Table) -> set[tuple[str, ...]]:
    constraints = [each for each in table.constraints if isinstance(each, sa.UniqueConstraint)]
    indexes = [each for each in table.indexes if each.unique]
    return {tuple(column.name for column in each.columns) for each in (*constraints, *indexes)}


async def _at(url: str, revision: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    with monkeypatch.context() as earlier:
        earlier.setattr(migrate, "HEAD", revision)
        return await Store.open(url)


async def test_a_migration_steps_back_for_those_who_use_a_table_and_tries_again(
    postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "_MIGRATION_LOCK_WAIT_MS", 50)
    monkeypatch.setattr(dialect, "_MIGRATION_AGAIN_AFTER_S", 0.05)
    url = postgres_server.new_database()
    worker = await _at(url, "0002", monkeypatch)
    stepped_back = asyncio.Event()
    let_pass = dialect.let_others_pass

    def tell(connection: sa.Connection) -> None:
        stepped_back.set()
        let_pass(connection)

    monkeypatch.setattr(dialect, "let_others_pass", tell)
    async with worker.write() as long:
        await long.execute(sa.text("UPDATE invitations SET attempts = 1"))  # holds the table until it ends
        upgrading = asyncio.create_task(Store.open(url))
        await stepped_back.wait()
        async with worker.write() as short:  # would wait for the migration if that stood in the queue
            await short.execute(sa.text("UPDATE invitations SET attempts = 2"))
        assert not upgrading.done()
    newer = await upgrading
    assert await _revision(newer) == migrate.HEAD
    await newer.close()
    await worker.close()


async def test_a_migration_that_never_gets_its_tables_says_so_and_changes_nothing(
    postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "_MIGRATION_LOCK_WAIT_MS", 20)
    monkeypatch.setattr(dialect, "_MIGRATION_AGAIN_AFTER_S", 0.01)
    monkeypatch.setattr(migrate, "_ATTEMPTS", 2)
    url = postgres_server.new_database()
    worker = await _at(url, "0002", monkeypatch)
    async with worker.write() as long:
        await long.execute(sa.text("UPDATE invitations SET attempts = 1"))
        with pytest.raises(Unavailable, match="cannot open the store"):
            await Store.open(url)
    assert await _revision(worker) == "0002"
    await worker.close()
