"""What a load balancer and an operator ask."""

from __future__ import annotations

import httpx

from tests.web.ports import MemoryPorts


async def test_healthz_says_that_the_process_lives_whatever_else_fails(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    ports.not_ready = {"store": "not reachable"}
    response = await browser.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_readyz_names_each_component_that_is_not_ready(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    assert (await browser.get("/readyz")).status_code == 200
    ports.not_ready = {"gateways.sms": "paused: credentials were refused"}
    response = await browser.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "reasons": {"gateways.sms": "paused: credentials were refused"},
    }
