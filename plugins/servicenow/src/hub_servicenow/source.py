"""A task table of a ServiceNow instance as a source."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from hub import (
    CheckResult,
    Context,
    Cursor,
    Experience,
    Fetched,
    Hint,
    Milestone,
    Page,
    Receipt,
    Source,
    Ticket,
    Webhook,
)
from hub_servicenow.check import check_instance
from hub_servicenow.client import Row, ServiceNowClient
from hub_servicenow.config import ServiceNowConfig
from hub_servicenow.cursor import Position
from hub_servicenow.guard import Guard
from hub_servicenow.look import IDS_AT_ONCE, SYS_ID
from hub_servicenow.mapping import ALWAYS, REQUIRED, TicketMapping, from_wire, to_wire
from hub_servicenow.page_size import PageSize
from hub_servicenow.push import read_hint
from hub_servicenow.query import joined, one_of, parse_filter
from hub_servicenow.walk import Question, Walk
from hub_servicenow.write_back import ResultWriter


class ServiceNowSource(Source[ServiceNowConfig]):
    """Reads one task table, and writes onto it."""

    def __init__(self, config: ServiceNowConfig, context: Context) -> None:
        super().__init__(config, context)
        self._client = ServiceNowClient(config, context)
        self._mapping = TicketMapping(config)
        self._guard = Guard(config, self._client, context.clock)
        self._writer = ResultWriter(self._client, config, context)
        self._page_size = PageSize(config.page_size)
        self._told = ""

    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        """Yield the tickets that were updated since the cursor and are closed, and name those that are open again."""
        fields = await self._guard.fields()
        if cursor is None:
            yield Page((), Position.beginning(await self._server_now()).write())
            return
        position = Position.read(cursor)
        start = to_wire(position.updated - self.config.overlap)
        closed = self._walk(self._mapping.query, fields)
        untimed, asked_at = 0, self.context.clock.now()
        async for rows in closed.since(start):
            untimed += sum(self._mapping.closed_at(row) is None for row in rows)
            yield Page(self._tickets(rows, position.since), cursor, read_at=asked_at)
            asked_at = self.context.clock.now()
        again = self._open_again(fields)
        reopened = [row["sys_id"] async for rows in again.since(start) for row in rows]
        assert closed.started_at is not None
        newest = max(filter(None, (closed.newest, again.newest)), default=None)
        seen = from_wire(newest, "sys_updated_on") if newest else None
        after = position.after(seen, closed.started_at, settle=self.config.settle, overlap=self.config.overlap)
        yield Page((), after.write(), tuple(reopened), self._warning(closed, untimed))

    async def rewind(self, since: datetime) -> Cursor:
        """The position from which everything that was closed since then is found."""
        return Position.beginning(since).write()

    async def fetch(self, ticket_ids: Sequence[str]) -> Fetched:
        """Read tickets as they stand now. Closed ones outside the filter are none of this source's: they are gone.
        Nothing is said of those that the account sees only in part."""
        asked = list(dict.fromkeys(ticket_ids))
        known = [one for one in asked if SYS_ID.fullmatch(one)]
        rows: dict[str, Row] = {}
        unread: set[str] = set()
        for first in range(0, len(known), IDS_AT_ONCE):
            ids = known[first : first + IDS_AT_ONCE]
            walk = self._walk(one_of("sys_id", ids), await self._guard.fields(), lenient=True)
            rows |= {row["sys_id"]: row async for page in walk.all() for row in page}
            if walk.set_aside:  # which ones they are is not certain, so nothing is said of what is missing
                unread |= set(ids) - rows.keys()
        open_ = tuple(one for one, row in rows.items() if not self._mapping.is_closed(row))
        closed = {one: self._mapping.ticket(row) for one, row in rows.items() if self._mapping.covers(row)}
        answered = {*closed, *open_, *unread}
        return Fetched(
            tickets=tuple(ticket for ticket in closed.values() if ticket),
            open=open_,
            gone=tuple(one for one in asked if one not in answered),
        )

    async def census(self, since: datetime) -> AsyncIterator[Sequence[str]]:
        """Yield the ids of the tickets that are closed and were closed since then."""
        fields = await self._guard.fields()
        times = [f"{name}>={to_wire(since)}" for name in self._mapping.closing_times if name in fields]
        query = joined(self._mapping.query, "^OR".join(times))
        async for rows in self._walk(query, (*ALWAYS, *self._mapping.closing_times)).all():
            yield [row["sys_id"] for row in rows if self._closed_since(row, since)]

    async def milestones(self, since: datetime) -> AsyncIterator[Sequence[Ticket]]:
        """Yield the tickets that are open and were handed over, or began to wait, since then."""
        if Milestone.HANDED_OVER in self.config.milestones:
            moved = joined(self._mapping.open_query, "reassignment_count>0")
            walk = self._walk(moved, await self._guard.fields(), lenient=True)
            async for rows in walk.since(to_wire(since)):
                yield [self._mapping.handed_over(row) for row in rows]
        if Milestone.WAITING in self.config.milestones:
            longest = self.config.waiting_after
            first, last = (to_wire(at - longest) for at in (since, self.context.clock.now()))
            opened = joined(self._mapping.open_query, f"opened_at>={first}", f"opened_at<={last}")
            walk = self._walk(opened, await self._guard.fields(), lenient=True)
            async for rows in walk.all():
                yield [self._mapping.waiting(row, longest) for row in rows]

    async def write_back(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        """Put experiences where `write_back` says."""
        return await self._writer.write(items)

    async def receive(self, request: Webhook) -> Hint:
        """Read what a business rule sent."""
        return read_hint(request, self.config)

    async def check(self) -> Sequence[CheckResult]:
        """Prove every name in hub.toml and every place for answers."""
        return await check_instance(self._client, self.config, self.context)

    def _walk(self, query: str, fields: Sequence[str], *, proof: str | None = None, lenient: bool = False) -> Walk:
        """A walk through the table. Every row must satisfy `proof`, or else the whole query."""
        satisfied = parse_filter(query if proof is None else proof)
        asked = tuple(dict.fromkeys((*fields, *sorted(satisfied.fields))))
        question = Question(self.config.table, query, satisfied, asked, REQUIRED, lenient=lenient)
        return Walk(self._client, question, self._page_size)

    def _open_again(self, fields: Sequence[str]) -> Walk:
        """Tickets that are not closed, though they once were. The filter is left out: reopening may have moved a
        ticket to another group."""
        not_closed = f"stateNOT IN{','.join(self._mapping.closed_states)}"
        once_closed = [f"{name}ISNOTEMPTY" for name in self._mapping.closing_times if name in fields]
        if self._mapping.counts_reopenings and "reopen_count" in fields:
            query = joined(not_closed, "^OR".join(["reopen_count>0", *once_closed]))
        else:
            query = not_closed
        return self._walk(query, ALWAYS, proof=not_closed, lenient=True)

    def _tickets(self, rows: Sequence[Row], since: datetime) -> tuple[Ticket, ...]:
        """Those that were closed since the hub was asked to look after them."""
        tickets = (self._mapping.ticket(row) for row in rows if self._closed_since(row, since))
        return tuple(ticket for ticket in tickets if ticket)

    def _closed_since(self, row: Row, since: datetime) -> bool:
        closed_at = self._mapping.closed_at(row)
        return closed_at is not None and closed_at >= since

    async def _server_now(self) -> datetime:
        page = await self._client.rows(
            self.config.table, query=joined(self._mapping.query, "ORDERBYsys_id"), fields=ALWAYS, limit=1
        )
        return page.at

    def _warning(self, walk: Walk, untimed: int) -> str | None:
        """What to tell of rows that customers are not asked about; logged when it changes."""
        texts = []
        if walk.hidden:
            partly = ", some of them in part" if walk.set_aside else ""
            texts.append(
                f"{walk.hidden} of {walk.expected} rows are hidden from the account{partly}; their customers are not "
                "asked. Give it a role that reads them, or narrow 'filter'"
            )
        if untimed:
            times = " or ".join(self._mapping.closing_times)
            texts.append(f"{untimed} closed tickets have no readable {times}; their customers are asked once they have")
        text, before = "; ".join(texts), self._told
        self._told = text
        if text not in ("", before):
            self.context.log.warning(
                "servicenow.rows_hidden", hidden=walk.hidden, expected=walk.expected, untimed=untimed
            )
        return text or None
