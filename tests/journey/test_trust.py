"""Answers that must not count, and who the answer is about."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from hub import Customer, Ticket
from hub.journey import held as held_back
from hub.store.tables import AnswerState, answers, closures
from tests.journey.world import MAIL, World, on_sqlite, ticket


async def stored(world: World) -> list[tuple[str, str | None]]:
    async with world.store.read() as connection:
        found = await connection.execute(sa.select(answers.c.state, answers.c.suspicion).order_by(answers.c.id))
        return [(row.state, row.suspicion) for row in found]


async def test_the_desk_cannot_answer_for_its_customers(world: World) -> None:
    world.plan = replace(world.plan, is_desk=lambda sender: sender.endswith("@desk.example"))
    await world.close(ticket(world.now, customer=Customer(email=MAIL)))
    await world.claim(world.post("mail"))
    (row,) = await world.invitations()
    await world.reply("5 loistavaa", "Anna@desk.example", key=row["token"], channel="email")
    await world.finish()
    assert await stored(world) == [("refused", "desk")]
    assert world.desk.written == []
    assert (await world.invitations())[0]["answered_at"] is None
    (held,) = await held_back.list_answers(world.store, [AnswerState.REFUSED], 10)
    assert (held["state"], held["suspicion"]) == ("refused", "desk")
    await world.reply("2", MAIL, key=row["token"], channel="email")
    await world.finish()
    assert [record.scores[0].value for record in world.desk.written] == [2]


async def test_agents_cannot_follow_the_link_that_a_customer_quotes(world: World) -> None:
    await world.close(ticket(world.now, customer=Customer(email=MAIL)))
    await world.claim(world.post("mail"))
    (row,) = await world.invitations()
    token = row["token"]
    link = f"<https://survey.acme.example/a/{token}?r=5>"
    words = f"4\nEi aukea: {link}, survey+{token}@acme.example /a/b asiakaspalvelukeskus"
    await world.reply(words, MAIL, key=token, channel="email")
    await world.finish()
    (record,) = world.desk.written
    assert token not in record.model_dump_json()
    assert record.comment is not None
    assert "Ei aukea: <https://survey.acme.example/a/…?r=5>, survey+…@acme.example /a/b asiakas" in record.comment
    async with world.store.read() as connection:
        assert await connection.scalar(sa.select(answers.c.text)) == words, "what came in is kept as it was"


@on_sqlite
async def test_the_desk_s_mail_that_answers_nothing_is_unmatched(world: World) -> None:
    world.plan = replace(world.plan, is_desk=lambda _sender: True)
    await world.reply("hei", "anna@desk.example", channel="email")
    await world.process()
    assert await stored(world) == [("unmatched", None)]


async def _quarantined(world: World) -> int:
    token = await world.asked()
    assert await world.answer_on_page(token, 1)
    async with world.store.write() as connection:
        await connection.execute(answers.update().values(state="quarantined", suspicion="too_fast"))
    assert await world.process() == 0
    (held,) = await held_back.list_answers(world.store, [AnswerState.QUARANTINED], 10)
    assert (held["suspicion"], held["ticket_key"]) == ("too_fast", (await _ticket(world)).key)
    return int(held["id"])


async def _ticket(world: World) -> Ticket:
    async with world.store.read() as connection:
        return Ticket.model_validate_json(str(await connection.scalar(sa.select(closures.c.ticket))))


async def test_a_quarantined_answer_counts_once_a_person_confirms_it(world: World) -> None:
    id_ = await _quarantined(world)
    assert list(await held_back.confirm(world.store, [id_, 99], world.now)) == [99]
    await world.finish()
    assert await stored(world) == [("used", "too_fast")]
    assert [record.scores[0].value for record in world.desk.written] == [1]
    assert id_ in await held_back.reject(world.store, [id_], world.now)


@on_sqlite
async def test_a_quarantined_answer_never_counts_once_a_person_rejects_it(world: World) -> None:
    id_ = await _quarantined(world)
    assert await held_back.reject(world.store, [id_], world.now) == {}
    await world.finish()
    assert await stored(world) == [("refused", "too_fast")]
    assert world.desk.written == []
    assert id_ in await held_back.confirm(world.store, [id_], world.now)


async def test_the_answer_is_about_who_had_the_ticket_when_the_survey_left(world: World) -> None:
    closed = ticket(world.now, agent="Anna", team="A", service="Mail", subject="Printer")
    await world.close(closed)
    world.desk.now = {closed.id: closed.model_copy(update={"agent": "Berit", "team": "B", "subject": "Scanner"})}
    await world.deliver()
    world.desk.now = {closed.id: closed.model_copy(update={"agent": "Cecilia"})}
    await world.reply("4")
    await world.finish()
    snapshot = world.desk.written[0].ticket
    assert (snapshot.agent, snapshot.team, snapshot.service, snapshot.subject) == ("Berit", "B", "Mail", "Scanner")
    assert (await _ticket(world)).customer == closed.customer


@on_sqlite
async def test_a_ticket_that_is_as_it_was_is_not_stored_again(world: World) -> None:
    closed = ticket(world.now, agent="Anna")
    await world.close(closed)
    world.desk.now = {closed.id: closed.model_copy(update={"subject": "other"})}
    await world.deliver()
    assert await _ticket(world) == closed
