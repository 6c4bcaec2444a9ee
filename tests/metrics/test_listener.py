"""The operators' listener of a worker."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from hub.api.errors import ConfigError
from hub.daemon.watching import watched
from hub.daemon.web import take_port
from hub.store.engine import Store
from hub.testing.fakes import FakeClock


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path}/hub.db")
    yield opened
    await opened.close()


async def test_it_answers_while_the_worker_runs(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    async with (
        watched(address, store, FakeClock(), components=lambda: ["sources.desk"], ready=dict),
        httpx.AsyncClient(base_url=f"http://{address}") as client,
    ):
        shown = await client.get("/metrics")
        assert 'hub_closures_total{component="sources.desk"} 0.0' in shown.text
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("/metrics")


async def test_a_port_that_is_taken_is_named(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match=rf"hub\.metrics_listen: cannot listen on {address}.*--metrics-listen"):
            async with watched(address, store, FakeClock(), components=list, ready=dict):
                pass


def test_an_address_of_another_machine_gets_the_advice_that_helps() -> None:
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1:9464: [A-Za-z ]+\. Choose an address that this machine has"):
        take_port("web.listen", "192.0.2.1:9464", "--listen")


def test_a_port_in_use_is_said_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError) as refused:
            take_port("web.listen", address, "--listen")
    assert str(refused.value).count(address.partition(":")[2]) == 1
    assert "Address already in use. Stop what uses it" in str(refused.value)


async def test_without_the_setting_nothing_listens(store: Store) -> None:
    async with watched(None, store, FakeClock(), components=list, ready=dict):
        pass
