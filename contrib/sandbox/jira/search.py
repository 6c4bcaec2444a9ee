"""What search sees of the issues: an index that lags behind, read page by page."""

from __future__ import annotations

import copy
import heapq
import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.jira import jql
from sandbox.jira.clauses import KEY_ORDER, Clause, Setting
from sandbox.jira.model import Issue, User
from sandbox.jira.wire import Problem

if TYPE_CHECKING:
    from sandbox.jira.state import JiraSite

TOKEN_LIFE = timedelta(days=7)
KEPT_RESULTS = 20
_MOVES_ON = re.compile(r"now\s*\(|[\"'\s=<>][+-]?\d+\s*[wdhm]", re.IGNORECASE)
"""What makes a query's result depend on the time it is asked at."""


class _Last:
    """Sorts behind everything: where Jira puts empty fields in ascending order."""

    def __lt__(self, other: object) -> bool:
        return False

    def __gt__(self, other: object) -> bool:
        return not isinstance(other, _Last)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Last)

    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class _Descending:
    value: Any

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.value < self.value)


_LAST = _Last()


@dataclass(slots=True)
class Result:
    """The sorted rows of a query as of one version of the index."""

    query: jql.Query
    version: tuple[int, int]
    rows: list[tuple[Any, Issue]]


@dataclass(slots=True)
class Walk:
    """What a page token stands for."""

    jql: str
    user: User
    named: frozenset[str]
    started: datetime
    result: Result | None
    """None once younger walks have pushed it out; it is then made again."""
    after: Any


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a token walk; `token` is None on the last."""

    issues: list[Issue]
    token: str | None


@dataclass(slots=True)
class Index:
    """All issues as they are, and as search believes they are."""

    site: JiraSite
    live: dict[str, Issue] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)
    _shown: dict[str, tuple[int, Issue]] = field(default_factory=dict)
    _coming: list[tuple[datetime, int, Issue]] = field(default_factory=list)
    _changes: int = 0
    _version: int = 0
    _hidden: set[str] = field(default_factory=set)
    _vanished: dict[str, int] = field(default_factory=dict)
    _walks: dict[str, Walk] = field(default_factory=dict)
    _results: dict[tuple[str, str, datetime | None], Result] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Issue]:
        return (issue for issue in self.live.values() if not issue.deleted)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def add(self, issue: Issue) -> None:
        """Keep a new issue."""
        self.live[issue.id] = issue
        self.learn_key(issue)
        self.changed(issue, issue.created)

    def learn_key(self, issue: Issue) -> None:
        """Find an issue by its present key from now on, and by its earlier ones as before."""
        self._ids[issue.key] = issue.id

    def find(self, id_or_key: str) -> Issue | None:
        """The issue as it is now; None when it is gone or hidden."""
        issue = self.live.get(self._ids.get(id_or_key.upper(), id_or_key))
        return None if issue is None or issue.deleted or issue.id in self._hidden else issue

    def hide(self, issue: Issue) -> None:
        """Let nobody see an issue any more."""
        self._hidden.add(issue.id)
        self._version += 1

    def vanish(self, issue_id: str, pages: int) -> None:
        """Leave an issue out of the next pages that would show it."""
        self._vanished[issue_id] = pages

    def changed(self, issue: Issue, at: datetime) -> None:
        """Let search know of a change, after the delay that is set at this moment."""
        self._changes += 1
        seen = copy.copy(issue)
        seen.custom, seen.labels, seen.history = dict(issue.custom), list(issue.labels), list(issue.history)
        if self.site.search_lag:
            heapq.heappush(self._coming, (at + self.site.search_lag, self._changes, seen))
        else:
            self._show(self._changes, seen)

    def page(self, text: str, user: User, limit: int, token: str | None, named: Collection[str] = ()) -> Page:
        """One page of a walk with tokens.

        :param named: ids of issues to show as they really are (`reconcileIssues`).
        :raises Problem: the query is wrong or unbounded, or the token is not one of this query's.
        """
        walk = self._resume(token, text, user, frozenset(named)) if token else self._start(text, user, frozenset(named))
        rows = walk.result.rows if walk.result else []
        start = 0 if walk.after is None else bisect_right(rows, walk.after, key=lambda row: row[0])
        chosen = rows[start : start + limit]
        further = None
        if start + limit < len(rows) and chosen:
            further = self._keep(Walk(text, user, walk.named, walk.started, walk.result, chosen[-1][0]))
        return Page([issue for _, issue in chosen if not self._is_gone(issue.id)], further)

    def window(self, text: str, user: User, start: int, limit: int) -> tuple[list[Issue], int]:
        """One page by offset, and how many rows there are."""
        rows = self._result(text, user, self.site.now).rows
        return [issue for _, issue in rows[start : start + limit] if not self._is_gone(issue.id)], len(rows)

    def count(self, text: str, user: User) -> int:
        """How many issues a bounded query finds."""
        result = self._result(text, user, self.site.now)
        jql.bounded(result.query)
        return len(result.rows)

    def _keep(self, walk: Walk) -> str:
        number = len(self._walks)
        if old := self._walks.get(_token(number - KEPT_RESULTS)):
            old.result = None
        self._walks[_token(number)] = walk
        return _token(number)

    def _start(self, text: str, user: User, named: frozenset[str]) -> Walk:
        result = self._result(text, user, self.site.now, named)
        jql.bounded(result.query)
        return Walk(text, user, named, self.site.now, result, None)

    def _resume(self, token: str, text: str, user: User, named: frozenset[str]) -> Walk:
        walk = self._walks.get(token)
        fits = walk and (walk.jql, walk.user, walk.named) == (text, user, named)
        if walk is None or not fits or self.site.now - walk.started > TOKEN_LIFE:
            raise Problem(400, "The provided next page token is invalid or expired.")
        self._catch_up()
        if walk.result is None or walk.result.version != (self._version, len(named)):
            walk.result = self._result(text, user, walk.started, named)
        return walk

    def _result(self, text: str, user: User, now: datetime, named: frozenset[str] = frozenset()) -> Result:
        self._catch_up()
        key = (text, user.account_id + user.zone, now if _MOVES_ON.search(text) else None)
        version = (self._version, len(named))
        known = self._results.get(key)
        if known is None or known.version != version or named:
            query = jql.parse(text, Setting(self.site, user, now))
            rows = sorted(self._rows(query, named), key=lambda row: row[0])
            if len(self._results) > 100:
                self._results.clear()
            known = self._results[key] = Result(query, version, rows)
        return known

    def _rows(self, query: jql.Query, named: frozenset[str]) -> Iterator[tuple[Any, Issue]]:
        matches, key, hidden = query.matches, _sort_key(query.order), self._hidden
        for issue in self._seen(named):
            if not issue.deleted and issue.id not in hidden and matches(issue):
                yield key(issue), issue

    def _seen(self, named: frozenset[str]) -> Iterator[Issue]:
        for issue_id, (_, issue) in self._shown.items():
            yield self.live[issue_id] if issue_id in named else issue
        for issue_id in named:
            if issue_id in self.live and issue_id not in self._shown:
                yield self.live[issue_id]

    def _catch_up(self) -> None:
        while self._coming and self._coming[0][0] <= self.site.now:
            _, number, issue = heapq.heappop(self._coming)
            self._show(number, issue)

    def _show(self, number: int, issue: Issue) -> None:
        if number > self._shown.get(issue.id, (0, None))[0]:
            self._shown[issue.id] = number, issue
            self._version += 1

    def _is_gone(self, issue_id: str) -> bool:
        left = self._vanished.get(issue_id, 0)
        if left:
            self._vanished[issue_id] = left - 1
        return bool(left)


def _token(number: int) -> str:
    return f"CAEaAggD{number:06d}"


def _sort_key(order: Sequence[tuple[Clause, bool]]) -> Callable[[Issue], tuple[Any, ...]]:
    """What to sort by. The id comes last, so that no two rows are equal; without an order, the newest comes first."""
    getters = [(KEY_ORDER.get if clause.name == "key" else clause.get, descending) for clause, descending in order]
    if not getters:
        return lambda issue: (-int(issue.id),)

    def key(issue: Issue) -> tuple[Any, ...]:
        parts: list[Any] = []
        for get, descending in getters:
            value = get(issue)
            value = _LAST if value is None else value
            parts.append(_Descending(value) if descending else value)
        parts.append(int(issue.id))
        return tuple(parts)

    return key
