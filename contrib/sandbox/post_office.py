"""Mail between the hub, the desk and the customers: an SMTP server, and delivery to mailboxes."""

from __future__ import annotations

import asyncio
import email
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import default
from email.utils import make_msgid

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from sandbox.mailbox import Mailbox
from sandbox.wiring import HOST, Account

DEAD_MAILBOX = "550 5.1.1 mailbox unknown"


class PostOffice:
    """Takes mail by SMTP and delivers it: over IMAP to the desk's accounts, in memory to customers.

    :param accounts: mailboxes by address; mail to `address+anything` goes there too.
    :param on_mail: called with the recipient and the mail that left for a customer over SMTP.
    """

    def __init__(self, accounts: Mapping[str, Mailbox], on_mail: Callable[[str, EmailMessage], None]) -> None:
        self._accounts = accounts
        self._on_mail = on_mail
        self.dead_addresses: set[str] = set()
        """Mail to these is taken and comes back with a delivery report."""

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Nobody sends without a login."""
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Deliver to every recipient."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        for recipient in envelope.rcpt_tos:
            message = await self.deliver(envelope.mail_from or "", recipient, content)
            if message is not None:
                self._on_mail(recipient.lower(), message)
        return "250 2.0.0 OK"

    async def deliver(
        self, sender: str, recipient: str, content: bytes, *, at: datetime | None = None
    ) -> EmailMessage | None:
        """Bring a mail to its mailbox.

        :param at: when it arrives there, if not now.
        :returns: the mail, unless it was for one of the accounts.
        """
        if recipient.lower() in self.dead_addresses:
            await self._bounce(sender, recipient, content)
        account = self._accounts.get(_without_tag(recipient))
        if account is not None:
            trace = f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n".encode()
            await account.append("INBOX", trace + content, at=at)
            return None
        message = email.message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        return message

    async def _bounce(self, sender: str, recipient: str, content: bytes) -> None:
        if sender:  # a report is never answered with a report
            await self.deliver("", sender, delivery_report(sender, recipient, content))


def delivery_report(sender: str, recipient: str, content: bytes) -> bytes:
    """The report (RFC 3464) that a mail could not be delivered."""
    original = email.message_from_bytes(content)
    report = MIMEMultipart("report")
    report.set_param("report-type", "delivery-status")
    report["From"] = "Mail Delivery System <mailer-daemon@asiakas.example>"
    report["To"] = sender
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Message-ID"] = make_msgid(domain="asiakas.example")
    report["Auto-Submitted"] = "auto-replied"
    report.attach(MIMEText(f"Your message could not be delivered.\n\n<{recipient}>: {DEAD_MAILBOX}\n"))
    status = email.message_from_string(
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.asiakas.example\n\n"
        f"Final-Recipient: rfc822; {recipient}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; {DEAD_MAILBOX}\n"
    )
    report.attach(status)
    headers = "".join(f"{name}: {value}\n" for name, value in original.items())
    report.attach(MIMEText(headers, "rfc822-headers"))
    return report.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@asynccontextmanager
async def serve_smtp(port: int, post_office: PostOffice, login: Account) -> AsyncIterator[None]:
    """Take mail by SMTP on loopback, after a login, for the length of the block."""

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
        expected = LoginPassword(login.username.encode(), login.password.encode())
        return AuthResult(success=given == expected, handled=False)

    def connection() -> SMTP:
        return SMTP(post_office, hostname=HOST, ident="sandbox", authenticator=authenticate, auth_require_tls=False)

    server = await asyncio.get_running_loop().create_server(connection, HOST, port)
    try:
        yield
    finally:
        server.close()


def _without_tag(address: str) -> str:
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
