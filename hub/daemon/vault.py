"""What systems hand out and the hub must remember, encrypted in the store. See `hub.Vault`."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable

import sqlalchemy as sa
import structlog
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.api.component import Clock
from hub.config.models import ComponentConfig
from hub.store.dialect import insert
from hub.store.engine import Store
from hub.store.tables import vault

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
    """

    def __init__(self, config: ComponentConfig, open_store: OpenStore, clock: Clock) -> None:
        self._component = config.id
        self._secrets = tuple(sorted(secret.value.get_secret_value() for secret in config.secrets))
        self._open_store = open_store
        self._clock = clock

    async def load(self, name: str, *, key: str | None = None) -> str | None:
        """See `hub.Vault.load`."""
        store = await self._open_store()
        query = sa.select(vault.c.value).where(vault.c.component == self._component, vault.c.name == name)
        async with store.read() as connection:
            value = await connection.scalar(query)
        if value is None:
            return None
        try:
            return self._fernet(key).decrypt(value.encode()).decode()
        except InvalidToken:
            structlog.get_logger(component=self._component).warning("vault.forgotten", name=name)
            return None

    async def save(self, name: str, value: str, *, key: str | None = None) -> None:
        """See `hub.Vault.save`."""
        store = await self._open_store()
        kept = {"value": self._fernet(key).encrypt(value.encode()).decode(), "saved_at": self._clock.now()}
        await store.commit(
            lambda connection: connection.execute(
                insert(connection, vault)
                .values(component=self._component, name=name, **kept)
                .on_conflict_do_update(index_elements=["component", "name"], set_=kept)
            )
        )

    def _fernet(self, key: str | None) -> Fernet:
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"hub vault {self._component}".encode())
        return Fernet(
            base64.urlsafe_b64encode(derive.derive(("\0".join(self._secrets) if key is None else key).encode()))
        )
