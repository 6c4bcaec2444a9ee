"""One IMAP connection for async code: IMAPClient in a thread of its own, and its errors in the hub's words."""

from __future__ import annotations

import asyncio
import imaplib
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from hub import HubError, RemoteError, Unavailable
from hub_email.config import ImapSettings, Security
from hub_email.imap_errors import FolderMissing, is_refusal, translate

FETCH_BATCH = 500
MESSAGE_LIMIT_BYTES = 25 * 1024 * 1024
HEADER_FIELDS = (
    "MESSAGE-ID",
    "REFERENCES",
    "IN-REPLY-TO",
    "FROM",
    "REPLY-TO",
    "TO",
    "SUBJECT",
    "DATE",
)
_IDLE_RENEW_SECONDS = 28 * 60  # servers may log out after 30 minutes (RFC 2177)
_CLOSE_SECONDS = 5.0

_APPENDUID = re.compile(rb"\[APPENDUID (\d+) (\d+)\]")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FolderState:
    """What the server said when a folder was opened."""

    uidvalidity: int
    uidnext: int
    """The UID that the next message will get at the earliest; 0 when the server does not say."""
    exists: int
    permanent_flags: frozenset[str]
    """In lower case. Servers tell these to `select`; to `examine` most answer with none."""

    def keeps(self, keyword: str) -> bool:
        """Whether the server promises to keep this keyword. A promise only: read back what was set."""
        return not self.permanent_flags.isdisjoint({"\\*", keyword.lower()})


@dataclass(frozen=True, slots=True)
class Fetched:
    """One message, or its header, as the server gave it."""

    uid: int
    received_at: datetime
    """The server's INTERNALDATE, aware. It survives a move to another folder."""
    flags: frozenset[str]
    """Flags and keywords in lower case."""
    content: bytes = field(repr=False)


class AppendUid(NamedTuple):
    """Where an appended message is."""

    uidvalidity: int
    uid: int


class Mailbox:
    """An IMAP account over one connection, which is opened when needed and again after it was lost.

    A folder is opened by `examine` (read only) or `select`; `search`, the fetches and `add_keyword` work on it. When
    the connection is lost they raise `Unavailable` and never go on in a folder opened anew, because UIDs may have
    become void: start again with `examine`. Calls queue up behind each other; since they share the open folder, give
    each flow of work its own mailbox.

    All methods raise `AuthFailed` for a refused login or missing rights, `Unavailable` when the server cannot be
    reached, throttles or hangs up, and `Unexpected` for anything else.
    """

    def __init__(self, settings: ImapSettings) -> None:
        # At debug level the library writes every line of the connection, and so customers' words, to its log.
        logging.getLogger("imapclient").setLevel(logging.WARNING)
        self._settings = settings
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"imap-{settings.host}")
        self._client: IMAPClient | None = None  # used in the thread only
        self._open_folder: str | None = None
        self._idling = False

    async def examine(self, folder: str) -> FolderState:
        """Open a folder without any way to change it: nothing becomes seen.

        :raises FolderMissing: there is no such folder.
        """
        return await self._run("EXAMINE", lambda: self._open(folder, readonly=True))

    async def select(self, folder: str) -> FolderState:
        """Open a folder for changes.

        :raises FolderMissing: there is no such folder.
        """
        return await self._run("SELECT", lambda: self._open(folder, readonly=False))

    async def search(self, criteria: Sequence[Any]) -> list[int]:
        """Find messages in the open folder: `["UID", "17:*"]`, `["SINCE", date]`, `["HEADER", name, text]`.

        :returns: UIDs in ascending order. `n:*` always gives the last message too, whatever its UID.
        """
        return await self._run("SEARCH", lambda: sorted(self._opened().search(list(criteria))))

    async def fetch_headers(self, uids: Iterable[int], fields: Sequence[str] = HEADER_FIELDS) -> AsyncIterator[Fetched]:
        """Yield the named header fields of messages in the open folder; those gone meanwhile are left out."""
        wanted = list(uids)
        part = f"BODY.PEEK[HEADER.FIELDS ({' '.join(fields)})]"
        for start in range(0, len(wanted), FETCH_BATCH):
            batch = wanted[start : start + FETCH_BATCH]
            for fetched in await self._run("FETCH", lambda batch=batch: self._fetch(batch, part)):  # type: ignore[misc]
                yield fetched

    async def fetch_flags(self, uids: Iterable[int]) -> dict[int, frozenset[str]]:
        """Flags and keywords of messages in the open folder, in lower case; those gone meanwhile are left out."""
        wanted = list(uids)

        def job() -> dict[int, frozenset[str]]:
            return {uid: _flags(flags) for uid, flags in self._opened().get_flags(wanted).items()}

        return await self._run("FETCH", job)

    async def fetch_message(self, uid: int) -> Fetched | None:
        """One message of the open folder, cut off after 25 MB; None when it is gone. It does not become seen."""
        part = f"BODY.PEEK[]<0.{MESSAGE_LIMIT_BYTES}>"
        return next(iter(await self._run("FETCH", lambda: self._fetch([uid], part))), None)

    async def append(self, folder: str, message: bytes, flags: Sequence[str], at: datetime) -> AppendUid | None:
        """Put a message into a folder.

        :returns: where it is, or None when the server does not tell (no UIDPLUS).
        :raises FolderMissing: there is no such folder.
        :raises OutcomeUnknown: the connection was lost meanwhile: look before appending again.
        """

        def job() -> AppendUid | None:
            answer = self._connected().append(folder, message, flags, at)
            found = _APPENDUID.search(answer)
            return AppendUid(int(found[1]), int(found[2])) if found else None

        return await self._run("APPEND", job, effect=True)

    async def add_keyword(self, uids: Sequence[int], keyword: str, *, replacing: str = "") -> frozenset[int]:
        """Set a keyword on messages of the selected folder and read it back.

        :param replacing: take away other keywords that begin like this.
        :returns: the UIDs that carry it now. Some servers answer OK and drop it.
        """

        def job() -> frozenset[int]:
            client = self._opened()
            before = frozenset().union(*(_flags(flags) for flags in client.get_flags(uids).values()))
            stale = [flag for flag in before - {keyword.lower()} if replacing and flag.startswith(replacing.lower())]
            if stale:
                client.remove_flags(uids, stale, silent=True)
            client.add_flags(uids, [keyword], silent=True)
            after = client.get_flags(uids)
            return frozenset(uid for uid, flags in after.items() if keyword.lower() in _flags(flags))

        return await self._run("STORE", job)

    async def folder_exists(self, folder: str) -> bool:
        """Whether the mailbox has this folder."""
        return await self._run("LIST", lambda: bool(self._connected().folder_exists(folder)))

    async def create_folder(self, folder: str) -> None:
        """Make a folder."""
        await self._run("CREATE", lambda: self._connected().create_folder(folder))

    async def can_idle(self) -> bool:
        """Whether the server can tell about news at once."""
        return await self._run("CAPABILITY", lambda: bool(self._connected().has_capability("IDLE")))

    async def idle(self, folder: str, since: FolderState | None = None) -> None:
        """Return as soon as something happens in the folder; never, when the server cannot tell.

        May be cancelled at any time; the connection stays usable.

        :param since: an earlier answer of `examine`; when the folder has changed since then, return at once.
        """
        state = await self.examine(folder)
        if since is not None and state != since:
            return
        if not await self.can_idle():
            await asyncio.Event().wait()
        while not await self._idle_once():
            pass

    async def close(self) -> None:
        """Log out and give back connection and thread."""
        if self._client is not None:
            try:
                await asyncio.wait_for(self._run("LOGOUT", self._log_out), _CLOSE_SECONDS)
            except (TimeoutError, RemoteError):
                self._cut()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _idle_once(self) -> bool:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        descriptor: int | None = None
        try:
            descriptor = await self._run("IDLE", self._start_idle)
            loop.add_reader(descriptor, readable.set)
            with suppress(TimeoutError):
                await asyncio.wait_for(readable.wait(), _IDLE_RENEW_SECONDS)
        finally:
            if descriptor is not None:
                loop.remove_reader(descriptor)
            # Queued even when this task is cancelled, so that nothing else runs in the thread before it.
            stopped = self._thread.submit(self._guarded, "IDLE", self._stop_idle)
        return await asyncio.wrap_future(stopped)

    async def _run(self, what: str, job: Callable[[], T], *, effect: bool = False) -> T:
        return await asyncio.wrap_future(self._thread.submit(self._guarded, what, job, effect=effect))

    # All below runs in the thread, except `_cut`.

    def _guarded(self, what: str, job: Callable[[], T], *, effect: bool = False) -> T:
        try:
            return job()
        except HubError as error:
            failure: HubError = error
        except Exception as error:  # noqa: BLE001 - the library's parsers raise anything on a garbled answer
            failure = translate(error, host=self._settings.host, what=what, effect=effect)
            if not is_refusal(error) or isinstance(failure, Unavailable):
                self._drop()
        failure.__context__ = None  # it would quote the server, and servers put addresses into their words
        raise failure

    def _connected(self) -> IMAPClient:
        if self._client is None:
            client = self._dial()
            try:
                if self._settings.security is Security.STARTTLS:
                    client.starttls(self._tls())
                self._log_in(client)
            except BaseException:
                with suppress(OSError):
                    client.shutdown()
                raise
            client.normalise_times = False
            self._client = client
        return self._client

    def _dial(self) -> IMAPClient:
        settings = self._settings
        encrypted = settings.security is Security.TLS
        try:
            client = IMAPClient(
                settings.host,
                settings.imap_port,
                ssl=encrypted,
                ssl_context=self._tls() if encrypted else None,
                timeout=settings.timeout.total_seconds(),
            )
        except imaplib.IMAP4.error as error:  # the greeting was a BYE
            raise ConnectionAbortedError(str(error)) from None
        # The library sends a command in pieces, and each piece would wait for the server to confirm the last.
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._settings.ca_file)

    def _log_in(self, client: IMAPClient) -> None:
        settings = self._settings
        try:
            if settings.oauth_token:
                bearer = f"user={settings.username}\1auth=Bearer {settings.oauth_token.get_secret_value()}\1\1"
                answers = iter([bearer])
                # A refusal comes as a second challenge, which wants an empty answer before the server says NO.
                client.sasl_login("XOAUTH2", lambda _challenge: next(answers, ""))
            elif settings.password:
                password = settings.password.get_secret_value()
                plain_text = (settings.username + password).isascii()
                (client.login if plain_text else client.plain_login)(settings.username, password)
        except LoginError as error:
            if isinstance(error.__context__, imaplib.IMAP4.abort):
                raise ConnectionAbortedError(str(error)) from None
            raise

    def _opened(self) -> IMAPClient:
        if self._client is None or self._open_folder is None:
            raise Unavailable(f"{self._settings.host}: the connection was lost; the folder must be opened again")
        return self._client

    def _open(self, folder: str, *, readonly: bool) -> FolderState:
        kept = self._client is not None
        try:
            return self._enter(folder, readonly=readonly)
        except (OSError, imaplib.IMAP4.abort):
            self._drop()
            if not kept:
                raise
            return self._enter(folder, readonly=readonly)  # the server had closed a connection that was long quiet

    def _enter(self, folder: str, *, readonly: bool) -> FolderState:
        client = self._connected()
        self._open_folder = None
        try:
            answer = client.select_folder(folder, readonly=readonly)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            if client.folder_exists(folder):
                raise
            raise FolderMissing(f"{self._settings.host}: there is no folder {folder!r}") from None
        self._open_folder = folder
        return FolderState(
            uidvalidity=answer[b"UIDVALIDITY"],
            uidnext=answer.get(b"UIDNEXT", 0),
            exists=answer[b"EXISTS"],
            permanent_flags=_flags(answer.get(b"PERMANENTFLAGS", ())),
        )

    def _fetch(self, uids: Sequence[int], part: str) -> list[Fetched]:
        answers = self._opened().fetch(uids, ["INTERNALDATE", "FLAGS", part])
        return [fetched for uid, answer in answers.items() if (fetched := _fetched(uid, answer))]

    def _start_idle(self) -> int:
        client = self._opened()
        try:
            client.idle()
        except imaplib.IMAP4.error as error:  # refused, or news came between the command and its go-ahead
            raise ConnectionAbortedError(str(error)) from None
        self._idling = True
        return int(client.socket().fileno())

    def _stop_idle(self) -> bool:
        """Leave IDLE; True when the server told of a change meanwhile, and not only that it is still there."""
        if not self._idling:
            return False
        self._idling = False
        _, news = self._opened().idle_done()
        return any(isinstance(item[0], int) for item in news)

    def _log_out(self) -> None:
        if self._client is not None:
            self._client.logout()
        self._drop()

    def _drop(self) -> None:
        client, self._client, self._open_folder, self._idling = self._client, None, None, False
        if client is not None:
            with suppress(OSError):
                client.shutdown()

    def _cut(self) -> None:
        """Break the connection from outside the thread, which may be waiting for an answer."""
        client = self._client
        if client is not None:
            with suppress(OSError):
                client.socket().shutdown(socket.SHUT_RDWR)


def _flags(values: Iterable[bytes]) -> frozenset[str]:
    return frozenset(value.decode("ascii", "replace").lower() for value in values)


def _fetched(uid: int, answer: dict[bytes, Any]) -> Fetched | None:
    content = next((value for name, value in answer.items() if name.startswith(b"BODY[")), None)
    received_at = answer.get(b"INTERNALDATE")
    if content is None or received_at is None:
        return None
    return Fetched(uid, received_at, _flags(answer.get(b"FLAGS", ())), content)
