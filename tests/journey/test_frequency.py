"""Whatever is configured and whatever happens, nobody is asked more often, or at another time, than hub.toml says."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub import Cursor, Customer, Milestone, Page, Ticket
from hub.journey import intake, invite
from hub.journey.policy import Ask, Contact, Plan, decide, next_moment, reach
from hub.store.engine import Store
from hub.store.tables import closures, contacts, events, invitations
from tests.journey.world import World, plan, ticket

START = datetime(2026, 3, 27, 9, 0, tzinfo=UTC)  # the clocks go forward in two days, and Easter is near
SOURCES = ("desk", "jira")
PERSONS = 3
SHARED = 3  # the number and the mailbox that all may use stand behind the persons' own

rules = st.lists(
    st.fixed_dictionaries(
        {"milestone": st.lists(st.sampled_from(Milestone), min_size=1, unique=True)},
        optional={
            "ask": st.booleans(),
            "source": st.just(["jira"]),
            "delay": st.sampled_from(["0s", "5h"]),
            "share": st.sampled_from([0.5, 1]),
            "gateways": st.permutations(["sms", "mail"]),
        },
    ),
    max_size=2,
).map(lambda tables: [{"name": f"rule {number}", **table} for number, table in enumerate(tables)])
plans = st.builds(
    plan,
    rules=rules,
    contact_interval=st.sampled_from(["0s", "7h", "2d", "30d"]),
    delay=st.sampled_from(["0s", "30m"]),
    quiet_hours=st.sampled_from(["", "20:00-08:00", "11:00-14:00"]),
    working_days=st.sampled_from([("mon", "tue", "wed", "thu", "fri"), ("sun", "mon"), ("sat",)]),
    holidays=st.sampled_from(["", "FI", "SE"]),
    share=st.sampled_from([0.5, 1]),
    max_age=st.sampled_from(["1d", "3d", "9d"]),
)


@dataclass(frozen=True)
class Closing:
    """Something happens to a ticket of a person."""

    source: str
    person: int
    mail: int | None
    """Whose address the ticket shows; None for none."""
    phone: int | None
    ticket: int
    age: timedelta
    milestone: Milestone


@dataclass(frozen=True)
class Reopening:
    """A ticket is open again."""

    source: str
    ticket: int


@dataclass(frozen=True)
class Passing:
    """The clock moves, also back."""

    time: timedelta


@dataclass(frozen=True)
class Leaving:
    """What is due leaves."""


closings = st.builds(
    Closing,
    source=st.sampled_from(SOURCES),
    person=st.integers(0, PERSONS - 1),
    mail=st.sampled_from([None, 0, 0, SHARED]),
    phone=st.sampled_from([None, 0, 0, SHARED]),
    ticket=st.integers(0, 4),
    age=st.sampled_from([timedelta(), timedelta(), timedelta(hours=20), timedelta(days=4)]),
    milestone=st.sampled_from([Milestone.CLOSED, Milestone.CLOSED, Milestone.HANDED_OVER]),
)
happenings = st.one_of(
    st.lists(closings, min_size=1, max_size=4),
    st.builds(Reopening, source=st.sampled_from(SOURCES), ticket=st.integers(0, 4)),
    st.just(Leaving()),
    st.builds(Passing, st.sampled_from([timedelta(hours=h) for h in (-30, -1, 3, 11, 26, 90, 800)])),
)
Happening = list[Closing] | Reopening | Leaving | Passing
scenarios = st.lists(happenings, min_size=2, max_size=9)


_OF_CLOSURE = ("ticket", "ticket_id", "source", "closed_at", "milestone")


@dataclass(frozen=True)
class Hub:
    """A store that plays scenario after scenario, each from the beginning."""

    store: Store

    async def play(self, rules: Plan, scenario: Sequence[Happening], batch: int) -> list[Mapping[str, Any]]:
        """What was decided on each closing, in order, each with the addresses that its ticket showed."""
        async with self.store.write() as connection:
            for table in (contacts, events, invitations, closures):
                await connection.execute(table.delete())
        world, keys = World(self.store, rules), itertools.count()
        world.clock.advance(START - world.now)
        for event in scenario:
            if isinstance(event, Passing):
                world.clock.advance(event.time)
            elif isinstance(event, Reopening):
                page = Page((), Cursor("c"), (f"t{event.ticket}",))
                await intake.store_page(self.store, event.source, page, world.now)
            elif isinstance(event, Leaving):
                due = invitations.update().where(invitations.c.state == "waiting", invitations.c.due_at <= world.now)
                async with self.store.write() as connection:
                    await connection.execute(due.values(state="sent", sent_at=invitations.c.due_at))
            else:
                for source in SOURCES:
                    some = (closing for closing in event if closing.source == source)
                    closed = tuple(_ticket(closing, next(keys), world.now) for closing in some)
                    if closed:
                        await intake.store_page(self.store, source, Page(closed, Cursor("c")), world.now)
                while await invite.decide_new(self.store, rules, world.now, batch) == batch:
                    pass
        return await self._decisions(rules)

    async def _decisions(self, rules: Plan) -> list[Mapping[str, Any]]:
        async with self.store.read() as connection:
            found = await connection.execute(
                sa.select(invitations, *(closures.c[name] for name in _OF_CLOSURE))
                .join(closures)
                .order_by(invitations.c.closure_id)
            )
            rows = [dict(row) for row in found.mappings()]
        shown = (reach(Ticket.model_validate_json(row["ticket"]), rules).identities for row in rows)
        return [{**row, "who": who} for row, who in zip(rows, shown, strict=True)]


def _ticket(closing: Closing, key: int, now: datetime) -> Ticket:
    mail = None if closing.mail is None else closing.mail or closing.person
    phone = None if closing.phone is None else closing.phone or closing.person
    return ticket(
        now - closing.age,
        id=f"t{closing.ticket}",
        key="T",
        closure_key=str(key),
        milestone=closing.milestone,
        customer=Customer(
            email=None if mail is None else f"p{mail}@customer.example",
            phone=None if phone is None else f"+35840123456{phone}",
        ),
    )


def assert_kept(rules: Plan, decided: Sequence[Mapping[str, Any]]) -> None:
    """Nothing that is to leave breaks a rule."""
    assert len({row["closure_id"] for row in decided}) == len(decided), "one decision for each closing"
    mail_of: dict[str, str] = {}
    asked: list[Mapping[str, Any]] = []
    for row in decided:
        if row["reason"] not in ("too_old", "reopened", "closed_meanwhile") and len(row["who"]) == 2:
            mail_of.setdefault(row["who"][1], row["who"][0])
        if row["state"] not in ("waiting", "sent"):
            continue
        for earlier in asked:
            same_person = _known_by(earlier["who"], mail_of) & _known_by(row["who"], mail_of)
            if same_person and not _is_of_its_progress(earlier, row):
                assert abs(row["due_at"] - earlier["due_at"]) >= rules.survey.contact_interval, "asked too soon"
        asked.append(row)
        assert next_moment(rules, row["due_at"], row) == row["due_at"], "not in quiet hours, nor on a holiday"
        assert row["due_at"] - row["closed_at"] <= rules.survey.max_age
        rule = next(rule for rule in rules.rules if rule.name == row["rule"])
        assert rule.ask
        assert not rule.source or row["source"] in rule.source


def _is_of_its_progress(earlier: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether one survey is about a closing, and the one before it asked how that ticket was going."""
    same_ticket = (earlier["source"], earlier["ticket_id"]) == (row["source"], row["ticket_id"])
    return same_ticket and earlier["milestone"] != Milestone.CLOSED and row["milestone"] == Milestone.CLOSED


def _known_by(shown: Sequence[str], mail_of: Mapping[str, str]) -> set[str]:
    """The addresses of the persons behind some: a number is that of the first mail address it was shown with."""
    mails = {mail_of.get(address, address) for address in shown}
    return {*shown, *mails, *(number for number, owner in mail_of.items() if owner in mails)}


def _closing(**values: Any) -> Closing:
    shown = {"source": "desk", "person": 0, "mail": 0, "phone": 0, "ticket": 0}
    return Closing(**{**shown, "age": timedelta(), "milestone": Milestone.CLOSED, **values})


EARLY = {"name": "early", "milestone": ["handed_over"]}
PROGRESS = [[_closing(milestone=Milestone.HANDED_OVER)], Leaving(), Passing(timedelta(hours=26))]
BY_EITHER = [_closing(mail=None), _closing(phone=None, source="jira")]


def test_any_closings_of_any_people_keep_to_what_is_configured(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        hub = Hub(runner.run(Store.open(f"sqlite:///{tmp_path}/hub.db")))

        @settings(max_examples=30, deadline=None)
        @example(plan(contact_interval="30d"), [[_closing()], Passing(timedelta(days=31)), BY_EITHER], 200)
        @example(
            plan(rules=[EARLY], contact_interval="30d"),
            [*PROGRESS, [_closing()], Reopening("desk", 0), [_closing(ticket=1)], Passing(timedelta(hours=90))],
            1,
        )
        @given(plans, scenarios, st.sampled_from([1, 2, 200]))
        def check(rules: Plan, scenario: list[Happening], batch: int) -> None:
            assert_kept(rules, runner.run(hub.play(rules, scenario, batch)))

        try:
            check()
        finally:
            runner.run(hub.store.close())


def test_the_same_closings_are_decided_alike_in_any_batches(tmp_path: Path) -> None:
    people = itertools.product(SOURCES, range(PERSONS), (None, 0, SHARED), (None, 0, SHARED))
    happened = [Closing(*who, ticket=n, age=timedelta(), milestone=Milestone.CLOSED) for n, who in enumerate(people)]
    kept = ("state", "reason", "rule", "survey", "gateway", "address", "due_at", "remind_at", "expires_at")
    rules = plan(rules=[{"name": "some", "source": ["jira"], "share": 0.5}], contact_interval="1d", reminder="2d")
    decided = []
    with asyncio.Runner() as runner:
        for batch in (7, 200):
            store = runner.run(Store.open(f"sqlite:///{tmp_path}/{batch}.db"))
            rows = runner.run(Hub(store).play(rules, [happened], batch))
            runner.run(store.close())
            decided.append([[row[name] for name in kept] for row in rows])
    assert decided[0] == decided[1]
    assert {row[1] for row in decided[0]} == {None, "asked_recently", "no_contact", "not_sampled"}


joined = st.sampled_from([Customer(email="a@x.example"), Customer(phone="+358401111111")])


@given(plans, st.lists(st.tuples(joined, st.integers(0, 200)), min_size=2, max_size=12))
def test_a_person_whose_addresses_are_known_is_asked_as_one(rules: Plan, closings: list[tuple[Customer, int]]) -> None:
    """The same without a store, for many more histories: what is known of one address is known of the other."""
    rules = replace(rules, rules=rules.rules[-1:])
    now, last, asked = START, Contact(), list[datetime]()
    for number, (customer, hours) in enumerate(closings):
        now += timedelta(hours=hours - 20)
        closed = ticket(now, id=str(number), customer=customer)
        who = reach(closed, rules)
        decision = decide(closed, who, dict.fromkeys(who.identities, last), rules, now, source="desk")
        if isinstance(decision, Ask):
            asked.append(decision.due_at)
            last = Contact(asked_at=decision.due_at)
    interval = rules.survey.contact_interval  # without one nobody counts, also where the clock was set back
    assert not interval or all(later - earlier >= interval for earlier, later in itertools.pairwise(asked))
