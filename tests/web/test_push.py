"""Webhooks of sources, from a desk that tells and from one that only pretends to be it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from structlog.testing import capture_logs

from hub import Hint
from hub.web.hooks import MAX_PUSH_BYTES
from tests.web.ports import SECRET, MemoryPorts, PushedSource

SIGNED = {"x-secret": SECRET, "x-delivery": "d-1"}


async def test_a_hint_is_stored_before_the_desk_gets_its_empty_200(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    response = await browser.post("/push/jira", headers=SIGNED, content="10231")
    assert (response.status_code, response.content) == (200, b"")
    assert ports.hints == [("jira", Hint(("10231",), "d-1"))]


@pytest.mark.parametrize(
    ("url", "headers", "body", "status"),
    [
        ("/push/jira", {}, "10231", 403),
        ("/push/jira", {"x-secret": "guess"}, "10231", 403),
        ("/push/jira", SIGNED, "", 400),
        ("/push/nosuch", SIGNED, "10231", 404),
        ("/push/sms", SIGNED, "10231", 404),
        ("/hooks/jira", SIGNED, "10231", 404),
        ("/push/jira/%2e%2e/x", SIGNED, "10231", 404),
        ("/push/%2e%2e", SIGNED, "10231", 404),
        ("/push/", SIGNED, "10231", 404),
    ],
)
async def test_what_is_not_authentic_or_known_stores_nothing(
    browser: httpx.AsyncClient, ports: MemoryPorts, url: str, headers: dict[str, str], body: str, status: int
) -> None:
    response = await browser.post(url, headers=headers, content=body)
    assert (response.status_code, response.content) == (status, b"")
    assert ports.hints == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_only_post_tells_anything(browser: httpx.AsyncClient, ports: MemoryPorts, method: str) -> None:
    response = await browser.request(method, "/push/jira", headers=SIGNED)
    assert response.status_code == 405
    assert ports.hints == []


async def test_when_storing_fails_the_desk_is_asked_to_repeat(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    ports.failure = RuntimeError("10231 of maija@customer.example")
    with capture_logs() as logs:
        response = await browser.post("/push/jira", headers=SIGNED, content="10231")
    assert response.status_code == 503
    assert "maija" not in str(logs)


async def test_a_large_ticket_fits_and_an_endless_one_does_not(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_PUSH_BYTES // 65536 + 2):
            yield b"x" * 65536

    large = await browser.post("/push/jira", headers=SIGNED, content="1" * (MAX_PUSH_BYTES - 1))
    assert large.status_code == 200
    assert (await browser.post("/push/jira", headers=SIGNED, content=endless())).status_code == 413
    assert len(ports.hints) == 1


async def test_a_fault_of_the_plugin_is_a_500_without_its_words(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    with capture_logs() as logs:
        response = await browser.post("/push/jira", headers=SIGNED, content=b"\xff\xfe secret words")
    assert (response.status_code, response.content) == (500, b"")
    assert "secret words" not in str(logs)
    assert isinstance(ports.sources["jira"], PushedSource)


async def test_while_the_hub_stops_a_desk_is_asked_to_come_again(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    ports.sources.clear()
    ports.not_ready = {"hub": "starting or stopping"}
    assert (await browser.post("/push/jira", headers=SIGNED, content="10231")).status_code == 503
