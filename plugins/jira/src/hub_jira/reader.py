"""From issues as Jira shows them to tickets, with whatever has to be asked for besides.

One ticket that cannot be read must not hold up the others: it is left out, and named. When none can be read, something
else is wrong, and that is an error.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from hub import Customer, Fetched, RemoteError, Ticket, Unexpected
from hub_jira import datacenter, jql, mapping, search
from hub_jira.client import JiraClient
from hub_jira.closures import STATUS, Closing, Transition, category_of, closing, is_done, transitions
from hub_jira.config import JiraConfig
from hub_jira.customers import Customers
from hub_jira.reached import Reached
from hub_jira.search import CHANNEL, MOST_READ, Issue, Query
from hub_jira.servicedesk import FAILURES, Desk, Request
from hub_jira.site import Site

AT_ONCE = 8

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
At = tuple[Issue, Closing | Reached]
"""An issue, and the milestone that is told of it."""
Details = tuple[Customer, Request]


@dataclass(slots=True)
class Batch:
    """What some issues turned out to be."""

    tickets: list[Ticket] = field(default_factory=list)
    """The closed ones."""
    unread: dict[str, Unexpected] = field(default_factory=dict)
    """Why others are left out, by their ids."""
    bare: list[str] = field(default_factory=list)
    """Ids of tickets without what Service Management knows, because it fails on them."""
    certain: set[str] = field(default_factory=set)
    """Ids of tickets that Jira itself, and not its index, says to be closed as they are shown."""
    reopened: list[str] = field(default_factory=list)
    """Ids of tickets that were shown as closed, and are open again by their histories."""

    def each(self, issues: Sequence[Issue], read: Callable[[Issue], ResultT]) -> list[tuple[Issue, ResultT]]:
        """Issues, with what `read` makes of them. One that cannot be read is noted, and lets the others go on."""
        found: list[tuple[Issue, ResultT]] = []
        for issue in issues:
            try:
                found.append((issue, read(issue)))
            except Unexpected as why:
                self.unread.setdefault(issue["id"], why)
        return found


class Reader:
    """Makes tickets of issues, and reads single ones afresh."""

    def __init__(self, config: JiraConfig, client: JiraClient) -> None:
        self._config = config
        self._client = client
        self._desk = Desk(client)
        self._customers = Customers(config, self._desk)

    def read_contacts(self) -> int:
        """Read the contacts file again if it has changed; how many contacts there are.

        :raises ConfigError: it cannot be read.
        """
        return self._customers.read_contacts()

    async def tickets(self, issues: Sequence[Issue], site: Site, *, floor: datetime | None = None) -> Batch:
        """The closed ones among some issues.

        :param floor: leave out what was closed before.
        :raises Unexpected: not one of the issues can be read.
        """
        self.read_contacts()
        self._desk.work_on(site)
        batch, mapper = Batch(), mapping.Mapper(self._config, site)
        closings = await self.closings(issues, site, batch)
        young = [
            (issue, found)
            for issue in issues
            if (found := closings.get(issue["id"])) is not None and (floor is None or found.at >= floor)
        ]
        batch.certain = {issue["id"] for issue, found in young if found.is_certain}
        for start in range(0, len(young), AT_ONCE):
            await self._add(young[start : start + AT_ONCE], site, mapper, batch)
        if batch.unread and len(batch.unread) == len({issue["id"] for issue in issues}):
            raise next(iter(batch.unread.values()))
        return batch

    async def at_milestones(self, reached: Sequence[tuple[Issue, Reached]], site: Site) -> list[Ticket]:
        """Open tickets at what they have reached. Those that cannot be read are left out.

        :raises Unexpected: not one of them can be read.
        """
        self.read_contacts()
        self._desk.work_on(site)
        batch, mapper = Batch(), mapping.Mapper(self._config, site)
        for start in range(0, len(reached), AT_ONCE):
            await self._add(reached[start : start + AT_ONCE], site, mapper, batch)
        if batch.unread and not batch.tickets:
            raise next(iter(batch.unread.values()))
        return batch.tickets

    async def closings(self, issues: Sequence[Issue], site: Site, batch: Batch) -> dict[str, Closing]:
        """When each of some issues was closed, by id; open ones have none. On Cloud this reads their histories.

        :param batch: is told of those that cannot be read, or were opened again after what is shown of them.
        """
        states = batch.each(issues, lambda issue: is_done(mapping.fields_of(issue)))
        done = [issue for issue, is_closed in states if is_closed]
        steps, categories = await self.histories(done, site, batch)
        found = batch.each(done, lambda issue: closing(issue["fields"], steps.get(issue["id"]), categories))
        batch.reopened += [issue["id"] for issue, at in found if at is None]
        return {issue["id"]: at for issue, at in found if at is not None and issue["id"] not in batch.unread}

    async def histories(
        self, issues: Sequence[Issue], site: Site, batch: Batch
    ) -> tuple[Mapping[str, Sequence[Transition]], Mapping[str, str]]:
        """The changes of status of some issues, by id, and the categories of the statuses by their ids.

        :param batch: is told of those that cannot be read.
        """
        if not issues:
            return {}, {}
        shown = await search.histories(self._client, [issue["id"] for issue in issues]) if site.cloud else {}
        read = batch.each(
            issues, lambda issue: transitions(shown[issue["id"]] if site.cloud else datacenter.histories(issue))
        )
        steps = {issue["id"]: taken for issue, taken in read}
        needed = {status for taken in steps.values() for step in taken for status in (step.before, step.after)}
        return steps, await self._client.status_categories(_own_categories(issues), needed)

    async def fetch(self, ids: Sequence[str]) -> Fetched:
        """Issues as they stand now, from Jira itself and not from its index. What cannot be read is in no part."""
        site = await self._client.site()
        numeric = [each_id for each_id in dict.fromkeys(ids) if each_id.isdecimal() and len(each_id) < 19]
        shown, unread = await self._read(numeric, site)
        found = await self._in_scope(shown, site)
        batch = await self.tickets(found, site)
        present = {issue["id"] for issue in found}
        done = {ticket.id for ticket in batch.tickets}
        gone = tuple(each_id for each_id in dict.fromkeys(ids) if each_id not in present | unread)
        if gone:  # an account that was signed out sees no tickets either
            await self._client.json("GET", f"{site.api}/myself")
        return Fetched(tuple(batch.tickets), open=tuple(sorted(present - done - set(batch.unread))), gone=gone)

    async def open_among(self, ids: Sequence[str]) -> list[str]:
        """Those of some issues that are really open: the index may be older than their closing. For Cloud."""
        found: list[str] = []
        for start in range(0, len(ids), MOST_READ):
            rows, _ = await search.read(self._client, ids[start : start + MOST_READ], ["status"])
            for row in rows:
                with contextlib.suppress(Unexpected):  # it is read again before a survey leaves
                    found += [] if is_done(mapping.fields_of(row)) else [row["id"]]
        return found

    async def _add(self, those: Sequence[At], site: Site, mapper: mapping.Mapper, batch: Batch) -> None:
        """Make tickets of a few issues.

        When Service Management fails on some and still shows others, it is those: they are taken as the platform shows
        them. Otherwise it is out of order, and their customers may have addresses that only it knows.
        """
        details: Sequence[Details | RemoteError]
        if site.service_management:
            details = await attempt(those, lambda one: self._details(*one, site))
        else:  # nothing is asked
            details = [await self._details(*one, site) for one in those]
        failed = [one for one, result in zip(those, details, strict=True) if isinstance(result, RemoteError)]
        if failed and not await self._desk.shows_others({issue["id"] for issue, _ in failed}):
            raise next(result for result in details if isinstance(result, RemoteError))
        for (issue, found), result in zip(those, details, strict=True):
            if isinstance(result, RemoteError):
                self._desk.do_without(issue["id"], found.key)
                batch.bare.append(issue["id"])
                customer, request = await self._details(issue, found, site)
            else:
                customer, request = result
            try:
                batch.tickets.append(mapper.ticket(issue, found, customer, request))
            except Unexpected as why:
                batch.unread.setdefault(issue["id"], why)

    async def _details(self, issue: Issue, found: Closing | Reached, site: Site) -> Details:
        fields = mapping.fields_of(issue)
        asks = site.service_management and mapping.is_request(fields)
        request = await self._desk.request(issue["id"], found.key) if asks else Request()
        return await self._customers.of(fields, request), request

    async def _read(self, ids: Sequence[str], site: Site) -> tuple[list[Issue], set[str]]:
        """Issues by their ids, and the ids of those that Jira fails to show; what is in neither does not exist.

        :raises RemoteError: not one of them can be read.
        """
        fields = mapping.wanted_fields(self._config, site)
        if not ids:
            return [], set()
        if site.cloud:
            rows, whole = await search.read(self._client, ids, fields, [CHANNEL])
            if not whole:  # Jira does not name them for certain: the hub asks for each by itself then
                raise Unexpected("Jira could not read some tickets just now")
            return rows, set()
        found: list[Issue] = []
        failed: set[str] = set()
        for start in range(0, len(ids), AT_ONCE):
            few = ids[start : start + AT_ONCE]
            for one, result in zip(few, await attempt(few, lambda each: self._read_one(each, fields)), strict=True):
                if isinstance(result, RemoteError):
                    failed.add(one)
                    problem = result
                elif result is not None:
                    found.append(result)
            if len(failed) == start + len(few):
                raise problem
        return found, failed

    async def _read_one(self, issue_id: str, fields: Sequence[str]) -> Issue | None:
        return await datacenter.read(self._client, issue_id, fields)

    async def _in_scope(self, issues: Sequence[Issue], site: Site) -> list[Issue]:
        """Those that the settings mean: a webhook may tell of others, and a ticket may have been moved away."""
        projects = await self._client.project_ids()
        inside = [issue for issue in issues if not projects or mapping.project_of(mapping.fields_of(issue)) in projects]
        if not inside or not self._config.jql:
            return inside
        matching: set[str] = set()
        for start in range(0, len(inside), search.MOST_RECONCILED):
            ids = [issue["id"] for issue in inside[start : start + search.MOST_RECONCILED]]
            clause = jql.all_of(jql.one_of(ids), f"({self._config.jql})")
            matching |= await self._matching(clause, ids, site)
        return [issue for issue in inside if issue["id"] in matching]

    async def _matching(self, clause: str, ids: Sequence[str], site: Site) -> set[str]:
        if not site.cloud:
            return await datacenter.ids(self._client, clause, len(ids))
        query = Query(clause, ["id"], len(ids), reconciled=ids)
        return {row["id"] async for page in search.walk(self._client, query) for row in page}


def _own_categories(issues: Sequence[Issue]) -> dict[str, str]:
    """The categories of the statuses that some readable issues are in, by the statuses' ids."""
    found: dict[str, str] = {}
    for issue in issues:
        status = mapping.fields_of(issue).get(STATUS)
        identity = status.get("id") if isinstance(status, dict) else None
        category = category_of(status)
        if isinstance(identity, str) and category is not None:
            found[identity] = category
    return found


async def attempt(few: Sequence[ItemT], work: Callable[[ItemT], Awaitable[ResultT]]) -> list[ResultT | RemoteError]:
    """Do the same for a few items at once; for each in order the result, or the error, when it may be its own.

    :raises RemoteError: one that concerns all of them.
    """
    results: list[ResultT | RemoteError] = []
    for result in await asyncio.gather(*map(work, few), return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, FAILURES):
            raise result
        results.append(result)
    return results
