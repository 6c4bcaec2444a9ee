"""The gateway behind the hub's own web server, called by an account that acts by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from hub_twilio.config import TwilioConfig
from hub_twilio.gateway import TwilioGateway
from sandbox.twilio import ACCOUNT, NUMBER, TOKEN, TwilioPhones, TwilioSite

from hub import DeliveryStatus, Message
from hub.testing.fakes import FakeContext
from hub.web.app import create_app
from tests.web.ports import MemoryPorts

PUBLIC, CUSTOMER = "https://survey.example.fi", "+358401234567"
HOOKS = f"{PUBLIC}/hooks/sms"


@pytest.fixture
def ports() -> MemoryPorts:
    return MemoryPorts()


@pytest.fixture
async def phones(ports: MemoryPorts) -> AsyncIterator[TwilioPhones]:
    """The account; its calls go to the hub's web server."""
    hub = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(ports)))
    made = TwilioPhones(TwilioSite(inbound_url=f"{HOOKS}/inbound"), client=hub)
    yield made
    await made.close()


@pytest.fixture
def gateway(ports: MemoryPorts, phones: TwilioPhones) -> TwilioGateway:
    config = TwilioConfig.model_validate({"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER})
    gateway = TwilioGateway(config, FakeContext(transport=httpx.ASGITransport(phones.app), hook_url=HOOKS))
    ports.gateways["sms"] = gateway
    return gateway


async def reported(ports: MemoryPorts, number: int) -> list[tuple[str | None, DeliveryStatus, bool]]:
    async with asyncio.timeout(5):
        while len(ports.inbound) < number:  # noqa: ASYNC110 - bounded polling
            await asyncio.sleep(0)
    return [(one.key, one.status, one.address_unusable) for _, inbound in ports.inbound for one in inbound.reports]


async def test_a_survey_arrives_and_its_callbacks_and_the_answer_reach_the_hub(
    gateway: TwilioGateway, phones: TwilioPhones, ports: MemoryPorts, survey: Callable[..., Message]
) -> None:
    receipt = await gateway.send(survey("Hyvää päivää! Vastaa 1–5."))
    key = receipt.key
    assert await reported(ports, 2) == [(key, DeliveryStatus.SENT, False), (key, DeliveryStatus.DELIVERED, False)]
    [sms] = phones.received
    assert (sms.sender, sms.recipient, sms.text, sms.parts) == (NUMBER, CUSTOMER, "Hyvää päivää! Vastaa 1-5.", 1)
    await phones.write(CUSTOMER, "5 kiitos 👍", times=3)
    replies = [reply for _, inbound in ports.inbound for reply in inbound.replies]
    assert [reply.text for reply in replies] == ["5 kiitos 👍"] * 3
    assert len({reply.provider_id for reply in replies}) == 1, "the store keeps one"
    assert (phones.sent_back, phones.alerts, phones.callbacks_given_up) == ([], [], 0)


async def test_a_dead_number_is_reported_as_unusable(
    gateway: TwilioGateway, phones: TwilioPhones, ports: MemoryPorts, survey: Callable[..., Message]
) -> None:
    phones.dead_numbers.add(CUSTOMER)
    await gateway.send(survey())
    assert (await reported(ports, 2))[-1] == (survey().key, DeliveryStatus.FAILED, True)


async def test_a_callback_that_could_not_be_stored_comes_again(
    gateway: TwilioGateway, phones: TwilioPhones, ports: MemoryPorts, survey: Callable[..., Message]
) -> None:
    receipt = await gateway.send(survey())
    await reported(ports, 2)
    failures = iter([OSError("disk full")] * 5)
    store = ports.store_inbound

    async def sometimes(name: str, inbound: Any) -> None:
        if failure := next(failures, None):
            raise failure
        await store(name, inbound)

    ports.store_inbound = sometimes  # type: ignore[method-assign]
    delivery = phones.site.move(receipt.provider_id or "", "read")
    assert delivery
    assert "#" in delivery.address, "it asks to be tried again"
    answer = await delivery.send(phones.client)
    assert answer is not None
    assert answer.status_code == 204
    assert len(await reported(ports, 3)) == 3


async def test_attacks_at_the_door(gateway: TwilioGateway, phones: TwilioPhones, ports: MemoryPorts) -> None:
    genuine = phones.site.write(CUSTOMER, "5")
    url, body, headers = genuine.url, genuine.body, dict(genuine.headers)
    bare = {"content-type": headers["content-type"]}
    json = {**headers, "content-type": "application/json"}
    for method, where, sent, told, status in (
        ("POST", url, body, bare, 403),
        ("POST", url, body, {**headers, "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, 403),
        ("POST", url, body.replace(b"Body=5", b"Body=1"), headers, 403),
        ("POST", url + "?x=1", body, headers, 403),
        ("POST", url + "/", body, headers, 403),
        ("POST", f"{HOOKS}/status/{'a' * 20}", body, headers, 403),
        ("POST", url, b"{}", json, 415),
        ("POST", url, body + b"&x=" + b"x" * 65536, headers, 413),
        ("GET", url + "?" + body.decode(), b"", headers, 405),
        ("POST", f"{PUBLIC}/hooks/other/inbound", body, headers, 404),
    ):
        answer = await phones.client.request(method, where, content=sent, headers=told)
        assert (answer.status_code, answer.content) == (status, b""), (method, where)
    assert ports.inbound == []
    elsewhere = await phones.client.post(url, content=body, headers={**headers, "host": "evil.example"})
    assert elsewhere.status_code == 204, "the address is the configured one, whatever the request calls it"
