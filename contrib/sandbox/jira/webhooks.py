"""Webhooks: what Jira tells others about its issues."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from starlette.datastructures import Headers, QueryParams

from sandbox.jira import jql, render
from sandbox.jira.clauses import Setting
from sandbox.jira.model import Change, Issue
from sandbox.jira.times import epoch_millis
from sandbox.jira.wire import Call, Problem

if TYPE_CHECKING:
    from sandbox.jira.state import JiraSite

RETRIED = frozenset({408, 409, 425, 429, *range(500, 600)})
TRIES = 5
LIFE = timedelta(days=30)


@dataclass(slots=True)
class Hook:
    """A registered webhook. Only one with a secret is signed; dynamic ones never are, and expire."""

    id: int
    url: str
    events: tuple[str, ...]
    filter: str = ""
    secret: str | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to a webhook."""

    url: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"

    @property
    def path(self) -> str:
        """The path that is called."""
        return httpx.URL(self.url).path

    def again(self) -> Delivery:
        """The next attempt: the same identifier and a higher count."""
        count = int(self.headers.get("x-atlassian-webhook-retry", "0")) + 1
        return replace(self, headers=self.headers | {"x-atlassian-webhook-retry": str(count)})

    async def send(self, client: httpx.AsyncClient) -> list[int]:
        """Deliver as Jira does: again, up to five times in all, when the answer asks for it, but at once.

        :returns: the statuses that came; 0 for a connection that failed.
        """
        statuses: list[int] = []
        attempt = self
        while len(statuses) < TRIES:
            try:
                answer = await client.request(self.method, self.url, headers=attempt.headers, content=self.body)
                statuses.append(answer.status_code)
            except httpx.TransportError:
                statuses.append(0)
            if statuses[-1] and statuses[-1] not in RETRIED:
                break
            attempt = attempt.again()
        return statuses


@dataclass(slots=True)
class Webhooks:
    """The webhooks of a site."""

    site: JiraSite
    hooks: list[Hook] = field(default_factory=list)
    names_deliveries: bool = True
    """Whether deliveries carry an identifier. Data Center does not promise one."""

    def register(
        self,
        url: str,
        *,
        secret: str | None = None,
        events: Sequence[str] = ("jira:issue_updated", "jira:issue_deleted"),
        jql_filter: str = "",
        dynamic: bool = False,
    ) -> Hook:
        """Register a webhook. A dynamic one lives for 30 days and is not signed."""
        number = int(self.site.next_id())
        expires = self.site.now + LIFE if dynamic else None
        hook = Hook(number, url, tuple(events), jql_filter, None if dynamic else secret, expires)
        self.hooks.append(hook)
        return hook

    def deliver(
        self, issue: Issue, event: str = "jira:issue_updated", *, change: Change | None = None, flow: str = "Primary"
    ) -> list[Delivery]:
        """What Jira sends to the webhooks that want this event. Nothing is sent yet; see `Delivery.send`.

        :param change: the change to report; the latest one when not given.
        :param flow: `Secondary` for the fall-out of bulk changes.
        """
        latest = change or (issue.history[-1] if issue.history else None)
        wanting = [hook for hook in self.hooks if event in hook.events and self._wants(hook, issue)]
        return [self._request(hook, self._body(hook, issue, event, latest), flow) for hook in wanting]

    def _wants(self, hook: Hook, issue: Issue) -> bool:
        if hook.expires and hook.expires <= self.site.now:
            return False
        if not hook.filter:
            return True
        return jql.parse(hook.filter, Setting(self.site, self.site.account, self.site.now)).matches(issue)

    def _body(self, hook: Hook, issue: Issue, event: str, change: Change | None) -> bytes:
        call = Call(self.site, "POST", "/", QueryParams(), Headers(), b"", user=self.site.account)
        names = render.field_names(call, [], "*navigable")
        document: dict[str, Any] = {
            "timestamp": epoch_millis(self.site.now),
            "webhookEvent": event,
            "issue_event_type_name": "issue_generic",
            "user": render.person(call, change.author if change else self.site.agent),
            "issue": render.issue(call, issue, names),
        }
        if change:
            document["changelog"] = {"id": change.id, "items": render.change(call, change)["items"]}
        if hook.expires:
            document["matchedWebhookIds"] = [hook.id]
        return json.dumps(document, separators=(",", ":")).encode()

    def _request(self, hook: Hook, body: bytes, flow: str) -> Delivery:
        headers = {"content-type": "application/json; charset=UTF-8", "user-agent": "Atlassian Webhook HTTP Client"}
        if self.names_deliveries:
            headers["x-atlassian-webhook-identifier"] = str(uuid.uuid4())
        if self.site.kind == "cloud":
            headers["x-atlassian-webhook-flow"] = flow
        if hook.secret:
            headers["x-hub-signature"] = sign(hook.secret, body)
        return Delivery(hook.url, headers, body)


def sign(secret: str, body: bytes) -> str:
    """The signature of a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


_FILTERABLE = {"key", "project", "issuetype", "status", "assignee", "reporter"}


def check_filter(site: JiraSite, text: str) -> list[str]:
    """What is wrong with the filter of a dynamic webhook, in Jira's words."""
    try:
        query = jql.parse(text, Setting(site, site.account, site.now))
    except Problem as problem:
        return problem.messages
    return [f"The clause {clause} is unsupported" for clause in sorted(query.clauses - _FILTERABLE)]
