"""The parts of the chaos harness that act: what they break is broken as they say, and phones behave as phones do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from chaos import doors
from chaos.people import COMMENT, SERVICE, SOLVED, STOP, Customer, Said
from chaos.phones import CALLBACK_SECRET, PASSWORD, USERNAME, Phones
from chaos.relay import Relay
from chaos.weather import Weather
from starlette.responses import Response

from tests.chaos.asked import ASKED, TOKEN

FAST_S = 0.01


# What breaks


class Counting:
    """An application that counts how often it acted."""

    def __init__(self) -> None:
        self.acted = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.acted += 1
        await Response(b"0: Accepted for delivery", 202)(scope, receive, send)


async def _answers(weather: Weather, count: int) -> list[httpx.Response]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(weather), base_url="http://desk") as client:
        return [await client.get("/") for _ in range(count)]


async def test_in_fair_weather_every_request_is_answered() -> None:
    app = Counting()
    weather = Weather(app, random.Random(1), share=1.0)
    weather.clear_up()
    assert {answer.status_code for answer in await _answers(weather, 20)} == {202}
    assert (app.acted, weather.injected.total()) == (20, 0)


async def test_in_bad_weather_every_request_meets_a_fault_and_is_carried_out_only_where_that_is_said() -> None:
    app = Counting()
    weather = Weather(app, random.Random(1), share=1.0)
    answers = await _answers(weather, 200)
    assert weather.injected.total() == 200
    after = sum(count for kind, count in weather.injected.items() if "after" in kind or kind == "truncated")
    assert app.acted == after
    assert {429, 500, 502, 503} <= {answer.status_code for answer in answers}
    assert all("Accepted for delivery" not in answer.text for answer in answers)
    assert any(answer.headers.get("retry-after") for answer in answers)


@pytest.fixture
async def echo() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that answers each piece with the same piece; its port, and what it heard."""
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1000):
            heard.append(piece)
            writer.write(piece)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


async def _say(port: int, words: bytes) -> bytes:
    """What comes back; nothing when the connection breaks before anything did."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(words)
        return await reader.read(1000)
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


async def test_a_relay_passes_on_what_it_does_not_break(echo: tuple[int, list[bytes]]) -> None:
    relay = Relay(echo[0], random.Random(1))
    assert await _say(await relay.start(), b"hello") == b"hello"
    assert relay.injected.total() == 0
    await relay.stop()


class Always(random.Random):
    """Chance that breaks everything, in one way."""

    def __init__(self, kind: str) -> None:
        super().__init__(1)
        self._kind = kind

    def random(self) -> float:
        return 0.0

    def choice(self, kinds: Any) -> Any:
        return self._kind if self._kind in kinds else kinds[0]


@pytest.mark.parametrize(("kind", "hears"), [("before", []), ("after", [b"hello"])])
async def test_a_relay_breaks_before_or_after_the_other_side_has_heard(
    echo: tuple[int, list[bytes]], kind: str, hears: list[bytes]
) -> None:
    relay = Relay(echo[0], Always(kind), share=0.5)
    assert await _say(await relay.start(), b"hello") in (b"", b"he")
    assert echo[1] == hears
    assert relay.injected[kind] == 1
    await relay.stop()


async def test_a_relay_that_is_down_refuses_and_is_back_at_the_same_port(echo: tuple[int, list[bytes]]) -> None:
    relay = Relay(echo[0], random.Random(1))
    port = await relay.start()
    await relay.stop()
    with pytest.raises(ConnectionRefusedError):
        await _say(port, b"hello")
    assert await relay.start() == port
    assert await _say(port, b"hello") == b"hello"
    await relay.stop()


# The way to the hubs, and the phones


async def test_the_next_door_is_tried_where_nobody_listens(echo: tuple[int, list[bytes]]) -> None:
    closed = Relay(echo[0], random.Random(1))
    closed_port = await closed.start()
    await closed.stop()
    heard = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        ports = [closed_port, server.sockets[0].getsockname()[1]]
        async with doors.client(ports, random.Random(1)) as client:
            statuses = {(await client.get("http://hub.example/x")).status_code for _ in range(8)}
        assert statuses == {200}
    async with doors.client([closed_port], random.Random(1)) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://hub.example/x")


PAGE = '<form method="post" action=""><input type="hidden" name="stamp" value="s"><textarea name="q.comment">'


class Hub(httpx.AsyncBaseTransport):
    """Takes each webhook at its third attempt."""

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if sum((one.method, one.url) == (request.method, request.url) for one in self.seen) < 3:
            return httpx.Response(503)
        posted = request.method == "POST" and "/a/" in request.url.path
        return httpx.Response(303) if posted else httpx.Response(200, text=PAGE)


def _phones(hub: Hub, customer: Customer, monkeypatch: pytest.MonkeyPatch) -> Phones:
    monkeypatch.setattr("chaos.phones._AGAIN_S", FAST_S)
    client = httpx.AsyncClient(transport=hub)
    return Phones({customer.phone: customer}, client, random.Random(1), doubled=1.0, longest_delay_s=FAST_S)


async def _send(phones: Phones, to: str, text: str = "service?", *, password: str = PASSWORD) -> httpx.Response:
    headers = {"Username": USERNAME, "Password": password, "From": "16400", "To": to}
    headers["DLR-Url"] = (
        f"http://hub.example/hooks/sms/{CALLBACK_SECRET}/dlr?key={TOKEN}&type=%d&id=%F&answer=%A&time=%T"
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(phones.app), base_url="http://gateway") as client:
        named = {f"X-Kannel-{name}": value for name, value in headers.items()}
        return await client.post("/cgi-bin/sendsms", headers=named, content=text.encode())


async def _until_quiet(phones: Phones) -> None:
    async with asyncio.timeout(10):
        while phones.under_way:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(FAST_S)


async def test_the_gateway_reports_and_its_customer_answers_until_the_hub_takes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = Hub()
    phones = _phones(hub, ASKED, monkeypatch)
    answer = await _send(phones, ASKED.phone)
    assert (answer.status_code, answer.text) == (202, "0: Accepted for delivery")
    await _until_quiet(phones)
    assert phones.messages == [(TOKEN, ASKED.phone, SERVICE)]
    assert phones.taken == ["w1n0"]
    reports = [request for request in hub.seen if request.url.path.endswith("/dlr")]
    assert {request.url.params["type"] for request in reports} == {"1", "8"}
    assert all(request.url.params["key"] == TOKEN for request in reports)
    assert phones.calls["report 200"] == 2
    assert phones.calls["report doubled"] == 2
    answers = [request for request in hub.seen if request.url.path.endswith("/mo")]
    assert {request.headers["x-kannel-from"] for request in answers} == {ASKED.phone}
    assert len({request.url.params["id"] for request in answers}) == 1
    assert len(answers) == 4  # the third was taken; the fourth repeats it
    await phones.close()


async def test_a_second_message_is_counted_and_not_answered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    phones = _phones(Hub(), ASKED, monkeypatch)
    await _send(phones, ASKED.phone)
    await _send(phones, ASKED.phone)
    await _until_quiet(phones)
    assert len(phones.messages) == 2
    assert phones.taken == ["w1n0"]
    await phones.close()


async def test_a_customer_answers_what_is_asked_next_and_says_nothing_to_thanks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    phones = _phones(Hub(), ASKED, monkeypatch)
    for text in ("Hi, service? 1-5", "Thank you. solved? Y/N", "Thank you!"):
        await _send(phones, ASKED.phone, text)
        await _until_quiet(phones)
    assert [question for _, _, question in phones.messages] == [SERVICE, SOLVED, ""]
    assert phones.taken == ["w1n0", "w1n1"]
    await phones.close()


async def test_when_somebody_stops_it_is_noted_how_much_they_had_received(monkeypatch: pytest.MonkeyPatch) -> None:
    stops = replace(ASKED, follow_ups={SOLVED: Said("w1stop", SOLVED, STOP)})
    phones = _phones(Hub(), stops, monkeypatch)
    for text in ("service?", "solved?"):
        await _send(phones, ASKED.phone, text)
        await _until_quiet(phones)
    assert phones.stopped == {ASKED.phone: 2}
    await phones.close()


async def test_a_customer_answers_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    phones = _phones(hub, replace(ASKED, by_page=True), monkeypatch)
    await _send(phones, ASKED.phone)
    await _until_quiet(phones)
    assert phones.taken == ["w1n0"]
    sent = [one for one in hub.seen if one.method == "POST"]
    assert {str(one.url) for one in sent} == {f"http://hub.example/a/{TOKEN}"}
    assert dict(parse_qsl(sent[0].content.decode())) == {"stamp": "s", f"q.{SERVICE}": "4", f"q.{COMMENT}": "w1n0"}
    await phones.close()


async def test_the_gateway_refuses_a_wrong_password_and_counts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    phones = _phones(Hub(), ASKED, monkeypatch)
    assert (await _send(phones, ASKED.phone, password="no")).status_code == 403
    assert phones.messages == []
    await phones.close()
