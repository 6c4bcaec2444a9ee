"""The service desk: a shared mailbox, and the agents who answer and close tickets in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from itertools import count

from sandbox.mailbox import Mailbox
from sandbox.people import Person
from sandbox.post_office import PostOffice
from sandbox.wiring import Wiring

FIRST_NUMBER = 1001
_ANSWER = {
    "fi": "Hei,\n\nasia on nyt kunnossa. Suljen tukipyynnön.",
    "sv": "Hej,\n\närendet är åtgärdat. Jag stänger det nu.",
    "en": "Hello,\n\nthis is fixed now. I am closing the request.",
}
_AGENTS = ("Mika Mäki", "Laura Leino", "Johan Ek")


@dataclass(slots=True)
class Ticket:
    """One matter: the mails about it, and where they are."""

    number: int
    person: Person
    subject: str
    thread: list[str] = field(default_factory=list)
    """Message-IDs of all its mails in the order they were written."""
    open_mails: list[str] = field(default_factory=list)
    """Message-IDs of the customer's mails that are in the inbox."""
    closings: int = 0

    @property
    def tag(self) -> str:
        """How the desk's mails name it."""
        return f"[#{self.number}]"


class Desk:
    """The desk's mailbox and people."""

    def __init__(self, mailbox: Mailbox, post_office: PostOffice, wiring: Wiring) -> None:
        self._mailbox = mailbox
        self._post_office = post_office
        self._wiring = wiring
        self._numbers = count(FIRST_NUMBER)
        self._seen_results = 0

    def new_ticket(self, person: Person, subject: str) -> Ticket:
        """A ticket without mails yet."""
        return Ticket(next(self._numbers), person, subject)

    async def hear(self, ticket: Ticket, text: str, *, at: datetime | None = None, automatic: bool = False) -> None:
        """The customer writes to the desk; the mail is in the inbox when this returns.

        :param at: when it was written, if not now.
        """
        person = ticket.person
        subject = f"Re: {ticket.subject} {ticket.tag}" if ticket.thread else ticket.subject
        mail = _mail(person.email, person.name, self._wiring.desk.address, subject, text, at)
        if automatic:
            mail["Auto-Submitted"] = "auto-generated"
        message_id = _continue(ticket, mail)
        await self._post_office.deliver(person.email, self._wiring.desk.address, mail.as_bytes(), at=at)
        ticket.open_mails.append(message_id)

    async def answer(self, ticket: Ticket, *, at: datetime | None = None) -> None:
        """An agent answers; the mail goes to the customer and a copy to the folder of sent mail."""
        agent = _AGENTS[ticket.number % len(_AGENTS)]
        subject = f"Re: {ticket.subject} {ticket.tag}"
        text = _ANSWER[ticket.person.language] + f"\n\n{agent}\nService Desk"
        mail = _mail(self._wiring.desk.address, agent, ticket.person.email, subject, text, at)
        _continue(ticket, mail)
        await self._mailbox.append(self._wiring.sent_folder, mail.as_bytes(), [b"\\Seen"], at=at)
        await self._post_office.deliver(self._wiring.desk.address, ticket.person.email, mail.as_bytes())

    async def close(self, *tickets: Ticket, mails: int | None = None) -> None:
        """Close tickets by moving their mails to the folder of closed ones, in one go.

        :param mails: only the first so many mails of each ticket.
        """
        moving = [message_id for ticket in tickets for message_id in ticket.open_mails[:mails]]
        await self._mailbox.move(moving, "INBOX", self._wiring.closed_folder)
        for ticket in tickets:
            ticket.closings += ticket.open_mails[:1] != [] and mails is None
            del ticket.open_mails[:mails]

    async def new_results(self) -> list[EmailMessage]:
        """What came into the folder of survey results since the last call."""
        found = await self._mailbox.read(self._wiring.results_folder, self._seen_results)
        if found:
            self._seen_results = found[-1][0]
        return [message for _, message in found]


def _mail(sender: str, name: str, to: str, subject: str, text: str, at: datetime | None) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(name, addr_spec=sender)
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(at or datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=sender.partition("@")[2])
    mail.set_content(text + "\n")
    return mail


def _continue(ticket: Ticket, mail: EmailMessage) -> str:
    """Add a mail to its ticket's thread."""
    if ticket.thread:
        mail["In-Reply-To"] = ticket.thread[-1]
        mail["References"] = " ".join(ticket.thread)
    ticket.thread.append(mail["Message-ID"])
    return ticket.thread[-1]
