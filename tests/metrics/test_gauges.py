"""The queues as both databases count them."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from hub import Hint
from hub.journey import gauges, hints
from hub.journey.gauges import Queue
from hub.store.engine import Store
from hub.store.tables import InvitationState, invitations
from tests.journey.world import World, ticket
from tests.metrics.exposed import COMPONENTS


async def test_everything_that_waits_is_counted_with_its_age(store: Store) -> None:
    world = World(store)
    await world.register("test")
    begun = world.now
    await world.asked()
    await world.reply("5")
    await world.process()
    await world.asked()
    async with store.write() as connection:
        unknown = invitations.update().where(invitations.c.answered_at.is_(None))
        await connection.execute(unknown.values(state=InvitationState.UNKNOWN))
    world.pass_time(minutes=1)
    await world.close(ticket(world.now))
    await world.reply("4")
    await hints.store_hint(store, "desk", Hint(ticket_ids=("1", "2")), world.now)
    later = begun + timedelta(minutes=1)
    found = await gauges.read(store, COMPONENTS, world.now)
    assert {key: queue for key, queue in found.queues.items() if queue.length} == {
        ("write_backs", "sources.desk"): Queue(1, begun),
        ("unknown", "gateways.sms"): Queue(1, None),
        ("invitations", "gateways.sms"): Queue(1, later),
        ("answers", "hub"): Queue(1, later),
        ("hints", "sources.desk"): Queue(2, later),
    }
    assert set(found.queues) >= {("closures", "hub"), ("invitations", "gateways.mail"), ("write_backs", "sinks.lake")}


async def test_a_hub_without_sinks_or_gateways_has_no_queues_of_theirs(store: Store) -> None:
    found = await gauges.read(store, ["sources.desk"], World(store).now)
    assert {component for _, component in found.queues} == {"hub", "sources.desk"}


async def test_a_name_is_no_part_of_the_query(store: Store) -> None:
    hostile = "gateways.a'); DROP TABLE workers; --"
    found = await gauges.read(store, [hostile], World(store).now)
    assert found.queues["invitations", hostile] == Queue(0, None)
    async with store.read() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM workers")) == 0
