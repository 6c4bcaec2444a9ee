"""From what a customer sends to the record that is made of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from hub import (
    Channel,
    Customer,
    DeliveryStatus,
    OutcomeUnknown,
    TicketSnapshot,
)
from hub.journey import opting
from hub.journey.submission import Outcome
from hub.store.tables import answers
from tests.journey.asked import submit
from tests.journey.world import PHONE, World, built_in_surveys, plan, ticket


async def _answer_states(world: World) -> list[tuple[str, str | None]]:
    async with world.store.read() as connection:
        found = await connection.execute(sa.select(answers.c.state, answers.c.matched_by).order_by(answers.c.id))
        return [(row.state, row.matched_by) for row in found]


async def test_a_digit_comes_onto_the_ticket(world: World) -> None:
    await world.asked()
    await world.reply("5 kiitos nopeasta avusta")
    await world.finish()
    (record,) = world.desk.written
    assert (record.scores[0].value, record.comment) == (5, "kiitos nopeasta avusta")
    assert (record.ticket.agent, record.ticket.subject, record.channel) == ("Anna", "Printer", Channel.SMS)
    assert (record.survey, record.survey_version) == ("closing", built_in_surveys()["closing"].version)


async def test_a_record_says_of_its_ticket_all_but_whose_it_was(world: World) -> None:
    words = {name: f"the {name}" for name in ("subject", "agent", "team", "service", "type", "organisation")}
    opened = world.now - timedelta(hours=3, microseconds=7)
    closed = ticket(
        world.now,
        opened_at=opened,
        first_response_at=opened + timedelta(minutes=5),
        time_to_resolve=timedelta(hours=2, seconds=1.5),
        reopen_count=2,
        fields={"impact": "high"},
        url="https://desk.example/1",
        **words,
    )
    await world.close(closed)
    await world.deliver()
    await world.reply("5")
    await world.finish()
    kept = {name: getattr(closed, name) for name in TicketSnapshot.model_fields if name != "source"}
    assert world.desk.written[0].ticket == TicketSnapshot(source="desk", **kept)


@pytest.mark.parametrize("sender", ["358401234567", "00358401234567", "0401234567", "+358 40 123 4567"])
async def test_the_sender_s_number_is_known_in_every_spelling(world: World, sender: str) -> None:
    await world.asked()
    await world.reply("4", sender)
    await world.finish()
    assert len(world.desk.written) == 1


async def test_the_same_sms_delivered_twice_is_one_answer(world: World) -> None:
    await world.asked()
    await world.reply("4", id_="same")
    await world.finish()
    await world.reply("4", id_="same")
    await world.finish()
    assert len(world.desk.written) == 1


async def test_a_second_message_adds_to_the_record_as_a_new_revision(world: World) -> None:
    await world.asked()
    await world.reply("2")
    await world.finish()
    await world.reply("jouduin odottamaan")
    await world.finish()
    assert [(r.revision, r.scores[0].value, r.comment) for r in world.desk.written] == [
        (1, 2, None),
        (2, 2, "jouduin odottamaan"),
    ]
    assert len({record.id for record in world.desk.written}) == 1


async def test_a_revision_replaces_one_that_was_not_written_yet(world: World) -> None:
    await world.asked()
    await world.reply("2")
    await world.process()
    await world.reply("3")
    await world.finish()
    assert [(r.revision, r.scores[0].value) for r in world.desk.written] == [(2, 3)]


async def test_an_answer_that_says_nothing_new_is_not_written_again(world: World) -> None:
    await world.asked()
    for _ in range(3):
        await world.reply("4")
        await world.finish()
    assert len(world.desk.written) == 1


async def test_an_answer_proves_that_an_unknown_message_arrived(world: World) -> None:
    world.phones.failures = [OutcomeUnknown("?")]
    await world.close(ticket(world.now))
    await world.deliver()
    await world.reply("5")
    await world.finish()
    assert await world.states() == [("delivered", None)]
    assert len(world.desk.written) == 1


async def test_what_matches_nothing_is_kept(world: World) -> None:
    await world.reply("Missä mennään?", "+358509999999")
    await world.finish()
    assert await _answer_states(world) == [("unmatched", None)]


@pytest.mark.parametrize("has_token", [False, True])
async def test_a_reply_after_the_survey_expired_adds_its_words_and_changes_no_score(
    world: World, has_token: bool
) -> None:
    token = await world.asked()
    await world.reply("2 hidasta")
    await world.finish()
    world.pass_time(days=15)
    await world.reply("5 nyt toimii", key=token if has_token else None)
    await world.finish()
    by = "token" if has_token else "sender"
    assert (await _answer_states(world))[-1] == ("used", f"{by}, after it expired")
    last = world.desk.written[-1]
    assert (last.revision, last.scores[0].value, last.comment) == (2, 2, "hidasta\n5 nyt toimii")


async def test_a_late_reply_belongs_to_the_last_survey_that_its_sender_was_sent(world: World) -> None:
    await world.asked()
    world.pass_time(days=3)
    await world.asked()
    world.pass_time(days=30)
    await world.reply("missä mennään?")
    await world.finish()
    first, second = await world.surveys()
    assert (first["answered_at"], second["answered_at"]) == (None, world.now)
    assert [(record.scores, record.comment) for record in world.desk.written] == [((), "missä mennään?")]


async def test_a_token_from_another_address_is_used_and_marked(world: World) -> None:
    token = await world.asked()
    await world.reply("5", "+358509999999", key=token)
    await world.finish()
    assert await _answer_states(world) == [("used", "token, from another address")]


async def test_automatic_mail_is_kept_and_not_counted(world: World) -> None:
    token = await world.asked()
    await world.reply("5 I am away", key=token, automatic=True)
    await world.finish()
    assert await _answer_states(world) == [("automatic", None)]
    assert world.desk.written == []


async def test_stop_is_obeyed_and_is_no_answer(world: World) -> None:
    await world.asked()
    await world.reply("LOPETA")
    await world.finish()
    await world.close(ticket(world.now))
    assert (await world.states())[-1] == ("skipped", "opted_out")
    assert world.desk.written == []


async def test_stop_holds_for_a_survey_that_already_waits(world: World) -> None:
    world.plan = plan(delay="1h")
    await world.close(ticket(world.now))
    await world.reply("stop")
    await world.process()
    world.pass_time(hours=2)
    await world.deliver()
    assert await world.states() == [("skipped", "opted_out")]
    assert world.phones.messages == []


async def test_the_page_s_answer_replaces_the_page_s_earlier_answer(world: World) -> None:
    token = await world.asked()
    assert await submit(world.store, token, world.now, service=1, comment="slow") is Outcome.STORED
    await world.finish()
    assert await submit(world.store, token, world.now, service=4, comment="I was too hard") is Outcome.STORED
    await world.finish()
    assert [(r.scores[0].value, r.comment) for r in world.desk.written] == [(1, "slow"), (4, "I was too hard")]


@pytest.mark.parametrize("token", ["", "a" * 20, "' OR 1=1 --"])
async def test_a_guessed_token_stores_nothing(world: World, token: str) -> None:
    await world.asked()
    assert await submit(world.store, token, world.now, service=5) is Outcome.CLOSED
    assert not await opting.opt_out(world.store, token, world.now)


async def test_the_page_is_closed_when_the_survey_expired(world: World) -> None:
    token = await world.asked()
    world.pass_time(days=15)
    assert await submit(world.store, token, world.now, service=5) is Outcome.CLOSED


async def test_unsubscribing_by_token_stops_further_surveys(world: World) -> None:
    token = await world.asked()
    assert await opting.opt_out(world.store, token, world.now)
    assert await opting.opt_out(world.store, token, world.now)
    await world.close(ticket(world.now))
    assert (await world.states())[-1] == ("skipped", "opted_out")


async def test_replies_stored_by_many_webhooks_at_once_are_all_there(world: World) -> None:
    await asyncio.gather(*(world.reply("5", f"+35840{n:07}") for n in range(50)))
    assert len(await _answer_states(world)) == 50


async def test_the_address_is_not_in_the_record(world: World) -> None:
    await world.asked()
    await world.reply("5 hyvä")
    await world.finish()
    assert PHONE not in world.desk.written[0].model_dump_json()


@pytest.mark.parametrize("words", ["5 a\0b", "5 a\ud83db"])
async def test_characters_that_no_database_holds_do_not_lose_an_answer(world: World, words: str) -> None:
    await world.asked()
    await world.reply(words)
    await world.finish()
    assert world.desk.written[0].scores[0].value == 5


async def test_an_answer_counts_whatever_the_gateway_said_of_the_message(world: World) -> None:
    token = await world.asked()
    await world.report(DeliveryStatus.FAILED, key=token, reason="EXPIRED")
    assert await submit(world.store, token, world.now, service=4) is Outcome.STORED
    await world.reply("4 kiitos")
    await world.finish()
    assert [record.comment for record in world.desk.written] == ["kiitos"]


async def test_stop_in_a_forwarded_survey_stops_its_sender_only(world: World) -> None:
    token = await world.asked()
    await world.reply("stop", "+358509999999", key=token)
    await world.process()
    await world.close(ticket(world.now), ticket(world.now, customer=Customer(phone="+358509999999")))
    assert (await world.states())[1:] == [("waiting", None), ("skipped", "opted_out")]


async def test_a_sender_is_the_same_person_in_any_spelling_of_the_address(world: World) -> None:
    world.plan = replace(plan(), gateways=(("sms", Channel.EMAIL),))
    await world.close(ticket(world.now, customer=Customer(email="Maija+x@Customer.example")))
    await world.deliver()
    await world.reply("5", "maija@CUSTOMER.EXAMPLE")
    await world.finish()
    assert len(world.desk.written) == 1


async def test_one_answer_that_cannot_be_processed_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.survey.reading import wishes

    def fragile(text: str) -> object:
        if text == "bad":
            raise KeyError("a fault")
        return wishes(text)

    await world.asked()
    monkeypatch.setattr("hub.journey.wishes.read_wish", fragile)
    await world.reply("bad")
    await world.reply("5")
    await world.process()
    assert sorted(state for state, _ in await _answer_states(world)) == ["unmatched", "used"]


async def test_long_ids_and_senders_from_outside_lose_no_answer(world: World) -> None:
    await world.asked()
    await world.reply("stop", "a" * 9000 + "@x.example", id_="m" * 9000)
    await world.reply("5", id_="n" * 9000)
    await world.finish()
    assert len(world.desk.written) == 1
