"""Answers without a ticket, as the store keeps them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from hub import Experience, Ticket
from hub.config.survey import Place
from hub.journey import answer, opting, page, place, stamp
from hub.journey.page import Stage
from hub.journey.place import Spot
from hub.journey.submission import Outcome, Submission
from hub.store.engine import Store
from hub.store.tables import AnswerState, InvitationState, answers, closures, experiences, invitations
from tests.databases import Postgres
from tests.journey.asked import KEY, RULES, SENT_AT, SURVEYS, Sent
from tests.journey.world import plan

NOW = SENT_AT
SPOT = Spot(
    name="lobby",
    place=Place(title={"fi": "Aula", "sv": "Aulan"}, service="Lähituki", team="Helpdesk"),
    survey=SURVEYS["place"],
    language="sv",
    kiosk=True,
    open_for=timedelta(hours=1),
)


def pressed(number: int = 0, *, value: int = 4, subject: str = "places.lobby", **more: object) -> Submission:
    """A press on a face, shown half a minute before."""
    made = stamp.make(KEY, subject, NOW - timedelta(seconds=30), f"{number:016x}")
    return Submission(values={"visit": value}, stamp=made, **more)  # type: ignore[arg-type]


async def count(store: Store, table: sa.Table) -> int:
    async with store.read() as connection:
        return await connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


async def test_a_visit_is_kept_as_a_ticket_that_was_asked_about_and_answered(store: Store) -> None:
    outcome, token = await place.store_visit(store, SPOT, pressed(), RULES, NOW)
    assert outcome is Outcome.STORED
    async with store.read() as connection:
        closure = (await connection.execute(sa.select(closures))).mappings().one()
        invitation = (await connection.execute(sa.select(invitations))).mappings().one()
        given = (await connection.execute(sa.select(answers))).mappings().one()
    ticket = Ticket.model_validate_json(closure["ticket"])
    assert (closure["source"], closure["decided"], closure["milestone"]) == ("places.lobby", True, "closed")
    assert (ticket.subject, ticket.service, ticket.team, ticket.channel) == ("Aula", "Lähituki", "Helpdesk", "kiosk")
    assert (invitation["step"], invitation["kind"], invitation["state"]) == (0, "survey", InvitationState.DELIVERED)
    assert (invitation["address"], invitation["gateway"], invitation["language"]) == (None, None, "sv")
    assert (invitation["survey_version"], invitation["token"]) == (SPOT.survey.version, token)
    assert (given["key"], given["state"], json.loads(given["given"])) == (token, AnswerState.NEW, {"visit": 4})


async def test_a_visit_becomes_a_record_for_the_sinks_and_is_corrected_like_any_other(store: Store) -> None:
    async def records(now: datetime) -> list[Experience]:
        targets = {"places.lobby": ["sinks.events"]}
        while await answer.process_new(store, replace(plan(), surveys=SURVEYS), targets.__getitem__, now):
            pass
        async with store.read() as connection:
            found = await connection.scalars(sa.select(experiences.c.record).order_by(experiences.c.revision))
            return [Experience.model_validate_json(record) for record in found]

    _, token = await place.store_visit(store, SPOT, pressed(value=2), RULES, NOW)
    [record] = await records(NOW)
    assert (record.place, record.ticket.service, record.survey) == ("lobby", "Lähituki", "place")
    assert [(score.question, score.value) for score in record.scores] == [("visit", 2)]
    sent = Sent(store, now=NOW + timedelta(minutes=1))
    await sent.press(token, subject=token, comment="Jono")
    assert (await records(sent.now))[-1].comment == "Jono"
    sent.pass_time(minutes=1)
    await sent.press(token, subject=token, withdraws=True)
    last = (await records(sent.now))[-1]
    assert (last.withdrawn, last.scores, last.comment, last.revision) == (True, (), None, 3)
    assert await count(store, invitations) == 1, "nobody is written to"


async def test_what_is_sent_twice_is_one_visit(store: Store) -> None:
    both = await asyncio.gather(*(place.store_visit(store, SPOT, pressed(1, value=one), RULES, NOW) for one in (4, 5)))
    assert both[0] == both[1]
    assert [await count(store, table) for table in (closures, invitations, answers)] == [1, 1, 2]
    _, token = await place.store_visit(store, SPOT, pressed(2), RULES, NOW)
    assert token != both[0][1]
    assert await count(store, closures) == 2


async def test_two_workers_that_get_it_at_once_keep_one_visit(postgres_server: Postgres) -> None:
    url = postgres_server.new_database()
    stores = [await Store.open(url) for _ in range(2)]
    both = await asyncio.gather(*(place.store_visit(one, SPOT, pressed(), RULES, NOW) for one in stores))
    assert both[0] == both[1]
    assert await count(stores[0], closures) == 1
    for one in stores:
        await one.close()


async def test_a_visit_can_be_completed_changed_and_withdrawn_for_a_while(store: Store) -> None:
    _, token = await place.store_visit(store, SPOT, pressed(), RULES, NOW)
    sent = Sent(store, now=NOW + timedelta(minutes=1))
    opened = await sent.look(token)
    assert (opened.place, opened.stage, opened.said.values) == ("lobby", Stage.ANSWERED, {"visit": 4})
    assert opened.change_until == NOW + timedelta(hours=1)
    assert await sent.press(token, subject=token, comment="Kiitos") is Outcome.STORED
    assert (await sent.look(token)).said.values == {"visit": 4, "comment": "Kiitos"}
    sent.pass_time(minutes=1)
    assert await sent.press(token, subject=token, withdraws=True) is Outcome.STORED
    assert (await sent.look(token)).said.withdrawn
    sent.pass_time(hours=1)
    assert (await sent.look(token)).stage is Stage.SETTLED
    assert await sent.press(token, subject=token, visit=1) is Outcome.CLOSED


async def test_a_visit_that_looks_like_a_machines_is_held(store: Store) -> None:
    for submission, word in (
        (Submission(values={"visit": 1}), "no_form"),
        (pressed(1, subject="places.other"), "no_form"),
        (pressed(2, trap_filled=True), "trap"),
    ):
        outcome, token = await place.store_visit(store, SPOT, submission, RULES, NOW)
        assert outcome is Outcome.HELD
        sent = Sent(store, now=NOW + timedelta(minutes=1))
        assert (await sent.answers())[-1]["suspicion"] == word
        assert (await sent.look(token)).said.values == {}
    assert await count(store, closures) == 3


async def test_one_form_stores_only_so_much(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "MOST_SUBMISSIONS", 2)
    outcomes = [(await place.store_visit(store, SPOT, pressed(), RULES, NOW))[0] for _ in range(3)]
    assert outcomes == [Outcome.STORED, Outcome.STORED, Outcome.TOO_MANY]


async def test_nobody_is_stopped_by_the_token_of_a_visit(store: Store) -> None:
    _, token = await place.store_visit(store, SPOT, pressed(), RULES, NOW)
    assert not await opting.opt_out(store, token, NOW)
    assert not await opting.has_stopped(store, token)
    assert await page.open_page(store, token, RULES, NOW) is not None
