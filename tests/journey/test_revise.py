"""When a record is stored, for whom it is queued, and what that costs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import Customer
from hub.journey import experience
from hub.journey.heard import hear, steps_of
from hub.journey.surveys import survey_of
from hub.store.tables import answers, closures, experiences, invitations, write_backs
from hub.survey.model import Survey
from tests.journey.world import PHONE, World, ticket

JOINED = sa.select(invitations, closures.c.ticket, closures.c.source, closures.c.milestone).join(closures)


async def _survey(connection: AsyncConnection, invitation: Mapping[Any, Any]) -> Survey:
    return await survey_of(connection, invitation, {})


async def _revise(world: World, *targets: str, sink_wait: timedelta = timedelta()) -> int:
    """Make records of everything; gives the number of statements that took."""
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    async with world.store.write() as connection:
        rows = (await connection.execute(JOINED)).mappings().all()
        sa.event.listen(connection.sync_connection, "before_cursor_execute", count)
        steps = await steps_of(connection, [row["closure_id"] for row in rows])
        heard = await hear(connection, rows, _survey, steps)
        await experience.revise(connection, heard, lambda _: targets, world.now, sink_wait)
    return len(statements)


async def _answer(world: World, invitation: int = 1, **values: Any) -> None:
    row = {
        "gateway": "page", "provider_id": f"{invitation}-{world.now}-{values}", "channel": "page", "state": "used",
        "invitation_id": invitation, "sender": PHONE, "text": "", "raw": "", "received_at": world.now,
        "stored_at": world.now, **values,
    }  # fmt: skip
    async with world.store.write() as connection:
        await connection.execute(answers.insert(), [row])


async def _records(world: World) -> list[dict[str, Any]]:
    async with world.store.read() as connection:
        found = await connection.execute(sa.select(experiences.c.record).order_by(experiences.c.id))
        return [json.loads(record) for record in found.scalars()]


async def test_an_answer_from_before_there_were_surveys_gives_a_record(world: World) -> None:
    await world.asked()
    async with world.store.write() as connection:
        await connection.execute(invitations.update().values(survey=None, survey_version="4395a0b7ea93"))
    await _answer(world, rating=4, text="slow")
    await _revise(world)
    (record,) = await _records(world)
    assert (record["survey"], record["survey_version"], record["comment"]) == ("closing", "4395a0b7ea93", "slow")
    assert [(score["value"], score["maximum"]) for score in record["scores"]] == [(4, 5)]


async def test_only_answers_that_count_are_heard(world: World) -> None:
    await world.asked()
    for state in ("quarantined", "refused", "automatic"):
        await _answer(world, rating=1, state=state)
    await _revise(world)
    assert await _records(world) == []


async def test_the_ticket_hears_at_once_and_sinks_wait_for_a_slip_to_be_corrected(world: World) -> None:
    await world.asked()
    await _answer(world, rating=4)
    await _revise(world, "sources.desk", "sinks.bus", sink_wait=timedelta(minutes=1))
    async with world.store.read() as connection:
        found = await connection.execute(sa.select(write_backs.c.target, write_backs.c.next_at))
        waits = {row.target: row.next_at - world.now for row in found}
    assert waits == {"sources.desk": timedelta(), "sinks.bus": timedelta(minutes=1)}


async def test_a_batch_costs_as_many_statements_as_one_answer(world: World) -> None:
    await world.asked()
    await _answer(world, rating=4)
    one = await _revise(world, "sources.desk")
    for number in range(30):
        await world.close(ticket(world.now, customer=Customer(phone=f"+3584012345{number + 10}")))
    for invitation in range(1, 31):
        await _answer(world, invitation, rating=3)
    assert await _revise(world, "sources.desk") <= one <= 7
    assert len(await _records(world)) == 31
