"""A small pool of connections to the submission server, and its answers in the hub's words."""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPResponseException,
    SMTPSenderRefused,
)

from hub import AuthFailed, OutcomeUnknown, RateLimited, Rejected, RemoteError, Unavailable, Unexpected
from hub_email.config import Security
from hub_email.gateway_config import EmailGatewaySettings

DEAD_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
"""Enhanced status codes (RFC 3463) that say the recipient's address does not exist. Other 5.1 codes speak of the
sender (5.1.7, 5.1.8, Microsoft's 5.1.90) or of anything (5.1.0), and must not cost the customer their surveys."""

_LOGIN_WANTED = frozenset({530, 534, 535, 538})
_RELAY = re.compile(r"\brelay", re.IGNORECASE)  # about the account, and so about every mail: nothing for one customer
_GREYLISTED = re.compile(r"gr[ea]y", re.IGNORECASE)  # asks this one mail to come again, not the gateway to wait
ENHANCED_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\d|\.\d)")


@dataclass(frozen=True, slots=True)
class Mail:
    """One transaction: one sender, one recipient, and the mail as it goes over the wire."""

    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    content: bytes = field(repr=False)
    envelope_id: str
    """Comes back in delivery reports as Original-Envelope-Id, where the server knows RFC 3461."""


@dataclass(slots=True)
class _Connection:
    client: SMTP
    sent: int = 0


class SmtpPool:
    """Keeps up to `max_connections` connections and sends several mails over each. Safe for concurrent use."""

    def __init__(self, settings: EmailGatewaySettings) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.max_connections)
        self._idle: list[_Connection] = []

    async def deliver(self, mail: Mail) -> None:
        """Hand one mail to the server, which has it for good when this returns.

        :raises Rejected: refused for good, with the server's codes as the reason.
        :raises RateLimited: the server throttles.
        :raises Unavailable: certainly not taken; later it may be.
        :raises AuthFailed: the server wants another login.
        :raises OutcomeUnknown: the connection was lost after the mail had left.
        """
        async with self._slots:
            connection = await self._live_connection() or _Connection(await self.connect())
            try:
                await _transaction(connection.client, mail)
            except (Rejected, RateLimited, Unavailable):
                await self._give_back(connection)
                raise
            except BaseException:
                connection.client.close()  # cancelled half-way, or nobody knows what the server will say next
                raise
            await self._give_back(connection)

    async def connect(self) -> SMTP:
        """Open a connection that is protected as configured and logged in. The caller closes it.

        :raises Unavailable: no connection, no valid certificate, or no STARTTLS. Nothing was sent in clear text.
        :raises AuthFailed: the login was refused.
        """
        settings = self._settings
        server = f"{settings.smtp_host}:{settings.smtp_port}"
        client = SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            timeout=settings.timeout.total_seconds(),
            use_tls=settings.smtp_security is Security.TLS,
            start_tls=False,  # done below, where each failure gets its own message
            tls_context=await asyncio.to_thread(self._tls_context),
        )
        with ExitStack() as on_failure:
            on_failure.callback(client.close)
            try:
                await client.connect()
                await client.ehlo()
                if settings.smtp_security is Security.STARTTLS:
                    await _start_tls(client, server)
                    await client.ehlo()
                await self._login(client, server)
            except (SMTPException, OSError) as error:
                raise _not_connected(error, server) from None
            on_failure.pop_all()
        return client

    async def probe(self) -> None:
        """Open a connection as for sending and close it again. Raises as `connect` does."""
        client = await self.connect()
        await _quit(client)

    async def close(self) -> None:
        """Say goodbye on all idle connections."""
        while self._idle:
            await _quit(self._idle.pop().client)

    def _tls_context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._settings.ca_file)
        except OSError as error:
            raise Unavailable(f"'ca_file' cannot be read: {type(error).__name__}") from None

    async def _login(self, client: SMTP, server: str) -> None:
        username, password = self._settings.smtp_username, self._settings.smtp_password
        if username is None or password is None:
            return
        if not client.supported_auth_methods:
            raise AuthFailed(f"{server} offers no login that the hub knows (CRAM-MD5, PLAIN, LOGIN)")
        await client.login(username, password.get_secret_value())

    async def _live_connection(self) -> _Connection | None:
        """An idle connection that still answers: servers close idle ones without a word."""
        while self._idle:
            connection = self._idle.pop()
            try:
                await connection.client.rset()  # also clears away what a refused mail left behind
            except (SMTPException, OSError):
                connection.client.close()
            else:
                return connection
        return None

    async def _give_back(self, connection: _Connection) -> None:
        connection.sent += 1
        if connection.client.is_connected and connection.sent < self._settings.messages_per_connection:
            self._idle.append(connection)
        else:
            await _quit(connection.client)


async def _quit(client: SMTP) -> None:
    with suppress(SMTPException, OSError):
        await client.quit()
    client.close()


async def _start_tls(client: SMTP, server: str) -> None:
    if not client.supports_extension("starttls"):
        raise Unavailable(
            f"{server} does not offer STARTTLS, or somebody in between removed it; nothing was sent. "
            'If the server speaks TLS from the start, set smtp_security = "tls".'
        )
    await client.starttls()


async def _transaction(client: SMTP, mail: Mail) -> None:
    try:
        await _envelope(client, mail)
    except SMTPResponseException as error:
        raise refusal(error.code, error.message, of_sender=isinstance(error, SMTPSenderRefused)) from None
    except (SMTPException, OSError) as error:
        raise Unavailable(f"the connection was lost before the mail left ({type(error).__name__})") from None
    try:
        await client.data(mail.content)
    except SMTPResponseException as error:
        raise refusal(error.code, error.message, after_data=True) from None
    except (SMTPException, OSError) as error:
        raise OutcomeUnknown(f"the mail left and its receipt did not come ({type(error).__name__})") from None


async def _envelope(client: SMTP, mail: Mail) -> None:
    options = []
    if client.supports_extension("dsn"):
        options = ["RET=HDRS", f"ENVID={mail.envelope_id}"]  # bounces then hold no survey text
    await client.mail(mail.sender, options=options)
    await client.rcpt(mail.recipient)


def _not_connected(error: Exception, server: str) -> RemoteError:
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unavailable(
            f"the certificate of {server} is not trusted: {cause.verify_message}. "
            "For a private authority set 'ca_file'; the name in 'smtp_host' must be the one in the certificate."
        )
    if isinstance(error, SMTPAuthenticationError) and error.code >= 500:
        return AuthFailed(f"{server} refused the login ({_code(error.code, error.message)})")
    if isinstance(error, SMTPResponseException):
        answer = refusal(error.code, error.message)
        if not isinstance(answer, Rejected):
            return answer
        return Unavailable(f"{server} answered {_code(error.code, error.message)}")
    return Unavailable(f"no connection to {server} ({type(cause or error).__name__})")


def refusal(code: int, text: str, *, of_sender: bool = False, after_data: bool = False) -> RemoteError:
    """The error that an SMTP answer stands for. Holds the codes only, as the text may name the recipient.

    :param of_sender: it answered MAIL FROM, so it says nothing about the recipient.
    :param after_data: it answered the mail itself; an unreadable answer leaves open what became of it.
    """
    answer = _code(code, text)
    status = answer.partition(" ")[2]
    if code in _LOGIN_WANTED:
        return AuthFailed(f"the server wants another login ({answer})")
    if code >= 500 and status.startswith("5.7.") and _RELAY.search(text):
        return AuthFailed(f"the server does not pass mail on for this account ({answer}); check the login")
    if 400 <= code < 500:
        throttled = status.startswith("4.7.") and not _GREYLISTED.search(text)
        return RateLimited(f"the server throttles ({answer})") if throttled else Unavailable(f"not now ({answer})")
    if 500 <= code < 600:
        return Rejected(
            f"refused ({answer})",
            reason=f"smtp_{answer.replace(' ', '_')}",
            address_unusable=not of_sender and status in DEAD_ADDRESS,
        )
    if after_data:
        return OutcomeUnknown("the answer to the mail cannot be read")
    return Unexpected("the server's answer cannot be read")


def _code(code: int, text: str) -> str:
    """Such as "550 5.1.1", or "550" where the server gives no enhanced code of the same class."""
    status = ENHANCED_STATUS.search(text)
    return f"{code} {status[1]}" if status and status[1][0] == str(code)[:1] else str(code)
