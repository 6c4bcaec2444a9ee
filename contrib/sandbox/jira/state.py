"""A Jira site that a play-book can move: people open, resolve, reopen, move and delete issues.

    site = JiraSite("cloud", clock=fake_clock.now)
    desk = site.add_project("SUP", service_desk=True)
    fred = site.add_user("Fred F.", email="fred@example.org", account_type="customer")
    issue = site.open_issue(desk, "VPN drops", fred)
    site.transition(issue, "Resolved", by=site.agent)
    httpx.AsyncClient(transport=httpx.ASGITransport(site.app), base_url=site.base_url)

`site.app` is an ASGI application: in a test behind `httpx.ASGITransport`, on loopback behind uvicorn (with
`date_header=False`, because the site sends its own Date).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Literal

from sandbox.jira.auth import Auth
from sandbox.jira.faults import Faults
from sandbox.jira.front import Front, Recorded
from sandbox.jira.limits import Limits
from sandbox.jira.model import (
    INTERNAL,
    Category,
    Change,
    ChangeItem,
    Comment,
    EmailShown,
    Feedback,
    Field,
    Issue,
    Organization,
    Project,
    RequestType,
    Status,
    User,
)
from sandbox.jira.search import Index
from sandbox.jira.webhooks import Webhooks

EMAIL, TOKEN, PAT = "hub@acme.example", "jira-api-token", "jira-personal-access-token"
"""What the hub's own account signs in with: e-mail and token on Cloud, a personal access token on Data Center."""


class JiraSite:
    """One simulated site, empty but for two people: `account`, which the API calls run as, and `agent`.

    :param kind: Jira Cloud with Service Management, or Data Center.
    :param clock: the site's time, aware.
    :param context_path: where a Data Center installation lives, such as `/jira`.
    """

    def __init__(
        self,
        kind: Literal["cloud", "dc"] = "cloud",
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        base_url: str = "https://acme.atlassian.net",
        context_path: str = "",
    ) -> None:
        self.kind = kind
        self.clock = clock
        self.base_url = base_url
        self.context_path = context_path
        self.cloud_id = "11223344-a1b2-3b33-c444-def123456789"
        self.search_lag = timedelta()
        """How long a change made from now on takes to show in search results."""
        self.property_bumps_updated = False
        """Whether a write to an issue property counts as an update. Jira does not document it."""
        self.hidden_email: Literal["absent", "null", "empty"] = "absent"
        """How Cloud says that it does not tell an address."""
        self.masks_email = False
        """Data Center: addresses read `user at example dot com`."""
        self.clock_skew = timedelta()
        """How far the site's own idea of the time is off, in Date and serverTime."""
        self.comment_limit = 5000
        """Comments an issue may have before the next one is a 413."""
        self.requests: list[Recorded] = []
        self.mails: list[tuple[str, str]] = []
        """Mails that Jira sent on its own: issue key and what about."""
        self._numbers = count(10101)  # below are the ids that come with Jira
        self._keep_catalogues()
        self.issues = Index(self)
        self.auth = Auth(self)
        self.limits = Limits(self)
        self.faults = Faults()
        self.webhooks = Webhooks(self)
        self.app = Front(self)
        self.account = self.add_user("Survey Hub", email=EMAIL, is_agent=True)
        self.agent = self.add_user("Anna Agent", email="anna@acme.example", is_agent=True)
        self.auth.add_token(self.account, TOKEN if kind == "cloud" else PAT)

    def _keep_catalogues(self) -> None:
        self.users: list[User] = []
        self.projects: dict[str, Project] = {}
        self.fields: dict[str, Field] = {}
        self.request_types: list[RequestType] = []
        self.organizations: list[Organization] = []
        self.resolutions = {"Done": "10000", "Won't Do": "10001", "Duplicate": "10002"}
        self.categories = {
            "new": Category(2, "new", "To Do", "blue-gray", "NEW"),
            "indeterminate": Category(4, "indeterminate", "In Progress", "yellow", "INDETERMINATE"),
            "done": Category(3, "done", "Done", "green", "DONE"),
        }
        self.statuses: dict[str, Status] = {}
        for status_id, name, category in (
            ("1", "Open", "new"),
            ("3", "In Progress", "indeterminate"),
            ("10001", "Waiting for customer", "indeterminate"),
            ("5", "Resolved", "done"),
            ("6", "Closed", "done"),
        ):
            self.add_status(name, category, status_id=status_id)

    @property
    def now(self) -> datetime:
        """The site's time in UTC."""
        return self.clock().astimezone(UTC)

    @property
    def user_zone(self) -> str:
        """The time zone in the profile of the calling account, which date literals in JQL are read in."""
        return self.account.zone

    @user_zone.setter
    def user_zone(self, zone: str) -> None:
        self.account.zone = zone

    @property
    def url(self) -> str:
        """The root of the site: base URL and context path."""
        return self.base_url + self.context_path

    def next_id(self) -> str:
        """A number that nothing else on the site has."""
        return str(next(self._numbers))

    def add_user(
        self,
        name: str,
        *,
        email: str = "",
        zone: str = "UTC",
        account_type: Literal["atlassian", "customer", "app"] = "atlassian",
        email_shown: EmailShown = EmailShown.EVERYWHERE,
        is_agent: bool = False,
        is_admin: bool = False,
    ) -> User:
        """Add a person. A customer exists in the portal only."""
        number = self.next_id()
        prefix = f"qm:{self.cloud_id}:" if account_type == "customer" else "5b10a2844c20165700"
        login = email.partition("@")[0] or f"user{number}"
        user = User(
            f"{prefix}{number}",
            login,
            name,
            email,
            zone,
            account_type,
            email_shown,
            is_agent=is_agent,
            is_admin=is_admin,
        )
        self.users.append(user)
        return user

    def add_project(self, key: str, *, service_desk: bool = False, name: str = "") -> Project:
        """Add a project. A service desk has two request types."""
        desk_id = self.next_id() if service_desk else None
        project = self.projects[key] = Project(self.next_id(), key, name or f"Project {key}", desk_id)
        if desk_id:
            for title in ("Get IT help", "Request access"):
                self.request_types.append(RequestType(self.next_id(), title, desk_id))
        return project

    def add_status(self, name: str, category: str, *, status_id: str | None = None, editable: bool = True) -> Status:
        """Add a status to every workflow. Categories: new, indeterminate, done.

        Play-books go on using this name when `site.statuses[name].name` is set to a localised one.
        """
        status = self.statuses[name] = Status(status_id or self.next_id(), name, self.categories[category], editable)
        return status

    def add_field(
        self, name: str, kind: str = "textfield", *, options: Sequence[str] = (), on_edit_screen: bool = True
    ) -> Field:
        """Add a custom field. Its id is `customfield_...`; names may repeat."""
        choices = {self.next_id(): option for option in options}
        added = Field(f"customfield_{self.next_id()}", name, kind, on_edit_screen, choices)
        self.fields[added.id] = added
        return added

    def add_organization(self, name: str) -> Organization:
        """Add a customer organisation."""
        self.organizations.append(Organization(self.next_id(), name))
        return self.organizations[-1]

    def open_issue(
        self,
        project: Project,
        summary: str,
        reporter: User,
        *,
        creator: User | None = None,
        assignee: User | None = None,
        request_type: str | None = None,
        organization: Organization | None = None,
        custom: dict[str, Any] | None = None,
        created: datetime | None = None,
    ) -> Issue:
        """Open an issue. On a service desk it becomes a request.

        :param request_type: a request type's name; the desk's first one when not given.
        """
        at = (created or self.now).astimezone(UTC)
        project.issues_made += 1
        issue = Issue(
            self.next_id(),
            f"{project.key}-{project.issues_made}",
            project,
            summary,
            reporter,
            creator or reporter,
            self.statuses["Open"],
            at,
            at,
            assignee,
            custom=dict(custom or {}),
        )
        if organization:
            issue.organizations.append(organization)
        if project.desk_id:
            issue.issue_type = "Service Request"
            issue.request_type = self._request_type(project, request_type)
        self.issues.add(issue)
        return issue

    def _request_type(self, project: Project, name: str | None) -> RequestType:
        offered = [each for each in self.request_types if each.desk_id == project.desk_id]
        return next(each for each in offered if name in {None, each.name})

    def transition(
        self, issue: Issue, status: str, *, by: User, resolution: str | None = "Done", at: datetime | None = None
    ) -> Change:
        """Move an issue to a status.

        :param resolution: what a status of category Done sets; None for a workflow that sets none. Any other status
            clears the resolution.
        """
        when, target = (at or self.now).astimezone(UTC), self.statuses[status]
        items = [ChangeItem("status", issue.status.id, issue.status.name, target.id, target.name)]
        wanted = resolution if target.category.key == "done" else None
        if wanted != issue.resolution and (wanted or target.category.key != "done"):
            items.append(self._resolve(issue, wanted, when))
        if target.category is not issue.status.category:
            issue.category_changed_at = when
        issue.status = target
        return self.record(issue, by, items, when)

    def _resolve(self, issue: Issue, resolution: str | None, when: datetime) -> ChangeItem:
        before, issue.resolution = issue.resolution, resolution
        issue.resolved_at = when if resolution else None
        ids = self.resolutions
        return ChangeItem("resolution", ids.get(before or ""), before, ids.get(resolution or ""), resolution)

    def reopen(self, issue: Issue, *, by: User | None = None, at: datetime | None = None) -> Change:
        """Move an issue back to work and clear its resolution."""
        return self.transition(issue, "In Progress", by=by or self.agent, at=at)

    def assign(self, issue: Issue, user: User | None, *, by: User | None = None, at: datetime | None = None) -> Change:
        """Give an issue to somebody, or to nobody."""
        item = ChangeItem("assignee", *self._shown_of(issue.assignee), *self._shown_of(user))
        issue.assignee = user
        return self.record(issue, by or self.agent, [item], (at or self.now).astimezone(UTC))

    def _shown_of(self, user: User | None) -> tuple[str | None, str | None]:
        """A person in a history: by id on Cloud, by key on Data Center, which here is the login name."""
        if user is None:
            return None, None
        return user.account_id if self.kind == "cloud" else user.login, user.name

    def fill(self, issue: Issue, field: Field, text: str | None) -> Change:
        """Write a text into a custom field. A history has no id for such a value."""
        item = ChangeItem(field.id, None, issue.custom.get(field.id), None, text)
        issue.custom[field.id] = text
        return self.record(issue, self.agent, [item], self.now)

    def move(self, issue: Issue, project: Project, *, by: User | None = None) -> Change:
        """Move an issue to another project: a new key, the same id; the old key still finds it."""
        before = issue.key
        project.issues_made += 1
        issue.key, issue.project = f"{project.key}-{project.issues_made}", project
        self.issues.learn_key(issue)
        items = [ChangeItem("Key", None, before, None, issue.key)]
        return self.record(issue, by or self.agent, items, self.now)

    def delete(self, issue: Issue) -> None:
        """Delete an issue; search forgets it after the index delay."""
        issue.deleted = True
        self.issues.changed(issue, self.now)

    def hide(self, issue: Issue) -> None:
        """Take the calling account's permission to see an issue."""
        self.issues.hide(issue)

    def vanish(self, issue: Issue | str, pages: int = 1) -> None:
        """Leave an issue out of the next search pages that would show it, as a stale index does."""
        self.issues.vanish(issue if isinstance(issue, str) else issue.id, pages)

    def comment(
        self,
        issue: Issue,
        by: User,
        text: str,
        *,
        public: bool = True,
        adf: dict[str, Any] | None = None,
        properties: dict[str, Any] | None = None,
    ) -> Comment:
        """Add a comment. On a service desk a public one is mailed to the customer."""
        comment = Comment(self.next_id(), by, text, self.now, adf, dict(properties or {}))
        if not public:
            comment.properties[INTERNAL] = {"internal": True}
        issue.comments.append(comment)
        if issue.project.desk_id and comment.public and by is not issue.reporter:
            self.mails.append((issue.key, "public comment"))
        self.touch(issue)
        return comment

    def rate(self, issue: Issue, rating: int, comment: str = "") -> None:
        """Let the customer rate a request in the portal, from 1 to 5."""
        issue.feedback = Feedback(rating, comment)

    def record(self, issue: Issue, by: User, items: Sequence[ChangeItem], at: datetime) -> Change:
        """Put a change into the history and, after the index delay, into search results."""
        change = Change(self.next_id(), by, at, tuple(items))
        issue.history.append(change)
        issue.updated = at
        self.issues.changed(issue, at)
        return change

    def touch(self, issue: Issue) -> None:
        """Count something as an update that leaves no history."""
        issue.updated = self.now
        self.issues.changed(issue, issue.updated)
