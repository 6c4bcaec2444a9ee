"""The fields JQL knows, and what comparing them means."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sandbox.jira.model import Issue, User
from sandbox.jira.wire import Problem

if TYPE_CHECKING:
    from sandbox.jira.state import JiraSite

Matches = Callable[[Issue], bool]

_RELATIVE = re.compile(r"([+-]?)((?:\d+[wdhm]\s*)+)")
_LITERAL = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:\s+(\d{1,2}):(\d{2}))?")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a quoted string, a symbol or a function without arguments, and where it starts (from 1)."""

    text: str
    kind: str
    position: int

    def says(self, *words: str) -> bool:
        """Whether it is one of these keywords or symbols."""
        return self.kind != "quoted" and self.text.upper() in words


@dataclass(frozen=True, slots=True)
class Setting:
    """What a query's meaning depends on."""

    site: JiraSite
    user: User
    now: datetime


@dataclass(frozen=True, slots=True)
class Clause:
    """A field in a query.

    `get` returns what to sort by and compare with, or None when the field is empty. `resolve` turns a value as written
    into one that `get` can return, and refuses one that does not exist.
    """

    name: str
    get: Callable[[Issue], Any]
    resolve: Callable[[Token, Setting], Any]
    is_date: bool = False
    is_list: bool = False

    def emptiness(self, *, wanted: bool) -> Matches:
        """IS EMPTY or IS NOT EMPTY."""
        get = self.get
        return lambda issue: (get(issue) in (None, [])) is wanted

    def compare(self, operator: str, values: Sequence[Token], setting: Setting) -> Matches:
        """Any other operator."""
        if self.is_date:
            return self._compare_dates(operator, values, setting)
        if operator in {"~", "!~"}:
            return self._contains(values[0].text.lower(), wanted=operator == "~")
        if operator not in {"=", "!=", "IN", "NOT IN"}:
            raise Problem(400, f"The operator '{operator}' is not supported by the '{self.name}' field.")
        wanted = {self.resolve(value, setting) for value in values}
        return self._among(wanted, wanted=operator in {"=", "IN"})

    def _among(self, values: set[Any], *, wanted: bool) -> Matches:
        get = self.get
        if self.is_list:
            return lambda issue: bool(get(issue)) and (not values.isdisjoint(get(issue))) is wanted
        if wanted:
            return lambda issue: get(issue) in values
        return lambda issue: (value := get(issue)) is not None and value not in values

    def _contains(self, words: str, *, wanted: bool) -> Matches:
        get = self.get
        return lambda issue: (words in str(get(issue) or "").lower()) is wanted

    def _compare_dates(self, operator: str, values: Sequence[Token], setting: Setting) -> Matches:
        get, bound = self.get, self.resolve(values[0], setting)
        tests: dict[str, Callable[[Any], bool]] = {
            ">=": lambda at: at >= bound,
            ">": lambda at: at > bound,
            "<=": lambda at: at <= bound,
            "<": lambda at: at < bound,
            "=": lambda at: at == bound,
            "!=": lambda at: at != bound,
        }
        if operator not in tests:
            raise Problem(400, f"The operator '{operator}' is not supported by the '{self.name}' field.")
        test = tests[operator]
        return lambda issue: (at := get(issue)) is not None and test(at)


def clause_named(name: str, site: JiraSite) -> Clause | None:
    """The field of this JQL name, or None when the site has none."""
    lowered = name.lower()
    if lowered == "statuscategorychangeddate" and site.kind == "dc":
        return None
    if found := _CLAUSES.get(lowered):
        return found
    number = re.fullmatch(r"cf\[(\d+)\]", lowered)
    field_id = f"customfield_{number[1]}" if number else name
    ids = [each.id for each in site.fields.values() if field_id in {each.id, each.name}]
    return Clause(name, lambda issue: issue.custom.get(ids[0]), _as_text) if ids else None


def date_of(token: Token, setting: Setting) -> datetime:
    """A time as a query writes it.

    :raises Problem: it is none.
    """
    if token.kind == "function":
        if token.text != "now":
            raise Problem(400, f"Unable to find JQL function '{token.text}()'.")
        return setting.now
    if token.kind == "word" and re.fullmatch(r"-?\d+", token.text):
        return datetime.fromtimestamp(int(token.text) / 1000, UTC)
    text = token.text.strip()
    if match := _RELATIVE.fullmatch(text):
        parts = re.findall(r"(\d+)([wdhm])", match[2])
        span = sum((timedelta(**{_UNITS[unit]: int(amount)}) for amount, unit in parts), timedelta())
        return setting.now - span if match[1] == "-" else setting.now + span
    if match := _LITERAL.fullmatch(text):
        try:
            year, month, day, hour, minute = (int(part or 0) for part in match.group(1, 3, 4, 5, 6))
            return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(setting.user.zone)).astimezone(UTC)
        except ValueError:
            pass
    raise Problem(
        400,
        f"Date value '{token.text}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', "
        "'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'.",
    )


def _as_text(token: Token, setting: Setting) -> str:
    return token.text


def _missing(token: Token, field: str) -> Problem:
    return Problem(400, f"The value '{token.text}' does not exist for the field '{field}'.")


def _project(token: Token, setting: Setting) -> str:
    for project in setting.site.projects.values():
        if token.text.lower() in {project.key.lower(), project.id, project.name.lower()}:
            return project.id
    raise _missing(token, "project")


def _issue(token: Token, setting: Setting) -> str:
    found = setting.site.issues.find(token.text)
    if found is None:
        raise Problem(400, f"An issue with key '{token.text}' does not exist for field 'key'.")
    return found.id


def _status(token: Token, setting: Setting) -> str:
    for status in setting.site.statuses.values():
        if token.text.lower() in {status.name.lower(), status.id}:
            return status.id
    raise _missing(token, "status")


def _category(token: Token, setting: Setting) -> int:
    english = {"to do": 2, "in progress": 4, "done": 3}
    for category in setting.site.categories.values():
        if token.text.lower() in {category.name.lower(), category.key, str(category.id)}:
            return category.id
    if token.text.lower() in english:
        return english[token.text.lower()]
    raise _missing(token, "statusCategory")


def _resolution(token: Token, setting: Setting) -> str | None:
    if token.text.lower() == "unresolved":
        return None
    for name, number in setting.site.resolutions.items():
        if token.text.lower() in {name.lower(), number}:
            return name
    raise _missing(token, "resolution")


def _person(token: Token, setting: Setting) -> str:
    if token.kind == "function" and token.text == "currentuser":
        return setting.user.account_id
    for user in setting.site.users:
        if token.text in ({user.account_id} if setting.site.kind == "cloud" else {user.login, user.account_id}):
            return user.account_id
    raise _missing(token, "user")


def _date_clause(name: str, get: Callable[[Issue], Any]) -> Clause:
    return Clause(name, get, date_of, is_date=True)


_KEY = Clause("key", lambda issue: (issue.project.key, issue.number), _issue)
_ID_OF = Clause("key", lambda issue: issue.id, _issue)
_UPDATED = _date_clause("updated", lambda issue: issue.updated)
_CREATED = _date_clause("created", lambda issue: issue.created)
_RESOLVED = _date_clause("resolutiondate", lambda issue: issue.resolved_at)
_TYPE = Clause("issuetype", lambda issue: issue.issue_type, _as_text)
_TEXT = Clause("summary", lambda issue: issue.summary, _as_text)

WITH_HISTORY = frozenset({"assignee", "priority", "reporter", "resolution", "status"})
"""Fields whose changes can be searched for. Fix versions too, which nothing here has."""

KEY_ORDER = _KEY
"""Issues by project key, then by number."""

_CLAUSES = {
    "project": Clause("project", lambda issue: issue.project.id, _project),
    "issue": _ID_OF,
    "issuekey": _ID_OF,
    "key": _ID_OF,
    "id": _ID_OF,
    "status": Clause("status", lambda issue: issue.status.id, _status),
    "statuscategory": Clause("statusCategory", lambda issue: issue.status.category.id, _category),
    "statuscategorychangeddate": _date_clause("statusCategoryChangedDate", lambda issue: issue.category_changed_at),
    "resolution": Clause("resolution", lambda issue: issue.resolution, _resolution),
    "resolutiondate": _RESOLVED,
    "resolved": _RESOLVED,
    "updated": _UPDATED,
    "updateddate": _UPDATED,
    "created": _CREATED,
    "createddate": _CREATED,
    "issuetype": _TYPE,
    "type": _TYPE,
    "priority": Clause("priority", lambda issue: issue.priority, _as_text),
    "labels": Clause("labels", lambda issue: issue.labels, _as_text, is_list=True),
    "reporter": Clause("reporter", lambda issue: issue.reporter.account_id, _person),
    "assignee": Clause("assignee", lambda issue: issue.assignee and issue.assignee.account_id, _person),
    "summary": _TEXT,
    "text": _TEXT,
}
