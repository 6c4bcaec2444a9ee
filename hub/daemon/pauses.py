"""The pauses that services ask for, told to all workers of a store.

What travels are durations: no worker's clock is compared with another's. The table is for workers that start later or
were cut off; all others hear of a pause at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from datetime import timedelta
from hashlib import scrypt
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from hub.http.limits import Fingerprint, PauseKey, Pauses
from hub.store.channel import Channel
from hub.store.dialect import insert
from hub.store.engine import Store
from hub.store.tables import pauses as table

_TOPIC = "pause"
_WORTH_TELLING = timedelta(seconds=1)
"""Requests that are refused together each ask for a pause that ends a little later than the one before."""
_NOW = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))


def fingerprint_with(salt: bytes) -> Fingerprint:
    """Fingerprints that all who know the salt can compare. Each takes some 40 ms: whoever guesses needs long."""
    return lambda credential: scrypt(credential, salt=salt, n=2**14, r=8, p=1, dklen=16).hex()


class SharedPauses:
    """Passes the pauses of this worker on to the others, and theirs to it."""

    def __init__(self, pauses: Pauses, store: Store, channel: Channel) -> None:
        self._pauses = pauses
        self._store = store
        self._channel = channel
        self._told: dict[PauseKey, float] = {}
        self._tasks = set[asyncio.Task[None]]()
        pauses.on_hold = self._began
        channel.subscribe(_TOPIC, self._heard)
        channel.on_return(lambda: self._soon(self.load()))

    async def load(self) -> None:
        """Take up what runs."""
        query = sa.select(table.c.key, sa.type_coerce(table.c.until - _NOW, sa.Interval).label("rest"))
        async with self._store.read() as connection:
            found = await connection.execute(query.where(table.c.until > _NOW))
        for row in found:
            self._take_up(row.key, row.rest)

    async def close(self) -> None:
        """Finish what is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _began(self, key: PauseKey, length: timedelta) -> None:
        end = asyncio.get_running_loop().time() + length.total_seconds()
        if end < self._told.get(key, 0.0) + _WORTH_TELLING.total_seconds():
            return
        self._told = {one: until for one, until in self._told.items() if until > end - length.total_seconds()}
        self._told[key] = end
        self._channel.announce(f"{_TOPIC} {json.dumps([_text(key), length.total_seconds()])}")
        self._soon(self._keep(key, length))

    def _heard(self, payload: str) -> None:
        try:
            key, seconds = json.loads(payload)
            self._take_up(key, timedelta(seconds=seconds))
        except (ValueError, TypeError, OverflowError):
            structlog.get_logger().warning("pause.not_understood", hint="another version of the hub may have sent it")

    def _take_up(self, text: str, length: timedelta) -> None:
        scheme, host, port, fingerprint, lane = json.loads(text)
        self._pauses.take_up((scheme, host, port, fingerprint, lane), length)

    async def _keep(self, key: PauseKey, length: timedelta) -> None:
        _, host, port, _, lane = key
        until = _NOW + sa.literal(length, sa.Interval)
        over = sa.select(table.c.key).where(table.c.until < _NOW).with_for_update(skip_locked=True)
        async with self._store.write() as connection:
            await connection.execute(table.delete().where(table.c.key.in_(over)))
            kept = insert(connection, table).values(
                key=_text(key), service=host if port is None else f"{host}:{port}", until=until, reason=lane or None
            )
            await connection.execute(
                kept.on_conflict_do_update(
                    index_elements=["key"], set_={"until": sa.func.greatest(table.c.until, kept.excluded.until)}
                )
            )

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        async def attempt() -> None:
            try:
                await work
            except (SQLAlchemyError, OSError) as error:  # this worker keeps to it anyway
                structlog.get_logger().warning("pause.not_shared", error=type(error).__name__)

        task = asyncio.create_task(attempt())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _text(key: PauseKey) -> str:
    return json.dumps(key)
