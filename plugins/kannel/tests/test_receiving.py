"""What Kannel brings to the webhook: delivery reports and customers' messages."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hub_kannel.config import KannelConfig
from hub_kannel.gateway import KannelGateway
from hypothesis import given
from hypothesis import strategies as st

from hub import Channel, DeliveryReport, DeliveryStatus, Inbound, Reply, Webhook, WebhookRefused
from hub.testing.fakes import FakeContext

SECRET = "secret_of-callbacks"
KEY = "abcdefghijklmnopq234"
RECEIPT = "id:01 sub:001 dlvrd:000 submit date:2611221726 done date:2611221726 stat:{} err:{} text:Hei Maija"


def gateway() -> KannelGateway:
    config = KannelConfig.model_validate(
        {
            "url": "http://kannel.example:13013/cgi-bin/sendsms",
            "username": "hub",
            "password": "hub-pw",
            "sender": "16400",
            "callback_secret": SECRET,
        }
    )
    return KannelGateway(config, FakeContext(name="sms"))


def dlr(kind: int | str, answer: str = "", **more: str) -> Webhook:
    query = {"key": KEY, "type": str(kind), "id": "01", "answer": answer, "time": "1795368418", **more}
    return Webhook(method="GET", path=f"{SECRET}/dlr", query=tuple(query.items()))


def mo_get(**query: str) -> Webhook:
    return Webhook(method="GET", path=f"{SECRET}/mo", query=tuple(query.items()))


def mo_post(body: bytes, content_type: str = 'text/plain; charset="UTF-8"', **query: str) -> Webhook:
    headers = {
        "content-type": content_type,
        "x-kannel-from": "+358401234567",
        "x-kannel-to": "16400",
        "x-kannel-time": "2026-11-22 17:30:07",
    }
    return Webhook(method="POST", path=f"{SECRET}/mo", query=tuple(query.items()), headers=headers, body=body)


async def report(request: Webhook) -> DeliveryReport:
    inbound = await gateway().receive(request)
    assert inbound.replies == ()
    [one] = inbound.reports
    return one


async def reply(request: Webhook) -> Reply:
    inbound = await gateway().receive(request)
    assert inbound.reports == ()
    [one] = inbound.replies
    return one


@pytest.mark.parametrize(
    ("kind", "answer", "status", "reason"),
    [
        (8, "ACK/", DeliveryStatus.SENT, None),
        (1, RECEIPT.format("DELIVRD", "000"), DeliveryStatus.DELIVERED, None),
        (2, RECEIPT.format("UNDELIV", "001"), DeliveryStatus.FAILED, "UNDELIV err:001"),
        (2, RECEIPT.format("EXPIRED", "000"), DeliveryStatus.FAILED, "EXPIRED err:000"),
        (2, "", DeliveryStatus.FAILED, None),
        (4, "", DeliveryStatus.QUEUED, None),
        (16, "NACK/0x0000000b/Invalid Destination Address", DeliveryStatus.REJECTED,
         "0x0000000b Invalid Destination Address"),
        (16, "NACK/Retries Exceeded", DeliveryStatus.REJECTED, "Retries Exceeded"),
        (16, "something else: +358401234567", DeliveryStatus.REJECTED, None),
    ],
)  # fmt: skip
async def test_a_report_has_status_and_codes(
    kind: int, answer: str, status: DeliveryStatus, reason: str | None
) -> None:
    one = await report(dlr(kind, answer))
    assert (one.key, one.status, one.reason, one.provider_id) == (KEY, status, reason, "01")


async def test_only_an_invalid_destination_makes_the_number_unusable() -> None:
    assert (await report(dlr(16, "NACK/0x0000000b/Invalid Destination Address"))).address_unusable
    for kind, answer in [
        (16, "NACK/0x00000058/Throttled"),
        (16, "NACK/Retries Exceeded"),
        (2, RECEIPT.format("UNDELIV", "00b")),
        (2, "NACK/0x0000000b/Invalid Destination Address"),
    ]:
        assert not (await report(dlr(kind, answer))).address_unusable


async def test_a_report_repeats_nothing_of_the_message() -> None:
    one = await report(dlr(2, RECEIPT.format("UNDELIV", "001")))
    assert "Maija" not in repr(one)


async def test_reports_may_come_twice_and_in_any_order() -> None:
    instance = gateway()
    requests = [dlr(1, RECEIPT.format("DELIVRD", "000")), dlr(8, "ACK/"), dlr(1, RECEIPT.format("DELIVRD", "000"))]
    statuses = [(await instance.receive(request)).reports[0].status for request in requests]
    assert statuses == [DeliveryStatus.DELIVERED, DeliveryStatus.SENT, DeliveryStatus.DELIVERED]


async def test_a_report_has_the_time_kannel_gives_unless_it_is_absurd() -> None:
    instance = gateway()
    now = instance.context.clock.now()
    an_hour_ago = now - timedelta(hours=1)
    for written, expected in [
        (str(int(an_hour_ago.timestamp())), datetime.fromtimestamp(int(an_hour_ago.timestamp()), UTC)),
        ("9999999999", now),
        ("", now),
        ("soon", now),
        ("9" * 40, now),
    ]:
        inbound = await instance.receive(dlr(1, time=written))
        assert inbound.reports[0].at == expected


@pytest.mark.parametrize("query", [{"type": "3"}, {"type": ""}, {"type": "1x"}, {"key": ""}, {"key": "../../etc"}])
async def test_a_report_of_nothing_known_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(WebhookRefused) as caught:
        await gateway().receive(dlr(**{"kind": 1, **query}) if "type" not in query else dlr(query["type"]))
    assert caught.value.status == 400


async def test_a_reply_by_get() -> None:
    one = await reply(mo_get(**{"from": "+358401234567"}, to="16400", text="5 kiitos  öä 👍", id="a-b", time="1"))
    assert (one.sender, one.recipient, one.text) == ("+358401234567", "16400", "5 kiitos  öä 👍")
    assert (one.provider_id, one.channel, one.key) == ("a-b", Channel.SMS, None)
    assert one.received_at == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


async def test_a_reply_by_post() -> None:
    one = await reply(mo_post("5 kiitos  öä 👍\n".encode(), id="a-b", time="1"))
    assert (one.sender, one.recipient, one.text) == ("+358401234567", "16400", "5 kiitos  öä 👍\n")
    assert (one.provider_id, one.received_at.second) == ("a-b", 1)


async def test_the_sender_stays_as_it_came() -> None:
    for number in ("00358401234567", "358401234567", "0401234567"):
        assert (await reply(mo_get(**{"from": number}, text="5", id="1"))).sender == number


async def test_without_an_id_time_and_words_tell_replies_apart() -> None:
    first, again = await reply(mo_post(b"5")), await reply(mo_post(b"5"))
    assert first.provider_id == again.provider_id
    later = replace(mo_post(b"5"), headers={**mo_post(b"5").headers, "x-kannel-time": "2026-11-22 17:31:00"})
    assert (await reply(later)).provider_id != first.provider_id
    assert (await reply(mo_post(b"4"))).provider_id != first.provider_id


async def test_without_id_and_time_a_second_reply_is_never_taken_for_the_first() -> None:
    instance = gateway()
    request = mo_get(**{"from": "+358401234567"}, text="5")
    first = (await instance.receive(request)).replies[0]
    await instance.context.clock.sleep(60)
    assert (await instance.receive(request)).replies[0].provider_id != first.provider_id


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("Hyvää".encode("latin-1"), "text/plain; charset=ISO-8859-1", "Hyvää"),
        ("Hyvää".encode(), "", "Hyvää"),
        ("Hyvää".encode(), "text/plain; charset=no-such-thing", "Hyvää"),
        ("Hyvää".encode(), "text/plain; charset=zlib", "Hyvää"),
        (b"5 kiitos \xff", "text/plain; charset=utf-8", "5 kiitos \ufffd"),
        (b"", "text/plain", ""),
    ],
)
async def test_a_reply_is_read_whatever_its_charset(body: bytes, content_type: str, text: str) -> None:
    assert (await reply(mo_post(body, content_type))).text == text


@pytest.mark.parametrize(
    "path", ["", "dlr", "mo", f"{SECRET[:-1]}/mo", f"{SECRET}x/mo", f"x/{SECRET}/mo", "ä/mo", "\ud800"]
)
async def test_a_wrong_secret_is_refused(path: str) -> None:
    with pytest.raises(WebhookRefused) as caught:
        await gateway().receive(replace(mo_get(**{"from": "+358401234567"}, text="5"), path=path))
    assert caught.value.status == 403
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        (f"{SECRET}/", "GET", 404),
        (f"{SECRET}/mo/x", "GET", 404),
        (f"{SECRET}/mo", "PUT", 405),
        (f"{SECRET}/mo", "GET", 400),
    ],
)
async def test_what_is_neither_report_nor_reply_is_refused(path: str, method: str, status: int) -> None:
    with pytest.raises(WebhookRefused) as caught:
        await gateway().receive(Webhook(method=method, path=path))
    assert caught.value.status == status


NAMES = st.sampled_from(["key", "type", "id", "answer", "time", "from", "to", "text", "other"])
VALUES = st.one_of(
    st.text(alphabet=st.characters(codec=None)),
    st.sampled_from(["1", "2", "16", KEY, "NACK/0xffffffff/x", "NACK/", "stat:", "1e9", "٣", "+358401234567"]),
)
HEADERS = st.sampled_from(["content-type", "x-kannel-from", "x-kannel-to", "x-kannel-time", "x-kannel-charset"])
HEADER_VALUES = st.one_of(
    st.text(),
    st.sampled_from(
        [f"text/plain; charset={name}" for name in ("utf-7", "idna", "punycode", "undefined", "hex", '"', "\0")]
    ),
    st.just("text/plain; charset*=utf-8''%ff"),
)
REQUESTS = st.builds(
    Webhook,
    method=st.sampled_from(["GET", "POST"]),
    path=st.sampled_from([f"{SECRET}/dlr", f"{SECRET}/mo"]),
    query=st.lists(st.tuples(NAMES, VALUES)).map(tuple),
    headers=st.dictionaries(HEADERS, HEADER_VALUES),
    body=st.binary(),
)


@given(REQUESTS)
async def test_no_request_raises_anything_but_a_refusal(request: Webhook) -> None:
    with contextlib.suppress(WebhookRefused):
        assert isinstance(await gateway().receive(request), Inbound)
