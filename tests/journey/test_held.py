"""What a person decides: whether an answer counts, and what kind an item is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.errors import HubError
from hub.api.records import Experience, ItemKind
from hub.journey import held
from hub.journey.erase import erase
from hub.journey.export import Wanted, read
from hub.journey.person import find_person
from hub.journey.story import stories
from hub.journey.surveys import survey_of
from hub.store.tables import answers
from hub.survey.model import Survey
from tests.journey.world import PHONE, World


async def _survey(connection: AsyncConnection, invitation: Mapping[Any, Any]) -> Survey:
    return await survey_of(connection, invitation, {})


async def _correct(world: World, uid: str, number: int, kind: ItemKind) -> Experience:
    return await held.correct(
        world.store, uid, number, kind, survey_of=_survey, targets=lambda _: ["sources.desk"], now=world.now
    )


async def _held_back(world: World) -> int:
    """An answer that looks like a machine's; gives its number."""
    await world.asked()
    await world.reply("5 hienoa")
    async with world.store.write() as connection:
        await connection.execute(answers.update().values(state="quarantined", suspicion="all ratings"))
        return (await connection.execute(sa.select(answers.c.id))).scalar_one()


async def test_a_held_answer_waits_and_counts_once_it_is_confirmed(world: World) -> None:
    id_ = await _held_back(world)
    await world.finish()
    assert world.desk.written == []
    (row,) = await held.list_answers(world.store, held.SHOWN, 10)
    assert (row["id"], row["suspicion"], row["text"]) == (id_, "all ratings", "5 hienoa")
    assert await held.confirm(world.store, [id_], world.now) == {}
    await world.finish()
    assert [item.scores[0].value for item in world.desk.written] == [5]


async def test_a_rejected_answer_never_counts_and_is_kept(world: World) -> None:
    id_ = await _held_back(world)
    assert await held.reject(world.store, [id_], world.now) == {}
    await world.finish()
    assert world.desk.written == []
    assert set(await held.confirm(world.store, [id_, id_ + 1], world.now)) == {id_, id_ + 1}
    async with world.store.read() as connection:
        assert await connection.scalar(sa.select(answers.c.text)) == "5 hienoa"


async def test_answers_of_no_survey_are_listed(world: World) -> None:
    await world.reply("missä olette")
    await world.process()
    (row,) = await held.list_answers(world.store, held.SHOWN, 10)
    assert (row["state"], row["sender"], row["ticket_key"]) == ("unmatched", PHONE, None)


async def test_a_corrected_kind_is_written_back_and_outlives_later_answers(world: World) -> None:
    await world.asked()
    await world.reply("1 surkeaa palvelua")
    await world.finish()
    (first,) = world.desk.written
    assert (await _correct(world, first.id, 1, ItemKind.WISH)).items[0].kind is ItemKind.COMPLAINT
    await world.write_back()
    await world.reply("ja hidasta")
    await world.finish()
    told = [[(item.kind, item.by) for item in one.items] for one in world.desk.written[1:]]
    wish, complaint = (ItemKind.WISH, "person"), (ItemKind.COMPLAINT, "rule")
    assert told == [[wish], [wish, complaint]]
    assert world.desk.written[1].answered_at == first.answered_at


async def test_a_corrected_kind_is_no_answer_and_no_delay_of_one(world: World) -> None:
    await world.asked()
    await world.reply("1 surkeaa palvelua")
    await world.process()
    world.pass_time(seconds=30)
    await world.write_back()
    world.pass_time(days=3)
    (first,) = world.desk.written
    await _correct(world, f"{first.id}.1", 1, ItemKind.WISH)  # as it stands on the ticket
    await world.write_back()
    exported = [one async for _, some in read(world.store, Wanted(all_revisions=True)) for one in some]
    assert [one.latencies_s()["answered_to_written_back_s"] for one in exported] == [30.0, 30.0]
    async with world.store.read() as connection:
        (story,) = await stories(connection, first.ticket.key)
    told = [line.what for line in story.lines]
    assert sum("the customer answered" in line for line in told) == 1
    assert "a person at the desk corrected what kind of thing the customer wrote" in told


@pytest.mark.parametrize(("uid", "number"), [("nobody", 1), (None, 2), (None, 0)])
async def test_what_is_not_there_cannot_be_corrected(world: World, uid: str | None, number: int) -> None:
    await world.asked()
    await world.reply("1 surkeaa palvelua")
    await world.process()
    (one,) = [each for _, some in [found async for found in read(world.store, Wanted())] for each in some]
    with pytest.raises(HubError):
        await _correct(world, uid or one.record.id, number, ItemKind.WISH)


async def test_erased_words_have_no_kind_to_correct(world: World) -> None:
    await world.asked()
    await world.reply("1 surkeaa palvelua")
    await world.finish()
    await erase(world.store, await find_person(world.store, PHONE, "FI"), world.now)
    with pytest.raises(HubError, match="erased"):
        await _correct(world, world.desk.written[0].id, 1, ItemKind.WISH)
