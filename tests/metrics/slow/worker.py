"""A worker that does some stages of a journey and ends: python -m tests.metrics.slow.worker STORE ask|answer"""

from __future__ import annotations

import asyncio
import sys

from hub import Customer, Rejected, tracing
from hub.journey.write_back import write_due
from hub.store import facts
from hub.store.engine import Store
from tests.journey.world import PHONE, World, ticket

TICKETS = 3


async def work(url: str, part: str) -> None:
    """One half of the journey of each ticket."""
    store = await Store.open(url)
    tracing.start(await facts.salt(store))
    world = World(store)
    await world.register(part)
    if part == "ask":
        others = [Customer(phone=f"+35840200{number:04}") for number in range(TICKETS - 1)]
        customers = [*others, Customer(phone=PHONE)]
        await world.close(*(ticket(world.now, subject="Printer", customer=one) for one in customers))
        world.phones.failures.append(Rejected("no", reason="smtp_550_5.1.1"))
        await world.deliver(worker=part)
    else:
        world.pass_time(minutes=5)
        await world.reply("5 Kiitos")
        await world.process()
        await write_due(store, world.target(part), 50)
    tracing.stop()
    await store.close()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2]))
