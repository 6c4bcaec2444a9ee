"""What a lent client sends, and what it makes of complete answers."""

import asyncio
import base64
import gzip
import random
import subprocess
import sys
import zlib
from datetime import datetime, timedelta

import httpx
import pytest
from structlog.testing import CapturingLogger

from hub import AuthFailed, OutcomeUnknown, RateLimit, RateLimited, Rejected, RemoteError, Unavailable, Unexpected
from hub.http import Limiter, Pauses
from hub.testing.clock import FakeClock
from tests.http.conftest import LentFactory
from tests.http.server import Server, answer, raw, raw_then_cut


async def test_encodes_query_headers_and_form(server: Server, lent: LentFactory) -> None:
    await lent().request(
        "POST",
        server.url("/send"),
        params=[("to", "+358 40"), ("to", "ä&b")],
        data={"text": "Hyvää työtä & kiitos"},
        headers={"X-Key": "k"},
        auth=("hub", "pä:ss"),
    )
    [seen] = server.seen
    assert seen.target == "/send?to=%2B358+40&to=%C3%A4%26b"
    assert seen.body == b"text=Hyv%C3%A4%C3%A4+ty%C3%B6t%C3%A4+%26+kiitos"
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert seen.headers["x-key"] == "k"
    assert base64.b64decode(seen.headers["authorization"].removeprefix("Basic ")).decode() == "hub:pä:ss"
    assert seen.headers["user-agent"].startswith("itsm-hub/")
    assert seen.headers["host"] == f"127.0.0.1:{server.port}"


async def test_a_header_of_the_caller_takes_the_place_of_the_default(server: Server, lent: LentFactory) -> None:
    response = await lent().request("GET", server.url(), headers={"accept": "text/xml"})
    assert response.request.headers.get_list("accept") == ["text/xml"]
    assert server.seen[0].headers["accept"] == "text/xml"


@pytest.mark.parametrize("forged", ["a\r\nX-Forged: 1", "a\nb", "a\rb", "a\0b"])
async def test_a_line_break_in_a_header_is_refused_before_anything_is_sent(
    server: Server, lent: LentFactory, forged: str
) -> None:
    for headers in ({"X-Key": forged}, {forged: "value"}):
        with pytest.raises(ValueError, match="a line break in a header") as caught:
            await lent().request("POST", server.url(), headers=headers, once=True)
        assert "orged" not in str(caught.value)
    assert server.connections == 0


async def test_an_address_without_a_path_asks_for_the_root(server: Server, lent: LentFactory) -> None:
    await lent().request("GET", f"http://127.0.0.1:{server.port}?page=2")
    assert server.seen[0].target == "/?page=2"
    assert server.seen[0].headers["host"] == f"127.0.0.1:{server.port}"


async def test_what_only_announces_an_answer_is_not_taken_for_it(server: Server, lent: LentFactory) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    url = server.on("/", raw(hints + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere"))
    for _ in range(2):
        assert (await lent().request("GET", url)).text == "here"
    assert server.connections == 1


async def test_an_answer_without_a_length_ends_with_its_connection(server: Server, lent: LentFactory) -> None:
    url = server.on("/", raw_then_cut(b"HTTP/1.1 200 OK\r\n\r\nall of it"))
    assert (await lent().request("GET", url)).text == "all of it"


async def test_an_answer_to_a_large_request_may_come_before_it_was_taken(lent: LentFactory) -> None:
    deaf: list[asyncio.StreamWriter] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        deaf.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n")

    listener = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
    with pytest.raises(Rejected):
        await lent().request("POST", url, content=b"x" * 10_000_000, once=True)
    deaf[0].close()
    listener.close()


async def test_encodes_json(server: Server, lent: LentFactory) -> None:
    await lent().request("PUT", server.url(), json={"text": "ä"})
    assert server.seen[0].body == '{"text":"ä"}'.encode()
    assert server.seen[0].headers["content-type"] == "application/json"


async def test_sends_given_bytes_and_keeps_the_query_of_the_url(server: Server, lent: LentFactory) -> None:
    await lent().request("POST", server.url("/a%2Fb?q=%2F+%20ä"), content=b"\x00\xff")
    assert server.seen[0].body == b"\x00\xff"
    assert server.seen[0].target == "/a%2Fb?q=%2F+%20%C3%A4"
    assert "content-type" not in server.seen[0].headers


async def test_moves_credentials_from_the_url_into_the_header(server: Server, lent: LentFactory) -> None:
    response = await lent().request("GET", server.url().replace("//", "//hub:p%40ss@"))
    assert base64.b64decode(server.seen[0].headers["authorization"].removeprefix("Basic ")) == b"hub:p@ss"
    assert "p%40ss" not in str(response.request.url)


async def test_returns_a_response_that_can_be_read_at_once(server: Server, lent: LentFactory) -> None:
    url = server.on("/", answer(201, b'{"id": "1"}', Content_Type="application/json", Location="/1"))
    response = await lent().request("POST", url, json={})
    assert response.status_code == 201
    assert response.json() == {"id": "1"}
    assert response.headers["location"] == "/1"
    assert response.request.method == "POST"
    assert response.raise_for_status()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_decompresses(server: Server, lent: LentFactory, coding: str) -> None:
    text = "Hyvää".encode("latin-1")
    packed = gzip.compress(text) if coding == "gzip" else zlib.compress(text)
    url = server.on("/", answer(200, packed, Content_Encoding=coding, Content_Type="text/plain; charset=latin-1"))
    response = await lent().request("GET", url)
    assert response.text == "Hyvää"
    assert server.seen[0].headers["accept-encoding"] == "gzip, deflate"


async def test_keeps_repeated_headers(server: Server, lent: LentFactory) -> None:
    url = server.on("/", answer(200, b"", Link="<a>", link="<b>"))
    assert (await lent().request("GET", url)).headers.get_list("link") == ["<a>", "<b>"]


async def test_a_head_request_has_no_body(server: Server, lent: LentFactory) -> None:
    url = server.on("/", answer(200, b"", Content_Type="text/plain"))
    assert (await lent().request("HEAD", url)).content == b""


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Rejected),
        (401, AuthFailed),
        (402, AuthFailed),
        (403, AuthFailed),
        (404, Rejected),
        (407, AuthFailed),
        (408, Unavailable),
        (409, Rejected),
        (422, Rejected),
        (429, RateLimited),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
        (302, Unexpected),
    ],
)
async def test_a_status_says_what_the_operator_should_do(
    server: Server, lent: LentFactory, status: int, error: type[RemoteError]
) -> None:
    url = server.on("/+358401234567", answer(status, b"too late for +358401234567"))
    with pytest.raises(error) as caught:
        await lent().request("GET", url + "?password=hunter2", auth=("hub", "hunter3"))
    assert str(caught.value).startswith(f"GET 127.0.0.1 answered {status}")
    assert "hunter" not in str(caught.value)
    assert "+358" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Rejected),
        (401, AuthFailed),
        (408, OutcomeUnknown),
        (429, RateLimited),
        (500, OutcomeUnknown),
        (502, OutcomeUnknown),
        (503, OutcomeUnknown),
        (504, OutcomeUnknown),
    ],
)
async def test_a_request_with_an_effect_is_not_repeated_whatever_the_status(
    server: Server, lent: LentFactory, status: int, error: type[RemoteError]
) -> None:
    url = server.on("/", answer(status))
    with pytest.raises(error):
        await lent().request("POST", url, json={}, once=True)
    assert len(server.seen) == 1


async def test_a_rejection_carries_the_status_as_its_reason(server: Server, lent: LentFactory) -> None:
    with pytest.raises(Rejected) as caught:
        await lent().request("GET", server.on("/", answer(404)))
    assert caught.value.reason == "http_404"
    assert not caught.value.address_unusable


async def test_a_status_that_the_caller_accepts_is_returned(server: Server, lent: LentFactory) -> None:
    url = server.on("/", answer(404, b"gone"))
    response = await lent().request("GET", url, accept={404})
    assert (response.status_code, response.text) == (404, "gone")


async def test_a_redirect_is_not_followed_and_points_at_the_base_url(server: Server, lent: LentFactory) -> None:
    url = server.on("/", answer(302, b"", Location="https://login.example.test/in?token=hunter2"))
    with pytest.raises(Unexpected) as caught:
        await lent().request("GET", url)
    assert str(caught.value) == (
        "GET 127.0.0.1 answered 302, a redirect to https://login.example.test: check the base URL"
    )
    assert len(server.seen) == 1


@pytest.mark.parametrize("location", ["https://[", "//:99999999", "\x7f"])
async def test_a_redirect_to_nonsense_is_reported_all_the_same(
    server: Server, lent: LentFactory, location: str
) -> None:
    with pytest.raises(Unexpected, match="check the base URL"):
        await lent().request("GET", server.on("/", answer(301, b"", Location=location)))


async def test_an_answer_that_is_too_large_is_not_understood(server: Server, lent: LentFactory) -> None:
    url = server.on("/", answer(200, b"x" * 5000))
    with pytest.raises(Unexpected, match="too large"):
        await lent(body_limit=4999).request("GET", url)
    assert len((await lent(body_limit=5000).request("GET", url)).content) == 5000


async def test_the_size_that_counts_is_the_decompressed_one(server: Server, lent: LentFactory) -> None:
    url = server.on("/", answer(200, gzip.compress(b"0" * 1_000_000), Content_Encoding="gzip"))
    with pytest.raises(Unexpected, match="too large"):
        await lent(body_limit=100_000).request("GET", url)


async def test_nobody_knows_what_became_of_a_send_whose_answer_cannot_be_read(
    server: Server, lent: LentFactory
) -> None:
    url = server.on("/", answer(200, b"not gzip", Content_Encoding="gzip"))
    with pytest.raises(OutcomeUnknown):
        await lent().request("POST", url, once=True)
    with pytest.raises(Unexpected, match="decompressed"):
        await lent().request("GET", url)


@pytest.mark.parametrize("url", ["desk.example.test/api", "", "https://", "ftp://desk.example.test", "//x"])
async def test_an_address_that_is_none_is_not_understood(lent: LentFactory, url: str) -> None:
    with pytest.raises(Unexpected):
        await lent().request("GET", url, once=True)


async def test_a_retry_leaves_one_event_without_anything_personal(
    server: Server, lent: LentFactory, log: CapturingLogger, clock: FakeClock
) -> None:
    url = server.on("/+358401234567", answer(503, b"sorry"), answer(502), answer(200, b"done"))
    response = await lent().request("GET", url + "?password=hunter2")
    assert response.text == "done"
    assert [(call.method_name, call.args) for call in log.calls] == [("info", ("http.retry",))] * 2
    first = log.calls[0].kwargs
    assert first == {
        "component": "gateways.sms",
        "attempt": 1,
        "wait_seconds": round(clock.slept[0], 3),
        "error": "Unavailable",
    }


async def test_backs_off_with_jitter_and_gives_up(server: Server, lent: LentFactory, clock: FakeClock) -> None:
    url = server.on("/", answer(503))
    with pytest.raises(Unavailable):
        await lent().request("GET", url)
    assert len(server.seen) == 6
    for slept, least in zip(clock.slept, [0.5, 1, 2, 4, 8], strict=True):
        assert least <= slept <= least * 1.3


async def test_waits_as_long_as_it_is_asked_to(server: Server, lent: LentFactory, clock: FakeClock) -> None:
    url = server.on("/", answer(429, Retry_After="30"), answer())
    await lent().request("GET", url)
    assert 30 <= sum(clock.slept) <= 39


async def test_does_not_wait_longer_than_two_minutes_for_one_request(
    server: Server, lent: LentFactory, clock: FakeClock
) -> None:
    url = server.on("/", answer(429, Retry_After="600"))
    with pytest.raises(RateLimited) as caught:
        await lent().request("GET", url)
    assert caught.value.retry_after
    assert caught.value.retry_after.total_seconds() == 600
    assert clock.slept == []


async def test_a_send_that_was_held_up_is_handed_back_with_the_pause(server: Server, lent: LentFactory) -> None:
    url = server.on("/", answer(503, Retry_After="30"))
    with pytest.raises(Unavailable) as caught:
        await lent().request("POST", url, once=True)
    assert caught.value.retry_after
    assert caught.value.retry_after.total_seconds() == 30
    assert len(server.seen) == 1


async def test_a_pause_asked_of_one_component_is_kept_by_all_with_its_credential(
    server: Server, lent: LentFactory, clock: FakeClock, pauses: Pauses
) -> None:
    url = server.on("/", answer(429, Retry_After="10"), answer())
    with pytest.raises(RateLimited):
        await lent().request("POST", url, auth=("hub", "a"), once=True)
    await lent().request("POST", url, auth=("hub", "other"), once=True)
    assert clock.slept == []
    await lent().request("POST", url, auth=("hub", "a"), once=True)
    assert 10 <= sum(clock.slept) <= 13


async def test_a_long_pause_is_handed_back_without_sending(server: Server, lent: LentFactory, clock: FakeClock) -> None:
    url = server.on("/", answer(429, Retry_After="600"), answer())
    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            await lent().request("POST", url, once=True)
        assert caught.value.retry_after
        assert caught.value.retry_after.total_seconds() == 600
    assert len(server.seen) == 1
    assert clock.slept == []


async def test_every_attempt_counts_against_the_rate(server: Server, lent: LentFactory, clock: FakeClock) -> None:
    url = server.on("/", answer(503), answer())
    await lent(limiter=Limiter(RateLimit(1, timedelta(seconds=10)), clock)).request("GET", url)
    assert sum(clock.slept) == pytest.approx(10)


async def test_a_pause_that_begins_while_waiting_for_the_turn_is_kept(
    server: Server, lent: LentFactory, pauses: Pauses, clock: FakeClock
) -> None:
    class Clock(FakeClock):
        async def sleep(self, seconds: float) -> None:
            if not clock.slept:
                pauses.hold(pauses.key(httpx.Request("GET", server.url())), timedelta(seconds=60))
            await clock.sleep(seconds)

        def now(self) -> datetime:
            return clock.now()

    limiter = Limiter(RateLimit(1, timedelta(seconds=10)), Clock())
    await limiter.acquire()
    begin = clock.now()
    await lent(limiter=limiter).request("GET", server.url())
    assert clock.now() - begin >= timedelta(seconds=60)


def test_a_pause_does_not_show_the_credential() -> None:
    pauses = Pauses(FakeClock(), random.Random(1))
    key = pauses.key(httpx.Request("GET", "http://desk.example.test", headers={"Authorization": "Bearer hunter2"}))
    assert "hunter2" not in repr(key)
    assert key != Pauses(FakeClock(), random.Random(1)).key(
        httpx.Request("GET", "http://desk.example.test", headers={"Authorization": "Bearer hunter2"})
    ), "a hash without a salt can be looked up"


@pytest.mark.parametrize(("module", "absent"), [("hub", "httpx"), ("hub.http", "aiohttp")])
def test_heavy_libraries_are_loaded_only_when_needed(module: str, absent: str) -> None:
    code = f"import sys, {module}; sys.exit({absent!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
