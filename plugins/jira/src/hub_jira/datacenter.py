"""Jira Data Center's search, read to its end although tickets move while it is read.

Rows are counted by offset. When a ticket leaves the result, all behind it move up, and a plain walk would skip one. So
the walk begins anew at the time of the last row whenever that has advanced. Within one second, where it cannot, and
where times are so young that the index need not agree with them, each page begins with the last row of the one before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from hub import Rejected, Unexpected
from hub_jira import answers, jql
from hub_jira.client import JiraClient
from hub_jira.closures import moment
from hub_jira.search import MOST_PAGES, Issue, issues

SEARCH = "rest/api/2/search"
MOST_RESTARTS = 100


class Walk:
    """One walk through what a filter finds, oldest update first.

    :param bound: the condition on the time of update that the walk begins with.
    :param settled: what was updated later may stand elsewhere than its time says, because the index lags behind.
    """

    def __init__(
        self, client: JiraClient, clause: str, bound: str, fields: Sequence[str], page_size: int, *, settled: datetime
    ) -> None:
        self._client = client
        self._clause = clause
        self._bound = bound
        self._fields = [*fields, "updated"]
        self._size = max(page_size, 2)
        self._settled = settled
        self._anchor: datetime | None = None
        self._start = 0
        self._expected: str | None = None
        self._seen: set[tuple[str, datetime]] = set()
        self._restarts = 0
        self.total: int | None = None
        """How many rows there were in the beginning."""

    async def pages(self) -> AsyncIterator[list[Issue]]:
        """Yield the issues with their changelogs; one that is updated meanwhile comes twice.

        :raises Unexpected: the query was refused, or the walk does not end.
        """
        for _ in range(MOST_PAGES):
            rows, total = await self._page()
            if self.total is None:
                self.total = total
            if self._expected is not None and (not rows or rows[0]["id"] != self._expected):
                self._restart()
                continue
            fresh = [row for row in rows if self._is_new(row)]
            if fresh:
                yield fresh
            if not rows or self._start + len(rows) >= total:
                return
            self._advance(rows)
        raise Unexpected(f"the search did not end after {MOST_PAGES} pages")

    def _restart(self) -> None:
        """Read the present second again: rows have moved."""
        self._restarts += 1
        if self._restarts > MOST_RESTARTS:
            raise Unexpected("Jira's search gives its rows in another order each time")
        self._start, self._expected = 0, None

    def _advance(self, rows: list[Issue]) -> None:
        last = updated(rows[-1]).replace(microsecond=0)  # some versions keep no milliseconds in the index
        if last < self._settled and (self._anchor is None or last > self._anchor):
            self._anchor, self._start, self._expected = last, 0, None
        elif len(rows) > 1:
            self._start += len(rows) - 1
            self._expected = rows[-1]["id"]
        else:
            self._start, self._expected = self._start + 1, None

    def _is_new(self, row: Issue) -> bool:
        mark = (row["id"], updated(row))
        known = mark in self._seen
        self._seen.add(mark)
        return not known

    async def _page(self) -> tuple[list[Issue], int]:
        bound = self._bound if self._anchor is None else jql.exactly_since(jql.UPDATED, self._anchor)
        body = {
            "jql": jql.ordered(jql.all_of(self._clause, bound), jql.UPDATED),
            "startAt": self._start,
            "maxResults": self._size,
            "fields": self._fields,
            "expand": ["changelog"],
        }
        try:
            answer = await self._client.json("POST", SEARCH, json=body)
        except Rejected as refused:
            raise Unexpected(f"the search was refused: {refused}") from None
        found = issues(answer)
        total = answer.get("total")
        if not isinstance(total, int):
            raise Unexpected("Jira's search does not say how many tickets there are")
        return found, total


def updated(row: Issue) -> datetime:
    """When an issue was last changed.

    :raises Unexpected: it does not say.
    """
    fields = row.get("fields")
    at = moment(fields.get("updated")) if isinstance(fields, dict) else None
    if at is None:
        raise Unexpected("Jira showed a ticket without the time of its last update")
    return at


def histories(row: Issue) -> Any:
    """The changelog that came with an issue."""
    match row.get("changelog"):
        case {"histories": list(entries)}:
            return entries
    raise Unexpected("Jira showed a ticket without its changelog")


async def read(client: JiraClient, issue_id: str, fields: Sequence[str]) -> Issue | None:
    """An issue as it stands now; None when it does not exist, or is hidden."""
    params = {"fields": ",".join(fields), "expand": "changelog"}
    response = await client.request("GET", f"rest/api/2/issue/{issue_id}", params=params, accept=(404,))
    if response.status_code == 404:
        if not answers.is_jiras(response):
            raise answers.refusal(response, asked=None)
        return None
    [found] = issues({"issues": [answers.value(response)]})
    return found


async def ids(client: JiraClient, clause: str, most: int) -> set[str]:
    """The ids of the few issues that a filter finds."""
    body = {"jql": clause, "maxResults": most, "fields": ["id"]}
    return {row["id"] for row in issues(await client.json("POST", SEARCH, json=body))}
