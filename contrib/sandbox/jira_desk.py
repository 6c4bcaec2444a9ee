"""A desk on Jira Cloud: a service project with its portal, and an ordinary project."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import httpx

from sandbox.background import Background
from sandbox.desk import AGENTS, STEP_SECONDS, Desk, Place, Result, Ticket, matter, more, reply, scores_in
from sandbox.jira import EmailShown, Issue, JiraSite, Project, User
from sandbox.story import Closing, Story, System
from sandbox.wiring import Api

_ESCAPED = re.compile(r"\\([^\w\s])")  # wiki markup of the hub's comments in the service project


@dataclass(slots=True, kw_only=True)
class JiraTicket(Ticket):
    """An issue."""

    issue: Issue
    results_seen: int = 0
    """How many of its comments have been looked at."""
    property_seen: str = ""

    @property
    def key(self) -> str:
        """See `Ticket.key`. It changes when the issue is moved to another project."""
        return self.issue.key


class JiraDesk(Desk[JiraTicket]):
    """A Jira site and its people. Half of the customers use the portal, where only agents see their addresses."""

    system = System.JIRA

    def __init__(self, api: Api, client: httpx.AsyncClient, projects: tuple[str, str], property_key: str) -> None:
        self._api = api
        self._client = client
        self._property_key = property_key
        self.site = JiraSite(base_url=api.url)
        self.site.search_lag = timedelta(seconds=1)
        self.site.account.email = api.username
        self.site.auth.add_token(self.site.account, api.password)
        self.site.webhooks.register(api.push_url, secret=api.push_secret)
        self._service = self.site.add_project(projects[0], service_desk=True)
        self._ordinary = self.site.add_project(projects[1])
        self._agents = [self.site.add_user(name, is_agent=True) for name in AGENTS]
        self._customers: dict[str, tuple[User, Project]] = {}
        self._tickets: list[JiraTicket] = []
        self._background = Background()

    async def open(self, story: Story, *, at: datetime | None = None) -> JiraTicket:
        """See `Desk.open`.

        :param at: when, if not now.
        """
        user, project = self._customer(story)
        agent = self._agents[len(self._tickets) % len(self._agents)]
        issue = self.site.open_issue(project, story.subject, user, assignee=agent, created=at)
        issue.description = matter(story)
        self._tickets.append(JiraTicket(system=self.system, person=story.person, issue=issue))
        return self._tickets[-1]

    async def open_old(self, story: Story, at: datetime) -> JiraTicket:
        """Resolved long ago; putting it away now makes it Closed, which is no news to the customer."""
        ticket = await self.open(story, at=at)
        self.site.transition(ticket.issue, "Resolved", by=self.site.agent, at=at + timedelta(hours=2))
        return ticket

    async def hear(self, ticket: JiraTicket) -> None:
        """A comment; the site's automation opens a closed issue again."""
        issue = ticket.issue
        self.site.comment(issue, issue.reporter, more(ticket.person))
        if issue.resolution:
            self.site.reopen(issue)
        self._tell(issue)

    async def answer(self, ticket: JiraTicket) -> None:
        """A comment that the customer sees."""
        issue, agent = ticket.issue, ticket.issue.assignee or self.site.agent
        self.site.comment(issue, agent, reply(ticket.person))
        self.site.transition(issue, "In Progress", by=agent)
        self._tell(issue)

    async def close(self, *tickets: JiraTicket) -> None:
        """Resolve issues; those that are resolved become Closed."""
        for ticket in tickets:
            issue = ticket.issue
            if issue.resolution:
                self.site.transition(issue, "Closed", by=self.site.agent)
            else:
                self.site.transition(issue, "Resolved", by=self.site.agent)
                ticket.note_closing()
            self._tell(issue)

    async def close_stepwise(self, ticket: JiraTicket) -> None:
        """Resolved, and Closed later."""
        await self.close(ticket)
        await asyncio.sleep(STEP_SECONDS)
        await self.close(ticket)

    async def pass_on(self, ticket: JiraTicket) -> None:
        """Move the issue to the other project, where it gets a new key."""
        self.site.move(ticket.issue, self._ordinary)
        self._tell(ticket.issue)

    async def new_results(self) -> list[Result]:
        """Comments of the hub's account, and what it wrote into the issue property."""
        return [result for ticket in self._tickets for result in (*self._comments(ticket), *self._property(ticket))]

    def how_to_look(self, ticket: JiraTicket) -> list[str]:
        """See `Desk.how_to_look`."""
        issue = f"curl -su {self._api.username}:{self._api.password} {self._api.url}/rest/api/2/issue/{ticket.key}"
        return [issue, f"{issue}/comment", f"{issue}/properties/{self._property_key}"]

    async def stop(self) -> None:
        """Drop what the hub has not been told yet."""
        await self._background.stop()

    def _customer(self, story: Story) -> tuple[User, Project]:
        """Who the story's customer is on the site, and the project they turn to."""
        person = story.person
        if person.email not in self._customers:
            kind, shown, in_service = _profile(story, len(self._customers))
            user = self.site.add_user(person.name, email=person.email, account_type=kind, email_shown=shown)
            self._customers[person.email] = user, self._service if in_service else self._ordinary
        return self._customers[person.email]

    def _comments(self, ticket: JiraTicket) -> list[Result]:
        fresh = ticket.issue.comments[ticket.results_seen :]
        ticket.results_seen += len(fresh)
        found = []
        for comment in fresh:
            if comment.author is self.site.account:
                text = _ESCAPED.sub(r"\1", comment.text)
                place = Place.PUBLIC if comment.public else Place.NOTE
                found.append(Result(ticket, place, scores_in(text), text))
        return found

    def _property(self, ticket: JiraTicket) -> list[Result]:
        value = ticket.issue.properties.get(self._property_key)
        written = json.dumps(value, ensure_ascii=False)
        if value is None or written == ticket.property_seen:
            return []
        ticket.property_seen = written
        scores = {score["question"]: int(score["value"]) for score in value["scores"]}
        items = [(item["kind"], item["text"]) for item in value["items"]]
        return [Result(ticket, Place.PROPERTY, scores, value["comment"] or "", items)]

    def _tell(self, issue: Issue) -> None:
        """Call the webhook about the latest change."""
        for delivery in self.site.webhooks.deliver(issue):
            self._background.start(delivery.send(self._client))


def _profile(story: Story, number: int) -> tuple[Literal["atlassian", "customer", "app"], EmailShown, bool]:
    """What kind of account a new customer has, who sees its address, and whether it uses the service project."""
    match story.closing:
        case Closing.AUTOMATIC:
            return "app", EmailShown.NOWHERE, False
        case Closing.HIDDEN:
            return "customer", EmailShown.NOWHERE, True
        case Closing.PASSED_ON:
            return "atlassian", EmailShown.EVERYWHERE, True
        case Closing.STAFF:
            return "atlassian", EmailShown.EVERYWHERE, False
    if number % 2:
        return "atlassian", EmailShown.EVERYWHERE, False
    return "customer", EmailShown.PORTAL, True
