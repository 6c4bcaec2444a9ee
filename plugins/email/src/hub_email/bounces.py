"""Delivery reports that come back as mail: RFC 3464, and the kinds that mail servers made up before it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from flufl.bounce import all_failures

from hub import DeliveryStatus
from hub_email.body import header_values, parts_of, payload_text, readable_text
from hub_email.smtp import DEAD_ADDRESS, ENHANCED_STATUS

_ACTIONS = {
    "failed": DeliveryStatus.FAILED,
    "fail": DeliveryStatus.FAILED,
    "error": DeliveryStatus.FAILED,  # OpenSMTPD
    "delivered": DeliveryStatus.DELIVERED,
    "relayed": DeliveryStatus.SENT,  # handed on to a system that makes no reports
    "expanded": DeliveryStatus.SENT,
    "delayed": None,
}
_BY_WEIGHT = (DeliveryStatus.FAILED, DeliveryStatus.DELIVERED, DeliveryStatus.SENT, None)
_REPORTS = {"multipart/report", "message/delivery-status"}
_MAIL_SYSTEM = re.compile(r"\b(?:mailer-daemon|mail-daemon|postmaster)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a delivery report says of the one recipient that each survey mail has."""

    status: DeliveryStatus | None
    """None when the mail is only delayed: another report follows."""
    code: str = ""
    """The enhanced status code, such as "5.1.1", where there is one."""
    of_another: bool = False
    """It speaks of an address that the customer's own server has passed the mail on to."""

    @property
    def address_unusable(self) -> bool:
        """Whether it says that the customer's address does not exist."""
        return self.status is DeliveryStatus.FAILED and self.code in DEAD_ADDRESS and not self.of_another


def read_bounce(mail: Message) -> Bounce | None:
    """What the report says, or None when the mail is no delivery report, such as one that a person has passed on."""
    if mail.get_content_type() not in _REPORTS and not _is_from_mail_system(mail):
        return None
    found = [_of_recipient(block) for block in _blocks(mail) if _action(block) in _ACTIONS]
    if found:  # a recipient who forwards to several addresses makes several
        return min(found, key=lambda bounce: _BY_WEIGHT.index(bounce.status))
    return _unstructured(mail) if _is_from_mail_system(mail) else None


def returned_ids(mail: Message) -> list[str]:
    """Where our key may stand in a report: the envelope id, and the Message-ID in the returned headers."""
    ids = [value for block in _blocks(mail) for value in header_values(block, "Original-Envelope-Id")]
    for part in parts_of(mail):
        if part.get_content_type() == "text/rfc822-headers":
            ids += re.findall(r"^Message-ID:.*(?:\n[ \t].*)?", payload_text(part), re.IGNORECASE | re.MULTILINE)
        elif part.get_content_type() == "message/rfc822" and part.is_multipart():
            ids += header_values(part.get_payload(0), "Message-ID")  # type: ignore[arg-type]  # multipart: a Message
    return ids


def _blocks(mail: Message) -> Iterator[Message]:
    for part in parts_of(mail):
        if part.get_content_type() == "message/delivery-status" and part.is_multipart():
            yield from (block for block in part.get_payload() if isinstance(block, Message))


def _of_recipient(block: Message) -> Bounce:
    code = _status_code(block, "Status")
    if code.endswith(".0.0"):  # Exim says no more here, and the code of the other server further down
        code = _status_code(block, "Diagnostic-Code") or code
    asked, final = _recipient(block, "Original-Recipient"), _recipient(block, "Final-Recipient")
    return Bounce(_ACTIONS[_action(block)], code, of_another=bool(asked and final and asked != final))


def _recipient(block: Message, name: str) -> str:
    """The address behind "rfc822;", where some characters may stand as "+2B" (RFC 3461, 4)."""
    address = "".join(header_values(block, name)[:1]).partition(";")[2].strip(" <>").lower()
    return re.sub(r"\+([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), address)


def _action(block: Message) -> str:
    value = " ".join(header_values(block, "Action"))
    return value.split("(")[0].partition(" ")[0].lower()  # some servers add a comment


def _status_code(block: Message, name: str) -> str:
    found = ENHANCED_STATUS.search(" ".join(header_values(block, name)))
    return found[1] if found else ""


def _is_from_mail_system(mail: Message) -> bool:
    senders = header_values(mail, "From")
    return "<>" in header_values(mail, "Return-Path") or any(_MAIL_SYSTEM.search(sender) for sender in senders)


def _unstructured(mail: Message) -> Bounce | None:
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)  # would log a mail's words with its own errors
    try:
        delayed, failed = all_failures(mail)
    except Exception:  # noqa: BLE001 - seventeen guessing detectors; what one cannot read is no report
        return None
    if failed:
        code = ENHANCED_STATUS.search(readable_text(mail))
        return Bounce(DeliveryStatus.FAILED, code[1] if code else "")
    return Bounce(None) if delayed else None
