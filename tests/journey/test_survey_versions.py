"""An answer is read with the survey that was sent, whatever hub.toml says by then."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from hub.config.questions import Question
from hub.journey.surveys import keep, survey_of
from hub.store.tables import invitations, surveys
from hub.survey.model import Survey
from tests.journey.world import World, built_in_surveys, on_sqlite, ticket


def _question(**values: Any) -> Question:
    return Question.model_validate({"text": {"fi": "?", "sv": "?", "en": "?"}} | values)


def _changed(version: str = "other", **questions: Question) -> dict[str, Survey]:
    """The surveys of another hub.toml."""
    closing = built_in_surveys()["closing"].model_copy(update={"version": version, "questions": questions})
    return {"closing": closing}


async def _versions(world: World) -> Sequence[str]:
    async with world.store.read() as connection:
        return (await connection.execute(sa.select(surveys.c.version).order_by(surveys.c.version))).scalars().all()


async def test_a_conversation_goes_on_with_the_survey_that_it_began_with(world: World) -> None:
    await world.asked()
    old = world.plan.surveys["closing"].version
    world.plan = replace(world.plan, surveys=_changed(recommend=_question(kind="nps")))
    await world.hears("2")
    await world.write_back()
    assert world.texts() == ["survey", "question solved"]
    record = world.desk.written[0]
    assert (record.survey_version, record.scores[0].question, record.scores[0].maximum) == (old, "service", 5)
    world.pass_time(days=3)
    await world.asked()
    await world.hears("9")
    await world.write_back()
    record = world.desk.written[-1]
    assert (record.survey_version, record.scores[0].question, record.scores[0].maximum) == ("other", "recommend", 10)
    assert await _versions(world) == sorted([old, "other"])


@on_sqlite
async def test_what_is_sent_again_asks_what_was_asked_before(world: World) -> None:
    from hub import Unavailable

    world.phones.failures = [Unavailable("down")]
    await world.close(ticket(world.now))
    await world.deliver()
    world.plan = replace(world.plan, surveys=_changed(recommend=_question(kind="nps")))
    world.pass_time(minutes=5)
    await world.deliver()
    (row,) = await world.surveys()
    assert row["survey_version"] == built_in_surveys()["closing"].version


@on_sqlite
async def test_a_survey_that_this_worker_s_file_does_not_have_waits(world: World) -> None:
    await world.close(ticket(world.now))
    async with world.store.write() as connection:
        await connection.execute(invitations.update().values(survey="new"))
    await world.deliver()
    assert await world.states() == [("waiting", None)]
    closing = world.plan.surveys["closing"]
    world.plan = replace(world.plan, surveys={"new": closing.model_copy(update={"name": "new"})})
    world.pass_time(minutes=1)
    await world.deliver()
    assert world.texts() == ["survey"]


@on_sqlite
async def test_surveys_of_before_there_were_several_asked_one_question_and_nothing_follows(world: World) -> None:
    await world.asked()
    async with world.store.write() as connection:
        await connection.execute(invitations.update().values(survey_version="3f1c", open_until=None))
        await connection.execute(surveys.delete())
    world.plan = replace(world.plan, surveys=_changed(recommend=_question(kind="nps")))
    await world.hears("4 kiitos")
    await world.write_back()
    record = world.desk.written[0]
    assert (record.survey, record.survey_version) == ("closing", "3f1c")
    assert [(score.question, score.value, score.maximum) for score in record.scores] == [("service", 4, 5)]
    assert world.texts() == ["survey"]


@on_sqlite
async def test_a_version_is_stored_once_and_read_as_it_was(world: World) -> None:
    for survey in built_in_surveys().values():
        for _ in range(3):
            async with world.store.write() as connection:
                await keep(connection, survey, world.now)
        row = {"survey": survey.name, "survey_version": survey.version}
        async with world.store.read() as connection:
            assert await survey_of(connection, row, {}) == survey
    assert len(await _versions(world)) == len({survey.version for survey in built_in_surveys().values()})


async def test_a_version_whose_storing_was_rolled_back_is_stored_the_next_time(world: World) -> None:
    survey = built_in_surveys()["closing"]
    with suppress(KeyError):
        async with world.store.write() as connection:
            await keep(connection, survey, world.now)
            raise KeyError
    assert await _versions(world) == []
    async with world.store.write() as connection:
        await keep(connection, survey, world.now)
    assert await _versions(world) == [survey.version]
