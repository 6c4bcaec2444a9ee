"""From Kannel's words to the hub's: answers to a message, delivery reports, and what customers write."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.message import Message as HeaderParser
from functools import lru_cache
from typing import NoReturn
from urllib.parse import quote

from hub import (
    AuthFailed,
    Channel,
    CheckResult,
    DeliveryReport,
    DeliveryStatus,
    OutcomeUnknown,
    Rejected,
    Reply,
    Unavailable,
    Webhook,
    WebhookRefused,
)
from hub_kannel.client import Answer

REPORT_TYPES = {
    "1": DeliveryStatus.DELIVERED,
    "2": DeliveryStatus.FAILED,
    "4": DeliveryStatus.QUEUED,
    "8": DeliveryStatus.SENT,
    "16": DeliveryStatus.REJECTED,
}
INVALID_DESTINATION = 0x0B
"""SMPP's command status for a number that does not exist."""

_SECONDS = re.compile(r"[0-9]{1,10}")
_KEY = re.compile(r"[a-z2-7]{20}")
_RECEIPT = re.compile(r"\bstat:\s?([A-Za-z]{1,16})(?:\s+err:\s?([A-Za-z0-9]{1,16}))?")
_REFUSAL = re.compile(r"NACK/(?:0x([0-9A-Fa-f]{1,8})/)?([A-Za-z0-9 ._-]{0,60})")


def report_url(hook_url: str, secret: str, key: str) -> str:
    """The address that Kannel calls with news of a message; it fills in what follows a `%`."""
    return f"{hook_url}/{secret}/dlr?key={quote(key)}&type=%d&id=%F&answer=%A&time=%T"


def accepted(answer: Answer) -> DeliveryStatus:
    """What Kannel's answer to a message means.

    :raises RemoteError: it did not take the message, or nobody can say.
    """
    if answer.status == 202 and answer.text.startswith("0:"):
        return DeliveryStatus.SENT
    if answer.status == 202 and answer.text.startswith("3:"):
        return DeliveryStatus.QUEUED
    if answer.status < 400:
        raise OutcomeUnknown(f"the sendsms address answered {answer.status}, but not as Kannel does; check the url")
    if answer.status == 400:
        _raise_bad_request(answer.text)
    if answer.status == 404:
        # the operator must act, and the message can still go afterwards: a pause, not a refusal of this one
        raise AuthFailed("Kannel has no sendsms at this address; check the url")
    if answer.status == 403 and "routable" not in answer.text:
        raise AuthFailed("Kannel refused the user, its password or this machine's address (user-allow-ip)")
    # "Not routable. Do not try again.", in spite of its words: the operator links are stopped for now
    raise Unavailable("Kannel cannot take messages now")


def _raise_bad_request(text: str) -> NoReturn:
    if "Sender missing" in text:
        raise AuthFailed("Kannel knows no sender for this user; check sender and kannel.conf")
    if "denied" in text:
        raise Rejected("Kannel's white-list or black-list refused the number", reason="number_denied")
    raise Rejected("Kannel refused the message as malformed", reason="bad_request")


def judge(answer: Answer) -> Sequence[CheckResult]:
    """What Kannel's answer to a message without a recipient proves."""
    reached, credentials = "Kannel's sendsms answers", "Kannel accepts the user"
    if answer.status == 400 and "receiver" in answer.text:
        return CheckResult(reached, ok=True), CheckResult(credentials, ok=True)
    if answer.status == 403:
        advice = "check username and password, and user-allow-ip in kannel.conf"
        return CheckResult(reached, ok=True), CheckResult(credentials, ok=False, detail=advice)
    if answer.status == 503:
        return (CheckResult(reached, ok=False, detail="Kannel is stopping or cannot take messages; look at its log"),)
    return (CheckResult(reached, ok=False, detail=f"it answered {answer.status}, not as sendsms does; check the url"),)


def report(fields: Mapping[str, str], now: datetime) -> DeliveryReport:
    """Read a delivery report.

    :raises WebhookRefused: it names no message or no status.
    """
    status = REPORT_TYPES.get(fields.get("type", ""))
    key = fields.get("key", "")
    if status is None or not _KEY.fullmatch(key):
        raise WebhookRefused("a delivery report without a message or a known type", status=400)
    answer = fields.get("answer", "")
    arrived = status in {DeliveryStatus.SENT, DeliveryStatus.DELIVERED}
    refusal = _REFUSAL.match(answer)
    return DeliveryReport(
        status=status,
        at=min(_moment(fields.get("time", "")) or now, now),  # never in the future
        key=key,
        provider_id=fields.get("id") or None,
        reason=None if arrived else _reason(answer),
        address_unusable=status is DeliveryStatus.REJECTED
        and refusal is not None
        and int(refusal[1] or "0", 16) == INVALID_DESTINATION,
    )


def _reason(answer: str) -> str | None:
    """The codes in what the operator said; the rest may quote the message."""
    if receipt := _RECEIPT.search(answer):
        state, error = receipt.groups()
        return f"{state} err:{error}" if error else str(state)
    if refusal := _REFUSAL.match(answer):
        code, words = refusal.groups()
        return " ".join(part for part in (f"0x{code}" if code else "", words.strip()) if part) or None
    return None


def reply(request: Webhook, now: datetime) -> Reply:
    """Read a customer's message, as Kannel passes it on by GET or POST.

    :raises WebhookRefused: it names no sender.
    """
    fields = dict(request.query)
    moment = fields.get("time", "")
    if request.method == "POST":
        fields["from"] = request.headers.get("x-kannel-from", "")
        fields["to"] = request.headers.get("x-kannel-to", "")
        fields["text"] = _decode(request.body, request.headers.get("content-type", ""))
        moment = moment or request.headers.get("x-kannel-time", "")
    sender, text = fields.get("from", "").strip(), fields.get("text", "")
    if not sender:
        raise WebhookRefused("a message without a sender", status=400)
    return Reply(
        # without an id or a time, a repetition cannot be told from a second "5": keep both
        provider_id=fields.get("id") or _digest(sender, moment or now.isoformat(), text),
        channel=Channel.SMS,
        sender=sender,
        text=text,
        received_at=_moment(moment) or now,
        recipient=fields.get("to") or None,
    )


def _decode(body: bytes, content_type: str) -> str:
    """Never fails: an answer with a few wrong characters is better than none."""
    try:
        return body.decode(_charset(content_type))
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")


@lru_cache(maxsize=16)  # it is nearly always the same
def _charset(content_type: str) -> str:
    header = HeaderParser()
    header["Content-Type"] = content_type
    return header.get_content_charset("utf-8")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _moment(seconds: str) -> datetime | None:
    """Kannel's time of an event; None when it gave none."""
    return datetime.fromtimestamp(int(seconds), UTC) if _SECONDS.fullmatch(seconds) else None
