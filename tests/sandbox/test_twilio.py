"""The simulated Twilio account answers, refuses, signs and calls as the real one is documented to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sandbox.twilio import ACCOUNT, API_KEY, API_SECRET, NUMBER, SERVICE, TOKEN, TwilioPhones, TwilioSite
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.testing.clock import FakeClock

MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
CUSTOMER = "+358401234567"
GOOD = {"To": CUSTOMER, "From": NUMBER, "Body": "Hei", "StatusCallback": "https://hub.example/status/k#rc=2&rp=all"}


class Hub:
    """Stands where the hub would, and keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[dict[str, str]] = []
        self.answers: list[Response] = []
        self.app = Starlette(routes=[Route("/{path:path}", self._receive, methods=["POST"])])

    async def _receive(self, request: Request) -> Response:
        self.calls.append({name: str(value) for name, value in (await request.form()).items()})
        return self.answers.pop(0) if self.answers else Response(status_code=204)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def site(clock: FakeClock) -> TwilioSite:
    return TwilioSite(clock=clock.now, inbound_url="https://hub.example/inbound")


@pytest.fixture
async def api(site: TwilioSite) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(site.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://api.example", auth=(ACCOUNT, TOKEN)) as client:
        yield client


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({}, 201, None),
        ({"To": None}, 400, 21604),
        ({"From": None}, 400, 21603),
        ({"Body": None}, 400, 21602),
        ({"Body": "a" * 1601}, 400, 21617),
        ({"To": "0401234567"}, 400, 21211),
        ({"From": "+358457999999"}, 400, 21606),
        ({"To": "+372501234567"}, 400, 21408),
        ({"To": "+358912345678"}, 400, 21614),
        ({"To": "+358407654321"}, 400, 21610),
        ({"StatusCallback": "https://my_hub.example/x"}, 400, 21609),
        ({"From": None, "MessagingServiceSid": "MG" + "0" * 32}, 400, 21701),
    ],
)
async def test_each_request_gets_the_answer_of_the_real_api(
    site: TwilioSite, api: httpx.AsyncClient, change: dict[str, str | None], status: int, code: int | None
) -> None:
    site.landlines.add("+358912345678")
    site.opted_out.add(("+358407654321", NUMBER))
    answer = await api.post(MESSAGES, data={name: value for name, value in (GOOD | change).items() if value})
    assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert len(site.texts) == (status == 201)


async def test_who_may_ask(site: TwilioSite, api: httpx.AsyncClient) -> None:
    for login, status in (((ACCOUNT, TOKEN), 200), ((API_KEY, API_SECRET), 200), ((ACCOUNT, "x"), 401), (None, 401)):
        answer = await api.get(MESSAGES, auth=login or ("", ""))
        assert (answer.status_code, answer.json().get("code")) == (status, None if status == 200 else 20003)
    assert (await api.get(MESSAGES.replace(ACCOUNT, "AC" + "0" * 32))).json()["code"] == 20404
    site.requests_at_once = 0
    assert (await api.get(MESSAGES)).json()["code"] == 20429


async def test_a_messaging_service_says_later_who_sends(site: TwilioSite, api: httpx.AsyncClient) -> None:
    form = {"To": CUSTOMER, "MessagingServiceSid": SERVICE, "Body": "Hei"}
    taken = (await api.post(MESSAGES, data=form)).json()
    assert (taken["status"], taken["from"], taken["num_segments"]) == ("accepted", None, "0")
    site.move(taken["sid"], "sent")
    sent = (await api.get(f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{taken['sid']}.json")).json()
    assert (sent["status"], sent["from"], sent["num_segments"]) == ("sent", NUMBER, "1")


async def listed(api: httpx.AsyncClient, **query: Any) -> list[str]:
    """All pages of a list, as bodies of messages."""
    answer = (await api.get(MESSAGES, params={"PageSize": 2} | query)).json()
    bodies = [one["body"] for one in answer["messages"]]
    while answer["next_page_uri"]:
        answer = (await api.get(answer["next_page_uri"])).json()
        assert len(answer["messages"]) <= 2
        bodies += [one["body"] for one in answer["messages"]]
    return bodies


async def test_lists_come_newest_first_in_pages_and_by_day(
    site: TwilioSite, api: httpx.AsyncClient, clock: FakeClock
) -> None:
    for number in range(5):
        site.write(CUSTOMER, str(number))
        clock.advance(timedelta(days=1))
    site.create(GOOD | {"Body": "in the queue"})
    today = clock.now().date()
    assert await listed(api) == ["in the queue", "4", "3", "2", "1", "0"]
    assert await listed(api, To=NUMBER) == ["4", "3", "2", "1", "0"]
    assert await listed(api, **{"DateSent>": str(today - timedelta(days=2))}) == ["4", "3"]
    assert await listed(api, **{"DateSent<": str(today - timedelta(days=4))}) == ["1", "0"]
    assert await listed(api, DateSent=str(today - timedelta(days=3))) == ["2"]
    assert (await api.get(MESSAGES, params={"DateSent": "soon"})).json()["code"] == 20001


async def test_stop_blocks_until_start(site: TwilioSite, api: httpx.AsyncClient) -> None:
    site.advanced_opt_out = True
    for words, kind, status in (("stop", "STOP", 400), ("Stop please", None, 400), ("START", "START", 201)):
        delivery = site.write(CUSTOMER, words)
        assert dict(delivery.form).get("OptOutType") == kind
        assert (await api.post(MESSAGES, data=GOOD)).status_code == status


async def test_phones_receive_report_and_reply(site: TwilioSite) -> None:
    hub = Hub()
    client = httpx.AsyncClient(transport=httpx.ASGITransport(hub.app))
    phones = TwilioPhones(site, client=client, dead_numbers={"+358400000000"})
    transport = httpx.ASGITransport(phones.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://api.example", auth=(ACCOUNT, TOKEN)) as api:
        await api.post(MESSAGES, data=GOOD)
        await api.post(MESSAGES, data=GOOD | {"To": "+358400000000"})
        await phones.write(CUSTOMER, "5", times=2)
        async with asyncio.timeout(5):
            while len(hub.calls) < 6:  # noqa: ASYNC110 - bounded polling
                await asyncio.sleep(0)
    statuses = sorted(call["MessageStatus"] for call in hub.calls if "MessageStatus" in call)
    assert statuses == ["delivered", "sent", "sent", "undelivered"]
    assert [call["Body"] for call in hub.calls if "Body" in call] == ["5", "5"]
    assert [sms.recipient for sms in phones.received] == [CUSTOMER]
    await phones.close()


@pytest.mark.parametrize(
    ("answer", "sent_back", "alerts"),
    [
        (Response(status_code=204), [], []),
        (Response("<Response/>", media_type="text/xml"), [], []),
        (Response("<Response><Message>Hi</Message></Response>", media_type="text/xml"), 1, []),
        (Response("OK", media_type="text/plain"), ["OK"], []),
        (Response(status_code=200), [], [12300]),
        (Response("{}", media_type="application/json"), [], [12300]),
    ],
)
async def test_what_the_hub_answers_to_a_customers_message_may_reach_the_customer(
    site: TwilioSite, answer: Response, sent_back: Any, alerts: list[int]
) -> None:
    hub = Hub()
    hub.answers.append(answer)
    phones = TwilioPhones(site, client=httpx.AsyncClient(transport=httpx.ASGITransport(hub.app)))
    await phones.write(CUSTOMER, "5")
    assert (len(phones.sent_back) if sent_back == 1 else phones.sent_back) == sent_back
    assert phones.alerts == alerts
    await phones.close()


async def test_a_call_is_repeated_as_its_fragment_says(site: TwilioSite) -> None:
    hub = Hub()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(hub.app)) as client:
        for fragment, calls in (("", 1), ("#rc=2", 1), ("#rc=2&rp=all", 3)):
            hub.answers = [Response(status_code=503) for _ in range(5)]
            site.inbound_url = f"https://hub.example/inbound{fragment}"
            hub.calls.clear()
            await site.write(CUSTOMER, "5").send(client)
            assert len(hub.calls) == calls
