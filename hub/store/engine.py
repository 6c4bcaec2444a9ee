"""Transactions on the store."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Self, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub import watch
from hub.api.errors import ConfigError, Unavailable
from hub.store import dialect, failures, migrate

GATHER_S = 0.002
"""How long writes that come while another one is committed wait for more to come."""
GATHER_AFAR_S = 0.01
"""The same for a database that others use too: there a transaction is several messages to it and back."""
_BUSY_FOR_S = 0.1
"""For how long after a commit more are expected there, so that the first to come waits for others at once."""
ANSWERS_WITHIN_S = 60.0
"""A statement of a running hub that takes longer is not answered any more: PostgreSQL, or the way to it, is gone."""
_CLOSING_S = 10.0

Work = Callable[[AsyncConnection], Awaitable[Any]]
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
Apply = Callable[[AsyncConnection, Sequence[ItemT]], Awaitable[None]]


class Store:
    """The hub's database. Everything the hub knows is in it; nothing that matters is only in memory."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = dialect.reading(engine)
        self._turn: AbstractAsyncContextManager[Any] = asyncio.Lock() if self.is_embedded else nullcontext()
        """To write: one at a time where only one can."""
        self._waiting: list[_Waiting] = []
        self._committer: asyncio.Task[None] | None = None
        self._committed_at = -math.inf
        self._gather_s, self._busy_for_s = (GATHER_S, 0.0) if self.is_embedded else (GATHER_AFAR_S, _BUSY_FOR_S)

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open the store and bring its tables up to date.

        :raises ConfigError: it cannot be opened, or a later version of the hub wrote it.
        :raises Unavailable: its server is away, full or busy: the same URL may work later.
        """
        engine = dialect.create_engine(url, answers_within_s=ANSWERS_WITHIN_S)
        store = cls(engine)
        try:
            async with store.read() as connection:
                revision = await connection.run_sync(migrate.current)
            if revision != migrate.HEAD:
                await _migrate(url)
        except (SQLAlchemyError, OSError) as error:
            await store._dispose()
            raise _cannot_open(error) from None
        except BaseException:
            await store._dispose()
            raise
        return store

    @staticmethod
    async def revision(url: str) -> tuple[str | None, bool]:
        """The revision of a store, and whether this version can work on it, without changing anything.

        :returns: no revision when there are no tables yet.
        :raises ConfigError: it cannot be opened, or not made where it should be.
        :raises Unavailable: its server is away, full or busy.
        """
        if not dialect.exists(url):
            return None, True
        engine = dialect.reading(dialect.create_engine(url))
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(lambda c: (migrate.current(c), migrate.is_usable(c)))
        except (SQLAlchemyError, OSError) as error:
            raise _cannot_open(error) from None
        finally:
            await engine.dispose()

    @property
    def is_embedded(self) -> bool:
        """Whether the store is a file that only this machine uses."""
        return dialect.has_one_writer(self._engine)

    async def tidy(self, *, thoroughly: bool = False) -> None:
        """Keep the store's files small; for quiet moments, once in a while.

        :param thoroughly: leave nothing of what was overwritten or deleted in the -wal file, however short it is.
        """
        longest_bytes = (0,) if thoroughly else ()
        await asyncio.to_thread(dialect.shrink_wal, self._engine, *longest_bytes)

    async def purge(self) -> bool | None:
        """Leave nothing of what was deleted in the store's files.

        :returns: whether nothing is left; None on PostgreSQL, where that is the administrator's.
        """
        if not self.is_embedded:
            return None
        return await asyncio.to_thread(dialect.purge, Path(str(self._engine.url.database)))

    async def close(self) -> None:
        """Finish commits under way, unless the database has fallen silent, and close all connections."""
        if self._committer is not None:
            await asyncio.wait({self._committer}, timeout=_CLOSING_S)
            self._committer.cancel()
            await asyncio.wait({self._committer}, timeout=_CLOSING_S)
            for waiting in self._waiting:
                waiting.future.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                await self._dispose()

    async def _dispose(self) -> None:
        await self._engine.dispose()
        await self._reading.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Only read. On SQLite all statements see the same state, on PostgreSQL each one that of its moment."""
        async with AsyncExitStack() as stack:
            yield await _enter(stack, self._reading.connect())

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end, rolled back when the block raises.

        Where one writes at a time, it begins with what waits for a shared commit, which so need not wait for one more.
        """
        along: list[tuple[_Waiting, Any]] = []
        try:
            async with self._turn, self._transaction() as connection:
                if self.is_embedded and self._waiting:
                    along = await self._take_along(connection)
                yield connection
        except BaseException:
            self._wait_again([waiting for waiting, _ in along])
            raise
        for waiting, result in along:
            _settle(waiting.future, result, None)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            begun = perf_counter()
            connection = await _enter(stack, self._engine.connect())
            yield connection
            await connection.commit()
        watch.committed(connection, begun)

    async def _take_along(self, connection: AsyncConnection) -> list[tuple[_Waiting, Any]]:
        """What waits, with its results. When one of it fails, all of it goes on waiting for a commit of its own."""
        group, self._waiting = self._waiting, []
        try:
            return list(zip(group, await _apply(connection, group), strict=True))
        except BaseException as error:
            self._wait_again(group)
            if not isinstance(error, Exception):
                raise
            await connection.rollback()
            watch.forget(connection)
            return []

    async def commit(self, work: Work) -> Any:
        """Run `work` in a transaction shared with whatever else is waiting, and return once it is durable.

        Many small writes arrive at once (answers by webhook, outcomes of sends); one commit serves all of them.
        `work` may run twice: when another one in the group fails, each is tried again on its own.
        """
        return await self._in_group(_Waiting(work))

    async def commit_with(self, apply: Apply[ItemT], item: ItemT) -> None:
        """As `commit`, where items of one kind that wait together are written together, in the order they came.

        :param apply: writes several items; known by its identity, so give a function of a module.
        """
        await self._in_group(_Waiting(apply, item, is_item=True))

    async def _in_group(self, waiting: _Waiting) -> Any:
        self._waiting.append(waiting)
        self._see_to_the_waiting()
        return await waiting.future

    def _wait_again(self, group: Sequence[_Waiting]) -> None:
        if group:
            self._waiting = [*group, *self._waiting]
            self._see_to_the_waiting()

    def _see_to_the_waiting(self) -> None:
        if self._committer is None or self._committer.done():
            self._committer = asyncio.create_task(self._commit_waiting())

    async def _commit_waiting(self) -> None:
        if perf_counter() - self._committed_at < self._busy_for_s:
            await asyncio.sleep(self._gather_s)
        while self._waiting:
            async with self._turn:
                group, self._waiting = self._waiting, []  # another one may have taken it along meanwhile
                if group:
                    await self._commit_group(group)
            self._committed_at = perf_counter()
            if self._waiting:  # many writers at work: a few more will come, and one commit serves them all
                await asyncio.sleep(self._gather_s)

    async def _commit_group(self, group: Sequence[_Waiting]) -> None:
        try:
            results = await despite_deadlock(lambda: self._run(group))
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the callers, one by one
            await self._commit_singly(group, error)
        else:
            for waiting, result in zip(group, results, strict=True):
                _settle(waiting.future, result, None)
        finally:
            for waiting in group:  # there are any left only if this was cancelled
                waiting.future.cancel()

    async def _commit_singly(self, group: Sequence[_Waiting], error: Exception) -> None:
        if len(group) == 1:
            return _settle(group[0].future, None, error)
        for number, waiting in enumerate(group):
            try:
                (result,) = await self._run([waiting])
            except Exception as own:  # noqa: BLE001 - handed to the caller that it belongs to
                if failures.concerns_all(own):
                    for rest in group[number:]:
                        _settle(rest.future, None, own)
                    return None
                _settle(waiting.future, None, own)
            else:
                _settle(waiting.future, result, None)
        return None

    async def _run(self, group: Sequence[_Waiting]) -> list[Any]:
        async with self._transaction() as connection:
            return await _apply(connection, group)


async def _apply(connection: AsyncConnection, group: Sequence[_Waiting]) -> list[Any]:
    items: dict[Any, list[Any]] = {}
    for waiting in group:
        if waiting.is_item:
            items.setdefault(waiting.work, []).append(waiting.item)
    for apply, these in items.items():
        await apply(connection, these)
    return [None if waiting.is_item else await waiting.work(connection) for waiting in group]


async def despite_deadlock(work: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Run a transaction, and at once a second time when it was ended because another one and it waited for each other.

    Several workers cannot always change rows in the same order.
    """
    try:
        return await work()
    except DBAPIError as error:
        if not failures.is_deadlock(error):
            raise
    return await work()


def _cannot_open(error: Exception) -> ConfigError | Unavailable:
    message = f"hub.store: cannot open the store: {failures.words(error)}"
    return Unavailable(message) if failures.may_pass(error) else ConfigError(message)


async def _migrate(url: str) -> None:
    """On a connection of its own, which waits as long as it takes."""
    engine = dialect.create_engine(url)
    dialect.let_tables_be_rebuilt(engine)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(migrate.upgrade)
    finally:
        await engine.dispose()


async def _enter(stack: AsyncExitStack, transaction: AbstractAsyncContextManager[AsyncConnection]) -> AsyncConnection:
    """Begin. A connection that has fallen silent is a failure of the database like any other."""
    try:
        return await stack.enter_async_context(transaction)
    except OSError as error:
        raise OperationalError(None, None, error, connection_invalidated=True) from error


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A write that waits for the next transaction."""

    work: Callable[..., Awaitable[Any]]
    item: Any = None
    is_item: bool = False
    future: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
