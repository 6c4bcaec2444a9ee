"""What open tickets have reached since a time: handed over to somebody else, or waiting for long.

Who has had a ticket is read from its history. Search only narrows down which tickets to look at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from hub import Milestone, Ticket
from hub_jira import datacenter, jql, mapping, search
from hub_jira.client import JiraClient
from hub_jira.closures import is_done
from hub_jira.config import JiraConfig
from hub_jira.reached import Reached, hand_overs, waiting
from hub_jira.reader import Batch, Reader
from hub_jira.search import CHANNEL, Issue, Query
from hub_jira.site import Site

ASSIGNEE = "assignee"


class Milestones:
    """One look at the open tickets.

    :param now: the time on Jira's clock when it begins.
    """

    def __init__(self, config: JiraConfig, client: JiraClient, reader: Reader, site: Site, now: datetime) -> None:
        self._config = config
        self._client = client
        self._reader = reader
        self._site = site
        self._now = now
        self._scope = jql.all_of(jql.scope(config), jql.NOT_DONE)

    async def pages(self, since: datetime) -> AsyncIterator[list[Ticket]]:
        """Yield the tickets that are open and reached something since then."""
        if Milestone.HANDED_OVER in self._config.milestones:
            async for rows in self._rows(self._moved(since), updated_since=since):
                shown = await self._histories(rows)
                yield await self._tickets(rows, partial(self._hand_overs, shown), since)
        if Milestone.WAITING in self._config.milestones:
            opened = since - self._config.waiting_after
            async for rows in self._rows(self._opened(opened), updated_since=opened):
                yield await self._tickets(rows, self._waiting, since)

    async def _tickets(
        self, rows: Sequence[Issue], reached: Callable[[Issue], Sequence[Reached]], since: datetime
    ) -> list[Ticket]:
        """What the open ones among some issues have reached since then. One that cannot be read is left out."""
        batch = Batch()
        read = batch.each(rows, lambda row: () if is_done(mapping.fields_of(row)) else reached(row))
        if batch.unread and not read:
            raise next(iter(batch.unread.values()))
        found = [(row, each) for row, some in read for each in some if since <= each.at <= self._now]
        return await self._reader.at_milestones(found, self._site)

    def _moved(self, since: datetime) -> str:
        """Search knows when an assignee was changed. Of custom fields it does not."""
        if self._config.team_field:
            return jql.since(jql.UPDATED, since, self._now)
        return jql.changed_since(ASSIGNEE, since, self._now)

    def _opened(self, since: datetime) -> str:
        until = self._now - self._config.waiting_after
        return jql.all_of(jql.since(jql.CREATED, since, self._now), jql.until(jql.CREATED, until, self._now))

    def _rows(self, clause: str, *, updated_since: datetime) -> AsyncIterator[list[Issue]]:
        """The open issues that a clause finds, page by page.

        :param updated_since: none of them was last updated before, by what the clause says.
        """
        wanted = jql.all_of(self._scope, clause)
        fields, size = mapping.wanted_fields(self._config, self._site), self._config.page_size
        if self._site.cloud:
            return search.walk(self._client, Query(jql.ordered(wanted, jql.CREATED), fields, size, [CHANNEL]))
        bound = jql.since(jql.UPDATED, updated_since, self._now)
        settled = self._now - self._config.settle
        return datacenter.Walk(self._client, wanted, bound, fields, size, settled=settled).pages()

    async def _histories(self, rows: Sequence[Issue]) -> Mapping[str, Any]:
        """Histories by issue id, where they do not come with the issues."""
        ids = [row["id"] for row in rows]
        return await search.histories(self._client, ids, self._watched()) if self._site.cloud else {}

    def _hand_overs(self, shown: Mapping[str, Any], row: Issue) -> list[Reached]:
        history = shown[row["id"]] if self._site.cloud else datacenter.histories(row)
        return list(hand_overs(history, self._names()))

    def _waiting(self, row: Issue) -> list[Reached]:
        found = waiting(mapping.fields_of(row), self._config.waiting_after)
        return [found] if found else []

    def _watched(self) -> tuple[str, ...]:
        """Ids of the fields that say who has a ticket."""
        return (ASSIGNEE, self._config.team_field) if self._config.team_field else (ASSIGNEE,)

    def _names(self) -> frozenset[str]:
        """What these fields are called in a history: by id on Cloud, as people do on Data Center."""
        if self._site.cloud:
            return frozenset(self._watched())
        return frozenset({ASSIGNEE, *(self._site.names.get(each, each) for each in self._watched()[1:])})
