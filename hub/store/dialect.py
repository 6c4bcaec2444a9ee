"""All that differs between SQLite and PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import PoolResetState

from hub.api.errors import ConfigError
from hub.store import failures, sqlite_driver

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

    Insert = sqlite.Insert | postgresql.Insert

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_READ_ONLY = "hub_read_only"
_MIGRATION_LOCK = 0x68756200  # any fixed number that other users of the database will not choose
_MIGRATION_LOCK_WAIT_MS = 2_000
_MIGRATION_AGAIN_AFTER_S = 1.0
_CONNECT_WITHIN_S = 10.0
_PING_AFTER_S = 1.0
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_UNREADABLE = (
    "hub.store: the URL cannot be read. Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE; the port is a number, and "
    "letters such as @ : / ? # % in the password stand as %40 %3A %2F %3F %23 %25"
)
_LOCKED_BY_OTHERS = {"55P03", "40P01"}  # lock_not_available, deadlock_detected
_BUSY_TIMEOUT_MS = 30_000
_WAL_KEPT_BYTES = 16 * 1024 * 1024
"""How long the -wal file may stay once all of it is in the main file. A shorter one would grow again and again."""
_WAL_TOO_LONG_BYTES = 64 * 1024 * 1024
_WAIT_FOR_READERS_MS = 2_000
_READERS = 3
_WRITER_CACHE_KIB, _READER_CACHE_KIB = 1024, 256
"""How much of the file each connection keeps in memory; the operating system keeps the rest, and shares it. What a
reader keeps is worth nothing once the writer has written."""
_SWITCH_ATTEMPTS = 100
_SWITCH_AGAIN_AFTER_S = 0.05


def create_engine(url: str, *, answers_within_s: float | None = None) -> AsyncEngine:
    """Open a store by its URL: `sqlite:///path` or `postgresql://user:password@host/database`.

    :param answers_within_s: give up a statement that PostgreSQL has not answered by then, and the connection with it.
        Without a limit a server that has fallen silent is waited for as long as the network believes in it.
    :raises ConfigError: the URL names neither or cannot be read, or the driver is not installed.
    """
    parsed = parse(url)
    driver = _DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise ConfigError("hub.store: write sqlite:///FILE or postgresql://USER@HOST/DATABASE")
    parsed = parsed.set(drivername=driver)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql_engine(parsed, answers_within_s)
    _require_usable(str(parsed.database))
    return _sqlite_engine(parsed, 1, _WRITER_CACHE_KIB)


def parse(url: str) -> URL:
    """The parts of a store's URL.

    :raises ConfigError: it has none. The message repeats nothing of it: there may be a password in it.
    """
    try:
        return make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port
        raise ConfigError(_UNREADABLE) from None


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite store, which need not exist yet; None for a store on PostgreSQL.

    :raises ConfigError: the URL cannot be read.
    """
    parsed = parse(url)
    return Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None


def exists(url: str) -> bool:
    """Whether there is something to open: an SQLite file is made by the first one who opens it.

    :raises ConfigError: it could not be made.
    """
    path = sqlite_file(url)
    if path is None or path.exists():
        return True
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(f"hub.store: {path.parent} does not exist or is not writable; make it, or name another place")
    return False


def _postgresql_engine(url: URL, answers_within_s: float | None) -> AsyncEngine:
    limits = {"command_timeout": answers_within_s, "timeout": _CONNECT_WITHIN_S}
    try:
        engine = create_async_engine(
            _with_ssl(url), pool_size=8, pool_use_lifo=True, hide_parameters=True, connect_args=limits
        )
    except ModuleNotFoundError:
        raise ConfigError("hub.store: PostgreSQL needs a driver; pip install 'itsm-hub[postgres]'") from None
    except (ArgumentError, ValueError):  # among the parameters, host and port may stand once more
        raise ConfigError(_UNREADABLE) from None
    sa.event.listen(engine.sync_engine, "do_connect", _connect_postgresql)
    sa.event.listen(engine.sync_engine, "connect", _configure_postgresql)
    sa.event.listen(engine.sync_engine, "checkin", _begin_rest)
    sa.event.listen(engine.sync_engine, "checkout", _prove_after_rest)
    sa.event.listen(engine.sync_engine, "handle_error", _drop_silent_connection, retval=True)
    return engine


def _with_ssl(url: URL) -> URL:
    """The driver knows libpq's `sslmode` by another name."""
    mode = url.query.get("sslmode")
    if mode is None:
        return url
    if mode not in _SSL_MODES:
        raise ConfigError(f"hub.store: sslmode is one of {', '.join(_SSL_MODES)}")
    return url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})


def _connect_postgresql(dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
    """Connect; a server that cannot be reached is a failure of the database like any other."""
    try:
        return dialect.connect(*arguments, **options)
    except OSError as error:
        raise dialect.loaded_dbapi.OperationalError("cannot connect") from error
    except TypeError:
        raise ConfigError("hub.store: a parameter after ? is not known") from None
    except (ValueError, dialect.loaded_dbapi.InterfaceError) as error:
        if not isinstance(error.__cause__ or error, ValueError):
            raise
        raise ConfigError(
            "hub.store: the host or a parameter after ? cannot be used. sslmode verify-ca and verify-full need the "
            "certificate of the authority: name its file in the environment variable PGSSLROOTCERT"
        ) from None


def _configure_postgresql(connection: Any, _record: Any) -> None:
    """A worker that is frozen in the middle of a transaction must not keep its locks."""
    connection.run_async(lambda driver: driver.execute("SET idle_in_transaction_session_timeout = '30s'"))


def _begin_rest(_connection: Any, record: Any) -> None:
    record.info["rests_since"] = time.monotonic()


def _prove_after_rest(connection: Any, record: Any, _lent: Any) -> None:
    """The server may have ended a connection that nobody used. SQLAlchemy's own ping would come before each use."""
    rested_s = time.monotonic() - record.info.get("rests_since", time.monotonic())
    if rested_s < _PING_AFTER_S and not connection.driver_connection.is_closed():
        return
    try:
        connection.ping()
    except connection.dbapi.Error as error:
        raise InvalidatePoolError from error


def _drop_silent_connection(context: sa.ExceptionContext) -> OperationalError | None:
    """A server that did not answer in time will not answer a farewell either, and not on the other connections."""
    failure = context.original_exception
    if not isinstance(failure, OSError):  # TimeoutError is one
        return None
    if context.connection is not None and (driver := context.connection.connection.driver_connection):
        driver.terminate()
    context.is_disconnect = True
    return OperationalError(None, None, failure, connection_invalidated=True)


def _sqlite_engine(url: URL, connections: int, cache_kib: int) -> AsyncEngine:
    """
    :param connections: how many stay open once they are.
    :param cache_kib: how much of the file each of them keeps in memory.
    """
    # few, and always the same ones: each has statements and pages of its own
    engine = create_async_engine(
        url,
        pool_size=connections,
        pool_use_lifo=True,
        pool_reset_on_return=None,
        hide_parameters=True,
        connect_args={"async_creator_fn": sqlite_driver.connect},
    )
    sa.event.listen(engine.sync_engine, "connect", partial(_configure_sqlite, cache_kib))
    sa.event.listen(engine.sync_engine, "begin", _begin_sqlite)
    sa.event.listen(engine.sync_engine, "reset", _reset_sqlite)
    sa.event.listen(engine.sync_engine, "handle_error", _drop_read_only_connection)
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
            raise ConfigError(f"hub.store: cannot open {path}: {failures.words(error)}") from None
        else:
            return


def _configure_sqlite(cache_kib: int, connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions late, and only for some statements
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous = FULL")  # an acknowledged answer survives a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA cache_size = -{cache_kib}")
    cursor.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}")
    cursor.execute("PRAGMA secure_delete = ON")  # the default of some builds only: what is forgotten leaves the file
    cursor.close()


def _reset_sqlite(connection: Any, _record: Any, state: PoolResetState) -> None:
    """Roll back what is open when a connection is given back: nearly never anything, and to ask costs nothing."""
    if not state.terminate_only and connection.driver_connection.in_transaction:
        connection.rollback()


def _drop_read_only_connection(context: sa.ExceptionContext) -> None:
    """SQLite opens a file that cannot be written for reading, and never looks again: open it anew next time."""
    if getattr(context.original_exception, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY:
        context.is_disconnect = True


def shrink_wal(engine: AsyncEngine, longest_bytes: int = _WAL_TOO_LONG_BYTES) -> None:
    """Empty a -wal file that has grown long because there was always a reader; writers wait meanwhile. It blocks.

    SQLite checkpoints by itself, but begins the file anew only at a moment when nobody reads an earlier state. Here
    new readers are let through until the last of the old ones has gone. With one that stays it is given up.
    """
    if not has_one_writer(engine):
        return
    path = Path(str(engine.url.database))
    wal = path.with_name(f"{path.name}-wal")
    if not wal.exists() or wal.stat().st_size <= longest_bytes:
        return
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA busy_timeout = {_WAIT_FOR_READERS_MS}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def purge(path: Path) -> bool:
    """Write an SQLite file anew, so that nothing deleted is left in it or in its -wal file. It blocks.

    :returns: False when somebody went on reading an older state, so that the -wal file still holds it.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        connection.execute("VACUUM")
        is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not is_busy


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first and then writes can otherwise fail half-way."""
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def reading(engine: AsyncEngine) -> AsyncEngine:
    """An engine on the same store for those who only read; dispose of it as well.

    On SQLite it has connections of its own. So there is one for all writing, whose page cache stays valid, and which
    alone keeps the prepared statements that write: up to 128 for each connection, of up to 300 kB.

    On PostgreSQL each statement sees a state of its own anyway, so that BEGIN and ROLLBACK would be for nothing.
    """
    if not has_one_writer(engine):
        return engine.execution_options(isolation_level="AUTOCOMMIT")
    return _sqlite_engine(engine.url, _READERS, _READER_CACHE_KIB).execution_options(**{_READ_ONLY: True})


def has_one_writer(engine: AsyncEngine) -> bool:
    """Whether writers of this process should queue in front of the database instead of inside it."""
    return engine.dialect.name == "sqlite"


def insert(connection: Any, table: sa.Table) -> Insert:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return insert_on(connection.dialect.name, table)


def insert_on(dialect_name: str, table: sa.Table) -> Insert:
    """The same for a dialect by its name."""
    if dialect_name != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # 2 MB, for nothing on SQLite

    return postgresql.insert(table)


def lock_migrations(connection: Connection) -> None:
    """Let one process migrate at a time; released at the end of the transaction. On SQLite BEGIN IMMEDIATE does it."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")


def let_tables_be_rebuilt(engine: AsyncEngine) -> None:
    """For migrations: SQLite changes constraints by copying a table, which nothing may refer to meanwhile."""
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine.sync_engine, "connect", _without_foreign_keys)


def _without_foreign_keys(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = OFF")
    cursor.close()


def wait_briefly_for_tables(connection: Connection) -> None:
    """For the rest of the transaction, give up when a table stays in use. On SQLite all of it is locked by then."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_MIGRATION_LOCK_WAIT_MS}")


def was_in_the_way(error: DBAPIError) -> bool:
    """Whether a statement was given up because others use the table."""
    return getattr(error.orig, "sqlstate", None) in _LOCKED_BY_OTHERS


def let_others_pass(connection: Connection) -> None:
    """Wait a moment, holding no table."""
    connection.exec_driver_sql(f"SELECT pg_sleep({_MIGRATION_AGAIN_AFTER_S})")
