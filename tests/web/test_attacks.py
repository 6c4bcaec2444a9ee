"""What strangers may try on the pages."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from hub.journey.page import Stage
from hub.web.app import create_app
from tests.web.asked import BUILTIN
from tests.web.pages import Page
from tests.web.ports import EXPIRED, OPEN, SECRET, UNKNOWN, MemoryPorts, place, view

VISIT = "v" * 20
EVERYWHERE = [
    ("GET", f"/a/{OPEN}"),
    ("HEAD", f"/a/{OPEN}"),
    ("POST", f"/a/{OPEN}"),
    ("GET", f"/a/{EXPIRED}"),
    ("GET", f"/a/{UNKNOWN}"),
    ("GET", f"/a/{OPEN}/withdraw"),
    ("GET", f"/u/{OPEN}"),
    ("POST", f"/u/{OPEN}"),
    ("DELETE", f"/a/{OPEN}"),
    ("GET", "/f/lobby"),
    ("POST", "/f/lobby"),
    ("GET", "/k/lobby"),
    ("POST", "/k/lobby"),
    ("GET", "/preview/closing"),
    ("POST", f"/hooks/sms?secret={SECRET}"),
    ("POST", "/hooks/sms"),
    ("GET", "/nowhere"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
]
PAGES = [f"/a/{OPEN}", f"/a/{OPEN}/withdraw", f"/u/{OPEN}", "/f/lobby", f"/f/lobby/{VISIT}", "/k/lobby",
         f"/k/lobby/{VISIT}", "/preview/closing"]  # fmt: skip


@pytest.fixture
def ports(ports: MemoryPorts) -> MemoryPorts:
    """With somebody who has just answered at the place."""
    ports.views[VISIT] = view(token=VISIT, survey=BUILTIN["place"], place="lobby", stage=Stage.ANSWERED,
                              values={"visit": 4})  # fmt: skip
    return ports


@pytest.mark.parametrize(("method", "path"), EVERYWHERE)
async def test_every_answer_carries_the_security_headers(browser: httpx.AsyncClient, method: str, path: str) -> None:
    headers = (await browser.request(method, path)).headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-robots-tag"].startswith("noindex")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} < set(policy)
    assert "unsafe" not in headers["content-security-policy"]
    assert "server" not in headers
    assert "set-cookie" not in headers
    assert len(headers.multi_items()) == len(headers), "each header once"


@pytest.mark.parametrize("path", PAGES)
async def test_the_policy_allows_the_style_and_the_script_on_the_page_and_nothing_else(
    browser: httpx.AsyncClient, path: str
) -> None:
    response = await browser.get(path, follow_redirects=True)
    for tag, kind in (("style", "style-src"), ("script", "script-src")):
        for content in re.findall(rf"<{tag}>(.*?)</{tag}>", response.text, re.DOTALL):
            digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
            assert f"{kind} 'sha256-{digest}'" in response.headers["content-security-policy"]
    page = Page(response.text)
    assert [len(page.all("style")), len(page.all("script"))] == [1, 1]
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcset")]
    assert not {tag for tag, _ in page.tags} & {"img", "iframe", "object", "link", "base"}


@pytest.mark.parametrize("path", PAGES)
async def test_everything_a_page_needs_is_in_it_and_it_is_light(browser: httpx.AsyncClient, path: str) -> None:
    response = await browser.get(path, follow_redirects=True)
    assert response.status_code == 200
    assert len(response.content) < 30_000
    assert not [one for _, one in Page(response.text).tags if "src" in one]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_wrong_methods_do_nothing(browser: httpx.AsyncClient, ports: MemoryPorts, method: str) -> None:
    for path in PAGES:
        response = await browser.request(method, path, content="q.service=5&q.visit=5")
        assert (response.status_code, response.content) == (405, b"")
    assert not ports.submissions
    assert not ports.stopped


async def test_looking_by_any_means_stores_nothing(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    for path in (*PAGES, f"/k/lobby/{VISIT}/undo"):
        for method in ("GET", "HEAD"):
            await browser.request(method, f"{path}?q.service=5&q.visit=5&r=5&again=1&done=withdrawn")
    assert not ports.submissions
    assert not ports.stopped
    assert ports.visits == [(OPEN, 5)], "only a GET through a rating's own link leaves a trace"


async def test_guessed_tokens_find_nothing_and_look_alike(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    rng = random.Random(1)
    tokens = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz234567", k=20)) for _ in range(50)]
    for path in ("a", "u", "f/lobby", "k/lobby"):
        pages = [await browser.get(f"/{path}/{token}") for token in tokens]
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
    for page in ("a", "u", "f/lobby", "k/lobby"):
        assert (await browser.get(f"/{page}/{token}")).status_code == 404
        assert (await browser.post(f"/{page}/{token}", data={"q.service": "5"})).status_code == 404
    assert ports.asked == []


async def test_a_token_works_only_where_it_belongs(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    ports.places["other"] = place(name="other")
    for path in (f"/a/{VISIT}", f"/u/{VISIT}", f"/f/other/{VISIT}", f"/k/other/{VISIT}", f"/f/lobby/{OPEN}",
                 f"/k/lobby/{OPEN}", f"/k/lobby/{OPEN}/undo", f"/a/{VISIT}/withdraw"):  # fmt: skip
        for method in ("GET", "POST"):
            response = await browser.request(method, path, data={"q.visit": "5", "q.service": "5"})
            shows_nothing = response.status_code in (404, 405) or response.headers["location"] == "../../lobby"
            assert shows_nothing, path
    assert ports.submissions == []
    assert ports.stopped == set()


async def test_a_token_in_a_form_is_not_listened_to(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    await browser.post(f"/a/{OPEN}", data={"q.service": "5", "token": EXPIRED, "key": EXPIRED})
    assert [token for token, _ in ports.submissions] == [OPEN]


@pytest.mark.parametrize(
    "name",
    ["..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "lobby%00", "LOBBY", "lobby%20", "%3Cscript%3E", "lobby%0d%0aX:y",
     "__class__"],
)  # fmt: skip
async def test_a_place_that_is_not_there_is_not_found(browser: httpx.AsyncClient, name: str) -> None:
    for kind in ("f", "k", "preview"):
        for method in ("GET", "POST"):
            response = await browser.request(method, f"https://x.example/{kind}/{name}", data={"q.visit": "5"})
            assert response.status_code == 404
            assert "script>alert" not in response.text
            assert "refresh" not in response.headers or response.headers["refresh"].startswith("15; url=")


HOSTILE = (
    "\"><script>alert(1)</script>'\r\nX-Evil: 1 {{7*7}} {sender} <img src=x onerror=alert(2)> \u202e\x00 javascript://x"
)


@pytest.mark.parametrize("stage", list(Stage))
async def test_hostile_tickets_answers_and_senders_are_only_text(
    browser: httpx.AsyncClient, ports: MemoryPorts, stage: Any
) -> None:
    for values in ({}, {"service": 2, "comment": HOSTILE, "three": {"problem": HOSTILE}}):
        ports.views[OPEN] = view(
            sender_name=HOSTILE, ticket_key=HOSTILE, subject=HOSTILE, stage=stage, values=values, stamp=HOSTILE,
            remarks=(("service", HOSTILE),) if values else (), held=values or None,
        )  # fmt: skip
        for method, path in (("GET", f"a/{OPEN}"), ("POST", f"a/{OPEN}"), ("GET", f"u/{OPEN}"), ("POST", f"u/{OPEN}")):
            for done in (HOSTILE, "answered"):
                response = await browser.request(
                    method, f"/{path}", params={"done": done, "r": HOSTILE, "lang": HOSTILE, "embed": HOSTILE}
                )
                _assert_harmless(response)


def _assert_harmless(response: httpx.Response) -> None:
    page = Page(response.text)
    assert len(page.all("script")) <= 1
    assert not page.all("img")
    assert "onerror" not in str([attributes.keys() for _, attributes in page.tags])
    assert "49" not in re.sub(r"<style>.*</style>|<svg.*?</svg>", "", response.text, flags=re.DOTALL)
    assert "x-evil" not in response.headers


async def test_hostile_places_are_only_text_also_in_headers_and_drawings(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    name = 'x"><script>alert(1)</script>\r\nX-Evil: 1;é..'.replace("/", "-")
    ports.places[name] = place(name=name, title={"fi": HOSTILE}, sender_name=HOSTILE, stamp=HOSTILE)
    for kind in ("k", "f"):
        for method in ("GET", "POST"):
            response = await browser.request(method, f"/{kind}/{quote(name)}", data={"q.visit": "3"})
            assert response.status_code == (200 if method == "GET" else 303)
            assert "x-evil" not in response.headers
            assert response.headers.get("location", "").isprintable()
            if response.content:
                _assert_harmless(response)
    after = await browser.get(f"/k/{quote(name)}/{'p' * 19}a")
    assert after.headers["refresh"] == f"15; url=../{quote(name)}"
    _assert_harmless(after)


@given(comment=st.text(max_size=200))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_words_come_back_as_they_were_written(comment: str) -> None:
    ports = MemoryPorts()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(ports)), base_url="https://x.example") as web:
        shown = Page((await web.post(f"/a/{OPEN}", data={"q.comment": comment})).text).comment
        await web.post(f"/a/{OPEN}", data={"q.comment": comment, "q.service": "5"})
    written = comment.replace("\r\n", "\n").replace("\x00", "").strip()
    assert ports.given == [(OPEN, {"service": 5, "comment": written} if written else {"service": 5})]
    assert shown.strip() == written


@pytest.mark.parametrize(
    "body",
    [
        b"q.service=5&q.comment=%ff%fe%80",
        b"q.service=5&q.comment=\xff\xfe\x80",
        b"q.service=5&q.comment=%ED%A0%80",
        b"q.service=5&q.comment=%",
        b"q.service=1&q.service=5&q.comment=x",
    ],
)
async def test_bad_encodings_are_an_answer_all_the_same(
    browser: httpx.AsyncClient, ports: MemoryPorts, body: bytes
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (await browser.post(f"/a/{OPEN}", content=body, headers=headers)).status_code == 303
    [(_, values)] = ports.given
    assert values["service"] == 5
    assert values["comment"].encode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b'{"q.service": 5}', "application/json"),
        (b"\x00" * 100, "application/octet-stream"),
        (b"&" * 60_000, "text/plain"),
        (b"a=1&" * 10_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"q.service=5&f%d=1" % number for number in range(5_000)), "application/x-www-form-urlencoded"),
        (b"q.service[]=5&q[service]=5", "application/x-www-form-urlencoded"),
        (
            b'--b\r\nContent-Disposition: form-data; name="q.service"\r\n\r\n5\r\n--b--',
            "multipart/form-data; boundary=b",
        ),
        (b"<q.service>5</q.service>", "text/xml"),
    ],
)
async def test_what_is_no_form_is_asked_for_again(
    browser: httpx.AsyncClient, ports: MemoryPorts, body: bytes, kind: str
) -> None:
    headers = {"content-type": kind}
    if len(body) <= 65_536:
        assert (await browser.post(f"/a/{OPEN}", content=body, headers=headers)).status_code == 422
    assert (await browser.post("/f/lobby", content=body[:65_536], headers=headers)).status_code == 422
    assert ports.submissions == []


@pytest.mark.parametrize("path", PAGES)
async def test_oversized_bodies_are_refused_declared_or_chunked(
    browser: httpx.AsyncClient, ports: MemoryPorts, path: str
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"q.service=5&q.comment=" + b"x" * 1000

    for body in (b"q.service=5&q.comment=" + b"x" * 70_000, chunks()):
        response = await browser.post(path, content=body)
        assert (response.status_code, response.content) == (413, b"")
    for length in ("9" * 5000, "65537"):
        response = await browser.post(path, content=b"q.service=5", headers={"content-length": length})
        assert response.status_code == 413
    assert not ports.submissions
    assert not ports.stopped


@pytest.mark.parametrize("language", ["%0d%0aSet-Cookie:%20a=b", "//evil.example", "xx", "<b>"])
async def test_the_redirect_goes_nowhere_else(browser: httpx.AsyncClient, ports: MemoryPorts, language: str) -> None:
    response = await browser.post(
        f"/a/{OPEN}?lang={language}", data={"q.service": "5"}, headers={"host": "evil.example"}
    )
    assert response.headers["location"] == f"{OPEN}?lang=fi&done=answered"
    assert "set-cookie" not in response.headers
    response = await browser.post(f"/k/lobby?lang={language}&embed=//evil", data={"q.visit": "5"})
    assert re.fullmatch(r"lobby/[a-z]{20}\?lang=fi", response.headers["location"])


@pytest.mark.parametrize("path", ["//evil.example/%2e%2e", f"/a/{OPEN}/", "/healthz/", "/a//evil.example", "/k/lobby/"])
async def test_slashes_never_cause_a_redirect(browser: httpx.AsyncClient, path: str) -> None:
    response = await browser.get("https://survey.example.fi" + path)
    assert response.status_code == 404
    assert "location" not in response.headers


async def test_an_exception_shows_a_kind_page_and_logs_no_data(
    browser: httpx.AsyncClient, ports: MemoryPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(token: str) -> None:
        raise RuntimeError(f"secret detail about {token}")

    monkeypatch.setattr(ports, "survey", broken)
    with capture_logs() as logs:
        for path in (f"/a/{OPEN}", f"/k/lobby/{OPEN}"):
            response = await browser.get(path)
            assert response.status_code == 500
            assert "Something went wrong" in response.text
            assert "secret detail" not in response.text
            assert "Traceback" not in response.text
            assert response.headers["cache-control"] == "no-store"
    assert logs == [{"event": "web.request_failed", "error": "RuntimeError", "log_level": "error"}] * 2


async def test_the_trap_and_the_marks_of_a_form_are_only_passed_on(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    await browser.post(f"/a/{OPEN}", data={"q.service": "5", "more": "http://spam", "stamp": HOSTILE, "hand": HOSTILE})
    [(_, submission)] = ports.submissions
    assert submission.trap_filled
    assert replace(submission, trap_filled=False).values == {"service": 5}
    assert (submission.stamp, submission.hand) == (HOSTILE, HOSTILE)
