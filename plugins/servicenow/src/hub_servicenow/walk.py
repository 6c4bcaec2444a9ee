"""Reads all rows of a query and loses none.

The key is (sys_updated_on, sys_id): a job may touch thousands of rows in one second, and rows move while the walk
goes on. Only within one fixed query an offset is used, to get past pages that access rules have emptied: the limit
counts rows before these rules, X-Total-Count says how many there are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx

from hub import RemoteError, Unexpected
from hub_servicenow.answers import CutShort
from hub_servicenow.client import Row, Rows, ServiceNowClient
from hub_servicenow.query import Filter, joined

SMALLEST_PAGE = 25
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
    """Fields that no row may lack."""


@dataclass(frozen=True, slots=True)
class _Found:
    rows: list[Row]
    complete: bool
    """Whether the query finds nothing behind them."""


class Walk:
    """One walk through a table. Use it once."""

    def __init__(self, client: ServiceNowClient, question: Question, page_size: int) -> None:
        self._client = client
        self._question = question
        self._limit = page_size
        self._order: tuple[str, ...] = ("sys_id",)
        self._position: tuple[str, ...] = ()
        self._expected: int | None = None
        self._most_hidden = 0
        self._received: set[str] = set()
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
            found = await self._drain(f"{later}^{_BY_TIME}")
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

    async def _drain(self, predicate: str) -> _Found:
        """The first page of a query that is not empty. The next query begins behind its last row."""
        offset, total = 0, 1
        while offset < total:
            page, limit = await self._page(predicate, offset)
            total = page.total
            self._note(page, min(limit, max(total - offset, 0)))
            offset += limit
            if page.records:
                return _Found(page.records, complete=offset >= total)
        return _Found([], complete=True)

    async def _page(self, predicate: str, offset: int) -> tuple[Rows, int]:
        """One page, and how many rows were asked for: fewer when the instance cannot answer in time."""
        question = self._question
        while True:
            limit = self._limit
            try:
                page = await self._client.rows(
                    question.table,
                    query=joined(question.query, predicate),
                    fields=question.fields,
                    limit=limit,
                    offset=offset,
                    required=question.required,
                )
            except RemoteError as error:
                if limit <= SMALLEST_PAGE or not _asks_for_less(error):
                    raise
                self._limit = max(SMALLEST_PAGE, limit // 2)
            else:
                self._check(page.records)
                return page, limit

    def _check(self, rows: Sequence[Row]) -> None:
        table = self._question.table
        for row in rows:
            if not self._question.proof.holds(row):
                raise Unexpected(
                    f"{table}: a row does not satisfy {self._question.query!r}; the instance drops parts of the query "
                    "that it does not understand, or the account may not read one of these fields"
                )
            position = tuple(row[name] for name in self._order)
            if position <= self._position:
                raise Unexpected(
                    f"{table}: rows came in another order than asked for, or from before the time asked for"
                )
            self._position = position

    def _note(self, page: Rows, slots: int) -> None:
        if self._expected is None:
            self._expected, self.started_at = page.total, page.at
        self._most_hidden = max(self._most_hidden, slots - len(page.records))
        self._received.update(row["sys_id"] for row in page.records)
        if page.records:
            self.newest = page.records[-1].get("sys_updated_on")


def _asks_for_less(error: RemoteError) -> bool:
    return isinstance(error, CutShort) or isinstance(error.__cause__, TimeoutError | httpx.ReadTimeout)
