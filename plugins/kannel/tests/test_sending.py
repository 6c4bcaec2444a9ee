"""What goes to Kannel for a message, and what its answers mean."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
import respx
from hub_kannel.config import KannelConfig
from hub_kannel.gateway import KannelGateway

from hub import (
    AuthFailed,
    DeliveryStatus,
    Message,
    OutcomeUnknown,
    Rejected,
    RemoteError,
    Unavailable,
)
from hub.testing.fakes import FakeContext

URL = "http://kannel.example:13013/cgi-bin/sendsms"
KEY = "abcdefghijklmnopq234"
SETTINGS = {
    "url": URL,
    "username": "hub",
    "password": "password of the hub",
    "sender": "16400",
    "callback_secret": "secret_of-callbacks",
}


@pytest.fixture
def kannel() -> respx.Route:
    return respx.Router().post(URL).respond(202, text="0: Accepted for delivery")


@pytest.fixture
def gateway(kannel: respx.Route) -> Callable[..., KannelGateway]:
    def make(**settings: object) -> KannelGateway:
        router = respx.Router()
        router.routes.add(kannel)
        context = FakeContext(
            name="sms",
            transport=httpx.MockTransport(router.async_handler),
            hook_url="https://survey.example/hooks/sms",
        )
        return KannelGateway(KannelConfig.model_validate({**SETTINGS, **settings}), context)

    return make


def message(text: str = "Hei! Miten meni? Vastaa 1-5.", recipient: str = "+358401234567") -> Message:
    return Message(key=KEY, recipient=recipient, text=text)


async def test_everything_travels_in_the_body_and_headers_of_a_post(kannel, gateway) -> None:
    await gateway(smsc="operator").send(message("Hyvää päivää, €5!"))
    request = kannel.calls.last.request
    assert (request.method, str(request.url)) == ("POST", URL)
    assert request.content.decode() == "Hyvää päivää, €5!"
    assert request.headers["content-type"] == "text/plain; charset=UTF-8"
    sent = {name.removeprefix("x-kannel-"): value for name, value in request.headers.items() if "kannel-" in name}
    assert sent == {
        "username": "hub",
        "password": "password of the hub",
        "from": "16400",
        "to": "+358401234567",
        "coding": "0",
        "smsc": "operator",
        "dlr-mask": "31",
        "dlr-url": "https://survey.example/hooks/sms/secret_of-callbacks/dlr"
        f"?key={KEY}&type=%d&id=%F&answer=%A&time=%T",
    }


async def test_a_text_outside_the_gsm_alphabet_is_marked_as_unicode(kannel, gateway) -> None:
    await gateway().send(message("Kiitos 👍"))
    assert kannel.calls.last.request.headers["x-kannel-coding"] == "2"


async def test_kannel_chooses_the_operator_link_unless_told(kannel, gateway) -> None:
    await gateway().send(message())
    assert "x-kannel-smsc" not in kannel.calls.last.request.headers


@pytest.mark.parametrize(
    ("answer", "status"),
    [("0: Accepted for delivery", DeliveryStatus.SENT), ("3: Queued for later delivery", DeliveryStatus.QUEUED)],
)
async def test_a_message_that_kannel_took_has_no_id(kannel, gateway, answer: str, status: DeliveryStatus) -> None:
    kannel.respond(202, text=answer)
    receipt = await gateway().send(message())
    assert (receipt.key, receipt.status, receipt.provider_id) == (KEY, status, None)


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (403, "Authorization failed for sendsms", AuthFailed),
        (403, "Not routable. Do not try again.", Unavailable),
        (400, "Sender missing and no global set, rejected", AuthFailed),
        (400, "Number(s) has/have been denied by white- and/or black-lists.", Rejected),
        (400, "Empty receiver number not allowed, rejected", Rejected),
        (400, "Invalid content-type", Rejected),
        (404, "Unknown request.", AuthFailed),
        (503, "Temporal failure, try again later.", Unavailable),
        (503, "", Unavailable),
        (500, "", OutcomeUnknown),
        (502, "", OutcomeUnknown),
        (200, "<html>Welcome to the guest network", OutcomeUnknown),
        (202, "", OutcomeUnknown),
        (401, "", AuthFailed),
    ],
)
async def test_each_refusal_has_the_class_that_says_what_to_do(
    kannel, gateway, status: int, answer: str, error: type[RemoteError]
) -> None:
    kannel.respond(status, text=answer)
    with pytest.raises(error) as caught:
        await gateway().send(message())
    assert type(caught.value) is error
    assert kannel.call_count == 1
    if isinstance(caught.value, Rejected):
        assert not caught.value.address_unusable


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (httpx.ReadTimeout, OutcomeUnknown),
        (httpx.ReadError, OutcomeUnknown),
        (httpx.WriteTimeout, OutcomeUnknown),
        (httpx.RemoteProtocolError, OutcomeUnknown),
    ],
)
async def test_a_lost_answer_is_never_followed_by_a_second_request(kannel, gateway, failure, error) -> None:
    kannel.mock(side_effect=failure)
    with pytest.raises(error):
        await gateway().send(message())
    assert kannel.call_count == 1


async def test_a_refused_connection_means_that_nothing_left(kannel, gateway) -> None:
    kannel.mock(side_effect=httpx.ConnectError)
    with pytest.raises(Unavailable):
        await gateway().send(message())


@pytest.mark.parametrize(
    "recipient",
    ["", "0401234567", "358401234567", "+358401234567 +358407654321", "+35840abc", "+1", "+" + "1" * 23, "maija@x.fi"],
)
async def test_what_is_not_a_phone_number_is_refused_before_the_call(kannel, gateway, recipient: str) -> None:
    with pytest.raises(Rejected) as caught:
        await gateway().send(message(recipient=recipient))
    assert caught.value.address_unusable
    assert not kannel.called
    assert recipient not in str(caught.value) or not recipient


async def test_a_text_over_the_limit_is_refused_before_the_call(kannel, gateway) -> None:
    with pytest.raises(Rejected) as caught:
        await gateway(max_parts=1).send(message("a" * 161))
    assert caught.value.reason == "too_long"
    assert not kannel.called


async def test_check_proves_the_user_without_a_recipient(kannel, gateway) -> None:
    kannel.respond(400, text="Missing receiver(s) number(s), rejected")
    results = await gateway().check()
    assert [result.ok for result in results] == [True, True]
    assert "x-kannel-to" not in kannel.calls.last.request.headers


@pytest.mark.parametrize(
    ("status", "answer", "oks", "advice"),
    [
        (403, "Authorization failed for sendsms", [True, False], "user-allow-ip"),
        (404, "Unknown request.", [False], "url"),
        (200, "<html>", [False], "url"),
        (503, "", [False], "log"),
    ],
)
async def test_check_says_what_to_do(kannel, gateway, status: int, answer: str, oks: list[bool], advice: str) -> None:
    kannel.respond(status, text=answer)
    results = await gateway().check()
    assert [result.ok for result in results] == oks
    assert advice in results[-1].detail


async def test_check_reports_a_kannel_that_is_down(kannel, gateway) -> None:
    kannel.mock(side_effect=httpx.ConnectError("refused"))
    [result] = await gateway().check()
    assert not result.ok
    assert "kannel.example" in result.detail
