"""The parts of the chaos harness: what it breaks is broken as it says, and what it counts is counted right."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import phonenumbers
import pytest
from chaos import doors
from chaos.judge import PROMISES, Decision, Records, Ticket, judge
from chaos.people import Customer, Said, deal
from chaos.phones import CALLBACK_SECRET, PASSWORD, USERNAME, Phones
from chaos.relay import Relay
from chaos.weather import Weather
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

TOKEN = "abcdefghijklmnopqrst"
FAST_S = 0.01


def test_as_many_answer_as_was_asked_for_and_the_seed_decides_who() -> None:
    customers = deal(3, 1000, 800)
    assert sum(bool(customer.answers) for customer in customers) == 800
    assert sum(not customer.phone for customer in customers) == 10
    assert customers == deal(3, 1000, 800)
    assert customers != deal(4, 1000, 800)


@given(st.integers(0, 9_999))
def test_customers_have_numbers_that_a_gateway_takes(number: int) -> None:
    phone = deal(1, number + 1, 0)[number].phone
    assert not phone or phonenumbers.is_valid_number(phonenumbers.parse(phone))


def test_customers_words_are_their_own() -> None:
    words = [said.word for customer in deal(1, 500, 400) for said in customer.answers]
    assert len(words) == len(set(words)) > 400


# The judge


ASKED = Customer(1, "jira", "+358401000001", (Said(4, "w1n0"),), by_page=False)
QUIET = Customer(2, "servicenow", "+358401000002", (), by_page=False)
COMMENT = "Customer survey: CSAT 4 on a scale of 1 to 5\n\n{quote}\nw1n0\n{quote}\n\nRef xabc.1"
WRITTEN = {"comment": "w1n0", "scores": [{"value": 4}]}


def _clean() -> Records:
    return Records(
        customers=[ASKED, QUIET],
        tickets=[
            Ticket(1, "jira", "10001", "SUP-1", [("comment", COMMENT)], WRITTEN),
            Ticket(2, "servicenow", "ab12", "INC1", []),
        ],
        messages=[(TOKEN, ASKED.phone), ("b" * 20, QUIET.phone)],
        taken=["w1n0"],
        decisions={("jira", "10001"): Decision("delivered", ""), ("servicenow", "ab12"): Decision("delivered", "")},
    )


def _on_ticket(records: Records, **changes: Any) -> Records:
    return replace(records, tickets=[replace(records.tickets[0], **changes), *records.tickets[1:]])


BREAKING: dict[str, tuple[str, Callable[[Records], Records]]] = {
    "a customer without a message": (
        "lost_invitations",
        lambda seen: replace(seen, messages=seen.messages[:1], decisions={}),
    ),
    "a message that is still to be sent": (
        "lost_invitations",
        lambda seen: replace(
            seen, messages=seen.messages[:1], decisions={("servicenow", "ab12"): Decision("waiting", "")}
        ),
    ),
    "the same message twice": ("duplicate_messages", lambda seen: replace(seen, messages=[*seen.messages] * 2)),
    "two surveys for one closing": (
        "duplicate_messages",
        lambda seen: replace(seen, messages=[*seen.messages, ("c" * 20, ASKED.phone)]),
    ),
    "an answer that is nowhere": ("lost_answers", lambda seen: _on_ticket(seen, texts=[], written=None)),
    "an answer without its comment": ("lost_write_backs", lambda seen: _on_ticket(seen, texts=[])),
    "an answer without its property": ("lost_write_backs", lambda seen: _on_ticket(seen, written=None)),
    "a revision written twice": (
        "duplicate_write_backs",
        lambda seen: _on_ticket(seen, texts=[("comment", COMMENT)] * 2),
    ),
    "a doubt that reports have settled": (
        "unresolved",
        lambda seen: replace(seen, decisions={("jira", "10001"): Decision("unknown", "worker_died")}),
    ),
    "an answer that nobody gave": ("wrong", lambda seen: _on_ticket(seen, texts=[("comment", "w2n0\nRef xabc.1")])),
    "a rating that nobody gave": ("wrong", lambda seen: _on_ticket(seen, written=WRITTEN | {"scores": [{"value": 1}]})),
    "an answer that customers can read": ("wrong", lambda seen: _on_ticket(seen, texts=[("public", COMMENT)])),
    "a message to a stranger": (
        "wrong",
        lambda seen: replace(seen, messages=[*seen.messages, ("d" * 20, "+358401999999")]),
    ),
}


def test_a_run_in_which_all_went_well_is_clean() -> None:
    verdict = judge(_clean())
    assert verdict.is_clean
    assert verdict.unknown == []


@pytest.mark.parametrize("what", BREAKING)
def test_each_broken_promise_is_found(what: str) -> None:
    promise, change = BREAKING[what]
    verdict = judge(change(_clean()))
    assert verdict.broken[promise]
    assert not verdict.is_clean
    assert set(verdict.broken) == set(PROMISES)


def test_a_second_revision_is_no_duplicate() -> None:
    second = COMMENT.replace("xabc.1", "xabc.2")
    assert judge(_on_ticket(_clean(), texts=[("comment", COMMENT), ("comment", second)])).is_clean


def test_what_is_in_doubt_is_listed_with_its_reason_and_breaks_no_promise() -> None:
    seen = _clean()
    doubt = {("servicenow", "ab12"): Decision("unknown", "worker_died")}
    verdict = judge(replace(seen, messages=seen.messages[:1], decisions={**seen.decisions, **doubt}))
    assert verdict.is_clean
    (listed,) = verdict.unknown
    assert (listed["ticket"], listed["reason"], listed["gateway_acted"]) == ("INC1", "worker_died", False)


def test_a_customer_who_was_left_out_for_a_reason_is_no_lost_invitation() -> None:
    seen = _clean()
    left_out = {("servicenow", "ab12"): Decision("skipped", "no_contact")}
    verdict = judge(replace(seen, messages=seen.messages[:1], decisions={**seen.decisions, **left_out}))
    assert verdict.is_clean
    assert verdict.not_asked == {"skipped: no_contact": 1}


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


class Hub(httpx.AsyncBaseTransport):
    """Takes each webhook at its third attempt."""

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if sum(str(one.url) == str(request.url) for one in self.seen) < 3:
            return httpx.Response(503)
        return httpx.Response(303 if "/a/" in request.url.path else 200)


def _phones(hub: Hub, customer: Customer, monkeypatch: pytest.MonkeyPatch) -> Phones:
    monkeypatch.setattr("chaos.phones._AGAIN_S", FAST_S)
    client = httpx.AsyncClient(transport=hub)
    return Phones({customer.phone: customer}, client, random.Random(1), doubled=1.0, longest_delay_s=FAST_S)


async def _send(phones: Phones, to: str, *, password: str = PASSWORD) -> httpx.Response:
    headers = {"Username": USERNAME, "Password": password, "From": "16400", "To": to}
    headers["DLR-Url"] = (
        f"http://hub.example/hooks/sms/{CALLBACK_SECRET}/dlr?key={TOKEN}&type=%d&id=%F&answer=%A&time=%T"
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(phones.app), base_url="http://gateway") as client:
        return await client.post(
            "/cgi-bin/sendsms", headers={f"X-Kannel-{name}": value for name, value in headers.items()}, content=b"Hi"
        )


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
    assert phones.messages == [(TOKEN, ASKED.phone)]
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


async def test_a_customer_answers_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    phones = _phones(hub, replace(ASKED, by_page=True), monkeypatch)
    await _send(phones, ASKED.phone)
    await _until_quiet(phones)
    assert phones.taken == ["w1n0"]
    assert {str(one.url) for one in hub.seen if one.method == "POST"} == {f"http://hub.example/a/{TOKEN}"}
    await phones.close()


async def test_the_gateway_refuses_a_wrong_password_and_counts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    phones = _phones(Hub(), ASKED, monkeypatch)
    assert (await _send(phones, ASKED.phone, password="no")).status_code == 403
    assert phones.messages == []
    await phones.close()
