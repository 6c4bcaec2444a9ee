"""A closure is stored once, decided once, and every "no" has a stored reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hub import Cursor, Customer, Fetched, Milestone, Page, Ticket
from hub.journey import intake
from hub.journey.policy import Reason
from hub.store.tables import closures
from tests.journey.world import MAIL, ON_SQLITE, PHONE, World, plan, ticket


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


async def test_a_page_that_was_read_before_a_ticket_was_closed_anew_does_not_undo_that(world: World) -> None:
    first, asked_at = ticket(world.now), world.now
    await world.close(first)
    world.pass_time(seconds=1)
    again = first.model_copy(update={"closure_key": "second", "closed_at": world.now})
    async with world.store.write() as connection:
        await intake.store_fetched(connection, "desk", Fetched((again,)), world.now)
    world.pass_time(seconds=1)
    page = Page((), Cursor("2"), (first.id,))
    await intake.store_page(world.store, "desk", page, world.now, asked_at=asked_at)
    await world.decide()
    assert await world.states() == [("cancelled", "reopened"), ("waiting", None)]


async def test_a_closing_seen_while_the_hubs_clock_is_an_hour_back_is_not_taken_for_the_earlier_one(
    world: World,
) -> None:
    first = ticket(world.now)
    await world.close(first)
    again = first.model_copy(update={"closure_key": "second", "closed_at": world.now + timedelta(seconds=10)})
    world.pass_time(hours=-1)
    await world.close(again)
    assert await world.states() == [("cancelled", "reopened"), ("waiting", None)]


async def test_a_closing_after_a_desk_has_set_its_clock_back_is_the_later_one(world: World) -> None:
    first = ticket(world.now + timedelta(hours=5))
    await world.close(first)
    world.pass_time(minutes=1)
    await world.close(first.model_copy(update={"closure_key": "second", "closed_at": world.now}))
    assert await world.states() == [("cancelled", "reopened"), ("waiting", None)]


async def test_reopening_another_source_s_ticket_of_the_same_id_changes_nothing(world: World) -> None:
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
    from hub.journey import invite

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

    from hub.journey import invite

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


# Rules and reasons


async def test_a_decision_is_stored_with_the_rule_the_survey_and_the_reminder(world: World) -> None:
    rule = {"name": "sap", "service": ["SAP"], "survey": "progress", "tone": "informal", "reminder": "2d", "share": 1}
    world.plan = plan(rules=[rule], share=0)
    await world.close(ticket(world.now, service="SAP"))
    await world.close(ticket(world.now))
    asked, skipped = await world.invitations()
    assert (asked["rule"], asked["survey"], asked["tone"]) == ("sap", "progress", "informal")
    assert asked["remind_at"] - asked["due_at"] == timedelta(days=2)
    assert (skipped["rule"], skipped["reason"], skipped["survey"]) == ("default", "not_sampled", None)


@ON_SQLITE
async def test_the_name_of_an_exclusion_is_stored_and_makes_no_label(world: World) -> None:
    from hub import metrics

    world.plan = plan(exclusions={"own staff": {"domains": ["acme.example"]}})
    before = metrics.INVITATIONS.values.get(("skipped", "excluded"), 0)
    await world.close(ticket(world.now, customer=Customer(email="a@acme.example")))
    assert await world.states() == [("skipped", "excluded:own staff")]
    assert metrics.INVITATIONS.values["skipped", "excluded"] == before + 1


@ON_SQLITE
async def test_the_source_decides_which_rule_is_for_a_ticket(world: World) -> None:
    world.plan = plan(rules=[{"name": "not here", "source": ["desk"], "ask": False}])
    for number, source in enumerate(("desk", "other")):
        asked = ticket(world.now, customer=Customer(phone=f"+35840111111{number}"))
        await intake.store_page(world.store, source, Page((asked,), Cursor("c")), world.now)
    await world.decide()
    assert await world.states() == [("skipped", "rule"), ("waiting", None)]


# Before closing

EARLY = [{"name": "early", "milestone": ["handed_over", "waiting"], "survey": "progress"}]


async def progress(world: World, **values: Any) -> Ticket:
    """A ticket is handed over, and its customer is to be asked."""
    of_milestone = {"closed_at": world.now, "closure_key": "handed over", "milestone": Milestone.HANDED_OVER}
    handed_over = ticket(**of_milestone | values)
    await world.close(handed_over)
    return handed_over


async def test_a_milestone_is_asked_about_and_remembered(world: World) -> None:
    world.plan = plan(rules=EARLY)
    await progress(world)
    assert [row["survey"] for row in await world.invitations()] == ["progress"]
    async with world.store.read() as connection:
        assert await connection.scalar(sa.select(closures.c.milestone)) == "handed_over"


@ON_SQLITE
async def test_that_a_ticket_is_open_takes_back_no_survey_about_its_progress(world: World) -> None:
    world.plan = plan(rules=EARLY, delay="1h")
    handed_over = await progress(world)
    await world.close(reopened=(handed_over.id,))
    assert await world.states() == [("waiting", None)]


@pytest.mark.parametrize("is_decided", [True, False])
async def test_closed_before_the_survey_about_its_progress_left_is_asked_about_the_closing(
    world: World, is_decided: bool
) -> None:
    world.plan = plan(rules=EARLY, delay="1h", contact_interval="30d")
    if is_decided:
        handed_over = await progress(world)
    else:
        handed_over = ticket(world.now, closure_key="handed over", milestone=Milestone.HANDED_OVER)
        await intake.store_page(world.store, "desk", Page((handed_over,), Cursor("c")), world.now)
    world.pass_time(minutes=5)
    closed = {"closure_key": "closed", "milestone": Milestone.CLOSED, "closed_at": world.now}
    await world.close(handed_over.model_copy(update=closed))
    state = "cancelled" if is_decided else "skipped"
    assert await world.states() == [(state, "closed_meanwhile"), ("waiting", None)]


@ON_SQLITE
async def test_a_milestone_that_is_seen_after_the_closing_is_not_asked_about(world: World) -> None:
    world.plan = plan(rules=EARLY, delay="1h")
    closed = ticket(world.now)
    await world.close(closed)
    before = world.now - timedelta(hours=1)
    await progress(world, id=closed.id, closed_at=before)
    assert await world.states() == [("waiting", None), ("skipped", "closed_meanwhile")]


@ON_SQLITE
async def test_progress_after_a_closing_takes_its_survey_not_back(world: World) -> None:
    """The source says when a ticket is open again; an assignment alone does not."""
    world.plan = plan(rules=EARLY, delay="1h")
    closed = ticket(world.now)
    await world.close(closed)
    world.pass_time(minutes=1)
    await progress(world, id=closed.id)
    assert await world.states() == [("waiting", None), ("waiting", None)]


@ON_SQLITE
async def test_two_closings_of_a_ticket_on_one_page_are_one_question(world: World) -> None:
    first = ticket(world.now - timedelta(minutes=5))
    await world.close(first, first.model_copy(update={"closure_key": "second", "closed_at": world.now}))
    assert await world.states() == [("skipped", "reopened"), ("waiting", None)]


# Downtime and first start


@ON_SQLITE
async def test_after_a_long_downtime_only_what_is_young_is_asked_about(world: World) -> None:
    ages = (timedelta(hours=1), timedelta(days=2, hours=23), timedelta(days=3, minutes=1), timedelta(days=30))
    some = [
        ticket(world.now - age, customer=Customer(phone=f"+35840111111{number}")) for number, age in enumerate(ages)
    ]
    await world.close(*some)
    assert await world.states() == [("waiting", None)] * 2 + [("skipped", "too_old")] * 2


@ON_SQLITE
async def test_what_was_closed_before_the_first_start_is_left_alone_also_when_a_webhook_names_it(world: World) -> None:

    await world.close()  # the first pull begins from now
    old, new = ticket(world.now - timedelta(minutes=1)), ticket(world.now)
    async with world.store.write() as connection:
        assert await intake.store_fetched(connection, "desk", Fetched((old, new)), world.now) == 1


@ON_SQLITE
async def test_a_closing_that_waits_for_the_end_of_quiet_hours_beyond_its_age_is_skipped_at_once(world: World) -> None:
    world.plan = plan(working_days=["sun"], max_age="2d")
    await world.close(ticket(world.now))
    assert (await world.states())[0] == ("skipped", "too_old")
