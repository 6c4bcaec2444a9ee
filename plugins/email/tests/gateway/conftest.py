"""A real SMTP server, aiosmtpd, in the loop of the test, which can be told to answer badly at every stage."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USERNAME = "hub"
PASSWORD = "secret-of-the-hub"
DROP = "drop"
HANG = "hang"


class Submission:
    """What the server got, and what it is to say. Answers are set by stage: CONNECT, AUTH, MAIL, RCPT, DATA."""

    username = USERNAME
    password = PASSWORD

    def __init__(self, ca_file: Path, certificate: ssl.SSLContext) -> None:
        self.ca_file = ca_file
        self.certificate = certificate
        self.port = 0
        self.security = "plain"
        self.auth = False
        self.answers: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.envelopes: list[Envelope] = []
        self.commands: list[str] = []
        self.connections = 0
        self.most_at_once = 0
        self._open: set[asyncio.BaseTransport] = set()
        self._server: asyncio.Server | None = None

    async def start(self, *, security: str = "plain", auth: bool = False) -> None:
        """Listen; `security` "stripped" is a server that should offer STARTTLS and does not."""
        self.security, self.auth = security, auth
        context = self.certificate if security == "tls" else None
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Protocol(self), "127.0.0.1", self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and hang up on everybody."""
        if self._server is not None:
            self._server.close()
        self.hang_up()
        await asyncio.sleep(0)

    def hang_up(self) -> None:
        """Close all connections without a word."""
        for transport in list(self._open):
            transport.abort()  # type: ignore[attr-defined]

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails taken so far, parsed."""
        return [BytesParser(policy=policy.default).parsebytes(one.original_content or b"") for one in self.envelopes]

    def settings(self, **changes: object) -> dict[str, Any]:
        """The gateway's table for this server."""
        login = {"smtp_username": self.username, "smtp_password": self.password} if self.auth else {}
        return {
            "smtp_host": "localhost",
            "smtp_port": self.port,
            "smtp_security": "starttls" if self.security == "stripped" else self.security,
            "ca_file": str(self.ca_file),
            "timeout": "2s",
            "from_address": "Acme Käyttäjätuki <survey@acme.fi>",
            "reply_address": "vastaus@acme.fi",
            **login,
            **changes,
        }

    def joined(self, transport: asyncio.BaseTransport) -> None:
        self.connections += 1
        self._open.add(transport)
        self.most_at_once = max(self.most_at_once, len(self._open))

    def left(self, transport: asyncio.BaseTransport) -> None:
        self._open.discard(transport)

    async def answer(self, stage: str, server: SMTP, usual: str) -> str:
        """The answer set for the stage; the usual one otherwise."""
        answer = self.answers.get(stage, usual)
        if answer == DROP:
            server.transport.abort()
        if answer == HANG:
            await asyncio.Event().wait()
        return answer

    async def handle_EHLO(self, server: SMTP, session: Session, _envelope: Envelope, hostname: str, lines: list[str]) -> list[str]:  # noqa: N802, E501
        session.host_name = hostname
        return [*lines[:-1], "250-DSN", lines[-1]]

    async def handle_MAIL(self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802, E501
        envelope.mail_from, envelope.mail_options = address, options
        return await self.answer("MAIL", server, "250 OK")

    async def handle_RCPT(self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:  # noqa: N802, E501
        answer = self.refused.get(address) or await self.answer("RCPT", server, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if not self.answers.get("DATA", "2").startswith(("4", "5")):
            self.envelopes.append(envelope)
        return await self.answer("DATA", server, "250 OK")


class _Protocol(SMTP):
    def __init__(self, submission: Submission) -> None:
        self._submission = submission
        starttls = submission.security == "starttls"
        super().__init__(
            submission,
            hostname="localhost",
            tls_context=submission.certificate if starttls else None,
            require_starttls=starttls,
            authenticator=self._authenticate if submission.auth else None,
            auth_require_tls=False,
            loop=asyncio.get_running_loop(),
        )
        if "CONNECT" in submission.answers:
            self.__ident__ = submission.answers["CONNECT"]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._submission.answers.get("CONNECT") == DROP:
            transport.abort()  # type: ignore[attr-defined]
            return
        self._submission.joined(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._submission.left(self.transport)
        super().connection_lost(error)

    async def push(self, status: str | bytes) -> None:
        greeting = isinstance(status, str) and status.startswith("220 localhost")
        await super().push(self._submission.answers.get("CONNECT", status) if greeting else status)

    async def _call_limit_decode(self) -> None: ...

    def _authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        if "AUTH" in self._submission.answers:
            return AuthResult(success=False, handled=False, message=self._submission.answers["AUTH"])
        good = LoginPassword(USERNAME.encode(), PASSWORD.encode())
        return AuthResult(success=data == good, handled=False, message=None)
