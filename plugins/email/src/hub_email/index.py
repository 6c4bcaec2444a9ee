"""The headers of one folder, kept in memory and fetched once per message. Nothing lives here only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from hub_email.desk import FIELDS, Desk, Mail
from hub_email.imap import Fetched, FolderState, Mailbox
from hub_email.imap_errors import FolderMissing


@dataclass(frozen=True, slots=True)
class Entry:
    """A message in a folder."""

    uid: int
    flags: frozenset[str]
    mail: Mail


class FolderIndex:
    """What is in one folder since some day. The hub's own mail, and what answers it, is left out."""

    def __init__(self, folder: str, desk: Desk, *, sent: bool = False) -> None:
        self.folder = folder
        self.state: FolderState | None = None
        self.entries: dict[int, Entry] = {}
        self._of_the_hub: set[int] = set()
        self._desk = desk
        self._sent = sent

    async def refresh(self, mailbox: Mailbox, since: date) -> FolderState:
        """Bring the index up to date, and leave the folder open for reading.

        :raises FolderMissing: there is no such folder; the index is empty then.
        """
        try:
            state = await mailbox.examine(self.folder)
        except FolderMissing:
            self._forget()
            raise
        if self.state is None or self.state.uidvalidity != state.uidvalidity:
            self._forget()
        found = set(await mailbox.search(["SINCE", since, "UNDELETED"]))
        self._of_the_hub &= found
        for gone in self.entries.keys() - found:
            del self.entries[gone]
        new = sorted(found - self.entries.keys() - self._of_the_hub)
        async for fetched in mailbox.fetch_headers(new, FIELDS):
            self._add(fetched)
        self.state = state
        return state

    async def refresh_flags(self, mailbox: Mailbox, uids: Iterable[int]) -> None:
        """Read the flags of some messages again; the folder must be open."""
        for uid, flags in (await mailbox.fetch_flags(uids)).items():
            if uid in self.entries:
                self.entries[uid] = replace(self.entries[uid], flags=flags)

    def _add(self, fetched: Fetched) -> None:
        mail = self._desk.read(fetched.content, fetched.received_at, sent=self._sent)
        if mail is None:
            self._of_the_hub.add(fetched.uid)
        else:
            self.entries[fetched.uid] = Entry(fetched.uid, fetched.flags, mail)

    def _forget(self) -> None:
        self.state = None
        self.entries.clear()
        self._of_the_hub.clear()
