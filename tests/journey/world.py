"""A small world for the journey: a desk, phones and a plan, without any server."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from hub import (
    Channel,
    Component,
    Cursor,
    Customer,
    DeliveryReport,
    DeliveryStatus,
    Experience,
    Fetched,
    Gateway,
    GatewayType,
    Inbound,
    Message,
    Page,
    PluginConfig,
    Receipt,
    Reply,
    Source,
    Ticket,
    Unavailable,
)
from hub.config import asking
from hub.config.models import ComponentConfig, HubConfig
from hub.config.questions import Question, SurveyDefinition
from hub.config.survey import DEFAULT_RULE, Exclusion, Rule, SurveySettings
from hub.daemon.components import Instance
from hub.http import Limiter
from hub.journey import answer, claims, intake, invite, opting, remind, report
from hub.journey.deliver import Batch, Sender
from hub.journey.policy import Plan
from hub.journey.post import Post
from hub.journey.story import stories
from hub.journey.submission import Outcome
from hub.journey.takeover import take_over
from hub.journey.write_back import Target, write_due
from hub.store import workers
from hub.store.engine import Store
from hub.store.tables import closures, events, invitations
from hub.survey.model import Survey, surveys_of
from hub.testing.fakes import FakeClock, FakeContext
from tests.journey.asked import submit

ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""For tests of what is decided; that statements work on PostgreSQL too, others show."""
PHONE = "+358401234567"
MAIL = "maija@customer.example"


on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""For what is decided without a word of SQL of its own: one database is enough."""


class Nothing(PluginConfig):
    """No settings."""


class Phones(Gateway[Nothing]):
    """A gateway that keeps what it was given, and fails on demand."""

    def __init__(self) -> None:
        super().__init__(Nothing(), FakeContext(name="phones"))
        self.messages: list[Message] = []
        self.failures: list[Exception] = []
        self.found: Receipt | Exception | None = None
        """What looking a message up gives."""
        self.looked_up: list[tuple[Message, datetime]] = []

    async def send(self, message: Message) -> Receipt:
        if self.failures:
            raise self.failures.pop(0)
        self.messages.append(message)
        return Receipt(key=message.key, status=DeliveryStatus.SENT, provider_id=f"p{len(self.messages)}")

    async def look_up(self, message: Message, since: datetime) -> Receipt | None:
        self.looked_up.append((message, since))
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


class Desk(Source[Nothing]):
    """A desk that keeps what is written back."""

    def __init__(self) -> None:
        super().__init__(Nothing(), FakeContext(name="desk"))
        self.written: list[Experience] = []
        self.failures: list[Exception] = []
        self.status = DeliveryStatus.DELIVERED
        self.now: dict[str, Ticket | None] | None = None
        """The tickets as they stand, None for an open one; None as a whole when single tickets cannot be read."""
        self.asked_for: list[list[str]] = []
        self.silent_about: set[str] = set()
        self.unreadable: set[str] = set()

    async def reread(self, source: str, ids: Sequence[str]) -> Fetched | None:
        return None if self.now is None else await self.fetch(ids)

    async def fetch(self, ids: Sequence[str]) -> Fetched:
        assert self.now is not None
        self.asked_for.append(list(ids))
        if self.failures:
            raise self.failures.pop(0)
        if self.unreadable.intersection(ids):
            raise Unavailable("answered 500")
        known = [id_ for id_ in ids if id_ in self.now]
        return Fetched(
            tickets=tuple(found for id_ in known if (found := self.now[id_])),
            open=tuple(id_ for id_ in known if self.now[id_] is None),
            gone=tuple(id_ for id_ in ids if id_ not in self.now and id_ not in self.silent_about),
        )

    async def census(self, since: datetime) -> AsyncIterator[Sequence[str]]:
        assert self.now is not None
        yield [id_ for id_, found in self.now.items() if found and found.closed_at >= since]

    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        yield Page((), Cursor("c"))

    async def write_back(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        if self.failures:
            raise self.failures.pop(0)
        self.written += items
        return [Receipt(key=item.id, status=self.status) for item in items]


def survey(**settings: Any) -> SurveySettings:
    """Survey settings with nothing in the way of asking at once."""
    free = {"sender_name": "Acme", "delay": "0s", "contact_interval": "0s", "quiet_hours": ""}
    return SurveySettings.model_validate(free | settings)


def plan(
    *, rules: Sequence[Mapping[str, Any]] = (), exclusions: Mapping[str, Any] | None = None, **settings: Any
) -> Plan:
    """A plan with an SMS and a mail gateway.

    :param rules: tables of `[[rules]]`, before the one for every closed ticket.
    :param exclusions: tables of `[exclusions.NAME]`.
    """
    gateways = (("sms", Channel.SMS), ("mail", Channel.EMAIL))
    return Plan(
        survey=survey(**settings),
        gateways=gateways,
        zone=ZoneInfo("Europe/Helsinki"),
        language="fi",
        region="FI",
        surveys=surveys(),
        channels=dict(gateways),
        rules=(*map(Rule.model_validate, rules), DEFAULT_RULE),
        exclusions={name: Exclusion.model_validate(table) for name, table in (exclusions or {}).items()},
    )


def surveys(messages: int = 3) -> Mapping[str, Survey]:
    """The built-in surveys, with so many messages in a conversation after closing."""
    found = built_in_surveys()
    asked = {id_: found["closing"].questions[id_] for id_ in ("service", "solved", "improve", "factors", "comment")}
    return {**found, "closing": found["closing"].model_copy(update={"messages": messages, "questions": asked})}


@cache
def built_in_surveys() -> Mapping[str, Survey]:
    """The surveys that are there without a word in hub.toml."""
    tables = asking.builtin()
    config = SimpleNamespace(
        questions={id_: Question.model_validate(table) for id_, table in tables["questions"].items()},
        surveys={name: SurveyDefinition.model_validate(table) for name, table in tables["surveys"].items()},
    )
    return surveys_of(cast("HubConfig", config))


_numbers = itertools.count(1)


def ticket(closed_at: datetime, **values: Any) -> Ticket:
    """A closed ticket; by default another one each time, of a customer with a phone."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "id": f"id-{number}",
        "key": f"T-{number}",
        "closure_key": "first",
        "closed_at": closed_at,
        "customer": Customer(phone=PHONE),
    }
    return Ticket(**defaults | values)


def tickets(closed_at: datetime, count: int) -> list[Ticket]:
    """Closed tickets of as many customers."""
    return [ticket(closed_at, customer=Customer(phone=f"+35840200{number:04}")) for number in range(count)]


@dataclass
class World:
    """The stages over one store, with a desk and phones behind them."""

    store: Store
    plan: Plan = field(default_factory=plan)
    clock: FakeClock = field(default_factory=FakeClock)
    phones: Phones = field(default_factory=Phones)
    desk: Desk = field(default_factory=Desk)
    repeatable: bool = False

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def post(self, name: str = "sms", worker: str = "test") -> Post:
        return Post(
            name=name,
            gateway=self.phones,
            repeatable=self.repeatable,
            compose=_compose,
            worker=lambda: worker,
            clock=self.clock,
            reread=self.desk.reread,
        )

    def target(self, worker: str = "test") -> Target:
        return Target("sources.desk", self.desk.write_back, lambda: worker, self.clock)

    async def register(self, worker: str) -> None:
        """Another worker begins."""
        async with self.store.write() as connection:
            await workers.register(connection, worker, version="1", roles=(), now=self.now)

    async def close(self, *tickets: Ticket, reopened: tuple[str, ...] = (), read_at: datetime | None = None) -> int:
        """Pull one page and decide on what is new."""
        page = Page(tickets, Cursor("c"), reopened, read_at=read_at)
        new = await intake.store_page(self.store, "desk", page, self.now)
        await invite.decide_new(self.store, self.plan, self.now)
        return new

    async def claim(self, post: Post | None = None) -> list[Any]:
        """Claim what is due as a worker that dies before it sends."""
        post = post or self.post()
        return list(await claims.claim(self.store, post, self.plan, await claims.take(self.store, post, 100)))

    async def decide(self) -> None:
        """Decide on what is new."""
        while await invite.decide_new(self.store, self.plan, self.now):
            pass

    async def deliver(self, worker: str = "test") -> Batch:
        """Send what is due, and wait until it has ended."""
        async with Sender(self.store, self.post(worker=worker)) as sender:
            begun = await sender.step(self.plan, 100)
            ended = await sender.finish()
        return Batch(
            begun.looked_at,
            begun.tried,
            begun.sent + ended.sent,
            begun.refused + ended.refused,
            begun.errors + ended.errors,
        )

    async def take_over(self, worker: str = "test") -> int:
        async with self.store.write() as connection:
            return await take_over(connection, {worker}, {"sms": self.repeatable}, self.now)

    async def reply(self, text: str, sender: str = PHONE, *, id_: str | None = None, **values: Any) -> None:
        """A customer's SMS arrives."""
        received = {
            "provider_id": id_ or f"r{next(_numbers)}",
            "channel": Channel.SMS,
            "sender": sender,
            "text": text,
            "received_at": self.now,
        }
        await self.store_inbound(Inbound(replies=(Reply(**received | values),)))

    async def answer_on_page(self, token: str, rating: int) -> bool:
        """A customer confirms a rating on the answer page."""
        return await submit(self.store, token, self.now, service=rating) is Outcome.STORED

    async def unsubscribe(self, token: str) -> bool:
        """A customer unsubscribes on the page, or by one click."""
        return await opting.opt_out(self.store, token, self.now)

    async def report(self, status: DeliveryStatus, **values: Any) -> None:
        """A delivery report arrives and is applied."""
        one = DeliveryReport(status=status, at=self.now, **values)
        await self.store_inbound(Inbound(reports=(one,)))
        await report.apply_reports(self.store, self.now)

    async def store_inbound(self, inbound: Inbound) -> None:
        await answer.store_inbound(self.store, "sms", inbound, "FI", self.now)

    async def process(self) -> int:
        return await answer.process_new(self.store, self.plan, lambda _source: ["sources.desk"], self.now)

    async def remind(self) -> int:
        return await remind.remind_due(self.store, self.plan, self.now)

    async def asked(self) -> str:
        """A ticket is closed and its customer asked; gives the survey's token."""
        await self.close(ticket(self.now, agent="Anna", subject="Printer"))
        await self.deliver()
        return self.phones.messages[-1].key

    async def finish(self) -> None:
        """What came in is made a record and written back."""
        await self.process()
        await self.write_back()

    async def write_back(self) -> int:
        return await write_due(self.store, self.target(), 50)

    async def invitations(self) -> list[Mapping[Any, Any]]:
        async with self.store.read() as connection:
            found = await connection.execute(sa.select(invitations).order_by(invitations.c.id))
            return list(found.mappings())

    def texts(self) -> list[str]:
        """What customers were sent."""
        return [message.text for message in self.phones.messages]

    async def hears(self, text: str, sender: str = PHONE, **values: Any) -> None:
        """A customer's SMS arrives, is read, and what comes next is sent."""
        await self.reply(text, sender, **values)
        await self.process()
        await self.deliver()

    async def notes(self) -> list[str]:
        """What `hub why` tells besides the rows."""
        async with self.store.read() as connection:
            return list((await connection.execute(sa.select(events.c.what).order_by(events.c.id))).scalars())

    async def story(self) -> list[str]:
        """What `hub why` tells of the ticket that was seen last."""
        async with self.store.read() as connection:
            last = sa.select(closures.c.ticket_key).order_by(closures.c.id.desc()).limit(1)
            [*_, found] = await stories(connection, await connection.scalar(last) or "")
        return [line.what for line in found.lines]

    async def surveys(self) -> list[Mapping[Any, Any]]:
        """The first messages about each closure."""
        return [row for row in await self.invitations() if row["step"] == 0]

    async def states(self) -> list[tuple[str, str | None]]:
        return [(row["state"], row["reason"]) for row in await self.surveys()]

    def pass_time(self, **length: float) -> None:
        self.clock.advance(timedelta(**length))


def sms_instance(component: Component[Any], limiter: Limiter | None = None) -> Instance:
    """A gateway as the daemon holds it."""
    config = ComponentConfig(
        kind="gateways",
        name="sms",
        plugin="x",
        type=GatewayType("", Nothing, Phones, Channel.SMS),
        settings=Nothing(),
        enabled=True,
        interval=timedelta(seconds=60),
        max_in_flight=5,
    )
    return Instance(config, component, limiter)


def _compose(row: Mapping[Any, Any]) -> Message:
    assert {*row} >= {"ticket", "ticket_key", "milestone", "survey", "tone", "channel", "language"}  # as the hub's own
    text = " ".join(filter(None, (row["kind"], row["question"])))
    return Message(key=row["token"], recipient=row["address"], text=text, repeated=row["attempts"] > 0)
