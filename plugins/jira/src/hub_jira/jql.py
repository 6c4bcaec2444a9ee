"""The queries that the hub asks, in JQL.

No query holds a date in words: Jira reads those in the time zone of the account, to the minute. Relative times are
counted on Jira's own clock, and milliseconds have no zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from hub_jira.config import JiraConfig
from hub_jira.cursor import millis

DONE = "statusCategory = Done"
NOT_DONE = "statusCategory != Done"
CATEGORY_CHANGED = "statusCategoryChangedDate"
UPDATED = "updated"
CREATED = "created"

LONGEST_RELATIVE = timedelta(days=7)


def scope(config: JiraConfig) -> str:
    """Which tickets are surveyed at all."""
    parts = []
    if config.projects:
        keys = ", ".join(f'"{key}"' for key in config.projects)
        parts.append(f"project in ({keys})")
    if config.jql:
        parts.append(f"({config.jql})")
    return all_of(*parts)


def all_of(*clauses: str) -> str:
    """What all clauses are true of."""
    return " AND ".join(clauses)


def ordered(clause: str, field: str) -> str:
    """The query that gives the oldest first."""
    return f"{clause} ORDER BY {field} ASC, key ASC"


def since(field: str, moment: datetime, now: datetime) -> str:
    """A time field is at `moment` or later; up to two minutes before it may be found too.

    :param now: the time on Jira's clock.
    """
    gap = now - moment
    if timedelta() <= gap < LONGEST_RELATIVE:
        return f'{field} >= "-{gap // timedelta(minutes=1) + 2}m"'
    return exactly_since(field, moment)


def until(field: str, moment: datetime, now: datetime) -> str:
    """A time field is at `moment` or earlier; up to a minute after it may be found too.

    :param now: the time on Jira's clock.
    """
    return f'{field} <= "-{max(now - moment, timedelta()) // timedelta(minutes=1)}m"'


def changed_since(field: str, moment: datetime, now: datetime) -> str:
    """A field was changed at `moment` or later; up to two minutes before it may be found too.

    :param field: one that Jira keeps such a history of for search: assignee, status, priority and few others.
    :param now: the time on Jira's clock.
    """
    return f'{field} CHANGED AFTER "-{max(now - moment, timedelta()) // timedelta(minutes=1) + 2}m"'


def exactly_since(field: str, moment: datetime) -> str:
    """A time field is at `moment` or later."""
    return f"{field} >= {millis(moment)}"


def one_of(ids: Iterable[str]) -> str:
    """The issue has one of these ids."""
    return f"id in ({', '.join(ids)})"
