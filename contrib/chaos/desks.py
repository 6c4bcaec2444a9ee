"""Jira and ServiceNow, whose agents close tickets at a steady rate. Runs as a process of its own; see `chaos.child`."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
from sandbox.background import Background
from sandbox.jira import EMAIL, TOKEN, Issue, JiraSite
from sandbox.servicenow import BusinessRule, Instance, build_app
from sandbox.web_server import serve

from chaos import doors
from chaos.child import Json, obey
from chaos.people import JIRA, Customer, Reopening, deal
from chaos.relay import Relay
from chaos.weather import Weather
from hub.clock import SystemClock

PROPERTY = "com.itsm-hub.experience"
PROJECT = "SUP"
PUSH_SECRET = "push-secret-of-chaos"
TOLD_SHARE = 0.5
"""Of the closings, how many the hub is told of by webhook; it must find the others by pulling."""
USUAL_TYPE, LATER_TYPE = "Get IT help", "Request access"
"""Customers are asked later about tickets of the second type."""
_THINKS_S = (2.0, 4.0)
"""How long an agent takes until a ticket is opened again, and until it is closed anew. Desks date in whole seconds."""
_LOOKS_EVERY_S = 0.5


class Desks:
    """Both desks, with one ticket for each customer.

    :param client: reaches the hub.
    """

    def __init__(self, customers: list[Customer], client: httpx.AsyncClient, chance: random.Random) -> None:
        self.site = JiraSite("cloud")
        self.instance = Instance(SystemClock(), "http://127.0.0.1")
        self.phone_field = self.site.add_field("Phone")
        self.closed = 0
        self.reopened: Counter[Reopening] = Counter()
        self._customers = customers
        self._client = client
        self._chance = chance
        self._project = self.site.add_project(PROJECT, service_desk=True)
        self.site.webhooks.register("http://hub/push/jira", secret=PUSH_SECRET)
        self._rule = BusinessRule(self.instance, client, "http://hub/push/servicenow", PUSH_SECRET)
        self._issues: dict[int, Issue] = {}
        self._records: dict[int, str] = {}
        self._surveys: Counter[int] = Counter()
        """Of each ticket's closings, how many its customer is to be asked about."""
        self._postponed = {one.number: one for one in customers if one.reopening.is_before}
        """Whose agents have not done with them yet."""
        self._background = Background()
        for customer in customers:
            self._open(customer)

    def _open(self, customer: Customer) -> None:
        name, subject = f"Customer {customer.number}", f"Request {customer.number}"
        type_ = LATER_TYPE if customer.reopening.is_before else USUAL_TYPE
        if customer.desk == JIRA:
            user = self.site.add_user(name, email=f"customer{customer.number}@example.org")
            custom = {self.phone_field.id: customer.phone} if customer.phone else {}
            self._issues[customer.number] = self.site.open_issue(
                self._project, subject, user, request_type=type_, custom=custom
            )
        else:
            caller = self.instance.add_user("", customer.phone, "fi", last_name=name)
            self._records[customer.number] = self.instance.open_record("incident", caller, subject, category=type_)

    async def close_all(self, seconds: float) -> None:
        """Close all tickets, spread over this time in an order of its own."""
        order = self._chance.sample(self._customers, len(self._customers))
        loop = asyncio.get_running_loop()
        began = loop.time()
        for place, customer in enumerate(order):
            wait = began + seconds * place / len(order) - loop.time()
            await asyncio.sleep(max(0.0, wait))
            self._surveys[customer.number] = customer.reopening is not Reopening.BEFORE
            self._close(customer)
            self.closed += 1
            if customer.reopening.is_before:
                self._background.start(self._think_again(customer))

    def start_closing(self, seconds: float) -> None:
        """Close all tickets, beside everything else."""
        self._background.start(self.close_all(seconds))
        self._background.start(self._read_answers())

    async def _think_again(self, customer: Customer) -> None:
        """Open a ticket again, and perhaps close it once more."""
        await asyncio.sleep(self._chance.uniform(*_THINKS_S))
        self._reopen(customer)
        if customer.reopening.is_closed_anew:
            await asyncio.sleep(self._chance.uniform(*_THINKS_S))
            self._close(customer)
        self._postponed.pop(customer.number, None)

    async def _read_answers(self) -> None:
        """Open some tickets again when an answer has come."""
        unread = [one for one in self._customers if one.reopening in (Reopening.AFTER, Reopening.AFTER_ANEW)]
        while unread:
            await asyncio.sleep(_LOOKS_EVERY_S)
            for customer in [one for one in unread if self._is_answered(one)]:
                unread.remove(customer)
                self._surveys[customer.number] += customer.reopening.is_closed_anew
                self._background.start(self._think_again(customer))

    def _is_answered(self, customer: Customer) -> bool:
        if customer.desk == JIRA:
            return any(one.author is self.site.account for one in self._issues[customer.number].comments)
        return self.instance.record(self._records[customer.number])["sys_updated_by"] == self.instance.account.username

    def _reopen(self, customer: Customer) -> None:
        self.reopened[customer.reopening] += 1
        if customer.desk == JIRA:
            self.site.reopen(self._issues[customer.number])
        else:
            self.instance.reopen(self._records[customer.number])

    async def stop(self) -> None:
        """End what is under way."""
        await self._background.stop()
        await self._client.aclose()

    def _close(self, customer: Customer) -> None:
        told = self._chance.random() < TOLD_SHARE
        if customer.desk == JIRA:
            issue = self._issues[customer.number]
            self.site.transition(issue, "Resolved", by=self.site.agent)
            if told:
                for delivery in self.site.webhooks.deliver(issue) * 2:
                    self._background.start(delivery.send(self._client))
        else:
            self.instance.resolve(self._records[customer.number])
            if told:
                self._background.start(self._rule.deliver(times=2))
            else:
                self._rule.queued.clear()

    def counts(self) -> Json:
        """How many tickets were closed, on how many agents are still at work, how many closings call for a survey."""
        return {"closed": self.closed, "at_work": len(self._postponed), "surveys": self._surveys.total()}

    def tickets(self) -> list[Json]:
        """Each customer's ticket and what stands on it that its desk did not write."""
        notes: dict[str, list[tuple[str, str]]] = {}
        for row in self.instance.store.rows("sys_journal_field"):
            notes.setdefault(row["element_id"], []).append((row["element"], row["value"]))
        return [self._ticket(customer.number, notes) for customer in self._customers]

    def _ticket(self, number: int, notes: dict[str, list[tuple[str, str]]]) -> Json:
        if number in self._issues:
            issue = self._issues[number]
            comments = [
                ("public" if comment.public else "comment", comment.text)
                for comment in issue.comments
                if comment.author is self.site.account
            ]
            return {
                "number": number,
                "source": "jira",
                "id": issue.id,
                "key": issue.key,
                "texts": comments,
                "written": issue.properties.get(PROPERTY),
                "surveys": self._surveys[number],
            }
        sys_id = self._records[number]
        kinds = {"work_notes": "note", "comments": "public"}
        texts = [(kinds[element], value) for element, value in notes.get(sys_id, [])]
        key = self.instance.record(sys_id)["number"]
        found = {"number": number, "source": "servicenow", "id": sys_id, "key": key, "texts": texts}
        return found | {"surveys": self._surveys[number]}


def _commands(
    desks: Desks, weathers: dict[str, Weather], relays: dict[str, Relay]
) -> Callable[[Json], Awaitable[Json]]:
    async def answer(asked: Json) -> Json:
        match asked["command"]:
            case "close":
                desks.start_closing(asked["seconds"])
            case "calm":
                for weather in weathers.values():
                    weather.clear_up()
                for relay in relays.values():
                    relay.share = 0.0
            case "silence":
                weathers[asked["desk"]].silent.append(asked["when"])
            case "down":
                relays[asked["desk"]].go_down(asked["seconds"])
            case "report":
                faults = {name: weathers[name].injected + relays[name].injected for name in weathers}
                return {"tickets": desks.tickets(), "faults": faults, "reopened": desks.reopened}
        return desks.counts()

    return answer


async def main(settings: Json) -> None:
    """Run as a child: what `deal` takes, `ports` of the hub, `share` of requests with a fault, `cuts`."""
    chance = random.Random(f"desks {settings['seed']}")
    customers = deal(settings["seed"], settings["tickets"], settings["answers"], settings["reopened"])
    desks = Desks(customers, doors.client(settings["ports"], chance), chance)
    jira_port, servicenow_port = settings["inside"]
    weathers = {
        "jira": Weather(desks.site.app, chance, settings["share"]),
        "servicenow": Weather(build_app(desks.instance, silent_seconds=1), chance, settings["share"]),
    }
    relays = {
        "jira": Relay(jira_port, chance, settings["cuts"]),
        "servicenow": Relay(servicenow_port, chance, settings["cuts"]),
    }
    async with (
        serve(weathers["jira"], jira_port, date_header=False),
        serve(weathers["servicenow"], servicenow_port, date_header=False),
    ):
        ready: dict[str, Any] = {name: await relay.start() for name, relay in relays.items()}
        desks.site.base_url = f"http://127.0.0.1:{ready['jira']}"
        account = desks.instance.account
        ready |= {"email": EMAIL, "token": TOKEN, "phone_field": desks.phone_field.id}
        ready |= {"username": account.username, "password": account.password}
        ready |= {"opened_at": datetime.now(UTC).isoformat()}
        await obey(ready, _commands(desks, weathers, relays))
        for relay in relays.values():
            await relay.stop()
        await desks.stop()


if __name__ == "__main__":
    import json

    asyncio.run(main(json.loads(sys.argv[1])))
