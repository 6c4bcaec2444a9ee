"""A desk on ServiceNow: incidents, and a business rule that tells the hub of closings."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from hub.clock import SystemClock
from sandbox.background import Background
from sandbox.desk import AGENTS, STEP_SECONDS, Desk, Place, Result, Ticket, matter, more, reply, scores_in
from sandbox.servicenow import BusinessRule, Instance
from sandbox.story import Closing, Story, System
from sandbox.wiring import Api

WORK_IN_PROGRESS = "2"
_PLACES = {"work_notes": Place.NOTE, "comments": Place.PUBLIC}


@dataclass(slots=True, kw_only=True)
class Incident(Ticket):
    """A record of the table incident."""

    sys_id: str
    number: str

    @property
    def key(self) -> str:
        """See `Ticket.key`."""
        return self.number


class ServiceNowDesk(Desk[Incident]):
    """An instance and its people."""

    system = System.SERVICENOW

    def __init__(self, api: Api, client: httpx.AsyncClient) -> None:
        self._api = api
        self.instance = Instance(SystemClock(), api.url)
        self.instance.account.username, self.instance.account.password = api.username, api.password
        self._groups = [self.instance.add("sys_user_group", name=name) for name in ("Service Desk", "Second Line")]
        self._agents = [self._add_person(name) for name in AGENTS]
        self._rule = BusinessRule(self.instance, client, api.push_url, api.push_secret)
        self._callers: dict[str, str] = {}
        self._incidents: dict[str, Incident] = {}
        self._seen: set[str] = set()
        self._background = Background()

    async def open(self, story: Story, *, at: datetime | None = None) -> Incident:
        """See `Desk.open`.

        :param at: when, if not now.
        """
        caller = self._caller(story)
        sys_id = self.instance.open_record(
            "incident",
            caller,
            story.subject,
            at=at,
            description=matter(story),
            assignment_group=self._groups[0],
        )
        number = self.instance.record(sys_id)["number"]
        incident = Incident(system=self.system, person=story.person, sys_id=sys_id, number=number)
        self._incidents[sys_id] = incident
        return incident

    async def open_old(self, story: Story, at: datetime) -> Incident:
        """Resolved long ago; putting it away now makes it Closed, which is no news to the customer."""
        incident = await self.open(story, at=at)
        self.instance.resolve(incident.sys_id, at=at + timedelta(hours=2))
        self._rule.queued.clear()  # the rule was not there yet
        return incident

    async def hear(self, ticket: Incident) -> None:
        """A comment of the caller, which opens a resolved incident again."""
        self.instance.update(ticket.sys_id, comments=more(ticket.person))
        if self._is_done(ticket):
            self.instance.reopen(ticket.sys_id)

    async def answer(self, ticket: Incident) -> None:
        """A comment, which the caller gets by mail."""
        agent = self._agents[len(self._incidents) % len(self._agents)]
        said = reply(ticket.person)
        self.instance.update(ticket.sys_id, assigned_to=agent, state=WORK_IN_PROGRESS, comments=said)

    async def close(self, *tickets: Incident) -> None:
        """Resolve incidents; those that are resolved become Closed."""
        for ticket in tickets:
            if self._is_done(ticket):
                self.instance.close(ticket.sys_id)
            else:
                self.instance.resolve(ticket.sys_id)
                ticket.note_closing()
        self._tell()

    async def close_stepwise(self, ticket: Incident) -> None:
        """Resolved, and closed by a job later."""
        await self.close(ticket)
        await asyncio.sleep(STEP_SECONDS)
        await self.close(ticket)

    async def pass_on(self, ticket: Incident) -> None:
        """Another group takes over."""
        self.instance.update(ticket.sys_id, assignment_group=self._groups[1])

    async def new_results(self) -> list[Result]:
        """What the hub's user has written into the journals since the last call."""
        found = []
        for row in self.instance.store.rows("sys_journal_field"):
            if row["sys_created_by"] == self._api.username and row["sys_id"] not in self._seen:
                self._seen.add(row["sys_id"])
                ticket, text = self._incidents.get(row["element_id"]), row["value"]
                found.append(Result(ticket, _PLACES[row["element"]], scores_in(text), text))
        return found

    def how_to_look(self, ticket: Incident) -> list[str]:
        """See `Desk.how_to_look`."""
        table = f"curl -su {self._api.username}:{self._api.password} {self._api.url}/api/now/table"
        return [
            f"{table}/incident/{ticket.sys_id}",
            f"{table}/sys_journal_field -Gd sysparm_query=element_id={ticket.sys_id}",
        ]

    async def stop(self) -> None:
        """Drop what the hub has not been told yet."""
        await self._background.stop()

    def _is_done(self, ticket: Incident) -> bool:
        return self.instance.record(ticket.sys_id)["state"] in self.instance.models["incident"].done

    def _caller(self, story: Story) -> str:
        person = story.person
        if person.email not in self._callers:
            has_addresses = story.closing not in (Closing.AUTOMATIC, Closing.HIDDEN)
            reached = (person.email, person.phone or "", person.language) if has_addresses else ()
            self._callers[person.email] = self._add_person(person.name, *reached)
        return self._callers[person.email]

    def _add_person(self, name: str, email: str = "", phone: str = "", language: str = "en") -> str:
        first, _, last = name.rpartition(" ")
        return self.instance.add_user(email, phone, language, first_name=first, last_name=last)

    def _tell(self) -> None:
        """Let the business rule call the hub, each time twice, as a rule does that two people have set up."""
        self._background.start(self._rule.deliver(times=2))
