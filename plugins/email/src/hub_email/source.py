"""The e-mail desk as a source: threads are tickets, moving a mail or marking it closes one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from hub import CheckResult, Context, Cursor, Experience, Page, Receipt, Source, Ticket
from hub_email.check import check_mailbox
from hub_email.closures import Closures, FolderView, Snapshot, beginning, rewound
from hub_email.config import EmailSourceConfig
from hub_email.cursor import Position
from hub_email.desk import Desk
from hub_email.imap import Mailbox
from hub_email.imap_errors import FolderMissing
from hub_email.index import FolderIndex
from hub_email.waiting import waiting
from hub_email.write_back import ResultWriter


class EmailSource(Source[EmailSourceConfig]):
    """A shared mailbox, read without leaving a trace in it."""

    def __init__(self, config: EmailSourceConfig, context: Context) -> None:
        super().__init__(config, context)
        desk = Desk(config.desk_identities, config.ticket_pattern)
        self._mailbox = Mailbox(config)
        self._inbox = FolderIndex(config.inbox, desk)
        self._sent = FolderIndex(config.sent_folder, desk, sent=True) if config.sent_folder else None
        self._closed = FolderIndex(config.closed_folder, desk) if config.closed_folder else None
        self._looking = asyncio.Lock()
        self._last: Snapshot | None = None
        """What the last pull saw; None when it failed, or there was none."""

    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        """Yield the threads that were closed since the cursor."""
        async with self._looking:
            snapshot = await self._look()
        if cursor is None:
            yield Page((), beginning(snapshot).write())
            return
        closures = Closures(Position.read(cursor), snapshot, self.config.old_mail)
        for page in closures.pages():
            yield page
        if closures.ignored:
            self.context.log.info("email.closings_ignored", messages=closures.ignored)

    async def rewind(self, since: datetime) -> Cursor:
        """Start again from the closed threads that had mail since then: IMAP does not tell when a mail was moved."""
        async with self._looking:
            return rewound(await self._look(), since).write()

    async def milestones(self, since: datetime) -> AsyncIterator[Sequence[Ticket]]:
        """Yield the tickets that began to wait since then. The mailbox is not asked again for what a pull has seen."""
        if not self.config.milestones:
            return
        async with self._looking:
            snapshot = self._last or await self._look()
        yield list(waiting(snapshot, self.config.waiting_after, since))

    async def wait(self) -> None:
        """Return when something happens in the folder where closings show."""
        index = self._closed or self._inbox
        await self._mailbox.idle(index.folder, index.state)

    async def write_back(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        """Put one message for each experience into the results folder."""
        writer = ResultWriter(self.config)
        try:
            return await writer.write(items)
        finally:
            await writer.close()

    async def check(self) -> Sequence[CheckResult]:
        """Log in and look at every folder that will be needed."""
        mailbox = Mailbox(self.config)
        try:
            return await check_mailbox(mailbox, self.config)
        finally:
            await mailbox.close()

    async def close(self) -> None:
        """Log out."""
        await self._mailbox.close()

    async def _look(self) -> Snapshot:
        """Look into all folders: the inbox first, so that a mail moved meanwhile is seen at least once, and sent mail
        last, so that the answer an agent gave before closing is there."""
        self._last = None
        now = self.context.clock.now()
        since = (now - self.config.thread_window).date() - timedelta(days=1)  # SEARCH knows neither time nor zone
        mailbox, keyword = self._mailbox, self.config.closed_keyword
        await self._inbox.refresh(mailbox, since)
        flagged = await mailbox.search(["KEYWORD", keyword]) if keyword else []
        await self._inbox.refresh_flags(mailbox, flagged)
        if self._closed:
            await self._closed.refresh(mailbox, since)
        if self._sent:
            try:
                await self._sent.refresh(mailbox, since)
            except FolderMissing:
                self.context.log.debug("email.no_sent_folder")
        self._last = Snapshot(
            at=now,
            inbox=_view(self._inbox),
            closed=_view(self._closed) if self._closed else None,
            sent=_view(self._sent) if self._sent and self._sent.state else None,
            keyword=keyword,
            flagged=frozenset(flagged),
        )
        return self._last


def _view(index: FolderIndex) -> FolderView:
    assert index.state is not None
    return FolderView(index.folder, index.state, dict(index.entries))
