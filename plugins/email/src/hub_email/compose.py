"""A survey message as MIME: 7 bit on the wire, with the headers that keep it out of loops and answerable by machine."""

from __future__ import annotations

import re
from datetime import datetime
from email import policy
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from urllib.parse import quote, urlsplit

from hub import Message
from hub_email.addressing import Addressing, wire_address

MARKER_HEADER = "X-XM-Survey"
"""In every mail the hub sends. Mail that comes in with it is our own, on its way round in a loop."""

UNSUBSCRIBE = "unsubscribe"
"""Subject of the mail that a mail program sends for its user who presses "unsubscribe"."""

SUPPRESS = "OOF, AutoReply, RN, NRN"  # not "All": Exchange would then withhold bounces too
_URL_SAFE = "%/:?#[]@!$&'()*+,;=~-._"
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")


class _Verbatim(UnstructuredHeader, BaseHeader):
    """A header that is never folded: the library would turn a long URL or id into an encoded word (RFC 2047)."""

    def fold(self, *, policy: policy.Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _wire_policy() -> EmailPolicy[EmailMessage]:
    registry = HeaderRegistry()
    for name in ("message-id", "in-reply-to", "references", "list-unsubscribe"):
        registry.map_to_type(name, _Verbatim)
    return policy.SMTP.clone(header_factory=registry, cte_type="7bit")


_WIRE = _wire_policy()


def compose(message: Message, sender: Address, addressing: Addressing, at: datetime) -> bytes:
    """Build the mail as it goes over the wire.

    :param at: the time for the Date header, aware.
    :raises Rejected: the recipient is not an address that plain SMTP can carry.
    """
    mail = EmailMessage(policy=_WIRE)
    mail["From"] = sender
    mail["To"] = wire_address(message.recipient)
    mail["Subject"] = _one_line(message.subject)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = addressing.message_id(message.key)
    mail["Reply-To"] = addressing.reply_address(message.key)
    if message.in_reply_to and (parent := _MESSAGE_ID.fullmatch(message.in_reply_to.strip())):
        mail["In-Reply-To"] = parent[0]
        mail["References"] = parent[0]
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = SUPPRESS
    mail[MARKER_HEADER] = "1"
    if message.unsubscribe_url:
        _add_unsubscribe(mail, message.unsubscribe_url, addressing.reply_address(message.key))
    mail.set_content(_encodable(message.text), cte="quoted-printable")
    if message.html is not None:
        mail.add_alternative(_encodable(message.html), subtype="html", cte="quoted-printable")
    return mail.as_bytes()


def _add_unsubscribe(mail: EmailMessage, url: str, mailbox: str) -> None:
    safe = quote(_encodable(url), safe=_URL_SAFE)
    mail["List-Unsubscribe"] = f"<{safe}>, <mailto:{quote(mailbox, safe='@+=.-_')}?subject={UNSUBSCRIBE}>"
    if urlsplit(safe).scheme == "https":  # RFC 8058 allows one-click over https only
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def _one_line(text: str) -> str:
    """Header text without line breaks and control characters, so that no value can start a header of its own."""
    return " ".join("".join(c if c.isprintable() else " " for c in _encodable(text)).split())


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
