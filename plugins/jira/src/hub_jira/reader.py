"""From issues as Jira shows them to tickets, with whatever has to be asked for besides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from hub import Fetched, Ticket
from hub_jira import datacenter, jql, mapping, search
from hub_jira.client import JiraClient
from hub_jira.closures import Closing, Transition, closing, is_done, transitions
from hub_jira.config import JiraConfig
from hub_jira.customers import Customers
from hub_jira.search import CHANNEL, Issue, Query
from hub_jira.servicedesk import Desk, Request
from hub_jira.site import Site

AT_ONCE = 8
MOST_READ = 100
"""Issues in one bulk read."""

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class Reader:
    """Makes tickets of issues, and reads single ones afresh."""

    def __init__(self, config: JiraConfig, client: JiraClient) -> None:
        self._config = config
        self._client = client
        self._desk = Desk(client)
        self._customers = Customers(config, self._desk)

    async def tickets(self, issues: Sequence[Issue], site: Site, *, floor: datetime | None = None) -> list[Ticket]:
        """The closed ones among some issues.

        :param floor: leave out what was closed before.
        """
        closed = [issue for issue in issues if is_done(mapping.fields_of(issue))]
        closings = await self.closings(closed, site)
        young = [
            (issue, found)
            for issue, found in zip(closed, closings, strict=True)
            if found is not None and (floor is None or found.at >= floor)
        ]
        return await each(young, lambda pair: self._ticket(*pair, site))

    async def closings(self, issues: Sequence[Issue], site: Site) -> list[Closing | None]:
        """When each of some issues was closed; None for open ones. On Cloud this reads their histories."""
        if not issues:
            return []
        categories = await self._client.status_categories()
        steps = await self._steps(issues, site)
        return [
            closing(mapping.fields_of(issue), steps_of_one, categories)
            for issue, steps_of_one in zip(issues, steps, strict=True)
        ]

    async def fetch(self, ids: Sequence[str]) -> Fetched:
        """Issues as they stand now, from Jira itself and not from its index."""
        site = await self._client.site()
        numeric = [each_id for each_id in dict.fromkeys(ids) if each_id.isdecimal() and len(each_id) < 19]
        found = await self._in_scope(await self._read(numeric, site), site)
        closed = await self.tickets(found, site)
        present = {issue["id"] for issue in found}
        done = {ticket.id for ticket in closed}
        return Fetched(
            tickets=tuple(closed),
            open=tuple(sorted(present - done)),
            gone=tuple(each_id for each_id in dict.fromkeys(ids) if each_id not in present),
        )

    async def open_among(self, ids: Sequence[str]) -> list[str]:
        """Those of some issues that are really open: the index may be older than their closing. For Cloud."""
        found: list[str] = []
        for start in range(0, len(ids), MOST_READ):
            rows = await search.read(self._client, ids[start : start + MOST_READ], ["status"])
            found += [row["id"] for row in rows if not is_done(mapping.fields_of(row))]
        return found

    async def _ticket(self, issue: Issue, found: Closing, site: Site) -> Ticket:
        fields = mapping.fields_of(issue)
        asks = site.service_management and mapping.is_request(fields)
        request = await self._desk.request(issue["id"], found.key) if asks else Request()
        customer = await self._customers.of(fields, request)
        return mapping.ticket(issue, found, customer, request, config=self._config, site=site)

    async def _steps(self, issues: Sequence[Issue], site: Site) -> list[Sequence[Transition]]:
        if not site.cloud:
            return [transitions(datacenter.histories(issue)) for issue in issues]
        found = await search.histories(self._client, [issue["id"] for issue in issues])
        return [transitions(found[issue["id"]]) for issue in issues]

    async def _read(self, ids: Sequence[str], site: Site) -> list[Issue]:
        fields = mapping.wanted_fields(self._config, site)
        if not ids:
            return []
        if site.cloud:
            return await search.read(self._client, ids, fields, [CHANNEL])
        rows = await each(ids, lambda one: datacenter.read(self._client, one, fields))
        return [row for row in rows if row is not None]

    async def _in_scope(self, issues: list[Issue], site: Site) -> list[Issue]:
        """Those that the settings mean: a webhook may tell of others, and a ticket may have been moved away."""
        projects = {key.upper() for key in self._config.projects}
        inside = [
            issue
            for issue in issues
            if not projects or mapping.project_of(mapping.fields_of(issue)).upper() in projects
        ]
        if not inside or not self._config.jql:
            return inside
        ids = [issue["id"] for issue in inside]
        clause = jql.all_of(jql.one_of(ids), f"({self._config.jql})")
        matching = await self._matching(clause, ids, site)
        return [issue for issue in inside if issue["id"] in matching]

    async def _matching(self, clause: str, ids: Sequence[str], site: Site) -> set[str]:
        if not site.cloud:
            return await datacenter.ids(self._client, clause, len(ids))
        query = Query(clause, ["id"], len(ids), reconciled=ids[: search.MOST_RECONCILED])
        return {row["id"] async for page in search.walk(self._client, query) for row in page}


async def each(items: Sequence[ItemT], work: Callable[[ItemT], Awaitable[ResultT]]) -> list[ResultT]:
    """Do the same for all items, a few at a time; results in order. The first error ends it."""
    results: list[ResultT] = []
    for start in range(0, len(items), AT_ONCE):
        done = await asyncio.gather(*map(work, items[start : start + AT_ONCE]), return_exceptions=True)
        for result in done:
            if isinstance(result, BaseException):
                raise result
            results.append(result)
    return results
