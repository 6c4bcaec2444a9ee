"""Whole conversations by SMS: what is asked next, what is not asked any more, and what may go wrong between."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hub import Customer, DeliveryStatus, OutcomeUnknown, Rejected, Unavailable
from hub.journey import answer, gauges, operate
from hub.journey.overview import overview
from hub.journey.recognise import find_by_token
from hub.journey.story import stories
from hub.store.tables import invitations
from tests.journey.world import MAIL, PHONE, World, on_sqlite, plan, surveys, ticket


def with_messages(world: World, most: int, **settings: Any) -> None:
    """At most so many SMS in a conversation."""
    world.plan = replace(plan(**settings), surveys=surveys(most))


async def last(world: World) -> Mapping[Any, Any]:
    """The last message that was made."""
    return (await world.invitations())[-1]


async def test_a_conversation_asks_one_question_after_the_other_and_ends_with_thanks(world: World) -> None:
    with_messages(world, 5)
    await world.asked()
    await world.hears("2 kesti kauan")
    await world.hears("ei")
    await world.hears("vastatkaa nopeammin")
    await world.write_back()
    assert world.texts() == ["survey", "question solved", "question improve", "question factors"]
    await world.hears("en tiedä")
    await world.hears("kiitos")
    assert world.texts()[4:] == ["thanks"]
    record = world.desk.written[-1]
    assert {score.question: score.value for score in record.scores} == {"service": 2, "solved": 0}
    assert record.comment == "vastatkaa nopeammin\nkesti kauan"
    assert [row["state"] for row in await world.invitations()] == ["delivered", *["sent"] * 4]


@on_sqlite
async def test_the_last_message_is_kept_for_the_thanks(world: World) -> None:
    await world.asked()
    for text in ("5", "kyllä", "hyvä juttu", "vielä yksi asia"):
        await world.hears(text)
    assert world.texts() == ["survey", "question solved", "thanks"]


@on_sqlite
async def test_nothing_follows_where_one_message_is_all_a_customer_may_get(world: World) -> None:
    with_messages(world, 1)
    await world.asked()
    await world.hears("1")
    assert world.texts() == ["survey"]


@on_sqlite
async def test_who_writes_twice_in_a_row_was_not_asked_the_next_question_yet(world: World) -> None:
    await world.asked()
    await world.reply("2")
    await world.process()
    await world.hears("4")  # a slip is corrected before the next question has left
    await world.hears("kyllä")
    await world.write_back()
    assert world.texts() == ["survey", "question solved", "thanks"]
    assert {score.question: score.value for score in world.desk.written[-1].scores} == {"service": 4, "solved": 1}


async def test_an_answer_on_the_page_ends_the_conversation(world: World) -> None:
    token = await world.asked()
    await world.reply("2")
    await world.process()
    assert await world.answer_on_page(token, 3)
    await world.process()
    await world.deliver()
    await world.hears("ei")
    assert world.texts() == ["survey"]
    assert (await last(world))["reason"] == "went_on"


@on_sqlite
async def test_an_answer_by_mail_begins_no_conversation(world: World) -> None:
    world.plan = replace(world.plan, gateways=(("mail", world.plan.gateways[1][1]),))
    await world.close(ticket(world.now, customer=Customer(email=MAIL)))
    await world.claim(world.post("mail"))
    (row,) = await world.invitations()
    await world.hears("2 hidasta", MAIL, key=row["token"], channel="email")
    assert len(await world.invitations()) == 1


@on_sqlite
async def test_a_survey_that_has_expired_is_not_gone_on_with(world: World) -> None:
    world.plan = plan(expires="1h")
    await world.asked()
    await world.reply("2")
    world.pass_time(hours=2)
    await world.process()
    await world.deliver()
    assert world.texts() == ["survey"]


@on_sqlite
async def test_a_question_that_could_not_be_sent_until_the_survey_expired_is_not_sent(world: World) -> None:
    world.plan = plan(expires="2h")
    await world.asked()
    world.phones.failures = [Unavailable("down")]
    await world.hears("2")
    world.pass_time(hours=3)
    await world.deliver()
    assert world.texts() == ["survey"]
    assert (await last(world))["reason"] == "expired"
    assert "the question 'solved' did not leave: it was too late for an answer" in await world.story()


@on_sqlite
async def test_a_question_that_could_not_be_sent_ends_the_conversation_and_nothing_else(world: World) -> None:
    world.plan = plan(contact_interval="30d")
    await world.asked()
    world.phones.failures = [Rejected("no", reason="bad_number")]
    await world.hears("2")
    await world.hears("hidasta")
    await world.write_back()
    assert world.texts() == ["survey"]
    assert [row["state"] for row in await world.invitations()] == ["delivered", "failed"]
    assert world.desk.written[-1].comment == "hidasta"
    await world.close(ticket(world.now))
    assert (await world.states())[-1] == ("skipped", "asked_recently"), "the customer was asked"


async def test_a_question_that_may_have_left_is_not_repeated_and_a_reply_goes_on_from_it(world: World) -> None:
    await world.asked()
    world.phones.failures = [OutcomeUnknown("?")]
    await world.hears("2")
    world.pass_time(minutes=30)
    await world.deliver()
    assert world.texts() == ["survey"]
    await world.hears("ei")
    await world.write_back()
    assert world.texts() == ["survey", "thanks"]
    assert {score.question: score.value for score in world.desk.written[-1].scores} == {"service": 2, "solved": 0}
    assert [row["state"] for row in await world.invitations()] == ["delivered", "delivered", "sent"]


@on_sqlite
async def test_a_question_whose_worker_died_is_in_doubt_like_a_survey(world: World) -> None:
    await world.asked()
    await world.reply("2")
    await world.process()
    assert len(await world.claim()) == 1
    assert await world.take_over() == 1
    row = await last(world)
    assert (row["step"], row["state"], row["reason"]) == (1, "unknown", "worker_died")


@on_sqlite
async def test_customers_are_answered_at_night_when_they_write_at_night(world: World) -> None:
    world.plan = plan(quiet_hours="20:00-08:00", max_age="30d")
    await world.asked()
    world.pass_time(hours=14)  # 01:00 in Helsinki
    await world.hears("2")
    assert world.texts() == ["survey", "question solved"]
    world.phones.failures = [Unavailable("down")]
    await world.hears("ei")
    world.pass_time(hours=2)
    await world.deliver()
    assert len(world.texts()) == 2, "two hours later they sleep"
    world.pass_time(hours=6)
    await world.deliver()
    assert world.texts()[2:] == ["thanks"]


@on_sqlite
async def test_a_reply_that_was_read_hours_later_is_not_answered_at_night(world: World) -> None:
    world.plan = plan(quiet_hours="20:00-08:00", max_age="30d")
    await world.asked()
    await world.reply("2")
    world.pass_time(hours=14)
    await world.process()
    await world.deliver()
    assert len(world.texts()) == 1
    world.pass_time(hours=8)
    await world.deliver()
    assert len(world.texts()) == 2


@on_sqlite
async def test_the_token_of_any_message_names_the_survey(world: World) -> None:
    token = await world.asked()
    await world.hears("2")
    second = world.phones.messages[-1].key
    assert second != token
    async with world.store.read() as connection:
        found = await find_by_token(connection, second)
    assert found is not None
    assert (found["token"], found["step"]) == (token, 0)
    await world.hears("ei", key=second)
    await world.write_back()
    assert len(world.desk.written[-1].scores) == 2


async def test_a_reply_that_comes_before_the_outcome_of_sending_answers_that_question(world: World) -> None:
    from hub.journey.outcome import Attempt, store_outcomes

    await world.asked()
    await world.reply("2")
    await world.process()
    (row,) = await world.claim()
    world.pass_time(seconds=1)
    await world.reply("ei")
    await world.process()
    world.pass_time(seconds=30)
    async with world.store.write() as connection:
        attempt = Attempt("sms", False, row, world.now, world.now)
        await store_outcomes(connection, [(attempt, OutcomeUnknown("?"))])
    await world.hears("kiitos")
    await world.write_back()
    assert {score.question: score.value for score in world.desk.written[-1].scores} == {"service": 2, "solved": 0}
    assert world.texts() == ["survey", "thanks"]


@on_sqlite
async def test_a_question_that_was_overtaken_while_it_was_sent_is_not_tried_again(world: World) -> None:
    with_messages(world, 5)
    await world.asked()
    await world.reply("2")
    await world.process()
    assert await world.claim()
    world.pass_time(seconds=1)
    await world.reply("ei")  # as an answer to the question that is on its way
    await world.process()
    await world.take_over("test")
    world.repeatable = True
    await world.deliver()
    await world.deliver()
    assert world.texts() == ["survey", "question improve"]


async def test_a_question_reported_as_not_delivered_ends_the_conversation(world: World) -> None:
    await world.asked()
    await world.hears("2")
    await world.report(DeliveryStatus.FAILED, key=world.phones.messages[-1].key, reason="absent")
    await world.hears("olen täällä")
    assert world.texts() == ["survey", "question solved"]
    assert "sms: the question 'solved' reported as not delivered" in await world.notes()
    assert await world.states() == [("delivered", None)]


async def test_who_reads_replies_waits_for_a_message_before_holding_later_ones(world: World) -> None:
    """Reports are applied in the order of ids. Whoever held a later message would have them wait in a circle."""
    if world.store.is_embedded:
        pytest.skip("one writer at a time")
    await world.asked()
    await world.hears("5")
    other = ticket(world.now, customer=Customer(phone="+358402222222"))
    await world.close(other)
    await world.deliver()
    survey, question, later = (row["id"] for row in await world.invitations())
    await world.reply("kyllä")
    await world.reply("4", "+358402222222")
    waits = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
    async with asyncio.timeout(10), world.store.write() as connection:
        await connection.execute(sa.select(invitations.c.id).where(invitations.c.id == question).with_for_update())
        reading = asyncio.create_task(world.process())
        while not (await connection.execute(waits)).scalar():  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.01)
        held = sa.select(invitations.c.id).where(invitations.c.id.in_([survey, later])).order_by(invitations.c.id)
        free = (await connection.execute(held.with_for_update(skip_locked=True))).scalars().all()
        assert free == [later]
    assert await reading == 2


async def test_two_workers_that_read_two_replies_at_once_ask_one_question(world: World) -> None:
    await world.asked()
    for _ in range(3):
        await world.reply("2")
    await asyncio.gather(*(answer.process_new(world.store, world.plan, lambda _: [], world.now, 1) for _ in range(3)))
    await world.deliver()
    assert world.texts() == ["survey", "question solved"]


async def test_what_follows_a_survey_is_counted_apart_from_surveys(world: World) -> None:
    await world.asked()
    await world.hears("2")
    world.phones.failures = [OutcomeUnknown("?")]
    await world.hears("ei")
    async with world.store.read() as connection:
        seen = await overview(connection, world.now)
    assert seen.asked == {"sms": {"delivered": 1}}
    assert seen.follow_ups == {"sms": {"sent": 1, "unknown": 1}}
    assert (seen.answered, seen.unknown, seen.doubts) == (1, {}, ())
    found = await gauges.read(world.store, ["gateways.sms"], world.now)
    assert found.queues["unknown", "gateways.sms"].length == 0, "nobody has to settle it"


async def test_an_operator_sees_what_failed_and_can_send_it_again_while_the_survey_is_open(world: World) -> None:
    await world.asked()
    await world.hears("2")
    world.phones.failures = [Rejected("no")]
    await world.hears("ei")
    listed = await operate.list_invitations(world.store, None, 10)
    assert [(row["kind"], row["state"]) for row in listed] == [("thanks", "failed"), ("survey", "delivered")]
    days = timedelta(days=3)
    assert await operate.retry(world.store, [listed[0]["id"]], world.now, days) == {}
    await world.deliver()
    assert world.texts()[-1] == "thanks"
    await world.report(DeliveryStatus.FAILED, key=world.phones.messages[-1].key)
    world.pass_time(days=15)
    assert await operate.retry(world.store, [listed[0]["id"]], world.now, days) == {
        listed[0]["id"]: "the conversation is over"
    }


@on_sqlite
async def test_a_question_in_doubt_can_be_sent_again_and_one_that_ended_the_conversation_cannot(world: World) -> None:
    await world.asked()
    world.phones.failures = [OutcomeUnknown("?")]
    await world.hears("2")
    days, question = timedelta(days=3), (await last(world))["id"]
    assert await operate.retry(world.store, [question], world.now, days) == {}
    world.phones.failures = [Rejected("no")]
    await world.deliver()
    assert await operate.retry(world.store, [question], world.now, days) == {question: "the conversation is over"}


@on_sqlite
async def test_an_operator_can_take_back_what_may_have_left(world: World) -> None:
    await world.asked()
    world.phones.failures = [OutcomeUnknown("?")]
    await world.hears("2")
    row = await last(world)
    assert await operate.cancel(world.store, [row["id"]], world.now) == {}
    assert (await last(world))["state"] == "cancelled"
    await world.hears("ei")
    assert world.texts() == ["survey"]


@on_sqlite
async def test_every_message_of_a_conversation_is_told_without_the_customer_s_words(world: World) -> None:
    await world.asked()
    await world.hears("2 salaisuus")
    await world.hears("ei")
    told = await world.story()
    assert [line for line in told if "left over" in line] == [
        "the survey left over sms",
        "the question 'solved' left over sms",
        "the thanks left over sms",
    ]
    assert PHONE not in "".join(told)
    assert "salaisuus" not in "".join(told)


async def test_the_story_of_a_ticket_is_that_of_its_survey(world: World) -> None:
    closed = ticket(world.now)
    await world.close(closed)
    await world.deliver()
    world.phones.failures = [Rejected("no")]
    await world.hears("2")
    async with world.store.write() as connection:  # on PostgreSQL a row that is changed comes last
        await connection.execute(invitations.update().where(invitations.c.step == 0).values(reason=None))
    async with world.store.read() as connection:
        (story,) = await stories(connection, closed.key)
    assert (story.state, story.next_step) == ("delivered", "nothing; the customer has answered")
    assert "sms: the question 'solved': no" in [line.what for line in story.lines]


async def test_replies_are_read_in_the_order_of_the_gateways_clock_also_while_the_hubs_is_behind(world: World) -> None:
    await world.asked()
    wrote_at = world.now
    world.pass_time(hours=-1)
    await world.reply("tarkoitin 5", received_at=wrote_at + timedelta(seconds=20))
    await world.process()
    world.pass_time(seconds=1)
    await world.reply("2", received_at=wrote_at)
    await world.finish()
    assert [score.value for score in world.desk.written[-1].scores] == [5]
