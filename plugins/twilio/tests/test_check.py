"""What `hub check` says of an account, and that it changes nothing there."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hub_twilio.check import _address
from sandbox.twilio import API_KEY, API_SECRET, NUMBER, SERVICE


async def results(rig: Any, **settings: Any) -> dict[str, tuple[bool, str]]:
    before = len(rig.site.texts)
    found = {one.what: (one.ok, one.detail) for one in await rig.gateway(**settings).check()}
    assert len(rig.site.texts) == before
    assert {request.method for request in rig.requests} == {"GET"}
    return found


async def test_a_number_that_is_set_up_is_well(rig: Any) -> None:
    assert await results(rig) == {
        "Twilio accepts the credentials": (True, ""),
        "the sender": (True, ""),
        "replies": (True, "Twilio brings them at once"),
        "the address that Twilio calls": (True, "not tried: Twilio must reach it from the internet"),
    }


async def test_an_api_key_is_enough(rig: Any) -> None:
    assert (await results(rig, api_key_sid=API_KEY, api_key_secret=API_SECRET))["the sender"] == (True, "")


async def test_wrong_credentials_end_it(rig: Any) -> None:
    found = await results(rig, auth_token="some-other-token-of-16")
    assert [ok for ok, _ in found.values()] == [False]
    assert "refused" in found["Twilio accepts the credentials"][1]


async def test_another_account_is_named(rig: Any) -> None:
    login = {"api_key_sid": API_KEY, "api_key_secret": API_SECRET}
    found = await results(rig, account_sid="AC" + "0" * 32, **login)
    assert "check account_sid" in found["Twilio accepts the credentials"][1]


async def test_a_number_of_somebody_else_is_found_out(rig: Any) -> None:
    assert (await results(rig, sender="+358457999999"))["the sender"] == (
        False, "the account has no such number; check sender",
    )  # fmt: skip


async def test_where_replies_go_is_told(rig: Any) -> None:
    rig.site.inbound_url = "https://old.example/sms"
    ok, detail = (await results(rig))["replies"]
    assert ok, "they are fetched all the same"
    assert "let Twilio call https://survey.example/hooks/test/inbound with POST" in detail


async def test_the_address_for_replies_may_say_how_to_try_again(rig: Any) -> None:
    rig.site.inbound_url += "#rc=5&rp=all"
    assert (await results(rig))["replies"] == (True, "Twilio brings them at once")


async def test_a_messaging_service_is_looked_at(rig: Any) -> None:
    found = await results(rig, sender=None, messaging_service_sid=SERVICE)
    assert found["the sender"] == (True, "1 numbers")
    assert found["replies"] == (True, "Twilio brings them at once")
    assert {request.url.host for request in rig.requests} == {"api.twilio.com", "messaging.twilio.com"}


async def test_a_messaging_service_that_is_not_there_or_empty_is_found_out(rig: Any) -> None:
    found = await results(rig, sender=None, messaging_service_sid="MG" + "0" * 32)
    assert not found["the sender"][0]
    rig.site.senders.clear()
    found = await results(rig, sender=None, messaging_service_sid=SERVICE)
    assert found["the sender"] == (False, "the Messaging Service has no number; add one")


@pytest.mark.parametrize(
    ("sender", "kind"), [("Acme Desk", "a name, which nobody can answer"), ("16400", "a short code")]
)
async def test_what_twilio_cannot_tell_is_said(rig: Any, sender: str, kind: str) -> None:
    assert (await results(rig, sender=sender))["the sender"] == (
        True, f"{kind}; Twilio does not tell whether it may be used",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("hook_url", "ok", "words"),
    [
        ("https://my_hub.example/hooks/sms", False, "web.public_url"),
        ("https://intranet/hooks/sms", False, "web.public_url"),
        ("http://survey.example/hooks/sms", True, "not https"),
        ("http://127.0.0.1:8642/hooks/sms", True, "not https"),
        ("https://survey.example/hooks/my_sms", True, "not tried"),
    ],
)
def test_the_address_must_be_one_that_twilio_takes(hook_url: str, ok: bool, words: str) -> None:
    result = _address(hook_url)
    assert (result.ok, words in result.detail) == (ok, True)


async def test_a_number_that_cannot_send_sms_is_found_out(rig: Any) -> None:
    gateway = rig.gateway()

    def answer(request: httpx.Request) -> httpx.Response:
        voice_only = {"phone_number": NUMBER, "capabilities": {"sms": False, "voice": True}}
        return httpx.Response(200, json={"messages": [], "incoming_phone_numbers": [voice_only]})

    gateway.context._transport, gateway.context._http = httpx.MockTransport(answer), None
    [_, sender, _] = await gateway.check()
    assert (sender.ok, sender.detail) == (False, "the number cannot send SMS; use another one")
