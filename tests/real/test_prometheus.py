"""Prometheus itself reads the metrics and judges the rules."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn

from hub.web.metrics import create_metrics_app
from tests.metrics.exposed import COMPONENTS, forget_everything
from tests.metrics.reference import busy_world
from tests.metrics.test_grafana import FOLDER, expressions
from tests.real.servers.apt import why_not
from tests.real.servers.prometheus import Prometheus

RULES = FOLDER / "alerts.yml"


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    if reason := why_not():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="hub-real-"))
    try:
        server = Prometheus(folder, RULES)
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[int]:
    """The operators' listener of a hub to which a bit of everything has happened; gives its port."""
    forget_everything()
    async with busy_world(folder) as (world, _):
        app = create_metrics_app(world.store, world.clock, components=lambda: COMPONENTS, ready=dict)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            yield listening.getsockname()[1]
            server.should_exit = True
            await serving


async def test_prometheus_reads_everything_and_loads_the_rules(prometheus: Prometheus, tmp_path: Path) -> None:
    async with served(tmp_path) as port:
        await asyncio.to_thread(prometheus.start, port)

        def ask(expression: str) -> dict[str, float]:
            return prometheus.query(expression)

        async def closures() -> dict[str, float]:
            return await asyncio.to_thread(ask, "hub_closures_total")

        for _ in range(100):
            if found := await closures():
                break
            await asyncio.sleep(0.1)
        assert found == {"sources.desk": 2}
        assert await asyncio.to_thread(ask, "hub_asked_to_answered_seconds_sum") == {
            "gateways.sms": 120,
            "gateways.mail": 0,
        }
        for expression in expressions():
            await asyncio.to_thread(ask, expression)
        groups = (await asyncio.to_thread(prometheus.ask, "rules"))["groups"]
        assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
        assert sum(len(group["rules"]) for group in groups) == RULES.read_text().count("alert:")
        (target,) = (await asyncio.to_thread(prometheus.ask, "targets"))["activeTargets"]
        assert (target["health"], target["lastError"]) == ("up", "")


def test_the_rules_are_well_formed(prometheus: Prometheus) -> None:
    checked = prometheus.promtool("check", "rules", RULES)
    assert checked.returncode == 0, checked.stdout


def test_each_alert_is_raised_by_what_it_is_for(prometheus: Prometheus, tmp_path: Path) -> None:
    shutil.copy(RULES, tmp_path)
    shutil.copy(Path(__file__).parent / "alerts_test.yml", tmp_path)
    tested = prometheus.promtool("test", "rules", tmp_path / "alerts_test.yml")
    assert tested.returncode == 0, tested.stdout
