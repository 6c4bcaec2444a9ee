"""Transactions on the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.api.errors import ConfigError
from hub.store import dialect, migrate

Work = Callable[[AsyncConnection], Awaitable[Any]]


class Store:
    """The hub's database. Everything the hub knows is in it; nothing that matters is only in memory."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = dialect.reading(engine)
        self._writer = asyncio.Lock() if dialect.has_one_writer(engine) else None
        self._waiting: list[tuple[Work, asyncio.Future[Any]]] = []
        self._committer: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open the store and bring its tables up to date.

        :raises ConfigError: it cannot be opened, or a later version of the hub wrote it.
        """
        engine = dialect.create_engine(url)
        store = cls(engine)
        try:
            async with store.write() as connection:
                await connection.run_sync(migrate.upgrade)
        except (SQLAlchemyError, OSError) as error:
            await engine.dispose()
            raise ConfigError(f"hub.store: cannot open the store: {_cause(error)}") from None
        except BaseException:
            await engine.dispose()
            raise
        return store

    @staticmethod
    async def revision(url: str) -> str | None:
        """The revision of a store, without changing anything; None when there are no tables yet.

        :raises ConfigError: it cannot be opened, or not made where it should be.
        """
        if not dialect.exists(url):
            return None
        engine = dialect.create_engine(url)
        try:
            async with dialect.reading(engine).connect() as connection:
                return await connection.run_sync(migrate.current)
        except (SQLAlchemyError, OSError) as error:
            raise ConfigError(f"hub.store: cannot open the store: {_cause(error)}") from None
        finally:
            await engine.dispose()

    @property
    def is_embedded(self) -> bool:
        """Whether the store is a file that only this machine uses."""
        return dialect.has_one_writer(self._engine)

    async def close(self) -> None:
        """Finish commits under way and close all connections."""
        if self._committer is not None:
            await self._committer
        await self._engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads, on a consistent state."""
        async with self._reading.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end, rolled back when the block raises."""
        async with AsyncExitStack() as stack:
            if self._writer is not None:
                await stack.enter_async_context(self._writer)
            yield await stack.enter_async_context(self._engine.begin())

    async def commit(self, work: Work) -> Any:
        """Run `work` in a transaction shared with whatever else is waiting, and return once it is durable.

        Many small writes arrive at once (answers by webhook, outcomes of sends); one commit serves all of them.
        `work` may run twice: when another one in the group fails, each is tried again on its own.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if self._committer is None or self._committer.done():
            self._committer = asyncio.create_task(self._commit_waiting())
        return await future

    async def _commit_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                results = await self._run([work for work, _ in group])
            except Exception as error:  # noqa: BLE001 - whatever it is belongs to the callers, one by one
                await self._commit_singly(group, error)
            else:
                for (_, future), result in zip(group, results, strict=True):
                    _settle(future, result, None)

    async def _commit_singly(self, group: list[tuple[Work, asyncio.Future[Any]]], error: Exception) -> None:
        if len(group) == 1:
            return _settle(group[0][1], None, error)
        for work, future in group:
            try:
                (result,) = await self._run([work])
            except Exception as own:  # noqa: BLE001 - handed to the caller that it belongs to
                _settle(future, None, own)
            else:
                _settle(future, result, None)
        return None

    async def _run(self, group: list[Work]) -> list[Any]:
        async with self.write() as connection:
            return [await work(connection) for work in group]


def _cause(error: Exception) -> str:
    """The driver's own words, without the statement and its values."""
    return str(error.orig if isinstance(error, DBAPIError) else error)


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
