"""The hub's source contract, against pymap as the desk's mail server, behind a proxy that fails on demand."""

from __future__ import annotations

import email
import email.policy
import itertools
import re
import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any, BinaryIO

import hub_email
import pytest
from hub_email import closures
from imapclient import IMAPClient

from hub import Milestone
from hub.testing.contracts import SourceContract
from hub.testing.rigs import Draft, Fault, SourceRig

REFUSALS = {
    Fault.AUTH: (("LOGIN", "AUTHENTICATE"), "[AUTHENTICATIONFAILED] demouser demopass"),
    Fault.FORBIDDEN: (("SELECT", "EXAMINE", "APPEND", "LIST"), "[NOPERM] not for demouser"),
    Fault.NOT_FOUND: (("SELECT", "EXAMINE"), "[NONEXISTENT] gone"),
    Fault.UNAVAILABLE: (("",), "[UNAVAILABLE] not now, demouser"),
    Fault.SERVER_ERROR: (("",), "[SERVERBUG] demouser met a bug"),
}
WRITES = ("APPEND", "STORE")


class FaultyProxy(socketserver.ThreadingTCPServer):
    """Passes IMAP on to a server, command by command, and plays a fault while one is set."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.upstream = ("127.0.0.1", port)
        self.fault: Fault | None = None
        self.open: set[socket.socket] = set()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def play(self, fault: Fault | None) -> None:
        self.fault = fault
        if fault in {Fault.AUTH, Fault.CONNECT}:
            self.hang_up()

    def hang_up(self) -> None:
        for connection in list(self.open):
            _cut(connection)


class _Connection(socketserver.BaseRequestHandler):
    server: FaultyProxy

    def handle(self) -> None:
        if self.server.fault is Fault.CONNECT:
            return
        self.server.open.add(self.request)
        _send_at_once(self.request)
        with socket.create_connection(self.server.upstream) as upstream, suppress(OSError):
            _send_at_once(upstream)
            self.swallow = self.garble = self.reset = False
            answers = threading.Thread(target=self._pass_answers, args=(upstream,), daemon=True)
            answers.start()
            self._pass_commands(self.request.makefile("rb"), upstream)
            _cut(upstream)
            answers.join()
        self.server.open.discard(self.request)

    def _pass_commands(self, commands: BinaryIO, upstream: socket.socket) -> None:
        for line in commands:
            words = line.decode("latin-1").split()
            command = words[2] if words[1:2] == ["UID"] else "".join(words[1:2])
            if not self._refuse(words[0], command):
                upstream.sendall(line)
                part = line
                while literal := re.search(rb"\{(\d+)\+?\}\r\n$", part):
                    upstream.sendall(commands.read(int(literal[1])))
                    part = commands.readline()
                    upstream.sendall(part)

    def _refuse(self, tag: str, command: str) -> bool:
        fault = self.server.fault
        if fault in REFUSALS:
            commands, text = REFUSALS[fault]
            if command.startswith(commands):
                self.request.sendall(f"{tag} NO {text}\r\n".encode())
                return True
        write_lost = fault is Fault.WRITE_ANSWER_LOST and command in WRITES
        self.swallow = fault is Fault.TIMEOUT_AFTER_REQUEST
        self.garble = fault is Fault.MALFORMED
        self.reset = write_lost or fault is Fault.RESET_AFTER_REQUEST
        return False

    def _pass_answers(self, upstream: socket.socket) -> None:
        with suppress(OSError):
            while data := upstream.recv(65536):
                if data.startswith(b"+ "):
                    self.request.sendall(data)
                elif self.reset:
                    break
                elif self.garble:
                    self.request.sendall(b"<html>502 Bad Gateway demouser</html>\r\n")
                elif not self.swallow:
                    self.request.sendall(data)
            _cut(self.request)


def _send_at_once(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class MailDesk(SourceRig):
    """Agents with a mail program: what they close, they move to a folder."""

    faults = frozenset({*REFUSALS, Fault.MALFORMED, Fault.CONNECT, Fault.WRITE_ANSWER_LOST}) | {
        Fault.TIMEOUT_AFTER_REQUEST,
        Fault.RESET_AFTER_REQUEST,
    }
    exact_times = False
    secrets = ("demopass",)
    personal = ("demouser",)

    def __init__(self, port: int, prefix: str) -> None:
        super().__init__()
        self.proxy = FaultyProxy(port)
        self._folders = {name: f"{prefix}{name}" for name in ("inbox", "closed", "sent", "results")}
        self._numbers = itertools.count(1)
        self._prefix = prefix
        self._client = IMAPClient("127.0.0.1", port, ssl=False)
        _send_at_once(self._client.socket())
        self._client.login("demouser", "demopass")
        for name in ("inbox", "closed", "sent"):
            self._client.create_folder(self._folders[name])

    @property
    def settings(self) -> Mapping[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.proxy.port,
            "security": "plain",
            "username": "demouser",
            "password": "demopass",
            "timeout": "500ms",
            "desk_addresses": ["desk@acme.example"],
            "inbox": self._folders["inbox"],
            "closed_folder": self._folders["closed"],
            "sent_folder": self._folders["sent"],
            "results_folder": self._folders["results"],
            "milestones": ["waiting"],
        }

    def stop(self) -> None:
        self.proxy.hang_up()
        self.proxy.shutdown()
        self.proxy.server_close()
        self._client.logout()

    async def fail(self, fault: Fault | None) -> None:
        self.proxy.play(fault)

    async def close_ticket(self, draft: Draft) -> str:
        ticket_id = self._open(draft, self.clock.now())
        self._move(ticket_id)
        return ticket_id

    async def reach(self, milestone: Milestone, draft: Draft) -> str:
        if milestone is not Milestone.WAITING:
            pytest.skip("a mailbox does not tell who works on a mail")
        return self._open(draft, draft.closed_at - timedelta(days=2))

    def _open(self, draft: Draft, at: datetime) -> str:
        ticket_id = f"{self._prefix}{next(self._numbers)}@customer.example"
        mail = self._mail(ticket_id, draft.subject)
        mail["From"] = email.utils.formataddr((draft.customer.name or "", draft.customer.email or ""))
        self._deliver(mail, at)
        return ticket_id

    async def customer_writes(self, ticket_id: str, text: str) -> None:
        mail = self._mail(f"{next(self._numbers)}.again@customer.example", "Re: Tulostin")
        mail["From"] = "someone@customer.example"
        mail["References"] = f"<{ticket_id}>"
        mail.set_content(text)
        self._deliver(mail)

    async def reopen(self, ticket_id: str) -> None:
        await self.customer_writes(ticket_id, "Ei toimi vieläkään")  # at a mail desk nothing else reopens a ticket

    async def close_again(self, ticket_id: str) -> None:
        self._move(ticket_id)

    async def written(self, ticket_id: str) -> Sequence[str]:
        if not self._client.folder_exists(self._folders["results"]):
            return []
        self._client.select_folder(self._folders["results"], readonly=True)
        found = self._client.fetch(self._client.search("ALL"), ["BODY.PEEK[]"])
        mails = [email.message_from_bytes(one[b"BODY[]"], policy=email.policy.default) for one in found.values()]
        bodies = [mail.get_body() for mail in mails if mail["In-Reply-To"] == f"<{ticket_id}>"]
        return [body.get_content() for body in bodies if body]

    def _mail(self, message_id: str, subject: str) -> EmailMessage:
        mail = EmailMessage()
        mail["Message-ID"] = f"<{message_id}>"
        mail["To"] = "desk@acme.example"
        mail["Subject"] = subject
        return mail

    def _deliver(self, mail: EmailMessage, at: datetime | None = None) -> None:
        self._client.append(self._folders["inbox"], mail.as_bytes(), msg_time=at or self.clock.now())

    def _move(self, ticket_id: str) -> None:
        self._client.select_folder(self._folders["inbox"])
        uids = self._client.search(["OR", "HEADER", "MESSAGE-ID", ticket_id, "HEADER", "REFERENCES", ticket_id])
        self._client.move(uids, self._folders["closed"])


class TestMailDesk(SourceContract):
    plugin = hub_email

    @pytest.fixture
    def rig(self, imap_port: int, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailDesk]:
        monkeypatch.setattr(closures, "PAGE_SIZE", 2)
        rig = MailDesk(imap_port, prefix)
        yield rig
        rig.stop()
