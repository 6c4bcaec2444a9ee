"""The servers do what the tests built on them take for granted."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
import threading
import urllib.request
import uuid
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.real.servers.kannel import Kannel
from tests.real.servers.mail import USERS, MailServer, password
from tests.real.servers.process import is_open, wait_until


@pytest.fixture
def requests(kannel: Kannel) -> Iterator[list[str]]:
    """The request lines that reach the place where a hub will be."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - the name is the library's

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", kannel.hook_port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield seen
        server.shutdown()
        thread.join()


def _sendsms(kannel: Kannel, number: str, text: str) -> str:
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "X-Kannel-Username": kannel.username,
        "X-Kannel-Password": kannel.password,
        "X-Kannel-From": "DESK",
        "X-Kannel-To": number,
        "X-Kannel-Coding": "0",
        "X-Kannel-DLR-Mask": "31",
        "X-Kannel-DLR-Url": f"{kannel.hook_url}/report?number={number[1:]}&type=%d",
    }
    request = urllib.request.Request(kannel.url, data=text.encode(), headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def test_a_text_reaches_the_phone_and_is_reported(kannel: Kannel, requests: list[str]) -> None:
    number = "+358401110100"
    assert _sendsms(kannel, number, "Hyvää päivää! " * 20).startswith("0:")
    wait_until(lambda: (number, "Hyvää päivää! " * 20) in kannel.sent(), "the text at the phone")
    reports = [f"GET /hooks/sms/report?number={number[1:]}&type={kind}" for kind in (8, 1)]
    wait_until(lambda: [line for line in requests if number[1:] in line] == reports, "both reports in order")


@pytest.mark.parametrize(("to", "method"), [(Kannel.desk_number, "GET"), (Kannel.post_number, "POST")])
def test_a_customers_text_reaches_the_hub(kannel: Kannel, requests: list[str], to: str, method: str) -> None:
    kannel.reply("+358401110101", to, "5 👍")
    line = f"{method} /hooks/sms/{kannel.callback_secret}/mo?"
    wait_until(lambda: [one for one in requests if one.startswith(line)], f"a {method} request")


def test_a_kannel_that_was_stopped_goes_on_with_what_it_had(kannel: Kannel, requests: list[str]) -> None:
    number = "+358401110102"
    with kannel.frozen():
        kannel.stop()
    assert not is_open(int(kannel.url.split(":")[2].split("/")[0]))
    kannel.start()
    assert _sendsms(kannel, number, "after the start").startswith("0:")
    wait_until(lambda: (number, "after the start") in kannel.sent(), "the text at the phone")


def _message(to: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Palvelupiste <hub@desk.test>"
    message["To"] = to
    message["Subject"] = f"Miten meni? {uuid.uuid4().hex}"
    message.set_content("Arvioi palvelu äänellä 1–5.\n")
    return message


def _submit(mail: MailServer, message: EmailMessage) -> None:
    """Send as the hub does, with bounces to an address that holds the subject's last word."""
    token = str(message["Subject"]).split()[-1]
    context = ssl.create_default_context(cafile=str(mail.ca_file))
    with smtplib.SMTP(mail.host, mail.ports.submission, timeout=10) as smtp:
        smtp.starttls(context=context)
        smtp.login("hub@desk.test", password("hub@desk.test"))
        smtp.send_message(message, from_addr=f"bounces+{token}@desk.test")


def _bounces(mail: MailServer, message: EmailMessage) -> list[EmailMessage]:
    token = str(message["Subject"]).split()[-1]
    return [one for one in mail.read("bounces@desk.test") if token in str(one["Delivered-To"])]


def test_mail_goes_out_and_the_answer_keeps_its_token(mail: MailServer) -> None:
    message = _message("maija@customer.test")
    _submit(mail, message)
    arrived = wait_until(
        lambda: [one for one in mail.read("maija@customer.test") if one["Subject"] == message["Subject"]], "the mail"
    )
    assert arrived[0].get_content().splitlines() == ["Arvioi palvelu äänellä 1–5."]
    answer = _message("survey+token@desk.test")
    mail.deliver(answer, sender="maija@customer.test", recipient="survey+token@desk.test")
    [back] = wait_until(
        lambda: [one for one in mail.read("survey@desk.test") if one["Subject"] == answer["Subject"]], "the answer"
    )
    assert back["Delivered-To"] == "survey+token@desk.test"


@pytest.mark.parametrize("user", USERS)
def test_every_mailbox_opens(mail: MailServer, user: str) -> None:
    assert isinstance(mail.read(user), list)


@pytest.mark.parametrize(
    ("recipient", "status"),
    [
        ("nobody@customer.test", "5.1.1"),
        ("full@customer.test", "5.2.2"),
        ("x@reject.test", "5.7.1"),
        ("x@nowhere.test", "5.1.2"),
    ],
)
def test_what_cannot_be_delivered_comes_back(mail: MailServer, recipient: str, status: str) -> None:
    message = _message(recipient)
    _submit(mail, message)
    [bounce] = wait_until(lambda: _bounces(mail, message), "the bounce")
    assert bounce.get_content_type() == "multipart/report"
    assert f"Status: {status}" in bounce.as_string()


def test_an_unknown_user_is_refused_between_organisations(mail: MailServer) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        mail.deliver(_message("nobody@customer.test"), sender="x@elsewhere.test", recipient="nobody@customer.test")


def test_somebody_on_holiday_answers_automatically(mail: MailServer) -> None:
    message = _message("away@customer.test")
    _submit(mail, message)
    [answer] = wait_until(lambda: _bounces(mail, message), "the automatic answer")
    assert answer["Auto-Submitted"].startswith("auto-replied")


async def test_a_delay_is_reported_before_the_queue_gives_up(mail: MailServer) -> None:
    message = _message("x@defer.test")
    _submit(mail, message)
    for _ in range(90):
        actions = [action for one in _bounces(mail, message) for action in _actions(one)]
        if actions == ["delayed", "failed"]:
            return
        await asyncio.sleep(0.5)
    pytest.fail(f"the reports were {actions}")


def _actions(report: EmailMessage) -> list[str]:
    blocks = [
        block for part in report.walk() if part.get_content_type() == "message/delivery-status" for block in part.walk()
    ]
    return [str(block["Action"]) for block in blocks if block["Action"]]
