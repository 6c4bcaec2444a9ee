"""A closure is stored once, decided once, and every "no" has a stored reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hub import Customer
from hub.journey.policy import Reason
from tests.journey.world import MAIL, PHONE, World, plan, ticket


async def test_a_closure_that_is_pulled_again_is_invited_once(world: World) -> None:
    closed = ticket(world.now)
    assert [await world.close(closed), await world.close(closed), await world.close(closed, closed)] == [1, 0, 0]
    assert await world.states() == [("waiting", None)]


async def test_another_closing_of_the_same_ticket_is_another_closure(world: World) -> None:
    first = ticket(world.now)
    assert await world.close(first) == 1
    assert await world.close(first.model_copy(update={"closure_key": "second"})) == 1


async def test_a_key_that_changes_does_not_make_another_closure(world: World) -> None:
    first = ticket(world.now)
    await world.close(first)
    assert await world.close(first.model_copy(update={"key": "MOVED-1"})) == 0


async def test_the_cursor_is_stored_with_its_page(world: World) -> None:
    from hub.store import components

    await world.close(ticket(world.now))
    async with world.store.read() as connection:
        assert (await components.get(connection, "sources.desk")).cursor == "c"


@pytest.mark.parametrize(
    ("settings", "values", "reason"),
    [
        ({}, {"customer": Customer()}, Reason.NO_CONTACT),
        ({}, {"customer": Customer(phone="09 1234567")}, Reason.NO_CONTACT),
        ({}, {"customer": Customer(phone="nonsense", email="also nonsense")}, Reason.NO_CONTACT),
    ],
)
async def test_who_is_not_asked_has_a_stored_reason(world: World, settings: dict, values: dict, reason: Reason) -> None:
    world.plan = plan(**settings)
    await world.close(ticket(world.now, **values))
    assert await world.states() == [("skipped", reason)]


async def test_an_old_closure_is_never_surveyed(world: World) -> None:
    closed = ticket(world.now)
    world.pass_time(days=4)
    await world.close(closed)
    assert await world.states() == [("skipped", "too_old")]


async def test_an_old_closure_is_not_surveyed_after_downtime_either(world: World) -> None:
    await world.close(ticket(world.now))
    world.pass_time(days=4)
    await world.deliver()
    assert await world.states() == [("skipped", "too_old")]
    assert world.phones.messages == []


async def test_the_same_customer_is_asked_once_within_the_contact_interval(world: World) -> None:
    world.plan = plan(contact_interval="30d")
    await world.close(*(ticket(world.now) for _ in range(3)))
    assert sorted(await world.states()) == [("skipped", "asked_recently")] * 2 + [("waiting", None)]
    world.pass_time(days=31)
    await world.close(ticket(world.now))
    assert (await world.states())[-1] == ("waiting", None)


async def test_one_customer_with_two_addresses_is_one_customer(world: World) -> None:
    world.plan = plan(contact_interval="30d")
    await world.close(ticket(world.now, customer=Customer(phone=PHONE, email=MAIL)))
    await world.close(ticket(world.now, customer=Customer(email=f"Maija+x@{MAIL.partition('@')[2].upper()}")))
    assert [state for state, _ in await world.states()] == ["waiting", "skipped"]


async def test_a_survey_that_was_withdrawn_does_not_count_as_asked(world: World) -> None:
    world.plan = plan(contact_interval="30d", delay="1h")
    first = ticket(world.now)
    await world.close(first)
    await world.close(reopened=(first.id,))
    assert await world.states() == [("cancelled", "reopened")]
    await world.close(ticket(world.now))
    assert (await world.states())[-1] == ("waiting", None)


async def test_reopening_another_source_s_ticket_of_the_same_id_changes_nothing(world: World) -> None:
    from hub import Cursor, Page
    from hub.journey import intake

    first = ticket(world.now)
    await world.close(first)
    await intake.store_page(world.store, "other", Page((), Cursor("c"), (first.id,)), world.now)
    assert await world.states() == [("waiting", None)]


async def test_the_first_gateway_that_can_reach_the_customer_is_used(world: World) -> None:
    both = Customer(phone=PHONE, email=MAIL)
    await world.close(ticket(world.now, customer=both), ticket(world.now, customer=Customer(email=MAIL)))
    assert [(row["gateway"], row["address"]) for row in await world.invitations()] == [("sms", PHONE), ("mail", MAIL)]


async def test_the_survey_is_in_the_customers_language_when_it_is_known(world: World) -> None:
    for language in ("sv", "en", "de", None):
        await world.close(ticket(world.now, customer=Customer(phone=PHONE, language=language)))
    assert [row["language"] for row in await world.invitations()] == ["sv", "en", "fi", "fi"]


async def test_more_closures_than_a_batch_are_all_decided(world: World) -> None:
    from hub.journey import invite

    await world.close(*(ticket(world.now, customer=Customer(phone=f"+35840{n:07}")) for n in range(250)))
    await invite.decide_new(world.store, world.plan, world.now)
    assert len(await world.invitations()) == 250


async def test_a_page_of_any_size_is_stored(world: World) -> None:
    tickets = [ticket(world.now, customer=Customer(phone=f"+35840{n:07}")) for n in range(5000)]
    assert await world.close(*tickets) == 5000


async def test_a_page_may_name_more_reopened_tickets_than_a_statement_takes(world: World) -> None:
    closed = ticket(world.now)
    await world.close(closed)
    await world.close(reopened=(*(f"other-{number}" for number in range(40_000)), closed.id))
    assert await world.states() == [("cancelled", "reopened")]


async def test_reopened_before_it_was_decided_is_not_asked(world: World) -> None:
    from hub import Cursor, Page
    from hub.journey import intake, invite

    closed = ticket(world.now)
    await intake.store_page(world.store, "desk", Page((closed,), Cursor("1")), world.now)
    await intake.store_page(world.store, "desk", Page((), Cursor("2"), (closed.id,)), world.now)
    await invite.decide_new(world.store, world.plan, world.now)
    assert await world.states() == [("skipped", "reopened")]


async def test_closed_again_on_the_page_that_reopens_it_is_asked(world: World) -> None:
    first = ticket(world.now)
    await world.close(first)
    await world.close(first.model_copy(update={"closure_key": "second"}), reopened=(first.id,))
    assert await world.states() == [("cancelled", "reopened"), ("waiting", None)]


async def test_one_closure_that_cannot_be_judged_holds_up_no_other(world: World) -> None:
    def complete(customer: Customer) -> Customer:
        if customer.name == "bad":
            raise KeyError("a fault")
        return customer

    world.plan = replace(plan(), complete=complete)
    bad = Customer(phone="+358401111111", name="bad")
    await world.close(ticket(world.now), ticket(world.now, customer=bad), ticket(world.now))
    assert sorted(await world.states()) == [("skipped", "fault"), ("waiting", None), ("waiting", None)]


@pytest.mark.parametrize("year", [1, 9999])
async def test_a_desk_with_a_wrong_clock_stops_nothing_and_puts_nothing_off(world: World, year: int) -> None:
    wrong = ticket(datetime(year, 12, 31, tzinfo=UTC))
    await world.close(wrong, ticket(world.now, customer=Customer(phone="+358401111111")))
    assert await world.states() == [("skipped", "too_old") if year == 1 else ("waiting", None), ("waiting", None)]
    assert all(row["due_at"] is None or row["due_at"] <= world.now for row in await world.invitations())


@pytest.mark.parametrize("field", ["id", "key", "closure_key"])
async def test_ids_that_outsiders_choose_may_be_long(world: World, field: str) -> None:
    closed = ticket(world.now, **{field: "x" * 9000})
    assert [await world.close(closed), await world.close(closed)] == [1, 0]


async def test_an_address_too_long_for_mail_is_no_address(world: World) -> None:
    await world.close(ticket(world.now, customer=Customer(email="a" * 9000 + "@customer.example")))
    assert await world.states() == [("skipped", "no_contact")]


async def test_a_survey_for_a_gateway_that_was_taken_out_of_the_configuration_is_taken_back(world: World) -> None:
    from hub.journey.invite import withdraw_unreachable

    await world.close(ticket(world.now))
    assert await withdraw_unreachable(world.store, ["mail"], world.now) == 1
    assert await world.states() == [("skipped", "no_gateway")]


async def test_reopened_while_another_worker_decides_is_not_asked(world: World) -> None:
    """On PostgreSQL two transactions meet; on SQLite the second one waits for the first."""
    import asyncio

    from hub import Cursor, Page
    from hub.journey import intake, invite

    if world.store.is_embedded:
        pytest.skip("one writer at a time")
    closed = ticket(world.now)
    await intake.store_page(world.store, "desk", Page((closed,), Cursor("1")), world.now)
    async with world.store.write() as connection:
        await invite._decide(connection, await invite._undecided(connection, 10), world.plan, world.now)
        reopened = asyncio.create_task(
            intake.store_page(world.store, "desk", Page((), Cursor("2"), (closed.id,)), world.now)
        )
        await asyncio.sleep(0.3)
        assert not reopened.done()
    await reopened
    assert await world.states() == [("cancelled", "reopened")]
