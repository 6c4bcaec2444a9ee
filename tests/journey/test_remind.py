"""One reminder, and never a second."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from hub import Channel, Customer, DeliveryStatus, Rejected, Unavailable
from hub.config.survey import Rule
from hub.daemon import steps
from hub.journey import operate
from hub.store.due import JOURNEY, Due
from hub.store.tables import answers, invitations
from tests.journey.world import MAIL, World, on_sqlite, plan, surveys, ticket


async def asked(world: World, **settings: Any) -> None:
    """A survey has left, and a reminder is planned."""
    world.plan = plan(**{"reminder": "3d", "max_age": "2d"} | settings)
    await world.close(ticket(world.now))
    await plan_reminders(world, world.now + world.plan.survey.reminder)
    await world.deliver()


async def plan_reminders(world: World, at: datetime) -> None:
    """As the decision to ask does."""
    async with world.store.write() as connection:
        await connection.execute(invitations.update().values(remind_at=at, rule="default"))


async def remind(world: World) -> None:
    """Whatever is due."""
    await world.remind()
    await world.deliver()


async def test_who_has_not_answered_is_reminded_once(world: World) -> None:
    await asked(world)
    world.pass_time(days=2, hours=23)
    await remind(world)
    assert world.texts() == ["survey"]
    world.pass_time(hours=1)
    await remind(world)
    world.pass_time(days=3)
    await remind(world)
    assert world.texts() == ["survey", "reminder"]
    survey, reminder = await world.invitations()
    assert survey["remind_at"] is None
    assert (reminder["step"], reminder["expires_at"]) == (1, survey["expires_at"])
    assert [line for line in await world.story() if "reminder" in line] == ["the reminder left over sms"]


@on_sqlite
async def test_an_answer_to_the_reminder_goes_on_as_if_it_was_to_the_survey(world: World) -> None:
    await asked(world)
    world.pass_time(days=3)
    await remind(world)
    await world.hears("2", key=world.phones.messages[-1].key)
    assert world.texts() == ["survey", "reminder", "thanks"], "three SMS are the most"


@on_sqlite
@pytest.mark.parametrize("by", ["sms", "page"])
async def test_who_has_answered_in_any_way_is_not_reminded(world: World, by: str) -> None:
    await asked(world)
    if by == "sms":
        await world.reply("kiitos paljon avusta")
    else:
        await world.answer_on_page(world.phones.messages[0].key, 4)
    await world.process()
    world.pass_time(days=3)
    await remind(world)
    assert "reminder" not in world.texts()


@on_sqlite
async def test_an_answer_that_was_not_read_yet_is_read_first(world: World) -> None:
    await asked(world)
    world.pass_time(days=3)
    await world.reply("5")
    assert await steps.journey(world.store, world.plan, lambda _: [], world.clock)
    assert not await steps.journey(world.store, world.plan, lambda _: [], world.clock)
    await world.deliver()
    assert "reminder" not in world.texts()


@pytest.mark.parametrize("by", ["sms", "page", "another address"])
async def test_a_reminder_waits_for_what_was_not_read_yet(world: World, by: str) -> None:
    await asked(world)
    world.pass_time(days=3)
    await world.remind()
    token = world.phones.messages[0].key
    if by == "page":
        await world.answer_on_page(token, 4)
    else:
        await world.reply("5", **({} if by == "sms" else {"sender": "other@customer.example", "key": token}))
    await world.deliver()
    assert world.texts() == ["survey"]
    await world.process()
    world.pass_time(minutes=1)
    await world.deliver()
    assert "reminder" not in world.texts()


@on_sqlite
async def test_words_of_somebody_else_keep_no_reminder_waiting(world: World) -> None:
    await asked(world)
    world.pass_time(days=3)
    await world.remind()
    await world.reply("5", "+358402000000")
    await world.deliver()
    assert world.texts() == ["survey", "reminder"]


@on_sqlite
async def test_an_answer_while_the_reminder_waits_takes_it_back(world: World) -> None:
    await asked(world, quiet_hours="20:00-08:00", reminder="70h")
    world.pass_time(hours=70, minutes=30)  # 09:30 three days later, in Helsinki
    world.pass_time(hours=12)
    await remind(world)
    assert world.texts() == ["survey"]
    await world.hears("5")
    world.pass_time(hours=12)
    await world.deliver()
    assert world.texts() == ["survey", "question solved"]


@on_sqlite
async def test_a_machine_s_answer_is_none(world: World) -> None:
    await asked(world)
    await world.answer_on_page(world.phones.messages[0].key, 4)
    async with world.store.write() as connection:
        await connection.execute(answers.update().values(state="quarantined"))
    world.pass_time(days=3)
    await remind(world)
    assert world.texts() == ["survey", "reminder"]


async def test_a_survey_that_left_late_is_reminded_of_late(world: World) -> None:
    world.phones.failures = [Unavailable("down")]
    await asked(world)
    world.pass_time(hours=30)
    await world.deliver()
    world.pass_time(hours=42)
    await remind(world)
    assert world.texts() == ["survey"]
    world.pass_time(hours=30)
    await remind(world)
    assert world.texts() == ["survey", "reminder"]


@on_sqlite
@pytest.mark.parametrize("how", ["stopped", "expired", "failed", "switched off", "cancelled"])
async def test_who_is_not_to_be_asked_any_more_is_not_reminded(world: World, how: str) -> None:
    if how == "failed":
        world.phones.failures = [Rejected("no")]
    await asked(world, expires="2d" if how == "expired" else "14d")
    if how == "stopped":
        await world.hears("stop")
    if how == "switched off":
        world.plan = plan()
    if how == "cancelled":
        async with world.store.write() as connection:
            await connection.execute(invitations.update().values(state="unknown"))
        await operate.cancel(world.store, [1], world.now)
    world.pass_time(days=3)
    await remind(world)
    world.pass_time(days=3)
    await remind(world)
    assert "reminder" not in world.texts()
    assert (await world.surveys())[0]["remind_at"] is None


@on_sqlite
async def test_who_gets_one_sms_at_most_is_not_reminded_and_by_mail_is(world: World) -> None:
    world.plan = replace(plan(reminder="3d"), surveys=surveys(1))
    await world.close(ticket(world.now), ticket(world.now, customer=Customer(email=MAIL)))
    async with world.store.write() as connection:
        await connection.execute(invitations.update().values(remind_at=world.now, state="sent", sent_at=world.now))
    world.pass_time(days=3)
    async with world.store.write() as connection:
        await connection.execute(invitations.update().values(survey_version=surveys()["closing"].version))
    await world.remind()
    reminders = [row for row in await world.invitations() if row["kind"] == "reminder"]
    assert [row["channel"] for row in reminders] == [Channel.EMAIL]


@on_sqlite
async def test_nobody_is_reminded_of_a_ticket_that_was_opened_again(world: World) -> None:
    closed = ticket(world.now)
    world.plan = plan(reminder="3d", max_age="2d")
    await world.close(closed)
    await world.deliver()
    await plan_reminders(world, world.now)
    world.pass_time(days=3)
    world.desk.now = {closed.id: None}
    await remind(world)
    assert world.texts() == ["survey"]
    (told,) = [line for line in await world.story() if "reminder" in line]
    assert told.startswith("the reminder did not leave: the ticket was reopened")


async def test_a_ticket_that_was_opened_again_before_the_time_came_needs_no_look(world: World) -> None:
    closed = ticket(world.now)
    await world.close(closed)
    await world.deliver()
    await plan_reminders(world, world.now)
    await world.close(reopened=(closed.id,))
    assert (await world.surveys())[0]["remind_at"] is None
    assert await world.states() == [("sent", None)]


async def test_a_reminder_waits_for_another_conversation_with_the_same_number(world: World) -> None:
    await asked(world)
    world.pass_time(days=3)
    await world.remind()
    await world.close(ticket(world.now))
    async with world.store.write() as connection:
        await connection.execute(
            invitations.update().where(invitations.c.kind == "reminder").values(due_at=world.now.replace(hour=23))
        )
    await world.deliver()
    assert world.texts() == ["survey", "survey"]
    world.pass_time(hours=15)
    await world.deliver()
    assert len(world.texts()) == 2
    await world.hears("5")
    await world.hears("kyllä")
    world.pass_time(hours=1)
    await world.deliver()
    await world.hears("3")
    first, second = await world.surveys()
    assert world.texts()[4:] == ["reminder", "thanks"]
    assert first["answered_at"] is not None
    assert second["open_until"] is None


@on_sqlite
async def test_a_reminder_reported_as_not_delivered_changes_nothing_else(world: World) -> None:
    await asked(world)
    world.pass_time(days=3)
    await remind(world)
    await world.report(DeliveryStatus.FAILED, key=world.phones.messages[-1].key)
    assert await world.states() == [("sent", None)]


@on_sqlite
@pytest.mark.parametrize("point", ["remind.before_commit", "remind.stored"])
async def test_a_worker_that_dies_while_it_reminds_reminds_nobody_twice(
    world: World, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    await asked(world)
    world.pass_time(days=3)
    with monkeypatch.context() as patch:
        patch.setattr("hub.journey.remind.fault_point", die)
        with pytest.raises(KeyboardInterrupt):
            await world.remind()
    await remind(world)
    await remind(world)
    assert world.texts() == ["survey", "reminder"]


@on_sqlite
async def test_a_rule_has_its_own_reminder(world: World) -> None:
    world.plan = replace(plan(), rules=(Rule(name="default", reminder="1h"),))
    await world.close(ticket(world.now))
    await plan_reminders(world, world.now)
    await world.deliver()
    await remind(world)
    assert world.texts() == ["survey"]
    world.pass_time(hours=1)
    await remind(world)
    assert world.texts() == ["survey", "reminder"]


async def test_two_workers_make_one_reminder(world: World) -> None:
    await asked(world)
    world.pass_time(days=3)
    await asyncio.gather(world.remind(), world.remind(), world.remind())
    await world.deliver()
    assert world.texts() == ["survey", "reminder"]


async def test_the_journey_is_woken_when_a_reminder_is_due_and_only_then(world: World) -> None:
    await asked(world)
    for days, found in ((2, set()), (1, {JOURNEY})):
        world.pass_time(days=days)
        async with world.store.read() as connection:
            assert set(await Due((), (), ()).next_times(connection, world.now)) == found
