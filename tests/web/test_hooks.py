"""Webhooks from the point of view of a service that delivers, and of one that only pretends to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast

import httpx
import pytest
from structlog.testing import capture_logs

from hub import Inbound, Webhook
from tests.web.ports import SECRET, HookGateway, MemoryPorts

GOOD = f"/hooks/sms?secret={SECRET}"


def seen(ports: MemoryPorts) -> list[Webhook]:
    return cast("HookGateway", ports.gateways["sms"]).seen


async def test_a_reply_is_stored_before_the_service_gets_an_empty_200(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    response = await browser.post(GOOD, content="5 kiitos")
    assert (response.status_code, response.content) == (200, b"")
    assert [(name, inbound.replies[0].text) for name, inbound in ports.inbound] == [("sms", "5 kiitos")]


async def test_a_service_that_wants_another_answer_gets_it_once_the_reply_is_stored(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    class Particular(HookGateway):
        async def receive(self, request: Webhook) -> Inbound:
            return replace(await super().receive(request), http_status=204)

    ports.gateways["sms"] = Particular()
    response = await browser.post(GOOD, content="5")
    assert (response.status_code, response.content, len(ports.inbound)) == (204, b"", 1)
    ports.failure = OSError("disk full")
    assert (await browser.post(GOOD, content="5")).status_code == 503


async def test_the_gateway_sees_the_request_as_it_was_sent(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    url = "/hooks/sms/dlr/a%20b%2Bc?id=1&id=&t=%C3%A4+%2B"
    await browser.get(url, headers=[("X-Sign", "a"), ("X-Sign", "b"), ("X-Forwarded-Host", "evil.example")])
    [request] = seen(ports)
    assert (request.method, request.path) == ("GET", "dlr/a b+c")
    assert request.query == (("id", "1"), ("id", ""), ("t", "ä +"))
    assert request.headers["x-sign"] == "a, b"
    assert request.url == "https://survey.example.fi" + url


async def test_the_url_does_not_follow_the_host_header(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    await browser.post("/hooks/sms", headers={"host": "evil.example"})
    assert seen(ports)[0].url == "https://survey.example.fi/hooks/sms"
    assert seen(ports)[0].path == ""


@pytest.mark.parametrize(
    ("url", "body", "status"),
    [
        ("/hooks/sms", "5", 403),
        ("/hooks/sms?secret=guess", "5", 403),
        (f"/hooks/sms?secret=%00{SECRET}", "5", 403),
        (f"/hooks/sms?x=1&SECRET={SECRET}", "5", 403),
        (GOOD, "", 400),
        ("/hooks/nosuch", "5", 404),
        ("/hooks/smtp", "5", 404),
        ("/hooks/", "5", 404),
        ("/hooks", "5", 404),
        ("/hooks/sms/%2e%2e/%2e%2e/a?secret=" + SECRET, "5", 404),
        ("/hooks/%2e%2e?secret=" + SECRET, "5", 404),
        ("/hooks/sms%2F..%2Fsmtp?secret=" + SECRET, "5", 404),
    ],
)
async def test_what_is_not_authentic_or_known_stores_nothing(
    browser: httpx.AsyncClient, ports: MemoryPorts, url: str, body: str, status: int
) -> None:
    response = await browser.post(url, content=body)
    assert response.status_code == status
    assert response.content == b"" or url == "/hooks"
    assert ports.inbound == []


async def test_a_query_field_cannot_pose_as_the_path(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    await browser.post("/hooks/sms?path=dlr&gateway=smtp")
    assert seen(ports)[0].path == ""


async def test_when_storing_fails_the_service_is_asked_to_repeat(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    ports.failure = RuntimeError("5 kiitos from +358401234567")
    with capture_logs() as logs:
        response = await browser.post(GOOD, content="5 kiitos")
    assert (response.status_code, response.content) == (503, b"")
    assert logs == [
        {"event": "web.hook_not_stored", "component": "gateways.sms", "error": "RuntimeError", "log_level": "error"}
    ]


async def test_a_store_that_stays_away_is_said_once_until_a_webhook_was_stored_again(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    async def statuses(failure: Exception | None) -> list[int]:
        ports.failure = failure
        return [(await browser.post(GOOD, content="5 kiitos")).status_code for _ in range(3)]

    with capture_logs() as logs:
        assert await statuses(RuntimeError()) == [503] * 3
    assert [each["event"] for each in logs] == ["web.hook_not_stored"]
    with capture_logs() as logs:
        assert await statuses(None) == [200] * 3
        assert await statuses(RuntimeError()) == [503] * 3
    assert [each["event"] for each in logs] == ["web.hook_not_stored"]


async def test_a_plugin_that_crashes_gives_an_empty_500_and_a_log_without_data(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    with capture_logs() as logs:
        response = await browser.post(GOOD, content=b"\xff private")
    assert (response.status_code, response.content) == (500, b"")
    assert logs == [
        {"event": "web.hook_failed", "component": "gateways.sms", "error": "UnicodeDecodeError", "log_level": "error"}
    ]


async def test_a_refusal_is_logged_without_data(browser: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        await browser.post("/hooks/sms?secret=guess", content="5")
    refusal = {"event": "web.hook_refused", "component": "gateways.sms", "status": 403, "reason": "wrong secret"}
    assert logs == [refusal | {"log_level": "warning"}]


async def test_an_empty_delivery_is_stored_too(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    class Nothing(HookGateway):
        async def receive(self, request: Webhook) -> Inbound:
            return Inbound()

    ports.gateways["sms"] = Nothing()
    assert (await browser.get("/hooks/sms")).status_code == 200
    assert ports.inbound == [("sms", Inbound())]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_are_refused(browser: httpx.AsyncClient, ports: MemoryPorts, method: str) -> None:
    response = await browser.request(method, GOOD, content="5")
    assert (response.status_code, response.content) == (405, b"")
    assert seen(ports) == []


async def test_64_kib_is_the_most_a_request_may_bring(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    assert (await browser.post(GOOD, content=b"x" * 65_536)).status_code == 200
    response = await browser.post(GOOD, content=b"x" * 65_537)
    assert (response.status_code, response.content) == (413, b"")
    assert len(ports.inbound) == 1


async def test_a_chunked_body_is_read_no_further_than_allowed(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1024
            yield b"x" * 1024

    assert (await browser.post(GOOD, content=endless())).status_code == 413
    assert sent < 70_000
    assert seen(ports) == []
