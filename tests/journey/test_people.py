"""Addresses that belong to one person are asked as one person, also by two workers at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hub import Cursor, Customer, Page, Ticket
from hub.journey import intake, invite, people
from hub.journey.policy import reach
from hub.store.engine import Store
from hub.store.tables import contacts, invitations, stops
from tests.databases import Postgres
from tests.journey.world import MAIL, ON_SQLITE, PHONE, World, plan, ticket

OTHER_MAIL, OTHER_PHONE = "maija@home.example", "+358407654321"
BOTH = Customer(phone=PHONE, email=MAIL)


@pytest.fixture
def world(world: World) -> World:
    world.plan = plan(contact_interval="30d")
    return world


async def addresses(world: World, *identities: str) -> list[set[str]]:
    async with world.store.read() as connection:
        found = await people.addresses_of(connection, identities)
    return [found[one] for one in identities]


async def close(
    world: World, *customers: Customer, source: str = "desk", **values: Any
) -> list[tuple[str, str | None]]:
    """Tickets of these customers are closed and decided on; what became of each."""
    tickets = tuple(ticket(world.now, customer=customer, **values) for customer in customers)
    await intake.store_page(world.store, source, Page(tickets, Cursor("c")), world.now)
    await world.decide()
    return (await world.states())[-len(customers) :]


async def change(world: World, address: str, **values: Any) -> None:
    async with world.store.write() as connection:
        changed = await connection.execute(contacts.update().where(contacts.c.address == address).values(values))
        assert changed.rowcount == 1


ASKED, RECENTLY = ("waiting", None), ("skipped", "asked_recently")


async def test_addresses_that_a_ticket_shows_together_are_one_person_at_every_source(world: World) -> None:
    assert await close(world, BOTH) == [ASKED]
    assert await addresses(world, PHONE, MAIL, "x@y.example") == [{PHONE, MAIL}, {PHONE, MAIL}, {"x@y.example"}]
    assert await close(world, Customer(phone=PHONE), Customer(email=MAIL), source="other") == [RECENTLY, RECENTLY]


@ON_SQLITE
async def test_a_person_is_known_by_an_address_that_the_ticket_does_not_show(world: World) -> None:
    await close(world, BOTH)
    world.pass_time(days=31)
    assert await close(world, Customer(email=MAIL)) == [ASKED]
    assert await close(world, Customer(phone=PHONE)) == [RECENTLY]


@ON_SQLITE
async def test_what_the_contacts_file_adds_is_joined_too(world: World) -> None:
    world.plan = replace(world.plan, complete=lambda customer: customer.model_copy(update={"phone": PHONE}))
    await close(world, Customer(email=MAIL))
    assert await addresses(world, MAIL) == [{PHONE, MAIL}]


@ON_SQLITE
async def test_a_mail_address_may_have_several_numbers(world: World) -> None:
    await close(world, BOTH, Customer(phone=OTHER_PHONE, email=f"Maija+x@{MAIL.partition('@')[2]}"))
    assert await addresses(world, OTHER_PHONE) == [{PHONE, OTHER_PHONE, MAIL}]


@ON_SQLITE
async def test_a_number_that_people_share_joins_nobody_to_anybody(world: World) -> None:
    staff = [Customer(phone=PHONE, email=f"nurse{number}@ward.example") for number in range(20)]
    await close(world, *staff)
    assert await addresses(world, PHONE, "nurse7@ward.example") == [
        {PHONE, "nurse0@ward.example"},
        {"nurse7@ward.example"},
    ]
    assert await close(world, Customer(email="nurse7@ward.example")) == [ASKED]


@ON_SQLITE
async def test_a_mailbox_that_people_share_joins_a_few_of_them_only(world: World) -> None:
    world.plan = plan(contact_interval="0s")
    await close(world, *(Customer(phone=f"+3584012000{number:02}", email=MAIL) for number in range(20)))
    [joined] = await addresses(world, MAIL)
    assert len(joined) == people.MOST_ADDRESSES


@ON_SQLITE
async def test_persons_never_become_one(world: World) -> None:
    await close(world, BOTH, Customer(phone=OTHER_PHONE, email=OTHER_MAIL))
    world.pass_time(days=31)
    assert await close(world, Customer(phone=OTHER_PHONE, email=MAIL)) == [ASKED]
    assert await addresses(world, MAIL, OTHER_MAIL) == [{PHONE, MAIL}, {OTHER_PHONE, OTHER_MAIL}]
    assert await close(world, Customer(phone=PHONE), Customer(email=OTHER_MAIL)) == [RECENTLY, RECENTLY]


@ON_SQLITE
@pytest.mark.parametrize("values", [{"closed_at": -4}, {"reporter_is_agent": True}])
async def test_spam_and_relics_join_nobody(world: World, values: dict[str, Any]) -> None:
    world.plan = plan(exclusions={"agent": {"reporter_is_agent": True}})
    if "closed_at" in values:
        values = {"closed_at": world.now - timedelta(days=4)}
    await world.close(ticket(**{"closed_at": world.now, "customer": BOTH} | values))
    assert await addresses(world, PHONE) == [{PHONE}]


@ON_SQLITE
async def test_an_opt_out_of_one_address_counts_for_all_that_are_joined_later(world: World) -> None:
    await close(world, Customer(phone=PHONE))
    await change(world, PHONE, opted_out_at=world.now)
    assert await close(world, BOTH, Customer(email=MAIL)) == [("skipped", "opted_out")] * 2


@ON_SQLITE
async def test_a_consent_of_one_address_counts_for_the_person_and_its_channel(world: World) -> None:
    world.plan = plan(legal_basis={"sms": "consent", "email": "consent"})
    assert await close(world, BOTH) == [("skipped", "no_consent")]
    await change(world, MAIL, consent="sms,email")
    assert await close(world, Customer(phone=PHONE)) == [ASKED]


@ON_SQLITE
async def test_a_dead_address_says_nothing_of_the_other_one(world: World) -> None:
    await close(world, BOTH)
    await change(world, PHONE, unusable_at=world.now)
    world.pass_time(days=31)
    assert await close(world, Customer(email=MAIL), Customer(phone=PHONE)) == [ASKED, RECENTLY]
    world.pass_time(days=31)
    assert await close(world, Customer(phone=PHONE)) == [("skipped", "unusable_address")]


async def test_an_entry_of_the_stop_list_counts_for_the_person(world: World) -> None:
    async with world.store.write() as connection:
        row = {"entry": "@customer.example", "added_at": world.now}
        await connection.execute(stops.insert(), [row])
    assert await close(world, BOTH, Customer(phone=PHONE)) == [("skipped", "on_stop_list")] * 2
    assert await close(world, Customer(email=OTHER_MAIL)) == [ASKED]


@ON_SQLITE
async def test_a_survey_that_was_withdrawn_lets_all_addresses_be_asked_again(world: World) -> None:
    first = ticket(world.now, customer=BOTH)
    world.plan = plan(contact_interval="30d", delay="1h")
    await world.close(first)
    await world.close(reopened=(first.id,))
    assert await close(world, Customer(email=MAIL)) == [ASKED]


async def test_a_survey_that_leaves_late_counts_from_when_it_left(world: World) -> None:
    """The gateway was down: neither while the survey waits nor a day after it was due may another one be sent."""
    world.plan = plan(contact_interval="1d")
    await close(world, Customer(phone=PHONE))
    world.pass_time(days=2)
    assert await close(world, Customer(phone=PHONE)) == [RECENTLY]
    await world.deliver()
    world.pass_time(hours=23)
    assert await close(world, Customer(phone=PHONE)) == [RECENTLY]
    world.pass_time(hours=2)
    assert await close(world, Customer(phone=PHONE)) == [ASKED]


@ON_SQLITE
async def test_a_survey_that_is_too_old_to_leave_stands_in_nobodys_way(world: World) -> None:
    world.plan = plan(contact_interval="1d", max_age="2d")
    await close(world, Customer(phone=PHONE))
    world.pass_time(days=3)
    assert await close(world, Customer(phone=PHONE)) == [ASKED]


# Two workers at once, on PostgreSQL


@pytest.fixture
async def pair(postgres_server: Postgres) -> AsyncIterator[tuple[World, World]]:
    """Two workers on one store."""
    url = postgres_server.new_database()
    stores = [await Store.open(url) for _ in range(2)]
    one, other = (World(store, plan(contact_interval="30d")) for store in stores)
    yield one, other
    for store in stores:
        await store.close()


async def store_tickets(world: World, *tickets: Ticket) -> None:
    await intake.store_page(world.store, "desk", Page(tickets, Cursor("c")), world.now)


async def until_somebody_waits(world: World) -> None:
    async with asyncio.timeout(10), world.store.read() as connection:
        while not await connection.scalar(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
            await connection.execute(sa.text("SELECT pg_sleep(0.01)"))


async def decided_while_the_other_waits(one: World, other: World) -> None:
    """`one` has locked the customer of the first closure when `other` comes upon the next one; then `one` decides."""
    async with one.store.write() as connection:
        rows = await invite._undecided(connection, 1)
        who = reach(Ticket.model_validate_json(rows[0]["ticket"]), one.plan)
        await people.load_people(connection, [who], one.plan, one.now, lock=True)
        waiting = asyncio.create_task(other.decide())
        await until_somebody_waits(one)
        assert not waiting.done()
        await invite._decide(connection, rows, one.plan, one.now)
    await waiting


@pytest.mark.parametrize("customers", [(BOTH, Customer(phone=PHONE)), (Customer(email=MAIL), BOTH)])
async def test_two_workers_ask_a_customer_once(pair: tuple[World, World], customers: tuple[Customer, Customer]) -> None:
    one, other = pair
    await store_tickets(one, *(ticket(one.now, customer=customer) for customer in customers))
    await decided_while_the_other_waits(one, other)
    assert sorted(await one.states()) == [RECENTLY, ASKED]


async def test_two_workers_that_know_two_addresses_of_a_person_ask_once(pair: tuple[World, World]) -> None:
    one, other = pair
    await close(one, BOTH)
    for world in pair:
        world.pass_time(days=31)
    await store_tickets(
        one, *(ticket(one.now, customer=Customer(**known)) for known in ({"email": MAIL}, {"phone": PHONE}))
    )
    await decided_while_the_other_waits(one, other)
    assert (await one.states())[1:] == [ASKED, RECENTLY]


async def test_an_address_that_is_joined_while_another_worker_waits_counts_for_it(pair: tuple[World, World]) -> None:
    """The first worker learns that a number, asked a day ago, is that of the mail address which the second one sees."""
    one, other = pair
    await close(one, Customer(email=MAIL))
    one.pass_time(days=31)
    await close(one, Customer(phone=PHONE))
    one.pass_time(days=1)
    other.pass_time(days=32)
    await store_tickets(one, ticket(one.now, customer=BOTH), ticket(one.now, customer=Customer(email=MAIL)))
    await decided_while_the_other_waits(one, other)
    assert await one.states() == [ASKED, ASKED, RECENTLY, RECENTLY]


async def test_workers_never_wait_for_each_other_in_a_circle(pair: tuple[World, World]) -> None:
    one, other = pair
    staff = [(f"a{number}@x.example", f"+3584010{number:05}") for number in range(30)]
    for unknown in ("phone", "email"):  # their rows are in the other order than their addresses
        await close(one, *(Customer(**{"email": email, "phone": phone, unknown: None}) for email, phone in staff))
        for world in pair:
            world.pass_time(days=31)
    await close(one, *(Customer(email=email, phone=phone) for email, phone in staff))
    for world in pair:
        world.pass_time(days=31)
    some = [
        ticket(one.now, customer=Customer(**known))
        for email, phone in staff
        for known in ({"email": email}, {"phone": phone}, {"email": email, "phone": phone})
    ]
    await store_tickets(one, *some[::2], *reversed(some[1::2]))

    async def work(world: World) -> None:
        while await invite.decide_new(world.store, world.plan, world.now, 7):
            pass

    async def release(world: World, closure_id: int) -> None:
        async with world.store.write() as connection:
            await invite.release_contact(connection, closure_id)

    await asyncio.gather(work(one), work(other), *(release(other, number) for number in range(61, 91)))
    assert await asked_within(one, timedelta(days=30), one.now) == 0


async def asked_within(world: World, interval: timedelta, since: datetime) -> int:
    """How many pairs of surveys to one address there are that are nearer to each other."""
    async with world.store.read() as connection:
        rows = await connection.execute(
            sa.select(invitations.c.identity, invitations.c.due_at).where(
                invitations.c.state == "waiting", invitations.c.due_at >= since
            )
        )
        asked = [(next(iter(sorted(await of(connection, row.identity)))), row.due_at) for row in rows.all()]
    return sum(a[0] == b[0] and abs(a[1] - b[1]) < interval for i, a in enumerate(asked) for b in asked[i + 1 :])


async def of(connection: Any, identity: str) -> set[str]:
    return (await people.addresses_of(connection, [identity]))[identity]
