"""The way out of further surveys by a page, for all addresses of a person, and back."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from hub.journey import opting
from hub.store.engine import Store
from hub.store.tables import contacts, events
from tests.journey.asked import LATER, MAIL, OTHER, TOKEN, Sent
from tests.journey.world import plan

PHONE = "+358401234567"


@pytest.fixture
async def sent(store: Store) -> Sent:
    """A survey to somebody with two addresses, once on each database."""
    sent = Sent(store)
    await sent.send()
    rows = [{"address": MAIL, "person": "1"}, {"address": PHONE, "person": "1"}, {"address": "x@y.example"}]
    async with store.write() as connection:
        for row in rows:
            await connection.execute(contacts.insert().values(row))
    return sent


async def stopped(store: Store) -> set[str]:
    async with store.read() as connection:
        return set(await connection.scalars(sa.select(contacts.c.address).where(contacts.c.opted_out_at.is_not(None))))


async def test_who_wants_no_more_surveys_gets_none_at_any_address(sent: Sent) -> None:
    await sent.follow()
    assert not await opting.has_stopped(sent.store, TOKEN)
    for token in (TOKEN, LATER):  # repeated, also by a later message
        assert await opting.opt_out(sent.store, token, sent.now)
    assert await stopped(sent.store) == {MAIL, PHONE}
    assert await opting.has_stopped(sent.store, TOKEN)
    async with sent.store.read() as connection:
        assert len((await connection.execute(sa.select(events))).all()) == 1, "told once"


async def test_who_changes_their_mind_gets_surveys_again(sent: Sent) -> None:
    await opting.opt_out(sent.store, TOKEN, sent.now)
    for _ in range(2):
        assert await opting.opt_in(sent.store, TOKEN, plan(), sent.now)
    assert await stopped(sent.store) == set()
    assert not await opting.has_stopped(sent.store, TOKEN)


async def test_an_unknown_token_changes_nobody(sent: Sent) -> None:
    assert not await opting.opt_out(sent.store, OTHER, sent.now)
    assert not await opting.opt_in(sent.store, OTHER, plan(), sent.now)
    assert not await opting.has_stopped(sent.store, OTHER)
    assert await stopped(sent.store) == set()
