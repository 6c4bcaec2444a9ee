"""The simulated SMS gateway answers, reports and forwards as the real one does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from sandbox.phones import Fault, Phones
from sandbox.web_server import serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SENDSMS = "/cgi-bin/sendsms"
LOGIN = {"username": "hub", "password": "pass"}
GOOD = LOGIN | {"from": "16400", "to": "+358400000001", "text": "Hei"}


class Hub:
    """Stands where the hub would, and keeps what it is told."""

    def __init__(self, first_port: int, *, statuses: tuple[int, ...] = ()) -> None:
        self.url = f"http://127.0.0.1:{first_port}"
        self.calls: list[dict[str, str]] = []
        self._statuses = iter(statuses)
        self.app = Starlette(routes=[Route("/{path:path}", self._receive)])

    async def _receive(self, request: Request) -> Response:
        self.calls.append(dict(request.query_params))
        return Response(status_code=next(self._statuses, 200))

    async def heard(self, calls: int) -> list[dict[str, str]]:
        async with asyncio.timeout(5):
            while len(self.calls) < calls:  # noqa: ASYNC110 - bounded polling
                await asyncio.sleep(0.01)
        return self.calls


@asynccontextmanager
async def gateway(first_port: int, **options: object) -> AsyncIterator[tuple[Phones, httpx.AsyncClient]]:
    phones = Phones("hub", "pass", retry_seconds=0.01, **options)  # type: ignore[arg-type]
    url = f"http://127.0.0.1:{first_port + 1}"
    async with serve(phones.app, first_port + 1), httpx.AsyncClient(base_url=url, trust_env=False) as client:
        yield phones, client
        await phones.close()


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({}, 202, "0: Accepted for delivery"),
        ({"password": "wrong"}, 403, "Authorization failed for sendsms"),
        ({"to": None}, 400, "Missing receiver number, rejected"),
        ({"to": " "}, 400, "Empty receiver number not allowed, rejected"),
        ({"from": None}, 400, "Sender missing and no global set, rejected"),
        ({"to": "maija"}, 400, "Number(s) has/have been denied by white- and/or black-lists."),
    ],
)
async def test_each_request_gets_the_answer_of_the_real_gateway(
    first_port: int, change: dict[str, str | None], status: int, words: str
) -> None:
    query = {name: value for name, value in (GOOD | change).items() if value is not None}
    async with gateway(first_port) as (phones, client):
        answer = await client.get(SENDSMS, params=query)
        assert (answer.status_code, answer.text) == (status, words)
        assert len(phones.received) == (status == 202)


async def test_a_text_posted_with_headers_is_received(first_port: int) -> None:
    headers = {f"X-Kannel-{name}": value for name, value in GOOD.items() if name != "text"}
    headers |= {"Content-Type": "text/plain; charset=UTF-8", "X-Kannel-Coding": "2"}
    async with gateway(first_port) as (phones, client):
        assert (await client.post(SENDSMS, content="Hyvää työtä 👍".encode(), headers=headers)).status_code == 202
        assert phones.received[0].text == "Hyvää työtä 👍"


async def test_a_form_is_refused(first_port: int) -> None:
    async with gateway(first_port) as (_, client):
        answer = await client.post(SENDSMS, data=GOOD)
        assert (answer.status_code, answer.text) == (400, "Invalid content-type")


@pytest.mark.parametrize(
    ("coding", "text", "shown", "parts"),
    [
        ({}, "Hyvää", "Hyvää", 1),
        ({}, "kiitos 👍", "kiitos ?", 1),
        ({"coding": "2", "charset": "UTF-8"}, "kiitos 👍", "kiitos 👍", 1),
        ({}, "a" * 161, "a" * 161, 2),
        ({"coding": "2", "charset": "UTF-8"}, "a" * 71, "a" * 71, 2),
        ({}, "a" * 2000, "a" * 1530, 10),
    ],
)
async def test_phones_show_what_the_coding_makes_of_a_text(
    first_port: int, coding: dict[str, str], text: str, shown: str, parts: int
) -> None:
    async with gateway(first_port) as (phones, client):
        await client.get(SENDSMS, params=GOOD | coding | {"text": text})
        assert (phones.received[0].text, phones.received[0].parts) == (shown, parts)


async def test_reports_come_to_the_address_given_with_its_escapes_filled_in(first_port: int) -> None:
    hub = Hub(first_port)
    dlr = {"dlr-mask": "31", "dlr-url": f"{hub.url}/dlr?key=a%2Bb&type=%d&id=%F&answer=%A&to=%p"}
    async with serve(hub.app, first_port), gateway(first_port) as (_, client):
        await client.get(SENDSMS, params=GOOD | dlr)
        calls = await hub.heard(2)
    assert [call["type"] for call in calls] == ["8", "1"]
    assert {(call["key"], call["to"]) for call in calls} == {("a+b", "+358400000001")}
    assert "stat:DELIVRD" in calls[1]["answer"]


async def test_a_dead_number_is_accepted_and_reported_as_refused(first_port: int) -> None:
    hub = Hub(first_port)
    dlr = {"dlr-mask": "31", "dlr-url": f"{hub.url}/dlr?type=%d&answer=%A"}
    async with serve(hub.app, first_port), gateway(first_port, dead_numbers={GOOD["to"]}) as (phones, client):
        assert (await client.get(SENDSMS, params=GOOD | dlr)).status_code == 202
        assert await hub.heard(1) == [{"type": "16", "answer": "NACK/0x0000000b/Invalid Destination Address"}]
        assert phones.received == []


async def test_a_text_from_a_phone_reaches_the_hub_once_for_each_call_with_one_id(first_port: int) -> None:
    hub = Hub(first_port)
    url = f"{hub.url}/mo?from=%p&to=%P&text=%a&id=%I"
    async with serve(hub.app, first_port), gateway(first_port, inbound_url=url) as (phones, _):
        await phones.write("+358400000001", "5 Hyvää & nopeaa", to="16400", times=3)
    assert hub.calls == [{"from": "+358400000001", "to": "16400", "text": "5 Hyvää & nopeaa", "id": "in-1"}] * 3


async def test_a_callback_is_repeated_until_the_hub_takes_it(first_port: int) -> None:
    hub = Hub(first_port, statuses=(503, 404))
    async with serve(hub.app, first_port), gateway(first_port, inbound_url=f"{hub.url}/mo?id=%I") as (phones, _):
        await phones.write("+358400000001", "5", to="16400")
        assert phones.callbacks_given_up == 0
    assert len(hub.calls) == 3


async def test_a_callback_is_given_up_when_nobody_answers(first_port: int) -> None:
    async with gateway(first_port, inbound_url=f"http://127.0.0.1:{first_port}/mo", retries=1) as (phones, _):
        await phones.write("+358400000001", "5", to="16400")
        assert phones.callbacks_given_up == 1


@pytest.mark.parametrize(
    ("fault", "status", "sent"), [(Fault.REFUSE, 403, 0), (Fault.SHUTDOWN, 503, 0), (Fault.QUEUE, 202, 1)]
)
async def test_faults_with_an_answer(first_port: int, fault: Fault, status: int, sent: int) -> None:
    async with gateway(first_port, fault=fault) as (phones, client):
        assert (await client.get(SENDSMS, params=GOOD)).status_code == status
        assert len(phones.received) == sent


@pytest.mark.parametrize(
    ("fault", "error"), [(Fault.SLOW, httpx.ReadTimeout), (Fault.CLOSE, httpx.RemoteProtocolError)]
)
async def test_faults_that_lose_the_answer_of_a_text_that_went_out(
    first_port: int, fault: Fault, error: type[Exception]
) -> None:
    async with gateway(first_port, fault=fault, slow_seconds=0.5) as (phones, client):
        with pytest.raises(error):
            await client.get(SENDSMS, params=GOOD, timeout=0.2)
        assert len(phones.received) == 1
