"""The vault: what it keeps cannot be read from the store, and is forgotten when the secrets change."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from structlog.testing import capture_logs

from hub.config.load import load
from hub.config.models import ComponentConfig
from hub.daemon.vault import LazyStore, StoreVault, already
from hub.store.engine import Store
from hub.store.tables import vault
from hub.testing.clock import FakeClock

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
