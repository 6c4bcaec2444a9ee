"""A desk on a shared mailbox, and the agents who answer and close tickets in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from itertools import count

from sandbox.desk import AGENTS, STEP_SECONDS, Desk, Place, Result, Ticket, matter, more, reply, scores_in
from sandbox.mailbox import Mailbox
from sandbox.post_office import PostOffice
from sandbox.story import Closing, Story, System
from sandbox.wiring import Wiring

FIRST_NUMBER = 1001


@dataclass(slots=True, kw_only=True)
class MailTicket(Ticket):
    """The mails about one matter, and where they are."""

    number: int
    subject: str
    thread: list[str] = field(default_factory=list)
    """Message-IDs of all its mails in the order they were written."""
    open_mails: list[str] = field(default_factory=list)
    """Message-IDs of the customer's mails that are in the inbox."""

    @property
    def key(self) -> str:
        """See `Ticket.key`."""
        return str(self.number)

    @property
    def tag(self) -> str:
        """How the desk's mails name it."""
        return f"[#{self.number}]"


class MailDesk(Desk[MailTicket]):
    """The mailbox and its people. A ticket is closed by moving its mails to a folder."""

    system = System.MAILBOX

    def __init__(self, mailbox: Mailbox, post_office: PostOffice, wiring: Wiring) -> None:
        self._mailbox = mailbox
        self._post_office = post_office
        self._wiring = wiring
        self._numbers = count(FIRST_NUMBER)
        self._seen_results = 0
        self._tickets: dict[str, MailTicket] = {}
        """By the Message-ID of each of their mails."""

    async def open(self, story: Story, *, at: datetime | None = None) -> MailTicket:
        """See `Desk.open`.

        :param at: when, if not now.
        """
        number = next(self._numbers)
        ticket = MailTicket(system=self.system, person=story.person, number=number, subject=story.subject)
        await self._receive(ticket, matter(story), at=at, automatic=story.closing is Closing.AUTOMATIC)
        return ticket

    async def open_old(self, story: Story, at: datetime) -> MailTicket:
        """See `Desk.open_old`."""
        ticket = await self.open(story, at=at)
        await self.answer(ticket, at=at + timedelta(hours=2))
        return ticket

    async def hear(self, ticket: MailTicket) -> None:
        """See `Desk.hear`."""
        await self._receive(ticket, more(ticket.person))

    async def answer(self, ticket: MailTicket, *, at: datetime | None = None) -> None:
        """The mail goes to the customer, and a copy to the folder of sent mail.

        :param at: when it is written, if not now.
        """
        agent = AGENTS[ticket.number % len(AGENTS)]
        text = f"{reply(ticket.person)}\n\n{agent}\nService Desk"
        subject = f"Re: {ticket.subject} {ticket.tag}"
        mail = _mail(self._wiring.desk.address, agent, ticket.person.email, subject, text, at)
        self._continue(ticket, mail)
        await self._mailbox.append(self._wiring.sent_folder, mail.as_bytes(), [b"\\Seen"], at=at)
        await self._post_office.deliver(self._wiring.desk.address, ticket.person.email, mail.as_bytes())

    async def close(self, *tickets: MailTicket, mails: int | None = None) -> None:
        """Move mails to the folder of closed ones.

        :param mails: only the first so many mails of each ticket.
        """
        moving = [message_id for ticket in tickets for message_id in ticket.open_mails[:mails]]
        await self._mailbox.move(moving, "INBOX", self._wiring.closed_folder)
        for ticket in tickets:
            if ticket.open_mails and mails is None:
                ticket.note_closing()
            del ticket.open_mails[:mails]

    async def close_stepwise(self, ticket: MailTicket) -> None:
        """One mail after the other."""
        await self.hear(ticket)
        await asyncio.sleep(STEP_SECONDS)
        await self.close(ticket, mails=1)
        await asyncio.sleep(STEP_SECONDS)
        await self.close(ticket)

    async def new_results(self) -> list[Result]:
        """What came into the folder of survey results since the last call."""
        found = await self._mailbox.read(self._wiring.results_folder, self._seen_results)
        if found:
            self._seen_results = found[-1][0]
        return [self._result(message) for _, message in found]

    def how_to_look(self, ticket: MailTicket) -> list[str]:
        """See `Desk.how_to_look`."""
        desk = self._wiring.desk
        return [
            f"any mail program: IMAP 127.0.0.1:{self._wiring.imap_port}, no encryption, "
            f"user {desk.username}, password {desk.password}",
            f"ticket {ticket.tag}: folders {self._wiring.closed_folder!r} and {self._wiring.results_folder!r}",
        ]

    def _result(self, message: EmailMessage) -> Result:
        referred = f"{message.get('References', '')} {message.get('In-Reply-To', '')}".split()
        body = message.get_body(("plain",))
        text = f"{message['Subject']}\n{body.get_content() if body else ''}"
        ticket = next((self._tickets[each] for each in referred if each in self._tickets), None)
        return Result(ticket, Place.MESSAGE, scores_in(text), text)

    async def _receive(
        self, ticket: MailTicket, text: str, *, at: datetime | None = None, automatic: bool = False
    ) -> None:
        """A mail of the customer; it is in the inbox when this returns."""
        person = ticket.person
        subject = f"Re: {ticket.subject} {ticket.tag}" if ticket.thread else ticket.subject
        mail = _mail(person.email, person.name, self._wiring.desk.address, subject, text, at)
        if automatic:
            mail["Auto-Submitted"] = "auto-generated"
        message_id = self._continue(ticket, mail)
        await self._post_office.deliver(person.email, self._wiring.desk.address, mail.as_bytes(), at=at)
        ticket.open_mails.append(message_id)

    def _continue(self, ticket: MailTicket, mail: EmailMessage) -> str:
        """Add a mail to its ticket's thread."""
        if ticket.thread:
            mail["In-Reply-To"] = ticket.thread[-1]
            mail["References"] = " ".join(ticket.thread)
        message_id = str(mail["Message-ID"])
        ticket.thread.append(message_id)
        self._tickets[message_id] = ticket
        return message_id


def _mail(sender: str, name: str, to: str, subject: str, text: str, at: datetime | None) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(name, addr_spec=sender)
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(at or datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=sender.partition("@")[2])
    mail.set_content(text + "\n")
    return mail
