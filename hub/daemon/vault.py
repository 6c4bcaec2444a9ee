"""What systems hand out and the hub must remember, encrypted in the store. See `hub.Vault`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from hashlib import sha256

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from hub.api.component import Clock
from hub.config.models import ComponentConfig
from hub.store.dialect import insert
from hub.store.engine import Store
from hub.store.tables import vault

LOCKERS = 4
_LONGEST_LOCK_MS = 300_000

OpenStore = Callable[[], Awaitable[Store]]
"""Gives the store."""


def already(store: Store) -> OpenStore:
    """A store that is open."""

    async def give() -> Store:
        return store

    return give


class LazyStore:
    """A store that is opened, and made, when a vault needs it: `hub check` changes nothing otherwise."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opening = asyncio.Lock()
        self._store: Store | None = None

    async def __call__(self) -> Store:
        """The store.

        :raises ConfigError: it cannot be opened.
        :raises Unavailable: its server is away.
        """
        async with self._opening:
            if self._store is None:
                self._store = await Store.open(self._url)
            return self._store

    async def close(self) -> None:
        """Close it if it was opened."""
        if self._store is not None:
            await self._store.close()


class StoreVault:
    """The vault of one component.

    The key comes from the component's secrets in hub.toml (HKDF, RFC 5869). Who changes one of them, as after a new
    authorisation, starts with an empty vault.

    :param lockers: how many vaults of the process may hold or await a lock: each needs a connection meanwhile.
    """

    def __init__(
        self,
        config: ComponentConfig,
        open_store: OpenStore,
        clock: Clock,
        lockers: asyncio.Semaphore | None = None,
    ) -> None:
        self._component = config.id
        self._secrets = tuple(sorted(secret.value.get_secret_value() for secret in config.secrets))
        self._open_store = open_store
        self._clock = clock
        self._lockers = lockers or asyncio.Semaphore(LOCKERS)

    async def load(self, name: str, *, key: str | None = None) -> str | None:
        """See `hub.Vault.load`."""
        store = await self._open_store()
        query = sa.select(vault.c.value).where(vault.c.component == self._component, vault.c.name == name)
        async with store.read() as connection:
            value = await connection.scalar(query)
        if value is None:
            return None
        from hub.daemon.sealing import unseal

        found = unseal(value, self._key(key), self._component)
        if found is None:
            structlog.get_logger(component=self._component).warning("vault.forgotten", name=name)
        return found

    async def save(self, name: str, value: str, *, key: str | None = None) -> None:
        """See `hub.Vault.save`."""
        from hub.daemon.sealing import seal

        store = await self._open_store()
        kept = {"value": seal(value, self._key(key), self._component), "saved_at": self._clock.now()}
        await store.commit(
            lambda connection: connection.execute(
                insert(connection, vault)
                .values(component=self._component, name=name, **kept)
                .on_conflict_do_update(index_elements=["component", "name"], set_=kept)
            )
        )

    @asynccontextmanager
    async def locked(self, name: str) -> AsyncIterator[None]:
        """See `hub.Vault.locked`."""
        store = await self._open_store()
        if store.is_embedded:
            yield
            return
        async with self._lockers, AsyncExitStack() as transaction:
            connection = await transaction.enter_async_context(store.write())
            # a worker that is frozen meanwhile must not hold up the others for ever
            await connection.execute(sa.text(f"SET LOCAL idle_in_transaction_session_timeout = {_LONGEST_LOCK_MS}"))
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(self._lock_number(name))))
            yield
            with suppress(SQLAlchemyError):  # when the connection was lost, the lock was too
                await transaction.aclose()

    def _lock_number(self, name: str) -> int:
        digest = sha256(f"hub vault {self._component} {name}".encode()).digest()
        return int.from_bytes(digest[:8], signed=True)

    def _key(self, key: str | None) -> str:
        return "\0".join(self._secrets) if key is None else key
