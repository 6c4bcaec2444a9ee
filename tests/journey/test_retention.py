"""Persons are taken out of what is older than the retention time, a little at a time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from hub import Customer, Inbound, Reply
from hub.api.records import Channel
from hub.journey.retention import forget_contacts, forget_old
from hub.store.search import cells
from hub.store.tables import answers, contacts
from tests.journey.world import MAIL, PHONE, World, ticket

YEAR = timedelta(days=365)


async def _forget_all(world: World, batch: int = 100) -> list[int]:
    """What each step did, until nothing was left."""
    done = []
    while count := await forget_old(world.store, YEAR, world.now, batch):
        done.append(count)
    while count := await forget_contacts(world.store, YEAR, world.now):
        done.append(count)
    return done


async def _places(world: World, text: str) -> set[str]:
    found: set[str] = set()
    async for some in cells(world.store, lambda stored: text in stored):
        found |= {cell.place for cell in some}
    return found


async def test_only_what_is_old_is_forgotten(world: World) -> None:
    await world.asked()
    await world.reply("2 jouduin odottamaan")
    await world.finish()
    world.pass_time(days=366)
    young = ticket(world.now, customer=Customer(phone="+358405555555"))
    await world.close(young)
    await world.deliver()
    assert await _forget_all(world) == [2, 1]  # a closure and its answer, then the address
    assert await _places(world, PHONE) == await _places(world, "odottamaan") == set()
    assert await _places(world, "+358405555555") != set()
    assert await _forget_all(world) == []


async def test_nothing_of_it_is_left_in_the_file(world: World, store_url: str) -> None:
    if not store_url.startswith("sqlite"):
        pytest.skip("a file is SQLite's")
    await world.asked()
    await world.reply("2 jouduin odottamaan " + "ikuisuuden " * 500)
    await world.finish()
    world.pass_time(days=366)
    await _forget_all(world)
    await world.store.tidy(thoroughly=True)
    path = Path(store_url.removeprefix("sqlite:///"))
    for file in (path, path.with_name(f"{path.name}-wal")):
        for text in (PHONE, "odottamaan", "ikuisuuden"):
            assert text.encode() not in file.read_bytes()


async def test_a_step_is_bounded_and_the_next_one_goes_on(world: World) -> None:
    for _ in range(5):
        await world.close(ticket(world.now, customer=Customer(email=MAIL)))
    world.pass_time(days=366)
    assert await _forget_all(world, batch=2) == [2, 2, 1, 1]
    assert await _places(world, MAIL) == set()


async def test_feedback_and_machine_mail_that_belong_to_nothing_are_forgotten_too(world: World) -> None:
    await world.reply("missä te olette")
    away = Reply(
        provider_id="m", channel=Channel.EMAIL, sender=MAIL, text="olen lomalla", received_at=world.now, automatic=True
    )
    await world.store_inbound(Inbound(replies=(away,)))
    await world.process()
    world.pass_time(days=366)
    await _forget_all(world)
    async with world.store.read() as connection:
        found = await connection.execute(sa.select(answers.c.text, answers.c.sender, answers.c.state))
        assert sorted(tuple(row) for row in found) == [("", "", "automatic"), ("", "", "refused")]


async def test_who_said_stop_is_not_forgotten(world: World) -> None:
    await world.asked()
    await world.reply("stop")
    await world.process()
    world.pass_time(days=366)
    await _forget_all(world)
    async with world.store.read() as connection:
        assert await connection.scalar(sa.select(contacts.c.address)) == PHONE


async def test_an_answer_delivered_again_after_it_was_forgotten_stays_forgotten(world: World) -> None:
    await world.reply("missä te olette", id_="same")
    await world.process()
    world.pass_time(days=366)
    await _forget_all(world)
    await world.reply("missä te olette", id_="same")
    assert await _places(world, "missä") == set()
