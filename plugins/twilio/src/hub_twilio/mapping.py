"""From Twilio's words to the hub's: answers, status callbacks and what customers write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NoReturn

from hub import (
    AuthFailed,
    Channel,
    DeliveryReport,
    DeliveryStatus,
    OutcomeUnknown,
    RateLimited,
    Receipt,
    Rejected,
    Reply,
    Unavailable,
    WebhookRefused,
)
from hub_twilio.client import MESSAGE_SID, Answer, Listed

STATUSES = {
    "accepted": DeliveryStatus.QUEUED,
    "scheduled": DeliveryStatus.QUEUED,
    "queued": DeliveryStatus.QUEUED,
    "sending": DeliveryStatus.SENT,
    "sent": DeliveryStatus.SENT,
    "partially_delivered": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.DELIVERED,
    "undelivered": DeliveryStatus.FAILED,
    "failed": DeliveryStatus.REJECTED,
    "canceled": DeliveryStatus.REJECTED,
}
"""https://www.twilio.com/docs/messaging/api/message-resource#message-status-values"""
FINAL = frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.FAILED, DeliveryStatus.REJECTED})

CONFIGURATION = {
    "20003": "the credentials were refused; check account_sid, auth_token and the API key",
    "20404": "there is no such account; check account_sid and url",
    "21212": "the sender is not valid; check sender",
    "21408": "the account may not send to a country; enable it in the console under Messaging, Geo permissions",
    "21603": "a sender is missing; check sender",
    "21606": "the sender cannot send SMS to this country; check sender",
    "21607": "the sender cannot send SMS; check sender",
    "21608": "a trial account sends to verified numbers only; upgrade it",
    "21609": "the address for status callbacks is not valid; check web.public_url",
    "21612": "the sender cannot send SMS to this country; check sender",
    "21660": "the sender belongs to another account; check sender and account_sid",
    "21701": "there is no such Messaging Service; check messaging_service_sid",
    "21703": "the Messaging Service has no sender for this country; add one",
    "21705": "the Messaging Service is not valid; check messaging_service_sid",
}
"""Nothing was sent, and the operator can change that: see https://www.twilio.com/docs/api/errors/CODE."""
QUEUE_FULL = "21611"
"""The sender has messages for ten hours in Twilio's queue."""
TOO_MANY_REQUESTS = "20429"
OPTED_OUT = "21610"
"""The customer sent STOP to the sender; Twilio passes on nothing to them until they send START."""
UNUSABLE = frozenset({"21211", OPTED_OUT, "21614", "30004", "30005", "30006"})
"""The number is invalid, has opted out, is not a mobile number, is blocked, unknown, or a landline."""
OUT_OF_QUEUE = timedelta(minutes=5)

_CODE = re.compile(r"[0-9]{4,6}")
_KEY = re.compile(r"[a-z2-7]{20}")


def receipt(key: str, answer: Answer) -> Receipt:
    """What Twilio's answer to a message means.

    :raises RemoteError: it did not take the message, or nobody can say.
    """
    if answer.status >= 400:
        _raise_refusal(answer)
    sid, word = str(answer.document.get("sid")), str(answer.document.get("status"))
    if not MESSAGE_SID.fullmatch(sid):
        raise OutcomeUnknown(f"the address answered {answer.status}, but not as Twilio does; check url")
    status = STATUSES.get(word, DeliveryStatus.QUEUED)
    if status in {DeliveryStatus.REJECTED, DeliveryStatus.FAILED}:
        code = _code(answer.document.get("error_code"))
        raise _rejected("Twilio took the message and gave it up", code, code or word)
    return Receipt(key=key, status=status, provider_id=sid)


def _raise_refusal(answer: Answer) -> NoReturn:
    code = _code(answer.document.get("code"))
    if code in CONFIGURATION:
        raise AuthFailed(f"Twilio refused a message with error {code}: {CONFIGURATION[code]}")
    if code == TOO_MANY_REQUESTS:
        raise RateLimited("Twilio asks for fewer requests at the same moment")
    if code == QUEUE_FULL:
        raise Unavailable("Twilio's queue for the sender is full", retry_after=OUT_OF_QUEUE)
    if answer.status == 400:
        raise _rejected(f"Twilio refused the message with error {code or 'unknown'}", code, code or "http_400")
    about = f" with error {code}" if code else ""
    raise AuthFailed(f"Twilio answered {answer.status}{about}: the account may not do this; check the credentials")


def _rejected(message: str, code: str | None, reason: str) -> Rejected:
    return Rejected(message, reason=reason, address_unusable=code in UNUSABLE, opted_out=code == OPTED_OUT)


def report(form: Mapping[str, str], key: str, now: datetime) -> DeliveryReport | None:
    """Read a status callback; None for a status that is not known, since new ones come without notice.

    :param key: what follows `status/` in the address.
    :raises WebhookRefused: it names no message or no status.
    """
    sid, word = form.get("MessageSid", ""), form.get("MessageStatus", "")
    if not MESSAGE_SID.fullmatch(sid) or not word or (key and not _KEY.fullmatch(key)):
        raise WebhookRefused("a status callback without a message or a status", status=400)
    status = STATUSES.get(word)
    if status is None:
        return None
    code = _code(form.get("ErrorCode"))
    failed = status in {DeliveryStatus.FAILED, DeliveryStatus.REJECTED}
    return DeliveryReport(
        status=status,
        at=now,
        key=key or None,
        provider_id=sid,
        reason=(code or word) if failed else None,
        address_unusable=failed and code in UNUSABLE,
        opted_out=failed and code == OPTED_OUT,
    )


def reply(form: Mapping[str, str], now: datetime) -> Reply:
    """Read a customer's message.

    :raises WebhookRefused: it is none; a status callback that was sent to the wrong address is not.
    """
    sid, sender = form.get("MessageSid", ""), form.get("From", "").strip()
    if not MESSAGE_SID.fullmatch(sid) or not sender or "Body" not in form or "MessageStatus" in form:
        raise WebhookRefused("not a customer's message; status callbacks have an address of their own", status=400)
    return Reply(
        provider_id=sid,
        channel=Channel.SMS,
        sender=sender,
        text=form["Body"],
        received_at=now,
        recipient=form.get("To") or None,
        opts_out=form.get("OptOutType") == "STOP",
    )


def listed_reply(message: Listed) -> Reply:
    """A customer's message as Twilio lists it. It has the id that the webhook gave it."""
    return Reply(
        provider_id=message.sid,
        channel=Channel.SMS,
        sender=message.sender,
        text=message.body,
        received_at=message.dated_at,
        recipient=message.recipient or None,
    )


def listed_report(message: Listed) -> DeliveryReport | None:
    """How a message ended, if it has.

    It never makes an address unusable: it comes hours later, and the customer may have said START since.
    """
    status = STATUSES.get(message.status)
    if status not in FINAL:
        return None
    failed = status is not DeliveryStatus.DELIVERED
    reason = (_code(message.error_code) or message.status) if failed else None
    return DeliveryReport(status=status, at=message.dated_at, provider_id=message.sid, reason=reason)


def listed_receipt(key: str, message: Listed) -> Receipt:
    """A message that was looked up, with what has become of it."""
    status = STATUSES.get(message.status, DeliveryStatus.SENT)
    return Receipt(key=key, status=status, provider_id=message.sid, reason=_code(message.error_code))


def _code(value: object) -> str | None:
    """Twilio's error code, if that is what it looks like."""
    text = str(value)
    return text if _CODE.fullmatch(text) and text.isascii() else None
