"""All that differs between SQLite and PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hub.api.errors import ConfigError

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_READ_ONLY = "hub_read_only"
_MIGRATION_LOCK = 0x68756200  # any fixed number that other users of the database will not choose
_BUSY_TIMEOUT_MS = 30_000
_SWITCH_ATTEMPTS = 100
_SWITCH_AGAIN_AFTER_S = 0.05

Insert = sqlite.Insert | postgresql.Insert


def create_engine(url: str) -> AsyncEngine:
    """Open a store by its URL: `sqlite:///path` or `postgresql://user:password@host/database`.

    :raises ConfigError: the URL names neither, or the driver is not installed.
    """
    parsed = make_url(url)
    driver = _DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise ConfigError("hub.store: write sqlite:///FILE or postgresql://USER@HOST/DATABASE")
    parsed = parsed.set(drivername=driver)
    return _sqlite_engine(parsed) if driver.startswith("sqlite") else _postgresql_engine(parsed)


def exists(url: str) -> bool:
    """Whether there is something to open: an SQLite file is made by the first one who opens it.

    :raises ConfigError: it could not be made.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or Path(str(parsed.database)).exists():
        return True
    folder = Path(str(parsed.database)).parent
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"hub.store: {folder} does not exist or is not writable; make it, or name another place")
    return False


def _postgresql_engine(url: URL) -> AsyncEngine:
    try:
        return create_async_engine(url, pool_size=8, pool_pre_ping=True, hide_parameters=True)
    except ModuleNotFoundError:
        raise ConfigError("hub.store: PostgreSQL needs a driver; pip install 'itsm-hub[postgres]'") from None


def _sqlite_engine(url: URL) -> AsyncEngine:
    _require_usable(str(url.database))
    engine = create_async_engine(url, hide_parameters=True)
    sa.event.listen(engine.sync_engine, "connect", _configure_sqlite)
    sa.event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _require_usable(path: str) -> None:
    """Open the file once by hand, where the driver's thread does not outlive a failure cleanly, and switch it to WAL.

    The file remembers that. The switch is the one statement that does not wait for other processes by itself.
    """
    for attempt in range(_SWITCH_ATTEMPTS):
        try:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.Error as error:
            if "locked" in str(error) and attempt + 1 < _SWITCH_ATTEMPTS:
                time.sleep(_SWITCH_AGAIN_AFTER_S)  # at start, when nothing else runs yet
                continue
            hint = "See that its folder exists and is writable, and that it is a store of the hub"
            raise ConfigError(f"hub.store: cannot open {path}: {error}. {hint}") from None
        else:
            return


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions late, and only for some statements
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous = FULL")  # an acknowledged answer survives a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first and then writes can otherwise fail half-way."""
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def reading(engine: AsyncEngine) -> AsyncEngine:
    """The same engine for transactions that only read."""
    return engine.execution_options(**{_READ_ONLY: True})


def has_one_writer(engine: AsyncEngine) -> bool:
    """Whether writers of this process should queue in front of the database instead of inside it."""
    return engine.dialect.name == "sqlite"


def insert(connection: Any, table: sa.Table) -> Insert:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def lock_migrations(connection: Connection) -> None:
    """Let one process migrate at a time; released at the end of the transaction. On SQLite BEGIN IMMEDIATE does it."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
