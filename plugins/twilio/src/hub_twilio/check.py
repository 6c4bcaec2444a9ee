"""What `hub check` proves: the credentials, the sender, and the address that Twilio calls. Nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from hub import CheckResult, RemoteError
from hub_twilio.client import Api
from hub_twilio.config import LOOPBACK, TwilioConfig

SIGNS_IN = "Twilio accepts the credentials"


async def check(config: TwilioConfig, api: Api, hook_url: str) -> Sequence[CheckResult]:
    """One result for each thing."""
    try:
        await api.first_messages({"PageSize": "1"})
    except RemoteError as error:
        return (CheckResult(SIGNS_IN, ok=False, detail=str(error)),)
    return (CheckResult(SIGNS_IN, ok=True), *await _sender(config, api, hook_url), _address(hook_url))


async def _sender(config: TwilioConfig, api: Api, hook_url: str) -> Sequence[CheckResult]:
    try:
        if config.messaging_service_sid is not None:
            return await _service(config.messaging_service_sid, api, hook_url)
        if config.number is not None and config.number.startswith("+"):
            return await _number(config.number, api, hook_url)
    except RemoteError as error:
        return (CheckResult("the sender", ok=False, detail=str(error)),)
    kind = "a short code" if config.number else "a name, which nobody can answer"
    return (CheckResult("the sender", ok=True, detail=f"{kind}; Twilio does not tell whether it may be used"),)


async def _number(number: str, api: Api, hook_url: str) -> Sequence[CheckResult]:
    found = (await api.get("IncomingPhoneNumbers.json", {"PhoneNumber": number})).get("incoming_phone_numbers")
    own = found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else None
    if own is None:
        return (CheckResult("the sender", ok=False, detail="the account has no such number; check sender"),)
    if not _of(own, "capabilities").get("sms"):
        return (CheckResult("the sender", ok=False, detail="the number cannot send SMS; use another one"),)
    return CheckResult("the sender", ok=True), _replies(own.get("sms_url"), own.get("sms_method"), hook_url)


async def _service(sid: str, api: Api, hook_url: str) -> Sequence[CheckResult]:
    service = await api.get_service(sid)
    numbers = (await api.get_service(f"{sid}/PhoneNumbers")).get("phone_numbers")
    if not numbers:
        return (CheckResult("the sender", ok=False, detail="the Messaging Service has no number; add one"),)
    if service.get("use_inbound_webhook_on_number"):
        replies = CheckResult("replies", ok=True, detail="not looked at: each number says where its own go")
    else:
        replies = _replies(service.get("inbound_request_url"), service.get("inbound_method"), hook_url)
    return CheckResult("the sender", ok=True, detail=f"{len(numbers)} numbers"), replies


def _replies(url: object, method: object, hook_url: str) -> CheckResult:
    wanted = f"{hook_url}/inbound"
    if str(url).partition("#")[0] == wanted and method == "POST":
        return CheckResult("replies", ok=True, detail="Twilio brings them at once")
    return CheckResult(
        "replies",
        ok=True,
        detail=f"fetched every few minutes; to get them at once, let Twilio call {wanted} with POST for a message",
    )


def _address(hook_url: str) -> CheckResult:
    what, parts = "the address that Twilio calls", urlsplit(hook_url)
    host = parts.hostname or ""
    if "_" in host or ("." not in host and host not in LOOPBACK):
        return CheckResult(what, ok=False, detail="Twilio takes no such host; correct web.public_url")
    if parts.scheme != "https":
        return CheckResult(what, ok=True, detail="not https: texts and numbers travel in clear; see web.public_url")
    return CheckResult(what, ok=True, detail="not tried: Twilio must reach it from the internet")


def _of(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inside = document.get(name)
    return inside if isinstance(inside, dict) else {}
