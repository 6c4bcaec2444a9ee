"""What goes to Twilio for a message, and what its answers mean."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
import respx
from hub_twilio.config import TwilioConfig
from hub_twilio.gateway import TwilioGateway
from hub_twilio.mapping import CONFIGURATION
from sandbox.twilio import ACCOUNT, API_KEY, API_SECRET, NUMBER, SERVICE, TOKEN

from hub import (
    AuthFailed,
    DeliveryStatus,
    Message,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RemoteError,
    Unavailable,
)
from hub.testing.fakes import FakeContext

URL = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
SID = "SM" + "0" * 31 + "1"
TAKEN = {"sid": SID, "status": "queued", "num_segments": "1", "error_code": None}

Make = Callable[..., TwilioGateway]


@pytest.fixture
def twilio() -> respx.Route:
    return respx.Router().post(URL).respond(201, json=TAKEN)


@pytest.fixture
def gateway(twilio: respx.Route) -> Make:
    def make(**settings: object) -> TwilioGateway:
        router = respx.Router()
        router.routes.add(twilio)
        context = FakeContext(
            name="sms",
            transport=httpx.MockTransport(router.async_handler),
            hook_url="https://survey.example/hooks/sms",
        )
        given = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER, **settings}
        given = {name: value for name, value in given.items() if value is not None}
        return TwilioGateway(TwilioConfig.model_validate(given), context)

    return make


def form(route: respx.Route) -> dict[str, str]:
    return dict(parse_qsl(route.calls.last.request.content.decode(), keep_blank_values=True, strict_parsing=True))


async def test_a_message_is_a_form_with_its_key_in_the_address_for_callbacks(
    twilio: respx.Route, gateway: Make, survey: Callable[..., Message]
) -> None:
    await gateway().send(survey("Hyvää päivää, €5 & 1+1=2!"))
    request = twilio.calls.last.request
    assert (request.method, str(request.url)) == ("POST", URL)
    assert request.headers["authorization"] == "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    assert form(twilio) == {
        "To": "+358401234567",
        "From": NUMBER,
        "Body": "Hyvää päivää, €5 & 1+1=2!",
        "StatusCallback": "https://survey.example/hooks/sms/status/abcdefghijklmnopq234#rc=5&rp=all",
    }


async def test_a_messaging_service_takes_the_place_of_the_sender(
    twilio: respx.Route, gateway: Make, survey: Callable[..., Message]
) -> None:
    twilio.respond(201, json=TAKEN | {"status": "accepted", "num_segments": "0"})
    receipt = await gateway(sender=None, messaging_service_sid=SERVICE).send(survey())
    assert (form(twilio)["MessagingServiceSid"], "From" in form(twilio)) == (SERVICE, False)
    assert receipt.status is DeliveryStatus.QUEUED


async def test_an_api_key_signs_in_instead_of_the_auth_token(
    twilio: respx.Route, gateway: Make, survey: Callable[..., Message]
) -> None:
    await gateway(api_key_sid=API_KEY, api_key_secret=API_SECRET).send(survey())
    login = base64.b64encode(f"{API_KEY}:{API_SECRET}".encode()).decode()
    assert twilio.calls.last.request.headers["authorization"] == f"Basic {login}"


async def test_an_account_elsewhere_has_another_address(rig: Any, survey: Callable[..., Message]) -> None:
    await rig.gateway(url="https://api.dublin.ie1.twilio.com").send(survey())
    assert rig.requests[-1].url.host == "api.dublin.ie1.twilio.com"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("accepted", DeliveryStatus.QUEUED),
        ("queued", DeliveryStatus.QUEUED),
        ("scheduled", DeliveryStatus.QUEUED),
        ("sending", DeliveryStatus.SENT),
        ("sent", DeliveryStatus.SENT),
        ("delivered", DeliveryStatus.DELIVERED),
        ("a-status-of-next-year", DeliveryStatus.QUEUED),
    ],
)
async def test_a_message_that_was_taken_has_twilios_id(
    twilio: respx.Route, gateway: Make, survey: Callable[..., Message], word: str, status: DeliveryStatus
) -> None:
    twilio.respond(201, json=TAKEN | {"status": word})
    receipt = await gateway().send(survey())
    assert (receipt.key, receipt.status, receipt.provider_id) == (survey().key, status, SID)


def refusal(code: int | None, status: int = 400) -> dict[str, Any]:
    return {"code": code, "message": "about +358401234567", "more_info": "https://...", "status": status}


REFUSALS = [
    (401, 20003, AuthFailed, False),
    (403, 20003, AuthFailed, False),
    (404, 20404, AuthFailed, False),
    (429, 20429, RateLimited, False),
    (400, 20429, RateLimited, False),
    (400, 21211, Rejected, True),
    (400, 21408, AuthFailed, False),
    (400, 21606, AuthFailed, False),
    (400, 21612, AuthFailed, False),
    (400, 21608, AuthFailed, False),
    (400, 21610, Rejected, True),
    (400, 21611, Unavailable, False),
    (400, 21614, Rejected, True),
    (400, 21617, Rejected, False),
    (400, 21701, AuthFailed, False),
    (400, 21703, AuthFailed, False),
    (400, 99999, Rejected, False),
    (400, None, Rejected, False),
]


@pytest.mark.parametrize(("status", "code", "error", "unusable"), REFUSALS)
async def test_each_error_code_has_the_class_that_says_what_to_do(
    twilio: respx.Route,
    gateway: Make,
    survey: Callable[..., Message],
    status: int,
    code: int | None,
    error: type[RemoteError],
    unusable: bool,
) -> None:
    twilio.respond(status, json=refusal(code, status))
    with pytest.raises(error) as caught:
        await gateway().send(survey())
    assert type(caught.value) is error
    assert twilio.call_count == 1
    assert "358" not in str(caught.value)
    assert code is None or error in {RateLimited, Unavailable} or str(code) in str(caught.value)
    if isinstance(caught.value, Rejected):
        assert caught.value.address_unusable is unusable
        assert caught.value.opted_out is (code == 21610)
        assert caught.value.reason == (str(code) if code else "http_400")


async def test_a_full_queue_is_left_alone_for_a_while(
    twilio: respx.Route, gateway: Make, survey: Callable[..., Message]
) -> None:
    twilio.respond(400, json=refusal(21611))
    with pytest.raises(Unavailable) as caught:
        await gateway().send(survey())
    assert caught.value.retry_after == timedelta(minutes=5)


def test_every_configuration_error_says_what_to_do() -> None:
    for code, words in CONFIGURATION.items():
        assert code.isdecimal()
        assert ";" in words, f"{code} does not say what to do"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>Welcome to the guest network"),
        (201, ""),
        (201, "[]"),
        (201, '{"sid": "SM1"}'),
        (201, '{"sid": null, "status": "queued"}'),
        (201, "[" * 5000),
        (500, ""),
        (502, "<html>"),
        (503, ""),
    ],
)
async def test_an_answer_that_says_nothing_leaves_the_outcome_unknown(
    twilio: respx.Route, gateway: Make, survey: Callable[..., Message], status: int, body: str
) -> None:
    twilio.respond(status, text=body)
    with pytest.raises(OutcomeUnknown):
        await gateway().send(survey())
    assert twilio.call_count == 1


@pytest.mark.parametrize(("status", "body"), [(401, ""), (403, "<html>"), (404, "not json")])
async def test_a_refusal_without_a_code_is_one_of_the_account(
    twilio: respx.Route, gateway: Make, survey: Callable[..., Message], status: int, body: str
) -> None:
    twilio.respond(status, text=body)
    with pytest.raises(AuthFailed):
        await gateway().send(survey())


async def test_a_message_that_was_taken_and_given_up_at_once_is_refused(
    twilio: respx.Route, gateway: Make, survey: Callable[..., Message]
) -> None:
    twilio.respond(201, json=TAKEN | {"status": "failed", "error_code": 21610})
    with pytest.raises(Rejected) as caught:
        await gateway().send(survey())
    assert (caught.value.reason, caught.value.address_unusable, caught.value.opted_out) == ("21610", True, True)


@pytest.mark.parametrize("failure", [httpx.ReadTimeout, httpx.ReadError, httpx.WriteTimeout, httpx.RemoteProtocolError])
async def test_a_lost_answer_is_never_followed_by_a_second_request(
    twilio: respx.Route, gateway: Make, survey: Callable[..., Message], failure: type[Exception]
) -> None:
    twilio.mock(side_effect=failure)
    with pytest.raises(OutcomeUnknown):
        await gateway().send(survey())
    assert twilio.call_count == 1


async def test_a_refused_connection_means_that_nothing_left(
    twilio: respx.Route, gateway: Make, survey: Callable[..., Message]
) -> None:
    twilio.mock(side_effect=httpx.ConnectError)
    with pytest.raises(Unavailable):
        await gateway().send(survey())


@pytest.mark.parametrize(
    "recipient",
    ["", "0401234567", "358401234567", "+358401234567 +358407654321", "+35840abc", "+1", "+" + "1" * 23, "maija@x.fi",
     "whatsapp:+358401234567"],
)  # fmt: skip
async def test_what_is_no_phone_number_never_reaches_twilio(
    twilio: respx.Route, gateway: Make, survey: Callable[..., Message], recipient: str
) -> None:
    with pytest.raises(Rejected) as caught:
        await gateway().send(replace(survey(), recipient=recipient))
    assert (caught.value.reason, caught.value.address_unusable) == ("invalid_number", True)
    assert twilio.call_count == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "empty_text"), (" \u200b\n", "empty_text"), ("a" * 460, "too_long"), ("ş" * 202, "too_long"),
     ("broken \ud83d", "invalid_text")],
)  # fmt: skip
async def test_a_text_that_cannot_arrive_intact_never_reaches_twilio(
    twilio: respx.Route, gateway: Make, survey: Callable[..., Message], text: str, reason: str
) -> None:
    with pytest.raises(Rejected) as caught:
        await gateway().send(survey(text))
    assert (caught.value.reason, caught.value.address_unusable) == (reason, False)
    assert twilio.call_count == 0
