"""What Twilio brings to the webhook: status callbacks and customers' messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sandbox.twilio import ACCOUNT, NUMBER, SERVICE, TOKEN, Delivery

from hub import Channel, DeliveryReport, DeliveryStatus, Message, Reply, Webhook, WebhookRefused

CUSTOMER = "+358401234567"
HOOK = "https://survey.example/hooks/test"
SID = "SM" + "0" * 31 + "1"

Brings = Callable[..., Webhook]


def called(make_webhook: Brings, path: str, form: dict[str, str]) -> Webhook:
    """A genuine call with this form."""
    return make_webhook(Delivery(f"{HOOK}/{path}", tuple({"MessageSid": SID, **form}.items()), TOKEN))


def status(
    make_webhook: Brings, word: str, code: str | None = None, path: str = "status/abcdefghijklmnopq234"
) -> Webhook:
    form = {"AccountSid": ACCOUNT, "From": NUMBER, "To": CUSTOMER, "MessageStatus": word, "SmsStatus": word}
    return called(make_webhook, path, form | ({"ErrorCode": code} if code else {}))


async def report(rig: Any, request: Webhook) -> DeliveryReport:
    inbound = await rig.gateway().receive(request)
    assert (inbound.replies, inbound.http_status, inbound.cursor) == ((), 204, None)
    [one] = inbound.reports
    return one


async def reply(rig: Any, request: Webhook) -> Reply:
    inbound = await rig.gateway().receive(request)
    assert (inbound.reports, inbound.http_status, inbound.cursor) == ((), 204, None)
    [one] = inbound.replies
    return one


@pytest.mark.parametrize(
    ("word", "code", "expected", "reason", "unusable"),
    [
        ("accepted", None, DeliveryStatus.QUEUED, None, False),
        ("queued", None, DeliveryStatus.QUEUED, None, False),
        ("sending", None, DeliveryStatus.SENT, None, False),
        ("sent", None, DeliveryStatus.SENT, None, False),
        ("delivered", None, DeliveryStatus.DELIVERED, None, False),
        ("read", None, DeliveryStatus.DELIVERED, None, False),
        ("partially_delivered", None, DeliveryStatus.SENT, None, False),
        ("canceled", None, DeliveryStatus.REJECTED, "canceled", False),
        ("failed", "30001", DeliveryStatus.REJECTED, "30001", False),
        ("failed", "21610", DeliveryStatus.REJECTED, "21610", True),
        ("undelivered", None, DeliveryStatus.FAILED, "undelivered", False),
        ("undelivered", "30003", DeliveryStatus.FAILED, "30003", False),
        ("undelivered", "30004", DeliveryStatus.FAILED, "30004", True),
        ("undelivered", "30005", DeliveryStatus.FAILED, "30005", True),
        ("undelivered", "30006", DeliveryStatus.FAILED, "30006", True),
        ("undelivered", "30007", DeliveryStatus.FAILED, "30007", False),
        ("undelivered", "to +358401234567", DeliveryStatus.FAILED, "undelivered", False),
        ("delivered", "30005", DeliveryStatus.DELIVERED, None, False),
    ],
)
async def test_a_status_callback_names_the_message_its_status_and_why(
    rig: Any,
    make_webhook: Brings,
    word: str,
    code: str | None,
    expected: DeliveryStatus,
    reason: str | None,
    unusable: bool,
) -> None:
    one = await report(rig, status(make_webhook, word, code))
    assert (one.key, one.provider_id) == ("abcdefghijklmnopq234", SID)
    assert (one.status, one.reason, one.address_unusable) == (expected, reason, unusable)
    assert one.opted_out is (code == "21610")
    assert one.at == rig.clock.now()


async def test_a_status_that_is_not_known_is_taken_and_says_nothing(rig: Any, make_webhook: Brings) -> None:
    inbound = await rig.gateway().receive(status(make_webhook, "teleported"))
    assert (inbound.reports, inbound.replies, inbound.http_status) == ((), (), 204)


async def test_a_callback_of_the_messaging_service_has_no_key_but_the_id(rig: Any, make_webhook: Brings) -> None:
    one = await report(rig, status(make_webhook, "delivered", path="status"))
    assert (one.key, one.provider_id) == (None, SID)


async def test_a_customers_message_keeps_its_words(rig: Any, make_webhook: Brings) -> None:
    one = await reply(rig, make_webhook(rig.site.write(CUSTOMER, " 5 kiitos & öä 👍\n+1=2 ")))
    assert (one.sender, one.recipient, one.text) == (CUSTOMER, NUMBER, " 5 kiitos & öä 👍\n+1=2 ")
    assert (one.channel, one.key, one.automatic, one.received_at) == (Channel.SMS, None, False, rig.clock.now())


async def test_the_same_message_brought_again_is_the_same_reply(rig: Any, make_webhook: Brings) -> None:
    """Also a replay of a recorded request: the hub stores a reply of one id once."""
    request = make_webhook(rig.site.write(CUSTOMER, "5"))
    first = await reply(rig, request)
    rig.clock.advance(first.received_at - first.received_at.replace(year=first.received_at.year - 1))
    assert (await reply(rig, request)).provider_id == first.provider_id
    assert (await reply(rig, make_webhook(rig.site.write(CUSTOMER, "5")))).provider_id != first.provider_id


@pytest.mark.parametrize("words", ["STOP", "start", "HELP"])
async def test_twilios_own_keywords_are_replies_like_any_other(rig: Any, make_webhook: Brings, words: str) -> None:
    rig.site.advanced_opt_out = True
    one = await reply(rig, make_webhook(rig.site.write(CUSTOMER, words, service=SERVICE)))
    assert (one.text, one.opts_out) == (words, words == "STOP")


async def test_a_word_that_only_the_account_takes_for_stop_is_one(rig: Any, make_webhook: Brings) -> None:
    rig.site.advanced_opt_out = True
    rig.site.stop_words.add("INGEN MER")
    one = await reply(rig, make_webhook(rig.site.write(CUSTOMER, "ingen mer")))
    assert (one.text, one.opts_out) == ("ingen mer", True)


async def test_a_yes_is_no_wish_to_start_again(rig: Any, make_webhook: Brings) -> None:
    """Twilio takes YES for START too; to the hub it may answer a question."""
    rig.site.advanced_opt_out = True
    request = make_webhook(rig.site.write(CUSTOMER, "yes"))
    assert b"OptOutType=START" in request.body
    assert not (await reply(rig, request)).opts_out


async def test_a_message_without_words_is_kept(rig: Any, make_webhook: Brings) -> None:
    form = {"From": CUSTOMER, "To": NUMBER, "Body": "", "NumMedia": "1", "MediaUrl0": "https://api.twilio.com/x"}
    assert (await reply(rig, called(make_webhook, "inbound", form))).text == ""


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("inbound", {"Body": "5"}),
        ("inbound", {"From": " ", "Body": "5"}),
        ("inbound", {"From": CUSTOMER}),
        ("inbound", {"From": CUSTOMER, "Body": "5", "MessageSid": "SM1"}),
        ("inbound", {"From": CUSTOMER, "Body": "5", "MessageSid": SID + "\n"}),
        ("inbound", {"From": NUMBER, "Body": "Hei!", "MessageStatus": "delivered"}),
        ("status/abcdefghijklmnopq234", {"From": CUSTOMER, "Body": "5"}),
        ("status/abcdefghijklmnopq234", {"MessageStatus": "sent", "MessageSid": ""}),
        ("status/../../etc", {"MessageStatus": "sent"}),
        ("status/ABCDEFGHIJKLMNOPQ234", {"MessageStatus": "sent"}),
    ],
)
async def test_what_is_neither_report_nor_reply_is_refused(
    rig: Any, make_webhook: Brings, path: str, form: dict[str, str]
) -> None:
    with pytest.raises(WebhookRefused) as caught:
        await rig.gateway().receive(called(make_webhook, path, form))
    assert caught.value.status == 400


@pytest.mark.parametrize("path", ["", "inbound/x", "other", "statusx/abcdefghijklmnopq234"])
async def test_a_genuine_call_to_an_unknown_address_is_refused(rig: Any, make_webhook: Brings, path: str) -> None:
    form = {"From": CUSTOMER, "Body": "5"}
    with pytest.raises(WebhookRefused) as caught:
        await rig.gateway().receive(called(make_webhook, path, form))
    assert caught.value.status == 404


async def test_a_status_callback_cannot_be_played_as_a_reply_or_for_another_message(
    rig: Any, make_webhook: Brings
) -> None:
    genuine = status(make_webhook, "delivered")
    for path in ("inbound", "status/bbbbbbbbbbbbbbbbbbbb"):
        with pytest.raises(WebhookRefused) as caught:
            await rig.gateway().receive(replace(genuine, path=path, url=f"{HOOK}/{path}"))
        assert caught.value.status == 403


async def test_a_call_for_another_gateway_of_the_account_is_refused(rig: Any, make_webhook: Brings) -> None:
    delivery = replace(rig.site.write(CUSTOMER, "5"), address="https://survey.example/hooks/other/inbound")
    there = make_webhook(delivery, "https://survey.example/hooks/other")
    with pytest.raises(WebhookRefused):
        await rig.gateway().receive(replace(there, url=f"{HOOK}/inbound"))


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
async def test_only_a_post_is_taken(rig: Any, make_webhook: Brings, method: str) -> None:
    with pytest.raises(WebhookRefused) as caught:
        await rig.gateway().receive(replace(make_webhook(rig.site.write(CUSTOMER, "5")), method=method))
    assert caught.value.status == 405


async def test_callbacks_of_a_message_reach_it_by_its_key(
    rig: Any, make_webhook: Brings, survey: Callable[..., Message]
) -> None:
    gateway = rig.gateway(webhook_key="secret-of-the-shared-key")
    receipt = await gateway.send(survey())
    rig.site.shared_key = ("webhooks_sharedkey_1", "secret-of-the-shared-key")
    [one] = (await gateway.receive(make_webhook(rig.site.move(receipt.provider_id, "delivered")))).reports
    assert (one.key, one.provider_id) == (receipt.key, receipt.provider_id)
