"""The IMAP connection, against a real server: pymap, which like Exchange keeps no keywords of users."""

from __future__ import annotations

import asyncio
import imaplib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest
import pytest_asyncio
import trustme
from hub_email.config import ImapSettings
from hub_email.imap import Mailbox
from hub_email.imap_errors import FolderMissing, translate
from imapclient.exceptions import LoginError

from hub import AuthFailed, RemoteError, Unavailable, Unexpected

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def settings(port: int, **changes: object) -> ImapSettings:
    plain = {"host": "127.0.0.1", "port": port, "security": "plain", "username": "demouser", "password": "demopass"}
    return ImapSettings.model_validate(plain | changes)


@pytest_asyncio.fixture
async def mailbox(imap_port: int) -> AsyncIterator[Mailbox]:
    mailbox = Mailbox(settings(imap_port))
    yield mailbox
    await mailbox.close()


@pytest_asyncio.fixture
async def folder(mailbox: Mailbox, prefix: str) -> str:
    name = f"{prefix}Työjono"
    await mailbox.create_folder(name)
    return name


async def test_reading_leaves_no_trace(mailbox: Mailbox, folder: str) -> None:
    place = await mailbox.append(folder, b"Subject: one\r\n\r\nbody\r\n", [], AT)
    assert place is not None
    state = await mailbox.examine(folder)
    assert (place.uidvalidity, state.uidnext, state.exists) == (state.uidvalidity, place.uid + 1, 1)
    [header] = [one async for one in mailbox.fetch_headers([place.uid, 4711])]
    message = await mailbox.fetch_message(place.uid)
    assert message is not None
    assert (header.content.strip(), message.content, message.received_at) == (
        b"Subject: one",
        b"Subject: one\r\n\r\nbody\r\n",
        AT,
    )
    assert await mailbox.fetch_message(4711) is None
    assert "\\seen" not in (await mailbox.fetch_flags([place.uid]))[place.uid]


async def test_many_messages_are_fetched_in_batches(
    mailbox: Mailbox, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub_email.imap.FETCH_BATCH", 3)
    for number in range(8):
        await mailbox.append(folder, f"Subject: {number}\r\n\r\n".encode(), [], AT)
    await mailbox.examine(folder)
    uids = await mailbox.search(["SINCE", AT.date() - timedelta(days=1)])
    found = [one.content.split() async for one in mailbox.fetch_headers(uids)]
    assert found == [[b"Subject:", str(number).encode()] for number in range(8)]


async def test_a_dropped_keyword_is_noticed(mailbox: Mailbox, folder: str) -> None:
    place = await mailbox.append(folder, b"Subject: one\r\n\r\n", [], AT)
    assert place is not None
    state = await mailbox.select(folder)
    assert not state.keeps("$XM_SERVICE_4")
    assert state.keeps("\\Flagged")
    assert await mailbox.add_keyword([place.uid], "$XM_SERVICE_4", replacing="$XM_SERVICE_") == frozenset()


async def test_a_missing_folder_is_told_by_name(mailbox: Mailbox) -> None:
    with pytest.raises(FolderMissing, match="no folder 'Nowhere'"):
        await mailbox.examine("Nowhere")
    with pytest.raises(FolderMissing):
        await mailbox.append("Nowhere", b"Subject: x\r\n\r\n", [], AT)


async def test_a_refused_login_does_not_quote_the_server(imap_port: int) -> None:
    mailbox = Mailbox(settings(imap_port, password="wrong-päss"))
    with pytest.raises(AuthFailed, match="check 'username'") as caught:
        await mailbox.examine("INBOX")
    assert caught.value.__context__ is None
    assert "demouser" not in str(caught.value)
    await mailbox.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT command error: BAD [b'User is authenticated but not connected.']", Unavailable),
        ("fetch failed: [OVERQUOTA] slow down maija@customer.example", Unavailable),
        ("fetch failed: [LIMIT] too many", Unavailable),
        ("select failed: [NOPERM] not maija@customer.example", AuthFailed),
        ("select failed: [NONEXISTENT] maija@customer.example", FolderMissing),
        ("fetch failed: maija@customer.example is odd", Unexpected),
    ],
)
def test_refusals_are_sorted_by_their_code_and_not_quoted(text: str, expected: type[RemoteError]) -> None:
    failure = translate(imaplib.IMAP4.error(text), host="imap.acme.example", what="FETCH")
    assert type(failure) is expected
    assert "maija" not in str(failure)


def test_a_throttled_login_is_no_wrong_password() -> None:
    error = LoginError("[UNAVAILABLE] later")
    assert isinstance(translate(error, host="imap.acme.example", what="LOGIN"), Unavailable)


async def test_an_oauth_token_is_offered_as_xoauth2(imap_port: int) -> None:
    mailbox = Mailbox(settings(imap_port, password=None, oauth_token="token"))
    with pytest.raises(AuthFailed):  # pymap knows no XOAUTH2, and says so
        await mailbox.examine("INBOX")
    await mailbox.close()


async def test_idle_returns_on_news_and_can_be_cancelled(imap_port: int, mailbox: Mailbox, folder: str) -> None:
    other = Mailbox(settings(imap_port))
    state = await mailbox.examine(folder)
    waiting = asyncio.create_task(mailbox.idle(folder, state))
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.2)
    assert not waiting.done()
    await other.append(folder, b"Subject: news\r\n\r\n", [], AT)
    await asyncio.wait_for(waiting, 5)
    await asyncio.wait_for(mailbox.idle(folder, state), 5)  # it changed since then, so there is no waiting
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(mailbox.idle(folder), 0.1)
    assert time.monotonic() - started < 2
    assert (await mailbox.examine(folder)).exists == 1
    await other.close()


async def test_a_connection_that_the_server_closed_is_opened_again(imap_port: int, prefix: str) -> None:
    with _Relay(imap_port) as relay:
        mailbox = Mailbox(settings(relay.port))
        await mailbox.create_folder(f"{prefix}A")
        before = await mailbox.examine(f"{prefix}A")
        relay.cut()
        assert await mailbox.examine(f"{prefix}A") == before
        relay.cut()
        with pytest.raises(Unavailable):
            await mailbox.search(["ALL"])
        with pytest.raises(Unavailable, match="opened again"):
            await mailbox.search(["ALL"])
        assert await mailbox.examine(f"{prefix}A") == before
        await mailbox.close()


async def test_a_closed_port_is_unavailable() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        mailbox = Mailbox(settings(nobody.getsockname()[1]))
        with pytest.raises(Unavailable, match="nothing listens on that port"):
            await mailbox.examine("INBOX")
        await mailbox.close()


async def test_a_certificate_is_verified_and_a_private_authority_can_be_named(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with _Greeter(authority) as greeter:
        strange = Mailbox(settings(greeter.port, security="tls"))
        with pytest.raises(Unavailable, match="ca_file"):
            await strange.examine("INBOX")
        trusted = Mailbox(settings(greeter.port, security="tls", ca_file=tmp_path / "ca.pem"))
        with pytest.raises(RemoteError) as caught:
            await trusted.examine("INBOX")  # this server only greets, with BYE
        assert "certificate" not in str(caught.value)
        for mailbox in (strange, trusted):
            await mailbox.close()


class _Listener(threading.Thread):
    """A small server on a free port."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self.join(5)
        self._socket.close()

    def run(self) -> None:
        with suppress(OSError):
            while True:
                self.serve(self._socket.accept()[0])

    def serve(self, connection: socket.socket) -> None:
        raise AssertionError


class _Relay(_Listener):
    """Passes bytes on, until it is cut."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._upstream = port
        self._ends: list[socket.socket] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def serve(self, connection: socket.socket) -> None:
        upstream = socket.create_connection(("127.0.0.1", self._upstream))
        self._ends += [connection, upstream]
        for one, other in ((connection, upstream), (upstream, connection)):
            threading.Thread(target=_pump, args=(one, other), daemon=True).start()

    def cut(self) -> None:
        while self._ends:
            _end(self._ends.pop())

    def __exit__(self, *error: object) -> None:
        self.cut()
        super().__exit__(*error)


class _Greeter(_Listener):
    """Speaks TLS, greets with BYE and hangs up."""

    def __init__(self, authority: trustme.CA) -> None:
        super().__init__()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self._tls)

    def serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError), self._tls.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.sendall(b"* BYE [UNAVAILABLE] not today\r\n")


def _pump(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    _end(other)
    one.close()


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
