"""Jira Cloud's search, read page by page to its end.

A page token is opaque and belongs to its query. The last page has none; whether pages are full, or empty, says nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hub import RateLimited, Rejected, Unavailable, Unexpected
from hub_jira import answers
from hub_jira.client import JiraClient
from hub_jira.closures import STATUS

Issue = Mapping[str, Any]

MOST_PAGES = 10_000
MOST_RECONCILED = 50
MOST_READ = 100
"""Issues in one bulk read."""
CHANNEL = "request.channel.type"
"""Issue property in which Service Management keeps how a request came in."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to search for, and what to show of it."""

    jql: str
    fields: Sequence[str]
    page_size: int
    properties: Sequence[str] = ()
    reconciled: Sequence[str] = ()
    """Ids of issues for which the index must be up to date; at most 50."""

    def body(self, token: str | None) -> dict[str, Any]:
        """The request for one page."""
        body: dict[str, Any] = {"jql": self.jql, "maxResults": self.page_size, "fields": list(self.fields)}
        if self.properties:
            body["properties"] = list(self.properties)
        if self.reconciled:
            body["reconcileIssues"] = [int(each) for each in self.reconciled]
        if token is not None:
            body["nextPageToken"] = token
        return body


async def walk(client: JiraClient, query: Query) -> AsyncIterator[list[Issue]]:
    """Yield all issues that a query finds, page by page. When Jira forgets the walk, it begins once more.

    :raises Unexpected: the query was refused, or the walk does not end.
    """
    guard = _Guard()
    token: str | None = None
    restarted = False
    for _ in range(MOST_PAGES):
        try:
            answer = await client.json("POST", "rest/api/3/search/jql", json=query.body(token))
        except Rejected as refused:
            if token is None and query.reconciled and refused.reason == "http_400":
                query = replace(query, reconciled=())  # one of them may be gone
                continue
            if token is None or restarted or refused.reason != "http_400":
                raise Unexpected(f"the search was refused: {refused}") from None
            guard, token, restarted = _Guard(), None, True
            continue
        found = issues(answer)
        token = answer.get("nextPageToken")
        guard.check(token, found)
        if found:
            yield found
        if token is None:
            return
    raise Unexpected(f"the search did not end after {MOST_PAGES} pages")


class _Guard:
    """Ends a walk that goes round in circles."""

    def __init__(self) -> None:
        self._tokens: set[str] = set()
        self._empty = 0

    def check(self, token: Any, found: Collection[Issue]) -> None:
        """Look at the token for the next page.

        :raises Unexpected: the walk would not end.
        """
        if token is None:
            return
        if not isinstance(token, str) or not token:
            raise Unexpected("Jira's search gave a page token that is no text")
        if token in self._tokens:
            raise Unexpected("Jira's search gave the same page token twice and would never end")
        self._tokens.add(token)
        self._empty = 0 if found else self._empty + 1
        if self._empty > 1:
            raise Unexpected("Jira's search gave two empty pages that were not the last")


def issues(answer: Any, member: str = "issues") -> list[Issue]:
    """The issues of an answer.

    :raises Unexpected: there is no list of issues with ids in it.
    """
    found = answer.get(member) if isinstance(answer, dict) else None
    if not isinstance(found, list) or not all(_is_issue(each) for each in found):
        raise Unexpected("Jira's answer is not a list of issues")
    return found


def _is_issue(each: Any) -> bool:
    identity = each.get("id") if isinstance(each, dict) else None
    return isinstance(identity, str) and identity.isdecimal()


async def count(client: JiraClient, jql: str) -> int | None:
    """About how many issues a query finds; None when Jira does not say."""
    path = "rest/api/3/search/approximate-count"
    try:
        response = await client.request("POST", path, json={"jql": jql}, accept=(400, 403, 404))
        answer = answers.value(response) if response.is_success else None
    except (Rejected, RateLimited, Unavailable, Unexpected):  # nothing depends on it but a warning
        return None
    match answer:
        case {"count": int(number)} if number >= 0:
            return number
    return None


async def read(
    client: JiraClient, ids: Sequence[str], fields: Sequence[str], properties: Sequence[str] = ()
) -> tuple[list[Issue], bool]:
    """Issues as they stand now, not as the index believes; at most 100.

    :returns: the issues, and whether they are whole: then what is missing is not there, or hidden. Otherwise Jira could
        not read some just now.
    """
    body = {"issueIdsOrKeys": list(ids), "fields": list(fields), "properties": list(properties)}
    answer = await client.json("POST", "rest/api/3/issue/bulkfetch", json=body)
    return issues(answer), not answer.get("issueErrors")


async def histories(client: JiraClient, ids: Sequence[str], fields: Sequence[str] = (STATUS,)) -> dict[str, list[Any]]:
    """The changes of some fields of issues, by issue id.

    :param fields: ids of fields, at most 10.
    :raises Unexpected: they cannot be read.
    """
    found: dict[str, list[Any]] = {each: [] for each in ids}
    body: dict[str, Any] = {"issueIdsOrKeys": list(ids), "fieldIds": list(fields), "maxResults": 1000}
    tokens: set[str] = set()
    while True:
        answer = await client.json("POST", "rest/api/3/changelog/bulkfetch", json=body)
        logs = answer.get("issueChangeLogs") if isinstance(answer, dict) else None
        for log in logs if isinstance(logs, list) else [None]:
            identity, entries = _history(log)
            found.setdefault(identity, []).extend(entries)
        token = answer.get("nextPageToken")
        if token is None:
            return found
        if token in tokens or not isinstance(token, str):
            raise Unexpected("Jira's changelog gave the same page token twice and would never end")
        tokens.add(token)
        body["nextPageToken"] = token


def _history(log: Any) -> tuple[str, list[Any]]:
    """The issue that a changelog belongs to, and what is in it."""
    if isinstance(log, dict):
        identity, entries = log.get("issueId"), log.get("changeHistories")
        if isinstance(identity, str) and isinstance(entries, list):
            return identity, entries
    raise Unexpected("Jira's changelog cannot be read")
