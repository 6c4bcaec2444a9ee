"""The simulated desk and its mail work for ordinary mail programs and servers."""

from __future__ import annotations

import asyncio
import random
import smtplib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage

import pytest
from flufl.bounce import scan_message
from imapclient import IMAPClient
from sandbox.imap_server import serve_imap
from sandbox.mail_desk import MailDesk
from sandbox.mailbox import Mailbox
from sandbox.people import Person
from sandbox.post_office import PostOffice, serve_smtp
from sandbox.story import Answer, Closing, Story, System
from sandbox.wiring import Account, Api, Wiring

DESK = Account("desk@acme.example", "desk@acme.example", "desk-demo")
SURVEY = Account("survey@acme.example", "survey@acme.example", "survey-demo")
MAIJA = Person("Maija Meikäläinen", "maija@asiakas.example")
VPN = Story(1, System.MAILBOX, MAIJA, Closing.PLAIN, Answer.WORDS, "VPN ei yhdistä")
NOWHERE = Api("http://127.0.0.1", "", "", "", "")


@dataclass(frozen=True)
class Office:
    """The running servers."""

    wiring: Wiring
    post_office: PostOffice
    desk: MailDesk
    received: list[tuple[str, EmailMessage]]

    def read(self, account: Account, folder: str) -> list[EmailMessage]:
        with IMAPClient("127.0.0.1", self.wiring.imap_port, ssl=False) as client:
            client.login(account.username, account.password)
            client.select_folder(folder, readonly=True)
            fetched = client.fetch(client.search(), ["BODY.PEEK[]"])
            return [message_from_bytes(data[b"BODY[]"], EmailMessage) for _, data in sorted(fetched.items())]

    def send(self, sender: str, recipient: str, *, password: str = SURVEY.password, text: str = "Hei\n") -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = sender, recipient, "Kysely", "<1@acme.example>"
        mail.set_content(text)
        with smtplib.SMTP("127.0.0.1", self.wiring.smtp_port) as client:
            client.login(SURVEY.username, password)
            client.send_message(mail)


@pytest.fixture
async def office(first_port: int, cheap_passwords: None) -> AsyncIterator[Office]:
    wiring = Wiring(
        pages=f"http://127.0.0.1:{first_port}",
        web_port=first_port,
        imap_port=first_port + 1,
        smtp_port=first_port + 2,
        phones_port=first_port + 3,
        desk=DESK,
        survey=SURVEY,
        submission=SURVEY,
        sms=SURVEY,
        inbound_sms_url="",
        closed_folder="Closed",
        sent_folder="Sent",
        results_folder="Survey results",
        jira=NOWHERE,
        jira_projects=("SUP", "OPS"),
        jira_property="",
        servicenow=NOWHERE,
    )
    received: list[tuple[str, EmailMessage]] = []
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serve_imap(wiring.imap_port, [DESK, SURVEY]))
        agents = await Mailbox.open(wiring.imap_port, DESK, ["Closed", "Sent", "Survey results"])
        accounts = {account.address: await Mailbox.open(wiring.imap_port, account) for account in (DESK, SURVEY)}
        for mailbox in (agents, *accounts.values()):
            stack.push_async_callback(mailbox.close)
        post_office = PostOffice(accounts, lambda recipient, mail: received.append((recipient, mail)))
        await stack.enter_async_context(serve_smtp(wiring.smtp_port, post_office, SURVEY))
        yield Office(wiring, post_office, MailDesk(agents, post_office, wiring), received)


async def test_a_ticket_is_answered_and_closed_as_one_thread(office: Office) -> None:
    ticket = await office.desk.open(VPN)
    await office.desk.answer(ticket)
    await office.desk.hear(ticket)
    assert len(await asyncio.to_thread(office.read, DESK, "INBOX")) == 2
    await office.desk.close(ticket)
    closed = await asyncio.to_thread(office.read, DESK, "Closed")
    sent = await asyncio.to_thread(office.read, DESK, "Sent")
    assert await asyncio.to_thread(office.read, DESK, "INBOX") == []
    assert [mail["Message-ID"] for mail in (closed[0], sent[0], closed[1])] == ticket.thread
    assert closed[1]["References"].split() == ticket.thread[:2]
    assert f"[#{ticket.number}]" in sent[0]["Subject"]
    assert (ticket.closings, ticket.open_mails) == (1, [])


async def test_a_ticket_closed_mail_by_mail_counts_as_closed_when_its_last_mail_moved(office: Office) -> None:
    ticket = await office.desk.open(VPN)
    await office.desk.hear(ticket)
    await office.desk.close(ticket, mails=1)
    assert (ticket.closings, len(ticket.open_mails)) == (0, 1)
    await office.desk.close(ticket)
    assert ticket.closings == 1


async def test_old_mail_carries_its_old_date(office: Office) -> None:
    await office.desk.open_old(VPN, datetime(2020, 5, 4, 3, 2, 1, tzinfo=UTC))
    (mail,) = await asyncio.to_thread(office.read, DESK, "INBOX")
    assert "04 May 2020 03:02:01" in mail["Date"]


async def test_mail_from_the_hub_reaches_customers(office: Office) -> None:
    await asyncio.to_thread(office.send, "survey@acme.example", "maija@asiakas.example")
    ((recipient, mail),) = office.received
    assert (recipient, mail["Subject"]) == ("maija@asiakas.example", "Kysely")


async def test_mail_to_an_address_with_a_tag_reaches_the_account(office: Office) -> None:
    await asyncio.to_thread(office.send, "maija@asiakas.example", "survey+abc@acme.example")
    (mail,) = await asyncio.to_thread(office.read, SURVEY, "INBOX")
    assert (mail["Delivered-To"], mail["Return-Path"]) == ("survey+abc@acme.example", "<maija@asiakas.example>")
    assert office.received == []


async def test_a_wrong_password_is_refused(office: Office) -> None:
    with pytest.raises(smtplib.SMTPAuthenticationError):
        await asyncio.to_thread(office.send, "survey@acme.example", "maija@asiakas.example", password="wrong")


async def test_mail_to_a_dead_address_is_taken_and_comes_back_as_a_report(office: Office) -> None:
    office.post_office.dead_addresses.add("maija@asiakas.example")
    await asyncio.to_thread(office.send, "survey+abc@acme.example", "maija@asiakas.example")
    (report,) = await asyncio.to_thread(office.read, SURVEY, "INBOX")
    assert report.get_content_type() == "multipart/report"
    assert scan_message(report) == {b"maija@asiakas.example"}
    assert b"<1@acme.example>" in report.as_bytes()


async def test_results_are_read_once_and_belong_to_the_ticket_they_refer_to(office: Office) -> None:
    ticket = await office.desk.open(VPN)

    def write(rating: int) -> None:
        with IMAPClient("127.0.0.1", office.wiring.imap_port, ssl=False) as client:
            client.login(DESK.username, DESK.password)
            head = f"Subject: RATING {rating}/5\r\nReferences: <0@x> {ticket.thread[0]}\r\n"
            client.append("Survey results", f"{head}\r\nKiitos\r\n".encode())

    for rating in random.sample(range(1, 6), 3):
        await asyncio.to_thread(write, rating)
        assert [(result.ticket, result.scores) for result in await office.desk.new_results()] == [
            (ticket, {"rating": rating})
        ]
    assert await office.desk.new_results() == []
