"""aiosqlite, handing a statement over to its thread once instead of four times.

A cursor of aiosqlite is made, run, read and closed by one call each, and each hand-over wakes a thread and the event
loop: with small statements that costs more than SQLite does. Here one call does it all, unless the rows are many.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Self

import aiosqlite

AT_ONCE = 1000
"""How many rows a statement brings along."""


def connect(path: str, **options: Any) -> Connection:
    """A connection that opens when it is awaited, as SQLAlchemy's `async_creator_fn` has to return one."""
    return Connection(lambda: sqlite3.connect(path, **options))


class Connection(aiosqlite.Connection):
    """A connection with cheaper cursors."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=AT_ONCE)
        self._thread.daemon = True  # SQLAlchemy does the same: an interpreter that ends does not wait for it

    async def _connect(self) -> Connection:
        """Open. Of a failure nothing is left running: the thread would tell its end to an event loop that is closed."""
        try:
            await super()._connect()
        except BaseException:
            await asyncio.to_thread(self._thread.join)
            raise
        return self

    def cursor(self) -> Cursor:  # type: ignore[override]  # making one of aiosqlite's is a hand-over by itself
        """A cursor for one statement."""
        return Cursor(self)

    async def run(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Do something in the connection's thread."""
        return await self._execute(work, self._conn)  # type: ignore[no-untyped-call]


class Cursor:
    """What SQLAlchemy uses of a cursor."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self._connection = connection
        self._rows: list[Any] = []
        self._rest: sqlite3.Cursor | None = None
        """There may be more rows behind those."""

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        """Run a statement."""
        await self._connection.run(lambda connection: self._run(connection.execute(sql, parameters)))
        return self

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Self:
        """Run a statement once for each set of parameters."""
        await self._connection.run(lambda connection: self._run(connection.executemany(sql, parameters)))
        return self

    async def fetchmany(self, size: int) -> list[Any]:
        """The next rows."""
        if not self._rows and (rest := self._rest):
            self._rows = await self._connection.run(lambda _: rest.fetchmany(max(size, AT_ONCE)))
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    async def fetchall(self) -> list[Any]:
        """All rows that are left."""
        rows, self._rows = self._rows, []
        if rest := self._rest:
            rows += await self._connection.run(lambda _: rest.fetchall())
        return rows

    async def close(self) -> None:
        """Let go of rows that nobody wants."""
        if rest := self._rest:
            self._rest = None
            await self._connection.run(lambda _: rest.close())

    def _run(self, cursor: sqlite3.Cursor) -> None:
        rows = self._rows = cursor.fetchmany(AT_ONCE) if cursor.description else []
        self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
        if len(rows) < AT_ONCE:
            cursor.close()
        else:
            self._rest = cursor
