"""STOP and START: at once, for all addresses of a person, whatever waits for them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from hub import Channel, Customer, DeliveryStatus, Rejected, Unavailable
from hub.config.survey import LegalBasis
from hub.store.tables import contacts
from tests.journey.world import MAIL, PHONE, World, on_sqlite, plan, ticket

OTHER = "+358509999999"


async def join(world: World, *addresses: str) -> None:
    """Make these the addresses of one person."""
    async with world.store.write() as connection:
        for one in addresses:
            await connection.execute(contacts.delete().where(contacts.c.address == one))
            await connection.execute(contacts.insert().values(address=one, person="p"))


async def stopped(world: World) -> set[str]:
    async with world.store.read() as connection:
        found = await connection.execute(sa.select(contacts.c.address).where(contacts.c.opted_out_at.is_not(None)))
        return set(found.scalars())


async def test_stop_is_confirmed_once_and_what_waits_is_not_sent(world: World) -> None:
    world.plan = plan(delay="1h")
    await world.close(ticket(world.now))
    world.pass_time(hours=1)
    await world.deliver()
    await world.close(ticket(world.now))
    await world.hears("STOP")
    await world.hears("stop!")
    world.pass_time(hours=2)
    await world.deliver()
    assert world.texts() == ["survey", "stopped"]
    assert await world.states() == [("delivered", None), ("skipped", "opted_out")]


@on_sqlite
async def test_stop_in_the_middle_of_a_conversation_ends_it(world: World) -> None:
    await world.asked()
    world.phones.failures = [Unavailable("down")]
    await world.hears("2")
    await world.hears("lopeta")
    world.pass_time(minutes=5)
    await world.deliver()
    await world.hears("ei")
    assert world.texts() == ["survey", "stopped"]


@on_sqlite
async def test_a_rating_beside_the_stop_word_counts(world: World) -> None:
    await world.asked()
    await world.hears("5 stop")
    await world.write_back()
    assert [(record.scores[0].value, record.comment) for record in world.desk.written] == [(5, None)]
    assert world.texts() == ["survey", "stopped"]


async def test_stop_holds_for_all_addresses_of_the_person(world: World) -> None:
    world.plan = plan(delay="1h")
    await world.close(ticket(world.now))
    world.pass_time(hours=1)
    await world.deliver()
    await join(world, PHONE, MAIL, OTHER)
    await world.close(
        ticket(world.now, customer=Customer(email=MAIL)), ticket(world.now, customer=Customer(phone=OTHER))
    )
    await world.hears("STOP")
    world.pass_time(hours=2)
    assert await world.claim(world.post("mail")) == []
    assert await world.claim() == []
    assert await stopped(world) == {PHONE, MAIL, OTHER}
    assert [state for state, _ in await world.states()] == ["delivered", "skipped", "skipped"]


async def test_start_lets_the_person_be_asked_again_and_is_confirmed(world: World) -> None:
    await world.asked()
    await join(world, PHONE, MAIL)
    await world.hears("STOP")
    await world.hears("START")
    await world.hears("START")
    assert world.texts() == ["survey", "stopped", "started"]
    assert await stopped(world) == set()
    await world.close(ticket(world.now))
    assert (await world.states())[-1] == ("waiting", None)


@on_sqlite
async def test_start_after_the_survey_expired_counts_too(world: World) -> None:
    await world.asked()
    await world.hears("STOP")
    world.pass_time(days=20)
    await world.hears("start")
    assert world.texts() == ["survey", "stopped", "started"]


@on_sqlite
async def test_stop_then_start_in_one_go_leaves_the_last_word(world: World) -> None:
    await world.asked()
    await world.reply("STOP")
    await world.hears("START")
    assert await stopped(world) == set()
    assert world.texts()[-1] == "started"


async def test_start_is_a_consent_where_one_is_needed(world: World) -> None:
    await world.asked()
    basis = LegalBasis(sms="consent")
    world.plan = plan(legal_basis=basis)
    await world.hears("START")
    async with world.store.read() as connection:
        assert await connection.scalar(sa.select(contacts.c.consent)) == "sms"
    await world.hears("STOP")
    async with world.store.read() as connection:
        assert await connection.scalar(sa.select(contacts.c.consent)) is None
    assert world.texts() == ["survey", "started", "stopped"]


@on_sqlite
async def test_a_confirmation_is_sent_at_night(world: World) -> None:
    world.plan = plan(quiet_hours="20:00-08:00", max_age="30d")
    await world.asked()
    world.pass_time(hours=14)
    await world.hears("STOP")
    assert world.texts() == ["survey", "stopped"]


@on_sqlite
async def test_a_confirmation_that_could_not_be_sent_for_a_day_is_not_sent(world: World) -> None:
    await world.asked()
    world.phones.failures = [Unavailable("down")]
    await world.hears("STOP")
    world.pass_time(days=1)
    await world.deliver()
    assert world.texts() == ["survey"]


@on_sqlite
async def test_who_stops_after_start_was_heard_is_not_told_that_surveys_come_again(world: World) -> None:
    await world.asked()
    await world.hears("STOP")
    world.phones.failures = [Unavailable("down")]
    await world.hears("START")
    await world.hears("STOP")
    world.pass_time(minutes=5)
    await world.deliver()
    assert world.texts() == ["survey", "stopped", "stopped"]


@on_sqlite
async def test_a_stop_by_mail_is_obeyed_without_a_mail_back(world: World) -> None:
    await world.close(ticket(world.now, customer=Customer(email=MAIL)))
    await world.claim(world.post("mail"))
    (row,) = await world.invitations()
    await join(world, PHONE, MAIL)
    await world.hears("Stop", MAIL, key=row["token"], channel=Channel.EMAIL)
    assert await stopped(world) == {PHONE, MAIL}
    assert len(await world.invitations()) == 1


@on_sqlite
async def test_unsubscribing_by_the_link_of_a_later_message_stops_all_addresses(world: World) -> None:
    await world.asked()
    await join(world, PHONE, MAIL)
    await world.hears("2")
    assert await world.unsubscribe(world.phones.messages[-1].key)
    assert await stopped(world) == {PHONE, MAIL}
    await world.hears("ei")
    assert world.texts() == ["survey", "question solved"]


async def test_a_stop_from_somebody_who_was_never_asked_is_recorded_and_says_no_number(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.hears("STOP", OTHER)
    assert await stopped(world) == {OTHER}
    assert await world.invitations() == []
    assert OTHER not in "".join(capsys.readouterr())


@on_sqlite
async def test_a_forwarded_stop_is_not_confirmed_to_the_one_who_was_asked(world: World) -> None:
    token = await world.asked()
    await world.hears("STOP", OTHER, key=token)
    assert await stopped(world) == {OTHER}
    assert world.texts() == ["survey"]


async def test_who_is_put_on_the_stop_list_gets_nothing_that_waits(world: World) -> None:
    from hub.store.tables import stops

    await world.close(ticket(world.now, customer=Customer(email="maija@sub.Customer.example")))
    async with world.store.write() as connection:
        await connection.execute(stops.insert().values(entry="@customer.example", added_at=world.now))
    assert await world.claim(world.post("mail")) == []
    assert await world.states() == [("skipped", "on_stop_list")]


@on_sqlite
async def test_who_writes_start_can_be_reached_again(world: World) -> None:
    """A service that was told STOP as well refuses the confirmation, and the number counted as dead from then on."""
    await world.asked()
    await world.reply("STOP")
    await world.process()
    world.phones.failures = [Rejected("opted out", reason="21610", address_unusable=True)]
    await world.deliver()
    await world.reply("START")
    await world.process()
    await world.close(ticket(world.now))
    assert (await world.states())[-1][0] == "waiting"


@pytest.mark.parametrize("told", ["refused", "reported", "replied"])
async def test_a_wish_to_stop_that_only_the_gateway_knows_of_holds_for_every_address(world: World, told: str) -> None:
    """Somebody said STOP where the hub did not hear it, or in words that only the gateway's service takes for one."""
    await join(world, PHONE, MAIL)
    if told == "refused":
        world.phones.failures = [Rejected("opted out", reason="21610", address_unusable=True, opted_out=True)]
        await world.close(ticket(world.now))
        await world.deliver()
    else:
        await world.asked()
    if told == "reported":
        await world.report(DeliveryStatus.FAILED, provider_id="p1", reason="21610", opted_out=True)
    elif told == "replied":
        await world.reply("nej tack", opts_out=True)
        await world.process()
    assert await stopped(world) == {PHONE, MAIL}
    await world.close(ticket(world.now, customer=Customer(email=MAIL)))
    assert (await world.states())[-1] == ("skipped", "opted_out")
    assert "the customer asked not to be surveyed again" in await world.notes()
    await world.reply("START")
    await world.process()
    assert await stopped(world) == set()
    await world.close(ticket(world.now))
    assert (await world.states())[-1][0] == "waiting"
