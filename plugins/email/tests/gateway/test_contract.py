"""The hub's gateway contract, with aiosmtpd to send to and pymap, behind a proxy that fails on demand, to read from."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import hub_email
import pytest
import pytest_asyncio
from hub_email.gateway import EmailGateway
from hub_email.replies import read_inbound
from imapclient import IMAPClient

from hub import Cursor, DeliveryReport, DeliveryStatus, Inbound, Message, Receipt, Reply, Unexpected, Webhook
from hub.testing.contracts import GatewayContract
from hub.testing.rigs import Fault, GatewayRig, Sent

CUSTOMER = "pekka@firma.example"
GONE = "gone@firma.example"

SMTP_ANSWERS = {
    Fault.AUTH: {"AUTH": "535 5.7.8 no, hub"},
    Fault.FORBIDDEN: {"MAIL": "530 5.7.0 not for this account"},
    Fault.UNAVAILABLE: {"CONNECT": "421 4.3.2 shutting down"},
    Fault.SERVER_ERROR: {"DATA": f"451 4.3.0 cannot queue for {CUSTOMER}"},
    Fault.MALFORMED: {"CONNECT": "<html>502 Bad Gateway</html>"},
    Fault.CONNECT: {"CONNECT": "drop"},
    Fault.TIMEOUT_AFTER_REQUEST: {"DATA": "hang"},
    Fault.RESET_AFTER_REQUEST: {"DATA": "drop"},
}
IMAP_REFUSALS = {
    Fault.AUTH: (("LOGIN",), "[AUTHENTICATIONFAILED] demouser"),
    Fault.FORBIDDEN: (("EXAMINE",), "[NOPERM] not for demouser"),
    Fault.UNAVAILABLE: (("",), "[UNAVAILABLE] not now"),
    Fault.SERVER_ERROR: (("",), "[SERVERBUG] oh"),
}
ACTIONS = {
    DeliveryStatus.FAILED: "failed\nStatus: 5.1.1",
    DeliveryStatus.DELIVERED: "delivered\nStatus: 2.0.0",
    DeliveryStatus.SENT: "relayed\nStatus: 2.0.0",
}


class ImapProxy:
    """Passes commands and answers on, and plays a fault while one is set."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.port = 0
        self.fault: Fault | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.hang_up()
        await asyncio.sleep(0.01)

    def hang_up(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, commands: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self.fault is Fault.CONNECT:
            client.transport.abort()
            return
        answers, server = await asyncio.open_connection("127.0.0.1", self.upstream)
        self._writers |= {client, server}
        passing = asyncio.create_task(self._pass_answers(answers, client))
        with suppress(OSError):
            async for line in commands:
                if not self._refuse(line.decode("latin-1").split(), client):
                    server.write(line)
        passing.cancel()
        for writer in (client, server):
            writer.transport.abort()
            self._writers.discard(writer)

    def _refuse(self, words: list[str], client: asyncio.StreamWriter) -> bool:
        if self.fault not in IMAP_REFUSALS:
            return False
        commands, text = IMAP_REFUSALS[self.fault]
        refused = words[1].startswith(commands)
        if refused:
            client.write(f"{words[0]} NO {text}\r\n".encode())
        return refused

    async def _pass_answers(self, answers: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await answers.read(65536):
                if self.fault is Fault.RESET_AFTER_REQUEST:
                    break
                if self.fault is Fault.MALFORMED:
                    client.write(b"<html>502 Bad Gateway demouser</html>\r\n")
                elif self.fault is not Fault.TIMEOUT_AFTER_REQUEST:
                    client.write(data)
        client.transport.abort()


class MailRig(GatewayRig):
    """A submission server, customers with a mail program, and the mailbox that their answers reach."""

    faults = frozenset(SMTP_ANSWERS)
    own_loggers = ("mail",)
    secrets = ("demopass", "secret-of-the-hub")
    personal = (CUSTOMER, GONE, "demouser")
    recipient = CUSTOMER
    refused_recipient = GONE
    reports = frozenset(ACTIONS)

    def __init__(self, submission: Any, imap: ImapProxy, folder: str, timeout: str) -> None:
        super().__init__()
        self.submission = submission
        self.imap = imap
        self.folder = folder
        self.timeout = timeout
        self._numbers = itertools.count(1)
        submission.refused[GONE] = f"550 5.1.1 <{GONE}> unknown"
        self._client = IMAPClient("127.0.0.1", imap.upstream, ssl=False)
        self._client.login("demouser", "demopass")
        self._client.create_folder(folder)

    @property
    def settings(self) -> Mapping[str, Any]:
        mailbox = {
            "host": "127.0.0.1",
            "port": self.imap.port,
            "security": "plain",
            "username": "demouser",
            "password": "demopass",
            "timeout": self.timeout,
            "folder": self.folder,
        }
        return dict(self.submission.settings(timeout=self.timeout, imap=mailbox))

    async def fail(self, fault: Fault | None) -> None:
        self.submission.answers = dict(SMTP_ANSWERS[fault]) if fault else {}
        self.imap.fault = fault
        if fault in {Fault.AUTH, Fault.CONNECT}:
            self.imap.hang_up()
            await asyncio.sleep(0.01)

    async def sent(self) -> Sequence[Sent]:
        return [
            Sent(
                recipient=envelope.rcpt_tos[0],
                text=mail.get_body(("plain",)).get_content(),
                identity=mail["Message-ID"],
            )
            for envelope, mail in zip(self.submission.envelopes, self.submission.mails, strict=True)
        ]

    async def customer_replies(self, message: Message, text: str) -> Sequence[Webhook]:
        mail = EmailMessage()
        mail["From"] = f"Pekka <{message.recipient}>"
        mail["To"] = f"vastaus+{message.key}@acme.fi"
        mail["Subject"] = f"Re: {message.subject}"
        mail["Message-ID"] = f"<{self.folder}{next(self._numbers)}@firma.example>"
        mail["In-Reply-To"] = f"<{message.key}@acme.fi>"
        mail.set_content(f"{text}\n\nAcme kirjoitti 1.6.2026 klo 10.15:\n> {message.text}\n")
        return self.deliver(mail.as_bytes())

    async def report(self, message: Message, receipt: Receipt, status: DeliveryStatus) -> Sequence[Webhook]:
        return self.deliver(
            (
                f"Return-Path: <>\nFrom: MAILER-DAEMON@firma.example\nTo: vastaus+{message.key}@acme.fi\n"
                'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\n\n'
                "--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.firma.example\n\n"
                f"Final-Recipient: rfc822; {message.recipient}\nAction: {ACTIONS[status]}\n\n--B--\n"
            ).encode()
        )

    def deliver(self, mail: bytes) -> Sequence[Webhook]:
        self._client.append(self.folder, mail)
        return ()

    def stop(self) -> None:
        self._client.logout()


@pytest_asyncio.fixture
async def rig(submission: Any, imap_port: int, prefix: str, request: pytest.FixtureRequest) -> AsyncIterator[MailRig]:
    # Short only where no answer comes: a server on a busy machine may well need a third of a second.
    impatient = Fault.TIMEOUT_AFTER_REQUEST.value in request.node.name
    imap = ImapProxy(imap_port)
    await imap.start()
    await submission.start(auth=True)
    rig = MailRig(submission, imap, f"{prefix}replies", "300ms" if impatient else "10s")
    yield rig
    rig.stop()
    await imap.stop()


class TestEmailGateway(GatewayContract):
    plugin = hub_email

    @pytest.fixture
    def rig(self, rig: MailRig) -> MailRig:
        return rig


async def collect(gateway: EmailGateway, cursor: Cursor | None) -> list[Inbound]:
    return [page async for page in gateway.collect(cursor)]


@pytest_asyncio.fixture
async def gateway(rig: MailRig, gateway_for: Any) -> AsyncIterator[EmailGateway]:
    gateway = gateway_for(rig.settings)
    yield gateway
    await gateway.close()


def feedback(number: int) -> bytes:
    return f"From: a@b.fi\nTo: vastaus@acme.fi\nMessage-ID: <{number}@b.fi>\n\nHuomio {number}".encode()


class TestCollecting:
    async def test_mail_is_read_in_pages_and_stays_unseen(
        self, rig: MailRig, gateway: EmailGateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hub_email.gateway.PAGE_SIZE", 3)
        [start] = await collect(gateway, None)
        for number in range(5):
            rig.deliver(feedback(number))
        pages = await collect(gateway, start.cursor)
        assert [len(page.replies) for page in pages] == [3, 2]
        assert [reply.text for page in pages for reply in page.replies] == [f"Huomio {number}" for number in range(5)]
        assert await collect(gateway, pages[-1].cursor) == []
        rig._client.select_folder(rig.folder, readonly=True)
        assert len(rig._client.search("UNSEEN")) == 5

    async def test_a_folder_numbered_anew_is_read_again(self, rig: MailRig, gateway: EmailGateway) -> None:
        gateway.context.clock.advance(timedelta(days=-30000))  # type: ignore[attr-defined]  # pymap lives in the present
        rig.deliver(feedback(1))
        [page] = await collect(gateway, Cursor("1:999999"))
        assert [reply.provider_id for reply in page.replies] == ["1@b.fi"]
        assert await collect(gateway, page.cursor) == []
        assert gateway.context.log.events() == ["gateway.mailbox_renumbered"]  # type: ignore[attr-defined]

    async def test_an_empty_folder_numbered_anew_gives_a_new_position(self, gateway: EmailGateway) -> None:
        [page] = await collect(gateway, Cursor("1:999999"))
        assert page == Inbound(cursor=page.cursor)
        assert page.cursor != "1:999999"

    async def test_a_spoiled_position_is_told(self, gateway: EmailGateway) -> None:
        with pytest.raises(Unexpected, match="reset it"):
            await collect(gateway, Cursor("nonsense"))

    async def test_a_mail_that_nobody_foresaw_does_not_stop_the_others(
        self, rig: MailRig, gateway: EmailGateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails_on_the_first(content: bytes, *rest: Any) -> Reply | DeliveryReport | None:
            if b"<1@b.fi>" in content:
                raise RecursionError
            return read_inbound(content, *rest)

        monkeypatch.setattr("hub_email.gateway.read_inbound", fails_on_the_first)
        [start] = await collect(gateway, None)
        rig.deliver(feedback(1))
        rig.deliver(feedback(2))
        [page] = await collect(gateway, start.cursor)
        first, second = page.replies
        assert (first.automatic, first.text, "Huomio 1" in first.raw) == (True, "", True)
        assert second.text == "Huomio 2"

    async def test_without_a_mailbox_nothing_is_collected(self, rig: MailRig, gateway_for: Any) -> None:
        gateway = gateway_for(rig.submission.settings())
        assert await collect(gateway, None) == []
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gateway.wait(), 0.05)
        await gateway.close()

    async def test_check_looks_at_the_folder(self, rig: MailRig, gateway_for: Any) -> None:
        settings = dict(rig.settings)
        rig.deliver(feedback(1))
        results = await gateway_for(settings).check()
        assert [result.ok for result in results] == [True, True, True]
        assert "1 mails" in results[1].detail
        settings["imap"] = settings["imap"] | {"folder": "Missing"}
        results = await gateway_for(settings).check()
        assert [result.ok for result in results] == [True, False]
        assert "Missing" in results[1].detail
