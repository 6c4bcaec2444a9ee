"""Jira as a source of tickets."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from hub import CheckResult, Context, Cursor, Experience, Fetched, Hint, Page, Receipt, Source, Ticket, Webhook
from hub_jira import webhooks
from hub_jira.check import Checker
from hub_jira.client import JiraClient
from hub_jira.config import JiraConfig
from hub_jira.cursor import Position
from hub_jira.milestones import Milestones
from hub_jira.pull import CloudPull, DataCenterPull, Pull
from hub_jira.reader import Reader
from hub_jira.search import MOST_RECONCILED
from hub_jira.site import Site
from hub_jira.write_back import ResultWriter


class JiraSource(Source[JiraConfig]):
    """A Jira site: Cloud, with or without Service Management, or Data Center."""

    def __init__(self, config: JiraConfig, context: Context) -> None:
        super().__init__(config, context)
        self._client = JiraClient(config, context)
        self._reader = Reader(config, self._client)
        self._writer = ResultWriter(config, self._client)
        self._hinted: deque[str] = deque(maxlen=MOST_RECONCILED)

    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        """Yield the tickets that were closed since the cursor, and last the cursor after them."""
        site, now = await self._begin()
        if cursor is None:
            yield Page((), Position.starting(now, now).write())
            return
        position = Position.read(cursor)
        walk = self._walk(site, now)
        async for page in walk.closed(position, cursor):
            yield page
        yield await walk.last_page(position)

    async def rewind(self, since: datetime) -> Cursor:
        """The cursor of a pull of all that was closed since then."""
        _, now = await self._begin()
        return Position.starting(since, now).write()

    async def fetch(self, ticket_ids: Sequence[str]) -> Fetched:
        """Read tickets as they stand now."""
        fetched = await self._reader.fetch(ticket_ids)
        for ticket_id in fetched.gone:  # search may refuse to be told of them
            with contextlib.suppress(ValueError):
                self._hinted.remove(ticket_id)
        return fetched

    async def census(self, since: datetime) -> AsyncIterator[Sequence[str]]:
        """Yield the ids of the tickets that are closed and were closed since then."""
        site, now = await self._begin()
        async for ids in self._walk(site, now).census(since):
            yield ids

    async def milestones(self, since: datetime) -> AsyncIterator[Sequence[Ticket]]:
        """Yield the tickets that are open and were handed over, or began to wait, since then."""
        if not self.config.milestones:
            return
        site, now = await self._begin()
        async for tickets in Milestones(self.config, self._client, self._reader, site, now).pages(since):
            yield tickets

    async def receive(self, request: Webhook) -> Hint:
        """Verify a webhook request. The ids that it names are made sure to be found by the next searches."""
        hint = webhooks.read(request, self.config.webhook_secret)
        for ticket_id in hint.ticket_ids:
            if ticket_id not in self._hinted:
                self._hinted.append(ticket_id)
        return hint

    async def write_back(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        """Write experiences to the configured targets."""
        return await self._writer.write(items)

    async def check(self) -> Sequence[CheckResult]:
        """Prove that the site, the account, the settings and the permissions fit together."""
        return await Checker(self.config, self._client, self.context.hook_url).run()

    async def _begin(self) -> tuple[Site, datetime]:
        """The site and the time on its clock, once the settings are known to fit it."""
        self._reader.read_contacts()
        self._client.forget_time()
        site = await self._client.site()
        await self._client.project_ids()
        return site, await self._client.server_now()

    def _walk(self, site: Site, now: datetime) -> Pull:
        if site.cloud:
            return CloudPull(self.config, self._client, self._reader, site, now, reconciled=tuple(self._hinted))
        return DataCenterPull(self.config, self._client, self._reader, site, now)
