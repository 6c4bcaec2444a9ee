"""One pull: what was closed, what was opened again, and whether all of it was shown.

Jira's search lags behind and is read in several pages. So each pull begins some minutes before the last one ended, and
the cursor moves only after the whole walk, never to a time at which the index may still be in disorder.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime, timedelta

from hub import Cursor, Page, Unexpected
from hub_jira import datacenter, jql, mapping, search
from hub_jira.client import JiraClient
from hub_jira.closures import departures, is_done, moment
from hub_jira.config import JiraConfig
from hub_jira.cursor import Position
from hub_jira.reader import Batch, Reader
from hub_jira.search import CHANNEL, Issue, Query
from hub_jira.site import Site

MANY = 5000
"""Issues on a page when only ids are read."""
FEW = 5
"""Counts are estimates and tickets move while they are counted: so many may be missing without a word."""
LONGEST_HELD = timedelta(days=1)
"""How far behind the cursor may stay for rows that are counted and not shown; the census looks for them too."""
MOST_NAMED = 10

_KEY = re.compile(r"[A-Z][A-Z0-9_]{1,49}-[0-9]{1,12}")


class Pull(ABC):
    """One walk through what a source should see.

    :param now: the time on Jira's clock when it begins.
    """

    def __init__(self, config: JiraConfig, client: JiraClient, reader: Reader, site: Site, now: datetime) -> None:
        self.config = config
        self.client = client
        self.reader = reader
        self.site = site
        self.began = self.now = now
        self.scope = jql.scope(config)
        self._seen: set[str] = set()
        self._newest: datetime | None = None

    async def closed(self, position: Position, cursor: Cursor) -> AsyncIterator[Page]:
        """Yield the closed tickets, page by page, with the cursor that the pull began with."""
        async for rows in self.rows(position.since_time - self.config.overlap):
            for row in rows:
                self._note(row)
            asked_at = self.client.now()
            batch = await self.reader.tickets(rows, self.site, floor=position.floor_time)
            certain = tuple(ticket for ticket in batch.tickets if ticket.id in batch.certain)
            others = tuple(ticket for ticket in batch.tickets if ticket.id not in batch.certain)
            if others:
                yield Page(others, cursor)
            warning = incomplete(batch, rows)
            if certain or batch.reopened or warning:
                yield Page(certain, cursor, reopened=tuple(batch.reopened), warning=warning, read_at=asked_at)

    async def last_page(self, position: Position) -> Page:
        """What is to be told after the whole walk: the new cursor, reopened tickets, and what is amiss."""
        if not self._seen:
            # an account that was signed out sees no tickets either, and search answers it all the same
            await self.client.json("GET", f"{self.site.api}/myself")
        self.now = await self.client.server_now()  # the walk may have taken long, and relative times count from now
        expected = await self.expected(position.since_time - self.config.overlap)
        reopened = await self.reopened(position.looked_time - self.config.overlap)
        held = not self.is_whole() and self.began - position.since_time < LONGEST_HELD
        after = position.after(None if held else self._newest, self.began - self.config.settle)
        return Page((), after.write(), reopened=tuple(reopened), warning=missing_rows(expected, len(self._seen)))

    def _note(self, row: Issue) -> None:
        self._seen.add(row["id"])
        try:
            at = self.order(row)
        except Unexpected:  # whether the row can be read is for the reader to say
            return
        if at is not None and (self._newest is None or at > self._newest):
            self._newest = at

    def is_whole(self) -> bool:
        """Whether as many rows were shown as there certainly were."""
        return True

    @abstractmethod
    def rows(self, since: datetime) -> AsyncIterator[list[Issue]]:
        """Yield all issues that may have been closed since then, oldest first."""

    @abstractmethod
    def order(self, row: Issue) -> datetime | None:
        """The time that `rows` come in the order of."""

    @abstractmethod
    async def expected(self, since: datetime) -> int | None:
        """How many rows Jira says there are; None when it does not say."""

    @abstractmethod
    async def reopened(self, since: datetime) -> Sequence[str]:
        """Ids of issues that are open and may have been opened again since then."""

    @abstractmethod
    def census(self, since: datetime) -> AsyncIterator[Sequence[str]]:
        """Yield the ids of all issues that are closed and were closed since then."""


class CloudPull(Pull):
    """On Jira Cloud, by the time at which the category of the status changed.

    :param reconciled: ids of issues that search must know the present state of.
    """

    def __init__(
        self, config: JiraConfig, client: JiraClient, reader: Reader, site: Site, now: datetime,
        *, reconciled: Sequence[str] = (),
    ) -> None:  # fmt: skip
        super().__init__(config, client, reader, site, now)
        self._reconciled = reconciled

    async def rows(self, since: datetime) -> AsyncIterator[list[Issue]]:
        """See `Pull.rows`."""
        fields = mapping.wanted_fields(self.config, self.site)
        clause = self._clause(jql.DONE, since)
        async for page in self._search(clause, fields, self.config.page_size, properties=[CHANNEL]):
            yield page

    def order(self, row: Issue) -> datetime | None:
        """See `Pull.order`."""
        return moment(mapping.fields_of(row).get("statuscategorychangedate"))

    async def expected(self, since: datetime) -> int | None:
        """See `Pull.expected`."""
        return await search.count(self.client, self._clause(jql.DONE, since))

    async def reopened(self, since: datetime) -> Sequence[str]:
        """Also tickets on which work began for the first time: search cannot tell them apart, and no survey waits."""
        clause = self._clause(jql.NOT_DONE, since)
        ids = [row["id"] async for page in self._search(clause, ["id"], MANY) for row in page]
        return await self.reader.open_among(ids)

    async def census(self, since: datetime) -> AsyncIterator[Sequence[str]]:
        """See `Pull.census`."""
        async for page in self._search(self._clause(jql.DONE, since), ["id"], MANY):
            yield [row["id"] for row in page]

    def _clause(self, state: str, since: datetime) -> str:
        return jql.all_of(self.scope, state, jql.since(jql.CATEGORY_CHANGED, since, self.now))

    def _search(
        self, clause: str, fields: Sequence[str], size: int, *, properties: Sequence[str] = ()
    ) -> AsyncIterator[list[Issue]]:
        query = Query(jql.ordered(clause, jql.CATEGORY_CHANGED), fields, size, properties, self._reconciled)
        return search.walk(self.client, query)


class DataCenterPull(Pull):
    """On Data Center, by the time of the last update, which no closing is later than."""

    _total: int | None = None

    async def rows(self, since: datetime) -> AsyncIterator[list[Issue]]:
        """See `Pull.rows`."""
        walk = self._walk(jql.DONE, since, mapping.wanted_fields(self.config, self.site))
        async for page in walk.pages():
            self._total = walk.total
            yield page

    def order(self, row: Issue) -> datetime | None:
        """See `Pull.order`."""
        return datacenter.updated(row)

    async def expected(self, since: datetime) -> int | None:
        """See `Pull.expected`."""
        return self._total

    def is_whole(self) -> bool:
        """See `Pull.is_whole`."""
        return len(self._seen) >= (self._total or 0)

    async def reopened(self, since: datetime) -> Sequence[str]:
        """See `Pull.reopened`."""
        found: list[str] = []
        async for page in self._walk(jql.NOT_DONE, since, ("status",)).pages():
            steps, categories = await self.reader.histories(page, self.site, Batch())
            for row in page:
                left = departures(steps.get(row["id"], ()), categories)
                if left and left[-1] >= since and not is_done(mapping.fields_of(row)):
                    found.append(row["id"])
        return list(dict.fromkeys(found))

    async def census(self, since: datetime) -> AsyncIterator[Sequence[str]]:
        """See `Pull.census`."""
        fields = ("status", "resolutiondate", "statuscategorychangedate", "created")
        async for page in self._walk(jql.DONE, since, fields).pages():
            closings = await self.reader.closings(page, self.site, Batch())
            yield [each for each, found in closings.items() if found.at >= since]

    def _walk(self, state: str, since: datetime, fields: Sequence[str]) -> datacenter.Walk:
        clause = jql.all_of(self.scope, state)
        bound = jql.since(jql.UPDATED, since, self.now)
        settled = self.began - self.config.settle
        return datacenter.Walk(self.client, clause, bound, fields, self.config.page_size, settled=settled)


def incomplete(batch: Batch, rows: Sequence[Issue]) -> str | None:
    """A warning that names tickets which are missing or lack something."""
    said = []
    if batch.unread:
        said.append(f"left out, because Jira shows them in a way that the hub cannot read: {_keys(batch.unread, rows)}")
    if batch.bare:
        said.append(f"Service Management fails on these, which may have no address now: {_keys(batch.bare, rows)}")
    return "; ".join(said) or None


def _keys(ids: Collection[str], rows: Sequence[Issue]) -> str:
    keys = [str(row.get("key")) for row in rows if row["id"] in ids]
    return ", ".join(key if _KEY.fullmatch(key) else "one without a key" for key in keys[:MOST_NAMED])


def missing_rows(expected: int | None, received: int) -> str | None:
    """A warning when clearly fewer tickets were shown than counted."""
    if expected is None or expected - received <= max(FEW, expected // 10):
        return None
    return (
        f"Jira counts about {expected} closed tickets and showed {received}: the count is an estimate, but the account "
        "may lack the permission to see some, or the search index is behind"
    )
