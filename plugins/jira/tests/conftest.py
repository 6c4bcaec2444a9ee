"""A simulated Jira as the other side of the connector's tests: Cloud, Service Management or Data Center."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, cast

import httpx
import pytest
from hub_jira.config import JiraConfig
from hub_jira.source import JiraSource
from sandbox.jira import EMAIL, PAT, TOKEN, Delivery, Issue, JiraSite, User

from hub import Cursor, Milestone, Page, Ticket, Webhook
from hub.testing.fakes import FakeContext
from hub.testing.faults import FaultyTransport
from hub.testing.rigs import Draft, Fault, SourceRig

Flavour = Literal["cloud", "jsm", "dc"]
WEBHOOK_SECRET = "webhook-secret_of-16"
READS = ("/search", "/search/jql", "/approximate-count", "/bulkfetch")


class JiraRig(SourceRig):
    """One project SUP on a simulated site; `desk` is the hub's view of it.

    :param flavour: "jsm" makes the project a service desk on Cloud.
    """

    faults = frozenset(Fault)
    secrets = (TOKEN, PAT, WEBHOOK_SECRET)
    personal = (EMAIL,)

    def __init__(self, flavour: Flavour = "cloud", *, context_path: str = "") -> None:
        super().__init__()
        self.flavour = flavour
        base = "https://jira.example" if flavour == "dc" else "https://acme.atlassian.net"
        kind: Literal["cloud", "dc"] = "dc" if flavour == "dc" else "cloud"
        self.site = JiraSite(kind, clock=self.clock.now, base_url=base, context_path=context_path)
        self.project = self.site.add_project("SUP", service_desk=flavour == "jsm")
        self._transport = FaultyTransport(httpx.ASGITransport(self.site.app), self.clock, only_reads=_only_reads)
        self.context = self.new_context()

    @property
    def settings(self) -> Mapping[str, Any]:
        sign_in = {"token": PAT} if self.flavour == "dc" else {"email": EMAIL, "api_token": TOKEN}
        return {
            "url": self.site.url,
            "projects": ["SUP"],
            "page_size": self.page_size,
            "webhook_secret": WEBHOOK_SECRET,
            "milestones": ["handed_over", "waiting"],
            **sign_in,
        }

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        return self._transport

    async def fail(self, fault: Fault | None) -> None:
        self._transport.fault = fault

    def new_context(self) -> FakeContext:
        """What a hub lends to one instance."""
        return FakeContext(transport=self._transport, clock=self.clock)

    def source(self, **changed: Any) -> JiraSource:
        """A source with these settings; what it logs and keeps is in `context`."""
        return JiraSource(JiraConfig.model_validate({**self.settings, **changed}), self.context)

    def advance(self, **by: float) -> None:
        """Let time pass."""
        self.clock.advance(timedelta(**by))

    def open(self, summary: str = "VPN drops", *, reporter: User | None = None, **options: Any) -> Issue:
        """Open a ticket."""
        return self.site.open_issue(self.project, summary, reporter or self.customer(), **options)

    def close(self, issue: Issue | None = None, **options: Any) -> Issue:
        """Resolve a ticket, a new one if none is given."""
        issue = issue or self.open()
        self.site.transition(issue, "Resolved", by=self.site.agent, **options)
        return issue

    def customer(self, name: str = "Fred Fish", email: str = "fred@customer.example", **options: Any) -> User:
        """A further customer."""
        kind = "customer" if self.flavour == "jsm" else "atlassian"
        return self.site.add_user(name, email=email, **{"account_type": kind, **options})

    def asked(self, path: str) -> int:
        """How many requests so far had this in their path."""
        return sum(path in request.path for request in self.site.requests)

    async def close_ticket(self, draft: Draft) -> str:
        person = draft.customer
        issue = self.open(draft.subject, reporter=self.customer(person.name or "", person.email or ""))
        return self.close(issue, at=draft.closed_at).id

    async def reopen(self, ticket_id: str) -> None:
        self.site.reopen(self._issue(ticket_id))

    async def close_again(self, ticket_id: str) -> None:
        self.close(self._issue(ticket_id))

    async def reach(self, milestone: Milestone, draft: Draft) -> str:
        at = draft.closed_at
        opened = at - (timedelta(days=2) if milestone is Milestone.WAITING else timedelta(hours=1))
        person = self.customer(draft.customer.name or "", draft.customer.email or "")
        issue = self.open(draft.subject, reporter=person, assignee=self.site.agent, created=opened)
        if milestone is Milestone.HANDED_OVER:
            self.site.assign(issue, self.site.add_user("Bert Agent", is_agent=True), at=at)
        return issue.id

    async def remove_ticket(self, ticket_id: str) -> None:
        self.site.delete(self._issue(ticket_id))

    async def pushes(self, ticket_id: str) -> Sequence[Webhook]:
        if not self.site.webhooks.hooks:
            hook_url = self.context.hook_url
            self.site.webhooks.register(hook_url, secret=WEBHOOK_SECRET)
            self.site.webhooks.register(f"{hook_url}/{WEBHOOK_SECRET}", dynamic=True)
        return [self.webhook(sent) for sent in self.site.webhooks.deliver(self._issue(ticket_id))]

    def webhook(self, sent: Delivery) -> Webhook:
        """A delivery as the hub hands it to the source."""
        path = sent.url.removeprefix(self.context.hook_url).lstrip("/")
        return Webhook(method=sent.method, path=path, headers=sent.headers, body=sent.body)

    def forged(self, request: Webhook) -> Webhook:
        headers = {**request.headers, "x-hub-signature": "sha256=" + "0" * 64}
        return replace(request, path=request.path and "a-guess-of-the-secret", headers=headers)

    async def written(self, ticket_id: str) -> Sequence[str]:
        issue = self._issue(ticket_id)
        properties = [json.dumps(value, ensure_ascii=False) for value in issue.properties.values()]
        return [*properties, *(comment.text for comment in issue.comments)]

    def _issue(self, ticket_id: str) -> Issue:
        return self.site.issues.live[ticket_id]


def _only_reads(request: httpx.Request) -> bool:
    return request.method == "GET" or request.url.path.endswith(READS)


class Hub:
    """Pulls as the hub does, and keeps what came."""

    def __init__(self, source: JiraSource) -> None:
        self.source = source
        self.cursor: Cursor | None = None
        self.pages: list[Page] = []
        self.closures: dict[tuple[str, str], Ticket] = {}
        self.reopened: set[str] = set()

    async def pull(self, *, pages: int | None = None) -> list[Page]:
        """One pull, or the first pages of it; what came is stored page by page."""
        new: list[Page] = []
        async with aclosing(cast("AsyncGenerator[Page, None]", self.source.pull(self.cursor))) as walk:
            async for page in walk:
                new.append(page)
                self.cursor = page.cursor
                self.closures |= {(ticket.id, ticket.closure_key): ticket for ticket in page.tickets}
                self.reopened |= set(page.reopened)
                if len(new) == pages:
                    break
        self.pages += new
        return new

    @property
    def ids(self) -> set[str]:
        """Ids of all tickets found."""
        return {ticket_id for ticket_id, _ in self.closures}


@pytest.fixture
def cloud() -> JiraRig:
    """Jira Cloud with a software project."""
    return JiraRig("cloud")


@pytest.fixture
def jsm() -> JiraRig:
    """Jira Cloud with a service desk."""
    return JiraRig("jsm")


@pytest.fixture
def data_center() -> JiraRig:
    """Jira Data Center at https://jira.example/jira."""
    return JiraRig("dc", context_path="/jira")


@pytest.fixture(params=["cloud", "jsm", "dc"])
def any_rig(request: pytest.FixtureRequest) -> JiraRig:
    """Each of the three in turn."""
    return JiraRig(request.param)


@pytest.fixture
def new_hub() -> type[Hub]:
    """Makes a `Hub` of a source."""
    return Hub
