"""What workers of one store tell each other at once, and which of them does what only one may do.

On PostgreSQL one connection of its own per worker carries both: LISTEN and NOTIFY, and advisory locks that belong to
the connection. The server ends it when the worker is silent for as long as a dead one is (a frozen process, a machine
without power), and the locks are free. On SQLite there is one worker, which hears itself and may do everything.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store import dialect

Announce = Callable[[str], None]
Hear = Callable[[str], None]

_CHANNEL = "hub"
_TOGETHER_S = 0.02
"""Announcements within this time leave together, each once."""
_LONGEST_PAYLOAD_BYTES = 7_900
_LONGEST_QUERY_S = 5.0
_GOODBYE_S = 2.0
_AGAIN_AFTER_S = (0.2, 1.0, 2.0, 5.0)


class Channel(Protocol):
    """The channel of one worker."""

    look_every_s: float
    """How often to look for what nobody announced."""
    gather_s: float
    """How long to let work gather that comes again and again, before the next look for it."""

    def subscribe(self, word: str, hear: Hear) -> None:
        """Have announcements of other workers that begin with a word; `hear` gets what follows it."""

    def on_return(self, then: Callable[[], None]) -> None:
        """Call `then` when the channel works again: what others have announced meanwhile was not heard."""

    def announce(self, payload: str) -> None:
        """Tell the other workers `WORD ...`. It may get lost: whoever hears nothing must look now and then."""

    def want(self, name: str) -> None:
        """Take the lock of this name as soon as it is free, now and whenever it was lost."""

    async def give_up(self, name: str) -> None:
        """Do not want the lock any more."""

    async def try_lock(self, name: str) -> bool:
        """Want the lock, and say whether it is held now."""

    def holds(self, name: str) -> bool:
        """Whether the lock is this worker's, beyond doubt."""

    async def wait_for(self, name: str) -> None:
        """Return when the lock is this worker's."""

    async def close(self) -> None:
        """Give back everything."""


async def open_channel(url: str, silence_s: float) -> Channel:
    """The channel of the store at `url`. It is there at once; its connection may come later.

    :param silence_s: for how long a worker may give no sign of life before the others take its place.
    """
    if dialect.sqlite_file(url) is not None:
        return LocalChannel()
    channel = PostgresChannel(url, silence_s)
    await channel.start()
    return channel


class LocalChannel:
    """The channel of the only worker."""

    look_every_s = 1.0  # commands work beside it and cannot tell
    gather_s = 0.0  # a look is cheap

    def subscribe(self, word: str, hear: Hear) -> None:
        """Nobody announces anything."""

    def on_return(self, then: Callable[[], None]) -> None:
        """It is always there."""

    def announce(self, payload: str) -> None:
        """Nobody listens."""

    def want(self, name: str) -> None:
        """All locks are held."""

    async def give_up(self, name: str) -> None:
        """Nobody else wants it."""

    async def try_lock(self, name: str) -> bool:
        """All locks are held."""
        return True

    def holds(self, name: str) -> bool:
        """All locks are held."""
        return True

    async def wait_for(self, name: str) -> None:
        """All locks are held."""

    async def close(self) -> None:
        """There is nothing to give back."""


class PostgresChannel:
    """A connection that comes back by itself when it was lost; with it go all locks, and they are tried for again."""

    look_every_s = 5.0
    gather_s = 0.08

    def __init__(self, url: str, silence_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._engine = dialect.create_engine(url)
        self._silence_s = silence_s
        self._subscribers: dict[str, Hear] = {}
        self._returns: list[Callable[[], None]] = []
        self._wanted: dict[str, asyncio.Event] = {}
        """Names of locks; the event is set while the lock is held."""
        self._to_say: dict[str, None] = {}
        self._connection: Any = None
        self._proven_at = -math.inf
        """When the server last heard of this connection, on the monotonic clock."""
        self._try_at = -math.inf
        """When to try for missing locks, on the monotonic clock."""
        self._busy = asyncio.Lock()
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger()

    async def start(self) -> None:
        """Connect, or begin to try."""
        first = asyncio.Event()
        self._task = asyncio.create_task(self._run(first))
        await first.wait()

    def subscribe(self, word: str, hear: Hear) -> None:
        """See `Channel`."""
        self._subscribers[word] = hear

    def on_return(self, then: Callable[[], None]) -> None:
        """See `Channel`."""
        self._returns.append(then)

    def announce(self, payload: str) -> None:
        """See `Channel`."""
        if len(payload.encode()) > _LONGEST_PAYLOAD_BYTES:
            raise ValueError("an announcement must be short")
        if self._connection is None:
            return
        if not self._to_say:
            asyncio.get_running_loop().call_later(_TOGETHER_S, self._awake.set)
        self._to_say[payload] = None

    def want(self, name: str) -> None:
        """See `Channel`."""
        if name not in self._wanted:
            self._wanted[name] = asyncio.Event()
            self._try_soon()

    async def give_up(self, name: str) -> None:
        """See `Channel`."""
        held = self._wanted.pop(name, None)
        if held is not None and held.is_set():
            await self._unlock(name)

    async def try_lock(self, name: str) -> bool:
        """See `Channel`."""
        self.want(name)
        with suppress(*_failures()):
            await self._take_locks()
        return self.holds(name)

    def holds(self, name: str) -> bool:
        """See `Channel`. A worker that was frozen finds out by its own clock that it may not hold it any more."""
        held = self._wanted.get(name)
        return held is not None and held.is_set() and self._monotonic() - self._proven_at < self._silence_s * 2 / 3

    async def wait_for(self, name: str) -> None:
        """See `Channel`."""
        while not self.holds(name):
            self.want(name)
            if self._wanted[name].is_set():  # the connection is in doubt: it is lost soon, or proven
                await asyncio.sleep(self._silence_s / 30)
            else:
                await self._wanted[name].wait()

    async def close(self) -> None:
        """See `Channel`."""
        if self._connection is not None:
            with suppress(*_failures()):
                await self._connection.close(timeout=_GOODBYE_S)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._engine.dispose()

    async def _run(self, first: asyncio.Event) -> None:
        failures, is_lost = 0, False
        while True:
            try:
                async with self._engine.connect() as lent:
                    await self._begin(lent)
                    if is_lost:
                        self._log.info("channel.back")
                    failures, is_lost = 0, False
                    first.set()
                    await self._live()
            except _failures() as error:
                if not is_lost:
                    self._log.warning("channel.lost", error=type(error).__name__)
                is_lost = True
            finally:
                self._forget()
                first.set()
            await asyncio.sleep(_AGAIN_AFTER_S[min(failures, len(_AGAIN_AFTER_S) - 1)])
            failures += 1

    async def _begin(self, lent: AsyncConnection) -> None:
        connection: Any = (await lent.get_raw_connection()).driver_connection
        assert lent.sync_connection is not None
        lent.sync_connection.detach()  # it is closed at the end, not kept
        async with asyncio.timeout(_LONGEST_QUERY_S):
            # PostgreSQL 14 and later; an older one frees the locks of a dead machine when TCP gives it up
            await connection.execute(
                "SELECT set_config(name, $1, false) FROM pg_settings WHERE name = 'idle_session_timeout'",
                f"{round(self._silence_s * 1000)}ms",
            )
            connection.add_termination_listener(lambda _connection: self._awake.set())
            await connection.add_listener(_CHANNEL, self._hear)
        self._connection = connection
        self._to_say.clear()
        await self._take_locks()
        for then in self._returns:
            then()
        self._awake.set()

    async def _live(self) -> None:
        """Keep the server from giving this worker up, look for locks that became free, and say what is to be said."""
        while True:
            with suppress(TimeoutError):
                # until the time itself: something may be said before it, and a timer of uvloop may end 1 ms early
                async with asyncio.timeout(self._try_at - self._monotonic()):
                    await self._awake.wait()
            self._awake.clear()
            if self._connection is None or self._connection.is_closed():
                raise ConnectionResetError("the connection was closed")
            if self._to_say:
                payloads = list(self._to_say)
                self._to_say.clear()
                await self._query("SELECT pg_notify($1, said) FROM unnest($2::text[]) AS said", _CHANNEL, payloads)
            if self._monotonic() >= self._try_at:
                await self._take_locks()

    def _try_soon(self) -> None:
        self._try_at = -math.inf
        self._awake.set()

    async def _take_locks(self) -> None:
        """Try for all that are missing; with none it only proves that the connection is there."""
        self._try_at = self._monotonic() + self._silence_s / 6
        missing = [name for name, held in self._wanted.items() if not held.is_set()]
        rows = await self._query(
            "SELECT name FROM unnest($1::text[], $2::bigint[]) AS lock (name, key) WHERE pg_try_advisory_lock(key)",
            missing,
            [_key(name) for name in missing],
        )
        for row in rows:
            if held := self._wanted.get(row["name"]):
                held.set()
            else:
                await self._unlock(row["name"])

    async def _unlock(self, name: str) -> None:
        with suppress(*_failures()):  # then the connection is lost, and the lock with it
            await self._query("SELECT pg_advisory_unlock($1)", _key(name))
            self.announce("free")

    async def _query(self, statement: str, *values: Any) -> Any:
        async with self._busy:
            if self._connection is None:
                raise ConnectionResetError("there is no connection")
            began = self._monotonic()
            try:
                async with asyncio.timeout(_LONGEST_QUERY_S):
                    rows = await self._connection.fetch(statement, *values)
            except BaseException:
                self._forget()  # what it has locked is not known
                self._awake.set()
                raise
            self._proven_at = began
            return rows

    def _hear(self, connection: Any, sender: int, _channel: str, payload: str) -> None:
        if sender == connection.get_server_pid():
            return
        word, _, rest = payload.partition(" ")
        if word == "free":
            self._try_soon()
        elif hear := self._subscribers.get(word):
            hear(rest)

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.terminate()  # a dead network would let nobody say goodbye
            self._connection = None
        for held in self._wanted.values():
            held.clear()


@cache
def _failures() -> tuple[type[BaseException], ...]:
    """What the loss of a connection can raise; asked for when there is one, and so its driver."""
    import asyncpg  # type: ignore[import-untyped]

    return OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError


def _key(name: str) -> int:
    """PostgreSQL knows locks by numbers of 64 bits."""
    return int.from_bytes(sha256(f"hub {name}".encode()).digest()[:8], signed=True)
