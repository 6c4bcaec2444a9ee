"""One connection to an IMAP account, as a mail server or a person's mail program uses it."""

from __future__ import annotations

import asyncio
import email
import socket
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import default
from typing import Any, TypeVar

from imapclient import IMAPClient

from sandbox.wiring import HOST, Account

Result = TypeVar("Result")


class Mailbox:
    """A logged-in IMAP account. Its blocking client works in a thread, one command at a time."""

    def __init__(self, client: IMAPClient) -> None:
        self._client = client
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, port: int, account: Account, folders: Iterable[str] = ()) -> Mailbox:
        """Log in and make the folders that do not exist yet."""
        return cls(await asyncio.to_thread(_log_in, port, account, tuple(folders)))

    async def append(
        self, folder: str, content: bytes, flags: Sequence[bytes] = (), *, at: datetime | None = None
    ) -> None:
        """Put a message into a folder, as one that arrived at that time or now."""
        await self._run(lambda client: client.append(folder, content, flags, at))

    async def move(self, message_ids: Iterable[str], source: str, target: str) -> int:
        """Move the messages that `source` holds under these Message-IDs.

        :returns: how many were there.
        """
        wanted = tuple(message_ids)

        def work(client: IMAPClient) -> int:
            client.select_folder(source)
            found = [uid for wanted_id in wanted for uid in client.search(["HEADER", "Message-ID", wanted_id])]
            if found:
                client.move(found, target)
            return len(found)

        return await self._run(work)

    async def read(self, folder: str, after: int = 0) -> list[tuple[int, EmailMessage]]:
        """The messages with a UID above `after`, oldest first."""

        def work(client: IMAPClient) -> list[tuple[int, EmailMessage]]:
            client.select_folder(folder, readonly=True)
            uids = [uid for uid in client.search(["UID", f"{after + 1}:*"]) if uid > after]
            fetched: dict[int, dict[bytes, Any]] = client.fetch(uids, ["BODY.PEEK[]"]) if uids else {}
            return [(uid, _parse(data[b"BODY[]"])) for uid, data in sorted(fetched.items())]

        return await self._run(work)

    async def close(self) -> None:
        """Log out."""
        await self._run(lambda client: client.logout())

    async def _run(self, work: Callable[[IMAPClient], Result]) -> Result:
        async with self._turn:
            return await asyncio.to_thread(work, self._client)


def _log_in(port: int, account: Account, folders: Iterable[str]) -> IMAPClient:
    client = IMAPClient(HOST, port, ssl=False, timeout=20)
    client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.login(account.username, account.password)
    for folder in folders:
        if not client.folder_exists(folder):
            client.create_folder(folder)
    return client


def _parse(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    return message
