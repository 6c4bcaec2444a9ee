"""The vault: what it keeps cannot be read from the store, and is forgotten when the secrets change."""

from __future__ import annotations

import asyncio
import itertools
import threading
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from structlog.testing import capture_logs

from hub import AccessTokens, Grant
from hub.config.load import load
from hub.config.models import ComponentConfig
from hub.daemon.vault import LazyStore, StoreVault, already
from hub.store.engine import Store
from hub.store.tables import vault
from hub.testing.clock import FakeClock
from hub.testing.fakes import FakeContext
from tests.databases import Postgres

CONFIG = """
[hub]
allow_plain_secrets = true
[web]
public_url = "https://survey.example.fi"
[survey]
sender_name = "Acme"
[sources.desk]
plugin = "email"
host = "127.0.0.1"
security = "plain"
username = "desk"
password = "{password}"
desk_addresses = ["desk@acme.example"]
closed_folder = "Closed"
results_from = "hub@acme.example"
[gateways.sms]
plugin = "kannel"
url = "http://127.0.0.1/x"
username = "hub"
password = "{password}"
sender = "16400"
callback_secret = "0123456789abcdef"
"""


def _component(tmp_path: Path, password: str = "first") -> ComponentConfig:
    path = tmp_path / "hub.toml"
    path.write_text(CONFIG.format(password=password))
    return load(path).sources["desk"]


async def test_a_value_is_kept_for_the_next_process(store: Store, tmp_path: Path) -> None:
    config = _component(tmp_path)
    await StoreVault(config, already(store), FakeClock()).save("refresh_token", "rt-1")
    await StoreVault(config, already(store), FakeClock()).save("refresh_token", "rt-2")
    again = StoreVault(_component(tmp_path), already(store), FakeClock())
    assert await again.load("refresh_token") == "rt-2"
    assert await again.load("another") is None


async def test_the_store_alone_does_not_show_it(store: Store, tmp_path: Path) -> None:
    await StoreVault(_component(tmp_path), already(store), FakeClock()).save("refresh_token", "rt-secret")
    async with store.read() as connection:
        values = list((await connection.execute(sa.select(vault.c.value))).scalars())
    assert len(values) == 1
    assert "rt-secret" not in values[0]


async def test_a_changed_secret_forgets_it_and_says_so(store: Store, tmp_path: Path) -> None:
    await StoreVault(_component(tmp_path), already(store), FakeClock()).save("refresh_token", "rt-secret")
    changed = StoreVault(_component(tmp_path, "second"), already(store), FakeClock())
    with capture_logs() as logs:
        assert await changed.load("refresh_token") is None
    assert [entry["event"] for entry in logs] == ["vault.forgotten"]
    await changed.save("refresh_token", "rt-new")
    assert await changed.load("refresh_token") == "rt-new"


async def test_a_store_is_made_only_when_a_vault_needs_it(tmp_path: Path) -> None:
    file = tmp_path / "hub.db"
    lazy = LazyStore(f"sqlite:///{file}")
    await lazy.close()
    assert not file.exists()
    await StoreVault(_component(tmp_path), lazy, FakeClock()).save("refresh_token", "rt-1")
    assert file.exists()
    await lazy.close()


async def test_one_at_a_time_holds_the_lock_of_a_name_whatever_process_it_is_in(
    postgres_server: Postgres, tmp_path: Path
) -> None:
    url = postgres_server.new_database()
    stores = [await Store.open(url), await Store.open(url)]
    vaults = [StoreVault(_component(tmp_path), already(store), FakeClock()) for store in stores]
    inside, most = 0, 0

    async def enter(number: int) -> None:
        nonlocal inside, most
        async with vaults[number % 2].locked("refresh_token"):
            inside += 1
            most = max(most, inside)
            await vaults[number % 2].save("refresh_token", f"rt-{number}")
            inside -= 1

    async with vaults[0].locked("another"):
        await asyncio.gather(*(enter(number) for number in range(8)))
    assert most == 1
    for store in stores:
        await store.close()


async def test_the_lock_of_a_worker_that_stands_still_goes_to_the_next(
    postgres_server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.daemon.vault._LONGEST_LOCK_MS", 100)
    url = postgres_server.new_database()
    frozen, other = await Store.open(url), await Store.open(url)
    entered = False
    async with (
        StoreVault(_component(tmp_path), already(frozen), FakeClock()).locked("refresh_token"),
        StoreVault(_component(tmp_path), already(other), FakeClock()).locked("refresh_token"),
    ):
        entered = True
    assert entered
    await frozen.close()
    await other.close()


async def test_an_embedded_store_needs_no_lock(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/hub.db")
    vault_of_desk = StoreVault(_component(tmp_path), already(store), FakeClock())
    async with vault_of_desk.locked("refresh_token"):
        await vault_of_desk.save("refresh_token", "rt-1")
    assert await vault_of_desk.load("refresh_token") == "rt-1"
    await store.close()


class Issuer:
    """A token endpoint that takes each refresh token once."""

    def __init__(self) -> None:
        self.valid = "seed"
        self.refused = 0
        self.number = itertools.count(1)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        form = parse_qs((await request.aread()).decode())
        if form["refresh_token"] != [self.valid]:
            self.refused += 1
            return httpx.Response(400)
        await asyncio.sleep(0.005)
        number = next(self.number)
        self.valid = f"refresh-{number}"
        answer = {"access_token": f"access-{number}", "expires_in": 3600, "refresh_token": self.valid}
        return httpx.Response(200, json=answer)


async def test_workers_do_not_lose_a_refresh_token_that_each_use_replaces(
    postgres_server: Postgres, tmp_path: Path
) -> None:
    issuer, url, config = Issuer(), postgres_server.new_database(), _component(tmp_path)
    meet = threading.Barrier(2)

    async def work() -> list[str]:
        store = await Store.open(url)
        context = FakeContext(transport=httpx.MockTransport(issuer))
        context.vault = StoreVault(config, already(store), context.clock)  # type: ignore[assignment]
        secret, seed = SecretStr("s3cret"), SecretStr("seed")
        grant = Grant(kind="refresh_token", client_id="hub", client_secret=secret, refresh_token=seed)
        tokens = AccessTokens(context, "https://auth.example.test/token", grant)
        meet.wait(10)
        got = [await tokens.get()]
        for _ in range(5):
            got.append(await tokens.renew(got[-1]))
        await store.close()
        return got

    one, two = await asyncio.gather(*(asyncio.to_thread(asyncio.run, work()) for _ in range(2)))
    assert issuer.refused == 0
    assert len(set(one)) == len(set(two)) == 6
    assert set(one) & set(two), "what one got is used by the other too"
