"""A person is removed from everything, and nothing of them can be found afterwards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from hub import Customer, DeliveryStatus, Inbound, OutcomeUnknown, Ticket
from hub.api.errors import HubError
from hub.api.records import DeliveryReport
from hub.journey import erase as erasing
from hub.journey.addresses import hashed
from hub.journey.erase import Busy, Erased
from hub.journey.held import SHOWN, confirm, list_answers
from hub.journey.person import find_person, identity, spellings
from hub.journey.submission import Outcome
from hub.store.dialect import purge
from hub.store.search import cells
from hub.store.tables import answers, closures, contacts, invitations, stops, write_backs
from tests.journey.asked import submit
from tests.journey.world import MAIL, PHONE, World, ticket

MAIJA = Customer(name="Maija", phone="040 123 4567", email="Maija+it@Customer.example")
WORDS = 'Tulostin ei "vieläkään" toimi\nsoittakaa 040-1234567'


async def _erase(world: World, address: str = PHONE) -> Erased:
    person = await find_person(world.store, address, "FI")
    return await erasing.erase(world.store, person, world.now)


async def _answered(world: World) -> Ticket:
    """Maija was asked, answered, and her answer was written back."""
    own = ticket(world.now, customer=MAIJA, subject="Printer of maija@customer.example", fields={"room": "B 12"})
    await world.close(own)
    await world.deliver()
    await world.reply(f"2 {WORDS}")
    await world.finish()
    async with world.store.write() as connection:
        await connection.execute(contacts.delete())
        known = [{"address": address, "person": "m"} for address in (PHONE, MAIL)]
        await connection.execute(contacts.insert(), known)
    return own


async def _places(world: World, *texts: str) -> set[str]:
    """Where any of these texts is stored, by table and column."""
    found: set[str] = set()
    async for some in cells(world.store, lambda text: any(one.lower() in text.lower() for one in texts)):
        found |= {cell.place for cell in some}
    return found


async def test_nothing_of_a_person_is_left(world: World) -> None:
    own = await _answered(world)
    await world.reply("Olen muuttanut, älkää kysykö enää mitään", "Maija@customer.example")  # matches no survey
    await world.reply("stop")
    await world.process()
    erased = await _erase(world)
    assert erased.left == {}
    assert (erased.removed["closures"], erased.removed["answers"], erased.wants_no_surveys) == (1, 3, True)
    assert ("sources.desk", own.key) in erased.on_tickets
    assert await _places(world, "maija", "1234567", "123 4567", "vieläkään", "muuttanut", "B 12", "printer") == set()


async def test_every_address_of_the_person_is_found_from_any_of_them(world: World) -> None:
    await _answered(world)
    world.pass_time(days=40)
    await world.close(ticket(world.now, customer=Customer(email=MAIL.upper())))
    assert (await _erase(world, " 00358 (0)40 123 4567")).removed["closures"] == 2
    assert await _places(world, MAIL, "1234567") == set()


async def test_the_figures_stay_and_the_closure_is_not_surveyed_again(world: World) -> None:
    own = await _answered(world)
    await _erase(world)
    assert await world.close(own) == 0
    async with world.store.read() as connection:
        record = await connection.scalar(sa.text("SELECT record FROM experiences"))
        kept = Ticket.model_validate_json(await connection.scalar(sa.select(closures.c.ticket)) or "")
    assert '"value":2.0' in record
    assert (kept.key, kept.subject, kept.customer) == (own.key, "", Customer())


async def test_what_waits_to_leave_never_leaves(world: World) -> None:
    await _answered(world)
    await world.reply("vielä yksi asia: kiitos kuitenkin")
    await world.process()
    world.pass_time(days=1)
    await world.close(ticket(world.now, customer=MAIJA))
    await _erase(world)
    before = len(world.phones.messages)
    await world.deliver()
    await world.write_back()
    assert (len(world.phones.messages), len(world.desk.written)) == (before, 1)
    assert (await world.states())[-1] == ("cancelled", "erased")
    async with world.store.read() as connection:
        found = await connection.execute(
            sa.select(write_backs.c.state, write_backs.c.reason).order_by(write_backs.c.id)
        )
        assert [tuple(row) for row in found] == [("done", None), ("failed", "erased")]


async def test_an_answer_nobody_has_read_yet_is_not_read(world: World) -> None:
    await world.asked()
    await world.reply("4 hyvin meni, kiitos paljon")
    await _erase(world)
    await world.finish()
    assert world.desk.written == []


async def test_an_answer_that_is_held_back_is_gone_from_the_list_and_cannot_be_confirmed(world: World) -> None:
    token = await world.asked()
    await world.reply("2 jouduin odottamaan")
    await world.process()
    assert await submit(world.store, token, world.now, trap_filled=True, comment="Soittakaa minulle") is Outcome.HELD
    (row,) = await list_answers(world.store, SHOWN, 10)
    assert (await _erase(world)).left == {}
    assert await list_answers(world.store, SHOWN, 10) == []
    assert list(await confirm(world.store, [row["id"]], world.now)) == [row["id"]]
    assert await _places(world, "soittakaa", "odottamaan", PHONE) == set()
    await world.reply("K")  # the conversation was open: it is nobody's now
    await world.process()
    assert (await list_answers(world.store, SHOWN, 10))[0]["state"] == "unmatched"


async def test_a_closure_that_was_never_asked_about_is_found_by_its_ticket(world: World) -> None:
    world.plan = replace(world.plan, gateways=())
    await world.close(ticket(world.now, customer=MAIJA))
    assert (await _erase(world, MAIL)).removed["closures"] == 1
    assert await _places(world, "maija") == set()


async def test_others_keep_their_tickets_and_lose_only_the_address(world: World) -> None:
    other = ticket(world.now, subject="Access for maija@customer.example", customer=Customer(phone="+358409999999"))
    await world.close(other)
    await world.deliver()
    await world.reply("3 kysykää: maija@customer.example, 040 1234567 tai xmaija@customer.example", "+358409999999")
    await world.finish()
    erased = await _erase(world, MAIL)
    assert (erased.removed["closures"], erased.left) == (0, {})
    async with world.store.read() as connection:
        kept = Ticket.model_validate_json(await connection.scalar(sa.select(closures.c.ticket)) or "")
        text = await connection.scalar(sa.select(answers.c.text))
    assert (kept.subject, kept.customer.phone) == ("Access for [erased]", "+358409999999")
    assert text == "3 kysykää: [erased], 040 1234567 tai xmaija@customer.example"


async def test_who_answered_somebody_else_s_survey_loses_their_words(world: World) -> None:
    token = await world.asked()
    await world.reply("1 en minä tätä tilannut", "+358405555555", key=token)
    await world.finish()
    erased = await _erase(world, "+358405555555")
    assert (erased.left, await _places(world, "tilannut", "5555555")) == ({}, set())


async def test_a_report_that_names_the_address_is_gone(world: World) -> None:
    await world.asked()
    report = DeliveryReport(status=DeliveryStatus.FAILED, at=world.now, provider_id="x", reason=f"no such user {MAIL}")
    await world.store_inbound(Inbound(reports=(report,)))
    assert (await _erase(world, MAIL)).left == {}


async def test_a_wish_to_be_left_alone_outlives_the_address(world: World) -> None:
    await world.asked()
    await world.reply("stop")
    await world.process()
    await _erase(world)
    async with world.store.read() as connection:
        assert await connection.scalar(sa.select(stops.c.entry)) == hashed(PHONE)
    again = await _erase(world)
    assert (again.wants_no_surveys, again.removed["closures"]) == (True, 0)
    await world.close(ticket(world.now))
    assert (await world.states())[-1] == ("skipped", "on_stop_list")
    await world.reply("START")
    await world.process()
    await world.close(ticket(world.now))
    assert (await world.states())[-1][0] == "waiting"


async def test_nothing_is_erased_while_a_message_is_being_sent(world: World) -> None:
    await world.close(ticket(world.now))
    await world.claim()
    with pytest.raises(Busy):
        await _erase(world)
    assert await _places(world, "1234567") != set()


async def test_nothing_is_erased_while_an_answer_is_being_written(world: World) -> None:
    await world.asked()
    await world.reply("5")
    await world.process()
    async with world.store.write() as connection:
        await connection.execute(write_backs.update().values(state="writing", claimed_by="other"))
    with pytest.raises(Busy):
        await _erase(world)


async def test_a_survey_with_an_unknown_outcome_is_erased_too(world: World) -> None:
    world.phones.failures = [OutcomeUnknown("?")]
    await world.close(ticket(world.now))
    await world.deliver()
    assert (await _erase(world)).left == {}
    async with world.store.read() as connection:
        assert await connection.scalar(sa.select(invitations.c.address)) is None


async def test_the_proof_finds_what_is_left(world: World) -> None:
    await _answered(world)
    person = await find_person(world.store, PHONE, "FI")
    theirs = await erasing.look(world.store, person)
    left = await erasing.prove(world.store, person, theirs)
    assert set(left) >= {"closures.ticket", "answers.text", "experiences.record", "contacts.address", "answers.sender"}


async def test_the_file_itself_holds_nothing(world: World, store_url: str) -> None:
    if not store_url.startswith("sqlite"):
        pytest.skip("a file is SQLite's")
    await _answered(world)
    path = Path(store_url.removeprefix("sqlite:///"))
    files = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]
    assert any("vieläkään".encode() in file.read_bytes() for file in files)
    await _erase(world)
    assert purge(path)
    for file in files:
        for text in ("vieläkään", "maija", "1234567", "Maija", "B 12"):
            assert text.encode() not in file.read_bytes()


@pytest.mark.parametrize("text", ["", "Maija", "112", "maija@", "T-1", "+358"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(HubError):
        identity(text, "FI")


@pytest.mark.parametrize(
    "text",
    [
        "0401234567", "040 123 4567", "040-1234567", "+358401234567", "+358 40 123 4567", "00358401234567",
        "358401234567", "+358 (0)40 123 4567", "(040) 123 4567", "soita 040.123.4567.", '"phone":"401234567"',
        r"rivi\n0401234567", "%2B358401234567", r"\u00a00401234567",
    ],
)  # fmt: skip
def test_a_number_is_found_in_every_spelling(text: str) -> None:
    assert spellings(["+358401234567"]).search(text)


def test_a_number_without_country_or_zero_is_found_where_a_number_stands() -> None:
    pattern = spellings(["+12125550100"])
    assert pattern.search('"phone":"(212) 555-0100"')
    assert not pattern.search("ticket 2125550100")


@pytest.mark.parametrize(
    "text", ["10401234567", "04012345678", "401234567", "0401234568", "+46401234567", "040 12 345"]
)
def test_another_number_is_not_taken_for_it(text: str) -> None:
    assert not spellings(["+358401234567"]).search(text)


@pytest.mark.parametrize(
    ("text", "is_it"),
    [
        ("maija@customer.example", True),
        ("<Maija@CUSTOMER.example>", True),
        ("maija+it@customer.example.", True),
        ("maija%40customer.example", True),
        (r"rivi\nmaija@customer.example", True),
        ("xmaija@customer.example", False),
        ("maija.m@customer.example", False),
        ("maija@customer.example.org", False),
        ("maija@customer.examples", False),
    ],
)
def test_a_mail_address_is_found_in_every_spelling(text: str, is_it: bool) -> None:
    assert bool(spellings(["maija@customer.example"]).search(text)) is is_it


@given(st.text(), st.text())
def test_any_text_around_a_number_hides_nothing_but_digits(before: str, after: str) -> None:
    pattern = spellings(["+358401234567", MAIL])
    text = f"{before} +358401234567 {after}"
    assert pattern.search(text)
    assert not pattern.search(pattern.sub("[erased]", "+358401234567"))
