"""Fixtures of the core's tests."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hub.store.engine import Store
from tests.databases import Postgres, postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL server of this test run."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with tables, to be copied: to make them takes a tenth of a second."""
    path = tmp_path_factory.mktemp("tables") / "hub.db"
    asyncio.run(_make_tables(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: Postgres) -> str:
    """The URL of a database with tables, to be copied."""
    url = postgres_server.new_database()
    asyncio.run(_make_tables(url))
    return url


async def _make_tables(url: str) -> None:
    await (await Store.open(url)).close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store, once on each database: with tables where a test uses `store`, else empty."""
    has_tables = "store" in request.fixturenames
    if request.param == "sqlite":
        path = tmp_path / "hub.db"
        if has_tables:
            shutil.copy(request.getfixturevalue("sqlite_tables"), path)
        return f"sqlite:///{path}"
    server: Postgres = request.getfixturevalue("postgres_server")
    return server.new_database(request.getfixturevalue("postgres_tables") if has_tables else None)


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A store with its tables."""
    opened = await Store.open(store_url)
    yield opened
    await opened.close()
