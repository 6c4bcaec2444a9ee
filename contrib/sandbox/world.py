"""The simulated systems, running together on loopback."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import httpx

from sandbox.browser import Browser
from sandbox.customers import Customers
from sandbox.desk import Desk
from sandbox.imap_server import serve_imap
from sandbox.jira_desk import JiraDesk
from sandbox.ledger import Ledger, Line
from sandbox.mail_desk import MailDesk
from sandbox.mailbox import Mailbox
from sandbox.phones import Phones, Sms
from sandbox.post_office import PostOffice, serve_smtp
from sandbox.questions import Questions
from sandbox.servicenow import build_app
from sandbox.servicenow_desk import ServiceNowDesk
from sandbox.story import FIRST, Answer, System
from sandbox.view import View
from sandbox.web_server import serve
from sandbox.wiring import HOST, Wiring

_SERVERS = (
    "the hub's pages",
    "the desk's IMAP server",
    "the SMTP server",
    "the phones' gateway",
    "the Jira site",
    "the ServiceNow instance",
)


class PortTaken(Exception):
    """Something else listens where the sandbox must."""


@dataclass(frozen=True, slots=True)
class World:
    """The desks and the customers, ready to be used."""

    desks: Mapping[System, Desk[Any]]
    customers: Customers


def check_ports(wiring: Wiring) -> None:
    """Make sure that all ports are free.

    :raises PortTaken: with the port and what to do about it.
    """
    for server, port in zip(_SERVERS, wiring.ports(), strict=True):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                raise PortTaken(
                    f"port {port}, meant for {server}, is in use. "
                    "Stop what listens there (another demo?), or choose six other ports with --port-base."
                ) from None


@asynccontextmanager
async def run_world(wiring: Wiring, ledger: Ledger, view: View, questions: Questions) -> AsyncIterator[World]:
    """Run all simulated systems for the length of the block; what reaches customers is noted in the ledger."""

    def note(address: str, line: Line) -> None:
        case = ledger.note_message(address, line)
        if case is not None:
            view.message(case)

    def on_sms(sms: Sms) -> None:
        note(sms.recipient, Line("hub", "sms", sms.text, questions.asked_in(sms.text)))

    def on_mail(recipient: str, mail: EmailMessage) -> None:
        note(recipient, Line("hub", "mail", str(mail["Subject"]), FIRST, mail))

    async with AsyncExitStack() as stack:
        post_office, mail_desk = await _start_mail(stack, wiring, ledger, on_mail)
        phones = Phones(wiring.sms.username, wiring.sms.password, wiring.inbound_sms_url, on_sms)
        stack.push_async_callback(phones.close)
        await stack.enter_async_context(serve(phones.app, wiring.phones_port))
        browser = Browser()
        stack.push_async_callback(browser.close)
        desks: dict[System, Desk[Any]] = {System.MAILBOX: mail_desk} | await _start_apis(stack, wiring)
        yield World(desks, Customers(phones, post_office, browser, wiring.sms.address, view.said))


async def _start_mail(
    stack: AsyncExitStack, wiring: Wiring, ledger: Ledger, on_mail: Callable[[str, EmailMessage], None]
) -> tuple[PostOffice, MailDesk]:
    await stack.enter_async_context(serve_imap(wiring.imap_port, [wiring.desk, wiring.survey]))
    folders = (wiring.closed_folder, wiring.sent_folder, wiring.results_folder)
    agents = await Mailbox.open(wiring.imap_port, wiring.desk, folders)
    accounts = {
        account.address: await Mailbox.open(wiring.imap_port, account) for account in (wiring.desk, wiring.survey)
    }
    for mailbox in (agents, *accounts.values()):
        stack.push_async_callback(mailbox.close)
    post_office = PostOffice(accounts, on_mail)
    post_office.dead_addresses.update(
        case.story.person.email for case in ledger.cases if case.story.answer is Answer.BOUNCE
    )
    await stack.enter_async_context(serve_smtp(wiring.smtp_port, post_office, wiring.submission))
    return post_office, MailDesk(agents, post_office, wiring)


async def _start_apis(stack: AsyncExitStack, wiring: Wiring) -> dict[System, Desk[Any]]:
    client = await stack.enter_async_context(httpx.AsyncClient(timeout=10, trust_env=False))
    jira = JiraDesk(wiring.jira, client, projects=wiring.jira_projects, property_key=wiring.jira_property)
    servicenow = ServiceNowDesk(wiring.servicenow, client)
    for desk in (jira, servicenow):
        stack.push_async_callback(desk.stop)
    await stack.enter_async_context(serve(jira.site.app, wiring.jira.port, date_header=False))
    app = build_app(servicenow.instance)
    await stack.enter_async_context(serve(app, wiring.servicenow.port, date_header=False))
    return {System.JIRA: jira, System.SERVICENOW: servicenow}
