"""The people around a real mailbox: customers who write and answer, agents who close tickets."""

from __future__ import annotations

import re
import ssl
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Any

from imapclient import IMAPClient

from tests.real.servers.mail import MailServer, password

DESK = "hub@desk.test"
SURVEYS = "survey@desk.test"


class DeskPeople:
    """Customers and agents of the desk at DESK."""

    def __init__(self, mail: MailServer) -> None:
        self.mail = mail
        self.customer_words: set[str] = set()

    def write(self, customer: str, subject: str) -> str:
        """A customer writes to the desk.

        :returns: the Message-ID.
        """
        message = self._message(customer, DESK, subject, "Hei, apua kaivataan.")
        self.mail.deliver(message, sender=customer, recipient=DESK)
        return str(message["Message-ID"])

    def answer(self, survey: EmailMessage, customer: str, text: str) -> EmailMessage:
        """A customer answers a survey with the mail program's quote below."""
        quoted = "\n".join(f"> {line}" for line in plain(survey).splitlines())
        body = f"{text}\n\nma 1.6.2026 klo 10.15 Palvelupiste kirjoitti:\n{quoted}\n"
        message = self._message(customer, str(survey["Reply-To"]), f"Re: {survey['Subject']}", body)
        message["In-Reply-To"] = message["References"] = survey["Message-ID"]
        self.mail.deliver(message, sender=customer, recipient=str(survey["Reply-To"]))
        return message

    def prepare_folders(self, *names: str) -> None:
        with self._login() as imap:
            for name in names:
                if not imap.folder_exists(name):
                    imap.create_folder(name)

    def close_by_moving(self, subject: str, folder: str = "Closed") -> None:
        with self._login() as imap:
            imap.select_folder("INBOX")
            imap.move(self._find(imap, subject), folder)

    def close_by_keyword(self, subject: str) -> None:
        with self._login() as imap:
            imap.select_folder("INBOX")
            imap.add_flags(self._find(imap, subject), [b"$Closed"])

    def in_folder(self, folder: str, user: str = DESK) -> list[EmailMessage]:
        """Every message of a folder."""
        import email
        from email import policy

        with self._login(user) as imap:
            if not imap.folder_exists(folder):
                return []
            imap.select_folder(folder, readonly=True)
            fetched = imap.fetch(imap.search("ALL"), ["BODY.PEEK[]"])
        return [email.message_from_bytes(part[b"BODY[]"], policy=policy.default) for part in fetched.values()]

    def flags(self, folder: str) -> set[bytes]:
        with self._login() as imap:
            imap.select_folder(folder, readonly=True)
            flags: dict[int, Any] = imap.get_flags(imap.search("ALL"))
        return {flag for per_message in flags.values() for flag in per_message}

    def results(self) -> dict[str, EmailMessage]:
        """What the hub wrote, by the subject of the ticket; a second result for one ticket is an error."""
        found: dict[str, EmailMessage] = {}
        for message in self.in_folder("Survey results"):
            subject = re.sub(r"^.*? - ", "", str(message["Subject"]))
            assert subject not in found, f"two results for {subject}"
            found[subject] = message
        return found

    def _find(self, imap: IMAPClient, subject: str) -> list[int]:
        found: list[int] = imap.search(["SUBJECT", subject])
        assert found, f"no mail with the subject {subject}"
        return found

    def _login(self, user: str = DESK) -> IMAPClient:
        context = ssl.create_default_context(cafile=str(self.mail.ca_file))
        imap = IMAPClient(self.mail.host, port=self.mail.ports.imaps, ssl_context=context, timeout=20)
        imap.login(user, password(user))
        return imap

    @staticmethod
    def _message(sender: str, recipient: str, subject: str, body: str) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, recipient, subject
        message["Message-ID"] = make_msgid(domain="customer.test")
        message.set_content(body)
        return message


def plain(message: EmailMessage) -> str:
    """The text part of a mail."""
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())
