"""Jira as a source of tickets."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from hub import CheckResult, Context, Cursor, Experience, Fetched, Hint, Page, Receipt, Source, Webhook
from hub_jira import webhooks
from hub_jira.check import Checker
from hub_jira.client import JiraClient
from hub_jira.config import JiraConfig
from hub_jira.cursor import Position
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
        site = await self._client.site()
        now = await self._client.server_now()
        if cursor is None:
            yield Page((), Position.starting(now, now).write())
            return
        position = Position.read(cursor)
        walk = self._walk(site, now)
        async for tickets in walk.closed(position):
            if tickets:
                yield Page(tuple(tickets), cursor)
        yield await walk.last_page(position)

    async def rewind(self, since: datetime) -> Cursor:
        """The cursor of a pull of all that was closed since then."""
        await self._client.site()
        return Position.starting(since, await self._client.server_now()).write()

    async def fetch(self, ticket_ids: Sequence[str]) -> Fetched:
        """Read tickets as they stand now."""
        return await self._reader.fetch(ticket_ids)

    async def census(self, since: datetime) -> AsyncIterator[Sequence[str]]:
        """Yield the ids of the tickets that are closed and were closed since then."""
        site = await self._client.site()
        async for ids in self._walk(site, await self._client.server_now()).census(since):
            yield ids

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

    def _walk(self, site: Site, now: datetime) -> Pull:
        if site.cloud:
            return CloudPull(self.config, self._client, self._reader, site, now, reconciled=tuple(self._hinted))
        return DataCenterPull(self.config, self._client, self._reader, site, now)
