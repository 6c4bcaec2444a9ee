"""What a mail in the reply mailbox is: a delivery report, a note by a machine, or the words of a customer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from email.message import Message
from hashlib import sha256

from hub import Channel, DeliveryReport, Reply
from hub_email.addressing import Addressing
from hub_email.automatic import is_automatic, is_away_note, is_calendar_answer, is_read_receipt
from hub_email.body import parse_mail, readable_text
from hub_email.bounces import Bounce, read_bounce, returned_ids
from hub_email.compose import UNSUBSCRIBE
from hub_email.headers import Fields, decode, first, message_ids, read_fields
from hub_email.people import author, people
from hub_email.quotes import own_words

MAX_RAW_CHARS = 100_000
MAX_HEADER_BYTES = 200_000
_OWN_MARK = "x-xm-"
_ADDRESSED = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc")


def read_inbound(content: bytes, received_at: datetime, addressing: Addressing) -> Reply | DeliveryReport | None:
    """Read one mail as it came from the mailbox. Never raises.

    :returns: None for mail that brings no news: our own on its way round in a loop, receipts, and reports of a mere
        delay.
    """
    fields = read_fields(re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0][:MAX_HEADER_BYTES])
    if any(name.startswith(_OWN_MARK) for name in fields):
        return None
    mail = parse_mail(content)
    if is_read_receipt(mail):
        return None
    bounce = read_bounce(mail)
    if bounce is None:
        return _reply(fields, mail, content, received_at, addressing)
    if bounce.status is None:
        return None
    return _report(bounce, fields, mail, received_at, addressing) or _reply(
        fields, mail, content, received_at, addressing, automatic=True
    )


def _report(
    bounce: Bounce, fields: Fields, mail: Message, at: datetime, addressing: Addressing
) -> DeliveryReport | None:
    key = addressing.key_in_addresses(_values(fields, _ADDRESSED)) or addressing.key_in_message_ids(returned_ids(mail))
    if key is None or bounce.status is None:
        return None
    return DeliveryReport(
        status=bounce.status,
        at=at,
        key=key,
        provider_id=addressing.message_id(key),
        reason=f"bounce_{bounce.code}" if bounce.code else "bounce",
        address_unusable=bounce.address_unusable,
    )


def _reply(
    fields: Fields,
    mail: Message,
    content: bytes,
    received_at: datetime,
    addressing: Addressing,
    *,
    automatic: bool = False,
) -> Reply:
    text = readable_text(mail)[:MAX_RAW_CHARS]
    key = _key(fields, addressing)
    subject = decode(first(fields, "subject"))
    unsubscribes = key is not None and subject.casefold() == UNSUBSCRIBE
    sender = author(fields)
    recipient = next(iter(people(_values(fields, _ADDRESSED))), None)
    return Reply(
        provider_id=next(iter(message_ids(fields.get("message-id", ())[:1])), "") or _made_up_id(content),
        channel=Channel.EMAIL,
        sender=sender.address if sender else "",
        text=UNSUBSCRIBE if unsubscribes else own_words(text),
        received_at=received_at,
        key=key,
        recipient=recipient.address if recipient else None,
        automatic=automatic
        or (not unsubscribes and is_automatic(fields, sender, own_lists=[addressing.mailbox]))
        or is_away_note(subject)
        or is_calendar_answer(mail),
        raw=text,
    )


def unreadable(content: bytes, received_at: datetime) -> Reply:
    """A mail that could not be read, kept for a person to look at."""
    return Reply(
        provider_id=_made_up_id(content),
        channel=Channel.EMAIL,
        sender="",
        text="",
        received_at=received_at,
        automatic=True,
        raw=content[:MAX_RAW_CHARS].decode("latin-1").replace("\0", ""),
    )


def _key(fields: Fields, addressing: Addressing) -> str | None:
    answered = [*message_ids(fields.get("in-reply-to", ())), *reversed(message_ids(fields.get("references", ())))]
    return addressing.key_in_addresses(_values(fields, _ADDRESSED)) or addressing.key_in_message_ids(answered)


def _values(fields: Fields, names: tuple[str, ...]) -> Iterator[str]:
    return (value for name in names for value in fields.get(name, ()))


def _made_up_id(content: bytes) -> str:
    return f"{sha256(content).hexdigest()}@no-message-id"
