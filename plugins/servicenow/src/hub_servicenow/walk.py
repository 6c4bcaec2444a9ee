"""Reads all rows of a query and loses none.

The key is (sys_updated_on, sys_id): a job may touch thousands of rows in one second, and rows move while the walk
goes on. Only within one fixed query an offset is used, to get past pages that access rules have emptied: the limit
counts rows before these rules, X-Total-Count says how many there are. When it changes meanwhile, rows have moved up
past the offset, and the query begins again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime

import httpx

from hub import RemoteError, Unexpected
from hub_servicenow.answers import CutShort
from hub_servicenow.client import Row, Rows, ServiceNowClient
from hub_servicenow.mapping import to_wire
from hub_servicenow.page_size import PageSize
from hub_servicenow.query import Filter, joined

_SCANS = 5
"""How often one query is begun; on a table that never rests the census finds what was passed over."""
_BY_TIME = "ORDERBYsys_updated_on^ORDERBYsys_id"
_BY_ID = "ORDERBYsys_id"


@dataclass(frozen=True, slots=True)
class Question:
    """What a walk looks for."""

    table: str
    query: str
    """Encoded query without time and order."""
    proof: Filter
    """What every row must satisfy; a row that does not shows that the instance dropped a part of the query."""
    fields: tuple[str, ...]
    required: tuple[str, ...]
    """Fields without which a row is set aside. They must be among the first rows that come: where all lack one, the
    account may not read it."""
    lenient: bool = False
    """Whether rows may be set aside though no good one came."""


@dataclass(frozen=True, slots=True)
class _Found:
    rows: list[Row]
    complete: bool
    """Whether the query finds nothing behind them."""


class Walk:
    """One walk through a table. Use it once."""

    def __init__(self, client: ServiceNowClient, question: Question, page_size: PageSize) -> None:
        self._client = client
        self._question = question
        self._page_size = page_size
        self._order: tuple[str, ...] = ("sys_id",)
        self._position: tuple[str, ...] = ()
        self._expected: int | None = None
        self._most_hidden = 0
        self._received: set[str] = set()
        self.set_aside = False
        """Whether rows came incomplete, or without what proves that they belong here. They count as hidden."""
        self.started_at: datetime | None = None
        """When the instance answered first, by its own clock."""
        self.newest: str | None = None
        """The latest sys_updated_on that was seen."""

    @property
    def expected(self) -> int:
        """How many rows there were when the walk began, also those that the account may not see."""
        return self._expected or 0

    @property
    def hidden(self) -> int:
        """How many of them the account may not see. Zero for certain when no page was short; otherwise as good a count
        as one can have while rows come and go."""
        return max(self._most_hidden, self.expected - len(self._received)) if self._most_hidden else 0

    async def since(self, start: str) -> AsyncIterator[list[Row]]:
        """Yield pages of rows updated at this second or later, in order of (sys_updated_on, sys_id).

        :raises Unexpected: the instance did not do what was asked for.
        """
        self._order, self._position = ("sys_updated_on", "sys_id"), (start,)
        later = f"sys_updated_on>={start}"
        while True:
            found = await self._first_since(later)
            if found.rows:
                yield found.rows
            if found.complete:
                return
            second = found.rows[-1]["sys_updated_on"]
            async for rows in self._by_id(f"sys_updated_on={second}", found.rows[-1]["sys_id"]):
                yield rows
            later = f"sys_updated_on>{second}"

    async def all(self) -> AsyncIterator[list[Row]]:
        """Yield pages of all rows, in order of sys_id.

        :raises Unexpected: the instance did not do what was asked for.
        """
        async for rows in self._by_id():
            yield rows

    async def _by_id(self, condition: str = "", last_id: str = "") -> AsyncIterator[list[Row]]:
        complete = False
        while not complete:
            behind = f"sys_id>{last_id}" if last_id else ""
            found = await self._drain(joined(condition, behind, _BY_ID))
            if found.rows:
                yield found.rows
                last_id = found.rows[-1]["sys_id"]
            complete = found.complete

    async def _first_since(self, later: str) -> _Found:
        """The first page that is not empty of what was updated since a time.

        A row that is touched meanwhile moves to the end and all others up, which the count does not show. So when the
        first page is empty, only what is older than now is read with offsets: what is touched leaves that.
        """
        page, limit = await self._page(f"{later}^{_BY_TIME}", 0)
        rows = self._accept(page, limit, 0)
        if rows or limit >= page.total:
            return _Found(rows, complete=limit >= page.total)
        now = to_wire(page.at)
        older = await self._drain(f"{later}^sys_updated_on<{now}^{_BY_TIME}")
        if older.rows:
            return replace(older, complete=False)
        return await self._drain(f"{later}^sys_updated_on>={now}^{_BY_TIME}")

    async def _drain(self, predicate: str) -> _Found:
        """The first page of a query that is not empty. The next query begins behind its last row."""
        for _ in range(_SCANS - 1):
            if found := await self._scan(predicate, may_move=False):
                return found
        found = await self._scan(predicate, may_move=True)
        assert found is not None
        return found

    async def _scan(self, predicate: str, *, may_move: bool) -> _Found | None:
        """Read until a page is not empty; None when the count changed behind an empty one."""
        page, limit = await self._page(predicate, 0)
        offset, total = 0, page.total
        while True:
            if page.total != total and not may_move:
                return None
            rows = self._accept(page, limit, offset)
            offset += limit
            if rows or offset >= page.total:
                return _Found(rows, complete=offset >= page.total)
            page, limit = await self._page(predicate, offset)

    async def _page(self, predicate: str, offset: int) -> tuple[Rows, int]:
        """One page, and how many rows were asked for: fewer when the instance cannot answer in time."""
        question = self._question
        while True:
            limit = self._page_size.rows
            try:
                page = await self._client.rows(
                    question.table,
                    query=joined(question.query, predicate),
                    fields=question.fields,
                    limit=limit,
                    offset=offset,
                    required=(),
                )
            except RemoteError as error:
                if not (_asks_for_less(error) and self._page_size.halve()):
                    raise
            else:
                self._page_size.came()
                return page, limit

    def _accept(self, page: Rows, limit: int, offset: int) -> list[Row]:
        """The rows of a page that can be worked on, in their order. All others count as hidden."""
        if self._expected is None:
            self._expected, self.started_at = page.total, page.at
        complaints = [self._complaint(row) for row in page.records]
        rows = [row for row, complaint in zip(page.records, complaints, strict=True) if not complaint]
        if complaints and not rows and not self._received and not self._question.lenient:
            raise Unexpected(complaints[0])
        for row in rows:
            self._follow(row)
        self.set_aside |= len(rows) < len(complaints)
        self._most_hidden = max(self._most_hidden, min(limit, max(page.total - offset, 0)) - len(rows))
        self._received.update(row["sys_id"] for row in rows)
        return rows

    def _complaint(self, row: Row) -> str:
        """Why one row must be set aside; empty when it need not.

        :raises Unexpected: the instance did not do what it was asked for, so no row may be believed.
        """
        question = self._question
        if missing := [name for name in question.required if not row.get(name)]:
            return f"a row of {question.table} came without {', '.join(missing)}; may the account read this field?"
        if question.proof.holds(row):
            return ""
        text = (
            f"{question.table}: a row does not satisfy {question.query!r}; the instance drops parts of the query "
            "that it does not understand, or the account may not read one of these fields"
        )
        if question.proof.cannot_tell(row):
            return text
        raise Unexpected(text)

    def _follow(self, row: Row) -> None:
        position = tuple(row[name] for name in self._order)
        if position <= self._position:
            raise Unexpected(
                f"{self._question.table}: rows came in another order than asked for, or from before the time asked for"
            )
        self._position = position
        self.newest = row.get("sys_updated_on")


def _asks_for_less(error: RemoteError) -> bool:
    return isinstance(error, CutShort) or isinstance(error.__cause__, TimeoutError | httpx.ReadTimeout)
