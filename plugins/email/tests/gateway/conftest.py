"""A real SMTP server, aiosmtpd, in the loop of the test, which can be told to answer badly at every stage."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from hub_email.gateway import EmailGateway
from hub_email.gateway_config import EmailGatewaySettings

from hub.testing.fakes import FakeClock, FakeContext

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
        self.mail_commands: list[str] = []
        self.logins = 0
        self.hanging = asyncio.Event()
        self.connections = 0
        self.most_at_once = 0
        self._open: dict[SMTP, Any] = {}
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
        for transport in list(self._open.values()):
            transport.abort()

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

    def joined(self, protocol: SMTP, transport: Any) -> None:
        self.connections += 1
        self._open[protocol] = transport
        self.most_at_once = max(self.most_at_once, len(self._open))

    def left(self, protocol: SMTP) -> None:
        self._open.pop(protocol, None)

    async def answer(self, stage: str, server: SMTP, usual: str = "250 OK") -> str:
        """The answer set for the stage, otherwise the usual one."""
        answer = self.answers.get(stage, usual)
        if answer == DROP:
            self._open[server].abort()
        if answer in {DROP, HANG}:
            self.hanging.set()
            await asyncio.Event().wait()
        return answer

    async def handle_EHLO(self, server: SMTP, session: Any, envelope: Any, hostname: str, lines: Any) -> Any:  # noqa: N802
        """Offer delivery reports (RFC 3461) too."""
        session.host_name = hostname
        return [*lines[:-1], "250-DSN", lines[-1]]

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        """Take the sender."""
        envelope.mail_from = address
        return await self.answer("MAIL", server)

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        """Take or refuse the recipient."""
        answer = self.refused.get(address) or await self.answer("RCPT", server)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802
        """Take the mail, unless the answer is a refusal."""
        if not self.answers.get("DATA", "").startswith(("4", "5")):
            self.envelopes.append(envelope)
        return await self.answer("DATA", server)


class _Protocol(SMTP):
    def __init__(self, submission: Submission) -> None:
        self._submission = submission
        starttls = submission.security == "starttls"
        super().__init__(
            submission,
            hostname="localhost",
            tls_context=submission.certificate if starttls else None,
            require_starttls=starttls,
            authenticator=self._check_login,
            auth_require_tls=not submission.auth,
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        upgraded = self._tls_protocol is not None
        if not upgraded and self._submission.answers.get("CONNECT") == DROP:
            transport.abort()  # type: ignore[attr-defined]
        if not upgraded:
            self._submission.joined(self, transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._submission.left(self)
        super().connection_lost(error)

    async def push(self, status: Any) -> None:
        greets = isinstance(status, str) and status.startswith("220 localhost")
        await super().push(self._submission.answers.get("CONNECT", status) if greets else status)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd looks methods up by command
        self._submission.mail_commands.append(arg or "")
        await super().smtp_MAIL(re.sub(r" (RET|ENVID)=\S+", "", arg or ""))  # which aiosmtpd does not know

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        self._submission.logins += 1
        await super().smtp_AUTH(arg)

    def _check_login(self, _server: SMTP, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        if refusal := self._submission.answers.get("AUTH"):
            return AuthResult(success=False, handled=False, message=refusal)
        return AuthResult(success=data == LoginPassword(USERNAME.encode(), PASSWORD.encode()), handled=False)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A private certificate authority."""
    return trustme.CA()


@pytest_asyncio.fixture
async def submission(authority: trustme.CA, tmp_path: Path) -> AsyncIterator[Submission]:
    """A submission server, not started yet, whose certificate is for "localhost"."""
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(certificate)
    server = Submission(ca_file, certificate)
    yield server
    await server.stop()


@pytest.fixture
def gateway_for(fake_clock: FakeClock) -> Callable[[dict[str, Any]], EmailGateway]:
    """Makes gateways from settings."""

    def make(settings: dict[str, Any]) -> EmailGateway:
        return EmailGateway(EmailGatewaySettings.model_validate(settings), FakeContext(clock=fake_clock))

    return make
