"""The URL of a store, as admins write it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from hub import ConfigError
from hub.cli.check import _check_store
from hub.store import dialect
from hub.store.daemon_lock import only_daemon
from hub.store.engine import Store
from hub.store.move import move
from tests.databases import Postgres

if TYPE_CHECKING:
    from hub.config.models import HubConfig

NO_PORT = "postgresql://hub:s3cr3t@db.example:pa55/hub"


def _is_plain(error: ConfigError) -> bool:
    return not any(part in str(error) for part in ("s3cr3t", "pa55", "db.example", "odd"))


@pytest.mark.parametrize("url", [NO_PORT, "no URL with a s3cr3t", "postgresql://hub:s3cr3t@/hub?host=a&port=pa55"])
def test_what_cannot_be_read_is_refused_without_a_word_of_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"hub\.store: the URL cannot be read.*the port is a number") as refused:
        dialect.create_engine(url)
    assert _is_plain(refused.value)


async def test_every_way_to_a_store_refuses_it_alike(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"), only_daemon(NO_PORT):
        raise AssertionError("a lock on nothing")
    source = f"sqlite:///{tmp_path}/hub.db"
    await (await Store.open(source)).close()
    with pytest.raises(ConfigError, match="the target: the URL cannot be read") as refused:
        await move(source, NO_PORT, lambda _what, _rows: None)
    assert _is_plain(refused.value)


@pytest.fixture(scope="module")
def database(postgres_server: Postgres) -> str:
    return postgres_server.new_database()


@pytest.mark.parametrize("mode", ["disable", "prefer", "require"])
async def test_sslmode_is_understood(database: str, mode: str) -> None:
    url = f"{database}&sslmode={mode}"  # over a Unix socket there is no TLS to ask for
    assert dict(dialect.create_engine(url).url.query).get("ssl") == mode
    assert await Store.revision(url) == (None, True)


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("sslmode=odd", "sslmode is one of disable, allow"),
        ("odd=s3cr3t", r"a parameter after \? is not known"),
        ("sslmode=verify-full", "PGSSLROOTCERT"),
    ],
)
async def test_a_parameter_that_cannot_be_used_is_said(
    database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, parameter: str, words: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # where a certificate would be looked for
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)
    with pytest.raises(ConfigError, match=words) as refused:
        await Store.open(f"{database}&{parameter}")
    assert _is_plain(refused.value)


async def test_hub_check_names_the_store_once() -> None:
    (result,) = await _check_store(cast("HubConfig", SimpleNamespace(hub=SimpleNamespace(store=NO_PORT))))
    assert (result.ok, result.what) == (False, "the store")
    assert result.detail.startswith("the URL cannot be read")
