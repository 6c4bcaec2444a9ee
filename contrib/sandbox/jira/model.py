"""What a Jira site keeps: people, projects, fields, statuses, issues and what hangs on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

INTERNAL = "sd.public.comment"
"""The comment property that decides whether customers of a service desk see the comment."""


class EmailShown(StrEnum):
    """Where others see a person's e-mail address."""

    EVERYWHERE = "everywhere"
    PORTAL = "portal"  # in Jira Service Management only, as with customers who have no Atlassian account
    NOWHERE = "nowhere"


@dataclass(slots=True, eq=False)
class Category:
    """One of the three status categories. The name may be localised, id and key never change."""

    id: int
    key: str
    name: str
    color: str
    portal_key: str
    """The word for it in Jira Service Management."""


@dataclass(slots=True, eq=False)
class Status:
    """A workflow status. With `editable` off, issues in it cannot be edited (`jira.issue.editable=false`)."""

    id: str
    name: str
    category: Category
    editable: bool = True


@dataclass(slots=True, eq=False)
class User:
    """A person, an app or a portal-only customer, with what they may do."""

    account_id: str
    login: str
    name: str
    email: str
    zone: str = "UTC"
    account_type: str = "atlassian"
    email_shown: EmailShown = EmailShown.EVERYWHERE
    active: bool = True
    deleted: bool = False
    """Only the display name is left of a deleted person."""
    can_edit_issues: bool = True
    can_comment: bool = True
    is_agent: bool = False
    """Holds an agent licence of Jira Service Management."""
    is_admin: bool = False


@dataclass(slots=True, eq=False)
class Project:
    """A project; `desk_id` is set when it is a service desk."""

    id: str
    key: str
    name: str
    desk_id: str | None = None
    issues_made: int = 0


@dataclass(slots=True, eq=False)
class Field:
    """A custom field. Kinds: textfield, textarea, number, select, labels, datetime."""

    id: str
    name: str
    kind: str
    on_edit_screen: bool = True
    options: dict[str, str] = field(default_factory=dict)
    """Of a select: names by option id."""


@dataclass(frozen=True, slots=True)
class ChangeItem:
    """One field's change. Ids for machines, strings for people."""

    field: str
    before: str | None
    before_text: str | None
    after: str | None
    after_text: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of an issue's history."""

    id: str
    author: User
    at: datetime
    items: tuple[ChangeItem, ...]


@dataclass(slots=True, eq=False)
class Comment:
    """A comment. `adf` is None when it was written as text."""

    id: str
    author: User
    text: str
    created: datetime
    adf: dict[str, Any] | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    visibility: dict[str, Any] | None = None

    @property
    def public(self) -> bool:
        """Whether customers see it on a service desk."""
        flag = self.properties.get(INTERNAL)
        return not (isinstance(flag, dict) and flag.get("internal") in {True, "true"})


@dataclass(frozen=True, slots=True)
class RequestType:
    """A kind of request that a portal offers."""

    id: str
    name: str
    desk_id: str


@dataclass(frozen=True, slots=True)
class Organization:
    """A customer organisation of a service desk."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """The satisfaction rating that a customer gave in the portal."""

    rating: int
    comment: str = ""


@dataclass(slots=True, eq=False)
class Issue:
    """A ticket. `id` never changes; `key` does when the issue moves."""

    id: str
    key: str
    project: Project
    summary: str
    reporter: User
    creator: User
    status: Status
    created: datetime
    updated: datetime
    assignee: User | None = None
    issue_type: str = "Task"
    priority: str = "Medium"
    description: str = ""
    labels: list[str] = field(default_factory=list)
    resolution: str | None = None
    resolved_at: datetime | None = None
    category_changed_at: datetime | None = None
    request_type: RequestType | None = None
    organizations: list[Organization] = field(default_factory=list)
    participants: list[User] = field(default_factory=list)
    feedback: Feedback | None = None
    custom: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    history: list[Change] = field(default_factory=list)
    deleted: bool = False

    @property
    def number(self) -> int:
        """The number inside the key, for sorting."""
        return _number(self.key)


@lru_cache(100_000)
def _number(key: str) -> int:
    return int(key.rpartition("-")[2])
