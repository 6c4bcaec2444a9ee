"""What strangers may try on the pages."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from hub.web.app import create_app
from tests.web.pages import Page
from tests.web.ports import EXPIRED, OPEN, SECRET, UNKNOWN, MemoryPorts, view

EVERYWHERE = [
    ("GET", f"/a/{OPEN}"),
    ("HEAD", f"/a/{OPEN}"),
    ("POST", f"/a/{OPEN}"),
    ("GET", f"/a/{EXPIRED}"),
    ("GET", f"/a/{UNKNOWN}"),
    ("GET", f"/u/{OPEN}"),
    ("POST", f"/u/{OPEN}"),
    ("DELETE", f"/a/{OPEN}"),
    ("POST", f"/hooks/sms?secret={SECRET}"),
    ("POST", "/hooks/sms"),
    ("GET", "/nowhere"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
]


@pytest.mark.parametrize(("method", "path"), EVERYWHERE)
async def test_every_answer_carries_the_security_headers(browser: httpx.AsyncClient, method: str, path: str) -> None:
    headers = (await browser.request(method, path)).headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-robots-tag"].startswith("noindex")
    assert headers["x-content-type-options"] == "nosniff"
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} < set(policy)
    assert "unsafe" not in headers["content-security-policy"]
    assert "server" not in headers
    assert "set-cookie" not in headers
    assert len(headers.multi_items()) == len(headers), "each header once"


async def test_the_policy_allows_the_style_sheet_that_is_on_the_page(browser: httpx.AsyncClient) -> None:
    response = await browser.get(f"/a/{OPEN}")
    [style] = re.findall(r"<style>(.*?)</style>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in response.headers["content-security-policy"]
    assert 'style="' not in response.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("page", ["a", "u"])
async def test_wrong_methods_do_nothing(browser: httpx.AsyncClient, ports: MemoryPorts, method: str, page: str) -> None:
    response = await browser.request(method, f"/{page}/{OPEN}", content="rating=5")
    assert (response.status_code, response.content) == (405, b"")
    assert not ports.answers
    assert not ports.opted_out


async def test_guessed_tokens_find_nothing_and_look_alike(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    rng = random.Random(1)
    tokens = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz234567", k=20)) for _ in range(50)]
    pages = [await browser.get(f"/a/{token}") for token in tokens]
    assert {(page.status_code, page.text) for page in pages} == {(404, pages[0].text)}
    assert not [token for token in tokens if token in pages[0].text]


@pytest.mark.parametrize(
    "token",
    [
        OPEN.upper(),
        OPEN + "a",
        OPEN[:-1],
        OPEN + "%0a",
        OPEN + "%00",
        "%27%20OR%201=1--%20%20%20%20%20%20%20%20",
        "..%2f..%2fetc%2fpasswd",
        "ａ" * 20,
        "1" * 20,
    ],
)
async def test_what_is_no_token_never_reaches_the_store(
    browser: httpx.AsyncClient, ports: MemoryPorts, token: str
) -> None:
    for page in ("a", "u"):
        assert (await browser.get(f"/{page}/{token}")).status_code == 404
        assert (await browser.post(f"/{page}/{token}", data={"rating": "5"})).status_code == 404
    assert ports.asked == []


HOSTILE = (
    "\"><script>alert(1)</script>'\r\nX-Evil: 1 {{7*7}} {sender} <img src=x onerror=alert(2)> \u202e\x00 javascript://x"
)


@pytest.mark.parametrize("state", ["open", "expired", "cancelled"])
async def test_hostile_tickets_and_senders_are_only_text(
    browser: httpx.AsyncClient, ports: MemoryPorts, state: Any
) -> None:
    for answered in (False, True):
        ports.invitations[OPEN] = view(
            sender_name=HOSTILE, ticket_key=HOSTILE, subject=HOSTILE, state=state, answered=answered
        )
        for method, path in (("GET", "a"), ("POST", "a"), ("GET", "u"), ("POST", "u")):
            response = await browser.request(
                method, f"/{path}/{OPEN}", params={"thanks": HOSTILE, "r": HOSTILE, "lang": HOSTILE}
            )
            page = Page(response.text)
            assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img"})
            assert "49" not in re.sub(r"<style>.*</style>", "", response.text, flags=re.DOTALL)
            assert "\u202e" not in response.text
            assert "x-evil" not in response.headers


@given(comment=st.text(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_comment_comes_back_as_it_was_written(comment: str) -> None:
    ports = MemoryPorts()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(ports)), base_url="https://x.example") as web:
        shown = Page((await web.post(f"/a/{OPEN}", data={"comment": comment})).text).comment
        await web.post(f"/a/{OPEN}", data={"comment": comment, "rating": "5"})
    written = comment.replace("\r\n", "\n").replace("\x00", "").strip()
    assert ports.answers == [(OPEN, 5, written or None)]
    assert shown == written


@pytest.mark.parametrize(
    "body",
    [
        b"rating=5&comment=%ff%fe%80",
        b"rating=5&comment=\xff\xfe\x80",
        b"rating=5&comment=%ED%A0%80",
        b"rating=5&comment=%",
        b"rating=1&rating=5&comment=x",
    ],
)
async def test_bad_encodings_are_an_answer_all_the_same(
    browser: httpx.AsyncClient, ports: MemoryPorts, body: bytes
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (await browser.post(f"/a/{OPEN}", content=body, headers=headers)).status_code == 303
    assert ports.answers[0][1] == 5
    assert (ports.answers[0][2] or "").encode()


@pytest.mark.parametrize("body", [b"", b"{}", b"\x00" * 100, b"&" * 60_000, b"a=1&" * 15_000, b"rating[]=5"])
async def test_what_is_no_form_is_asked_for_again(browser: httpx.AsyncClient, ports: MemoryPorts, body: bytes) -> None:
    assert (await browser.post(f"/a/{OPEN}", content=body)).status_code == 422
    assert ports.answers == []


@pytest.mark.parametrize("page", ["a", "u"])
async def test_oversized_bodies_are_refused_declared_or_chunked(
    browser: httpx.AsyncClient, ports: MemoryPorts, page: str
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"rating=5&comment=" + b"x" * 1000

    for body in (b"rating=5&comment=" + b"x" * 70_000, chunks()):
        response = await browser.post(f"/{page}/{OPEN}", content=body)
        assert (response.status_code, response.content) == (413, b"")
    for length in ("9" * 5000, "65537"):
        response = await browser.post(f"/{page}/{OPEN}", content=b"rating=5", headers={"content-length": length})
        assert response.status_code == 413
    assert not ports.answers
    assert not ports.opted_out


@pytest.mark.parametrize("language", ["%0d%0aSet-Cookie:%20a=b", "//evil.example", "xx", "<b>"])
async def test_the_redirect_goes_nowhere_else(browser: httpx.AsyncClient, ports: MemoryPorts, language: str) -> None:
    response = await browser.post(f"/a/{OPEN}?lang={language}", data={"rating": "5"}, headers={"host": "evil.example"})
    assert response.headers["location"] == f"{OPEN}?thanks=1&lang=fi"
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("path", ["//evil.example/%2e%2e", f"/a/{OPEN}/", "/healthz/", "/a//evil.example"])
async def test_slashes_never_cause_a_redirect(browser: httpx.AsyncClient, path: str) -> None:
    response = await browser.get("https://survey.example.fi" + path)
    assert response.status_code == 404
    assert "location" not in response.headers


async def test_an_exception_shows_a_kind_page_and_logs_no_data(
    browser: httpx.AsyncClient, ports: MemoryPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(token: str) -> None:
        raise RuntimeError(f"secret detail about {token}")

    monkeypatch.setattr(ports, "invitation", broken)
    with capture_logs() as logs:
        response = await browser.get(f"/a/{OPEN}")
    assert response.status_code == 500
    assert "Something went wrong" in response.text
    assert "secret detail" not in response.text
    assert "Traceback" not in response.text
    assert response.headers["cache-control"] == "no-store"
    assert logs == [{"event": "web.request_failed", "error": "RuntimeError", "log_level": "error"}]
