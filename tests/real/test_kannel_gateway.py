"""The Kannel plugin against a real Kannel, from the sendsms call to the phone and back through the hub's webhooks."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from hub_kannel.config import KannelConfig
from hub_kannel.gateway import KannelGateway
from hub_kannel.text import GSM_BASIC, GSM_EXTENDED
from starlette.applications import Starlette

from hub import (
    AuthFailed,
    Channel,
    DeliveryReport,
    DeliveryStatus,
    Hint,
    HttpClient,
    Inbound,
    Message,
    OutcomeUnknown,
    Rejected,
    Reply,
    Unavailable,
)
from hub.clock import SystemClock
from hub.http import LentClient, Pauses, Timeouts, transport
from hub.testing.clock import FakeClock
from hub.testing.fakes import FakeLog
from hub.web.hooks import Hooks
from tests.real.servers.kannel import Kannel
from tests.real.servers.process import wait_for

_numbers = itertools.count(200)


@dataclass
class Context:
    """What the hub lends."""

    http: HttpClient
    hook_url: str
    name: str = "sms"
    log: FakeLog = field(default_factory=FakeLog)
    clock: SystemClock = field(default_factory=SystemClock)
    random: random.Random = field(default_factory=random.Random)


class Hub:
    """The part of a hub that a gateway needs: a network below it, and the hub's webhooks in front of it."""

    def __init__(self, kannel: Kannel, network: httpx.AsyncBaseTransport) -> None:
        self.reports: list[DeliveryReport] = []
        self.replies: list[Reply] = []
        self.public_url = kannel.hook_url.removesuffix("/hooks/sms")
        self._kannel = kannel
        self._network = network
        self._gateway = self.make_gateway()

    def make_gateway(self, **settings: Any) -> KannelGateway:
        """A gateway with the usual settings, or others."""
        config = {
            "url": self._kannel.url,
            "username": self._kannel.username,
            "password": self._kannel.password,
            "sender": self._kannel.desk_number,
            "callback_secret": self._kannel.callback_secret,
            **settings,
        }
        return KannelGateway(KannelConfig.model_validate(config), Context(self._client(), self._kannel.hook_url))

    def _client(self) -> LentClient:
        clock, numbers = FakeClock(), random.Random(0)
        return LentClient(
            self._network,
            name="gateways.sms",
            clock=clock,  # the waits between attempts take no time
            random=numbers,
            log=FakeLog(),
            pauses=Pauses(clock, numbers),
            timeouts=Timeouts(read=1.0),
        )

    async def send(self, text: str, *, number: str | None = None, **settings: Any) -> Message:
        """Send a text to a phone, a new one unless told."""
        message = Message(key=_key(), recipient=number or new_number(), text=text)
        receipt = await self.make_gateway(**settings).send(message)
        assert (receipt.key, receipt.status) == (message.key, DeliveryStatus.SENT)
        return message

    async def statuses_of(self, message: Message, last: DeliveryStatus) -> list[DeliveryStatus]:
        """The statuses reported of a message, once `last` is among them."""
        await wait_for(lambda: last in self._statuses(message), f"the report {last}")
        return self._statuses(message)

    def _statuses(self, message: Message) -> list[DeliveryStatus]:
        return [report.status for report in self.reports if report.key == message.key]

    def gateway(self, name: str) -> KannelGateway | None:
        """The running gateway of that name."""
        return self._gateway if name == "sms" else None

    def source(self, name: str) -> None:
        """There is no desk here."""

    async def store_hint(self, name: str, hint: Hint) -> None:
        raise AssertionError("there is no desk here")

    async def store_inbound(self, gateway_name: str, inbound: Inbound) -> None:
        """Keep what the webhook brought."""
        self.reports += inbound.reports
        self.replies += inbound.replies


def _key() -> str:
    return "".join(random.Random(next(_numbers)).choices("abcdefghijklmnopqrstuvwxyz234567", k=20))


def new_number(ending: str = "100") -> str:
    """A phone that got nothing yet; its last three digits decide what becomes of messages."""
    return f"+358401{next(_numbers):03d}{ending}"


@pytest_asyncio.fixture
async def hub(kannel: Kannel) -> AsyncIterator[Hub]:
    """The plugin, listening where Kannel calls."""
    network = transport()
    instance = Hub(kannel, network)
    app = Starlette(routes=Hooks(instance).routes())  # type: ignore[arg-type]  # the pages, which are not here, need more
    server = uvicorn.Server(uvicorn.Config(app, port=kannel.hook_port, lifespan="off", log_level="warning"))
    serving = asyncio.create_task(server.serve())
    await wait_for(lambda: server.started, "the webhooks")
    yield instance
    server.should_exit = True
    await serving
    await network.aclose()


async def text_at(kannel: Kannel, message: Message) -> str:
    """The text that the phone shows, once it has it."""
    texts = await wait_for(lambda: [text for to, text in kannel.sent() if to == message.recipient], "the text")
    assert len(texts) == 1
    return texts[0]


@pytest.mark.parametrize(
    "text",
    [
        "Hei! Miten meni? Vastaa 1-5. Åäö €",
        "".join(sorted(GSM_BASIC | GSM_EXTENDED)),
        "Kiitos 👍 Привет – 谢谢",
        "pitkä viesti, jossa on kaikkea: [€] " * 11,
        "a" * 152 + "€" + "b" * 10,
        "Длинное сообщение на русском. " * 5,
        "rivi 1\r\n  rivi   2\n",
        "a\x00b\x1bc \ufeff\uffff",
    ],
    ids=["gsm", "whole gsm alphabet", "unicode", "long gsm", "euro at the cut", "long unicode", "blanks", "odd signs"],
)
async def test_the_phone_shows_the_text_as_it_was(kannel: Kannel, hub: Hub, text: str) -> None:
    message = await hub.send(text)
    assert await text_at(kannel, message) == text


async def test_typography_reaches_the_phone_in_plain_signs(kannel: Kannel, hub: Hub) -> None:
    message = await hub.send("Hei – vastaa 1–5, ’kiitos’…")
    assert await text_at(kannel, message) == "Hei - vastaa 1-5, 'kiitos'..."


async def test_each_part_of_a_long_text_can_be_read_alone(kannel: Kannel, hub: Hub) -> None:
    text = "ş" * 65 + "👍" + "č" * 65 + "👍" + "ş" * 20
    message = await hub.send(text)
    assert await text_at(kannel, message) == text
    parts = {part.text for part in kannel.smsc.parts if part.recipient == message.recipient}
    assert parts == {"ş" * 65 + "👍", "č" * 65 + "👍", "ş" * 20}


@pytest.mark.parametrize("length", [160, 161, 306, 307, 459])
async def test_kannel_makes_as_many_parts_as_were_counted(kannel: Kannel, hub: Hub, length: int) -> None:
    message = await hub.send("ä" * length, max_parts=-(-length // 153) if length > 160 else 1)
    assert await text_at(kannel, message) == "ä" * length


async def test_a_delivered_message_is_reported_twice_in_order(kannel: Kannel, hub: Hub) -> None:
    message = await hub.send("Hei!")
    assert await hub.statuses_of(message, DeliveryStatus.DELIVERED) == [DeliveryStatus.SENT, DeliveryStatus.DELIVERED]


@pytest.mark.parametrize(
    ("ending", "status", "reason", "unusable"),
    [
        ("001", DeliveryStatus.REJECTED, "0x0000000b Invalid Destination Address", True),
        ("002", DeliveryStatus.FAILED, "UNDELIV err:001", False),
        ("003", DeliveryStatus.FAILED, "EXPIRED err:000", False),
        ("009", DeliveryStatus.FAILED, "REJECTD err:00d", False),
    ],
)
async def test_a_failure_is_reported_with_its_code(
    hub: Hub, ending: str, status: DeliveryStatus, reason: str, unusable: bool
) -> None:
    message = await hub.send("Hei!", number=new_number(ending))
    await hub.statuses_of(message, status)
    [report] = [one for one in hub.reports if one.key == message.key and one.status is status]
    assert (report.reason, report.address_unusable) == (reason, unusable)


@pytest.mark.parametrize("to", [Kannel.desk_number, Kannel.post_number], ids=["by GET", "by POST"])
@pytest.mark.parametrize("text", ["5 kiitos   Åäö €", "4 👍\ntoinen rivi", "x" * 300, "1 – " + "ş" * 100])
async def test_a_reply_arrives_with_the_customers_own_words(kannel: Kannel, hub: Hub, to: str, text: str) -> None:
    sender = new_number()
    kannel.reply(sender, to, text)
    [reply] = await wait_for(lambda: [one for one in hub.replies if one.sender == sender], "the reply")
    assert reply.text == text
    assert (reply.channel, reply.recipient) == (Channel.SMS, to)
    assert abs((reply.received_at - SystemClock().now()).total_seconds()) < 30


async def test_two_replies_with_the_same_words_have_two_ids(kannel: Kannel, hub: Hub) -> None:
    sender = new_number()
    for _ in range(2):
        kannel.reply(sender, kannel.post_number, "5")
    replies = await wait_for(
        lambda: r if len(r := [one for one in hub.replies if one.sender == sender]) == 2 else None, "both"
    )
    assert replies is not None
    assert len({reply.provider_id for reply in replies}) == 2


async def test_a_message_for_a_link_that_is_down_is_queued(hub: Hub) -> None:
    message = Message(key=_key(), recipient=new_number(), text="Hei!")
    receipt = await hub.make_gateway(smsc="down").send(message)
    assert receipt.status is DeliveryStatus.QUEUED


async def test_a_wrong_password_stops_the_gateway(kannel: Kannel, hub: Hub) -> None:
    with pytest.raises(AuthFailed):
        await hub.send("Hei!", password="wrong")


async def test_a_wrong_path_stops_the_gateway(kannel: Kannel, hub: Hub) -> None:
    with pytest.raises(AuthFailed):
        await hub.send("Hei!", url=kannel.url.replace("sendsms", "sendmms"))


async def test_a_number_that_kannel_does_not_serve_is_refused_alone(kannel: Kannel, hub: Hub) -> None:
    with pytest.raises(Rejected) as caught:
        await hub.send("Hei!", number="+46701234567", username=kannel.finnish_username)
    assert caught.value.reason == "number_denied"


async def test_check_tells_a_good_password_from_a_wrong_one(kannel: Kannel, hub: Hub) -> None:
    before = len(kannel.smsc.parts)
    assert [result.ok for result in await hub.make_gateway().check()] == [True, True]
    assert [result.ok for result in await hub.make_gateway(password="wrong").check()] == [True, False]
    assert [result.ok for result in await hub.make_gateway(url=kannel.url + "x").check()] == [False]
    assert len(kannel.smsc.parts) == before


async def test_without_an_answer_the_outcome_is_unknown_until_a_report_proves_it(kannel: Kannel, hub: Hub) -> None:
    message = Message(key=_key(), recipient=new_number(), text="Hei, hidas maailma!")
    with kannel.frozen(), pytest.raises(OutcomeUnknown):
        await hub.make_gateway().send(message)
    await hub.statuses_of(message, DeliveryStatus.DELIVERED)
    assert kannel.sent().count((message.recipient, message.text)) == 1


async def test_a_stopped_kannel_sends_nothing_and_serves_again_later(kannel: Kannel, hub: Hub) -> None:
    kannel.stop()
    try:
        with pytest.raises(Unavailable):
            await hub.send("Hei!")
        [result] = await hub.make_gateway().check()
        assert not result.ok
    finally:
        kannel.start()
    message = await hub.send("Taas täällä")
    assert await text_at(kannel, message) == "Taas täällä"
