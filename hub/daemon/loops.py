"""What runs for each component, and the journey between them. Each loop looks, works, and waits to be woken.

What reads from a source or a gateway (pull, hints, census, milestones, collect, look-up) runs on one worker at a time:
while it holds the lock of that component. Everything else shares its work by rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import structlog

from hub.api.component import Capability, Clock
from hub.daemon import steps
from hub.daemon.bell import Bells
from hub.daemon.components import Instance
from hub.daemon.health import Health
from hub.daemon.load import Tally
from hub.daemon.lookout import Lookout
from hub.journey import look_up as looking_up
from hub.journey import milestones
from hub.journey.deliver import Sender
from hub.journey.policy import Plan
from hub.journey.post import Post
from hub.journey.write_back import Target
from hub.store import failures
from hub.store.channel import Channel
from hub.store.engine import Store

_LEAST_BETWEEN_LOOKS_S = 0.5
_SETTLE_EVERY_S = 5.0
"""How often a gateway without work looks what became of the last messages."""
_LOOK_FOR_CENSUS = timedelta(minutes=10)
_LOOK_FOR_UNKNOWN = timedelta(minutes=1)
_FORGET_EVERY = timedelta(hours=1)
_FORGET_BATCHES = 100
"""In an hour at most: 10,000 closures, so that years that are forgotten at once do not get in the way."""
_BETWEEN_FORGETTING = timedelta(seconds=0.2)


@dataclass(slots=True)
class Engine:
    """What all loops share. `plan` and `instances` change when the configuration is loaded again."""

    store: Store
    clock: Clock
    random: Random
    plan: Plan
    targets: Callable[[str], Sequence[str]]
    """The components that hear of an experience from a source, by the source's name."""
    instances: dict[str, Instance]
    channel: Channel
    bells: Bells
    tally: Tally
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def health(self, loop_id: str) -> Health:
        """The health of one loop."""
        return Health(self.store, loop_id, self.clock, self.random)


async def _supervise(
    engine: Engine,
    stopping: asyncio.Event,
    loop_id: str,
    work: Callable[[Health], Awaitable[int | None]],
    rest: Callable[[], Awaitable[None]],
    *,
    lock: str | None = None,
) -> None:
    """Work and rest again and again.

    When the work fails it is paused, and the failure never reaches another loop.

    :param work: gives how much was done; None when there was nothing to prove that the component works.
    :param rest: waits until there may be work; not at all when some was left.
    :param lock: what must be held for it.
    """
    health = engine.health(loop_id)
    while not stopping.is_set():
        if lock is not None and not engine.channel.holds(lock):
            await _first(stopping.wait(), engine.channel.wait_for(lock))
            continue
        try:
            done = await work(health)
            if done is not None or not health.needs_proof:
                await health.worked()
            await rest()
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            await _pause(await health.failed(error), stopping.wait())  # something inside the plugin was cancelled
        except Exception as error:  # noqa: BLE001 - also a plugin's bug stops that plugin only
            pause = await health.failed(error)
            if failures.is_of_the_store(error):
                await _pause(pause, stopping.wait(), engine.bells.back.wait())
            else:
                await _pause(pause, stopping.wait())


async def _pause(length: timedelta, *until: Coroutine[Any, Any, Any]) -> None:
    """Wait that long, or until one of these ends."""
    with suppress(TimeoutError):
        async with asyncio.timeout(length.total_seconds()):
            await _first(*until)


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of them ends, and cancel the others."""
    async with asyncio.TaskGroup() as group:
        tasks = {group.create_task(wait) for wait in waits}
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


async def _until_news(instance: Instance) -> None:
    """Wait for the polling interval, for the component to say that there is news, or for the hub to stop.

    A component that cannot wait, or that always sees news, is looked at no more often than once in a while.
    """
    await _first(instance.stopping.wait(), _news(instance))


async def _news(instance: Instance) -> None:
    interval = instance.config.interval.total_seconds()
    started = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(interval) as limit:
            if not instance.can(Capability.WAIT):
                await asyncio.Event().wait()
            await instance.component.wait()
    except (Exception, asyncio.CancelledError) as error:
        if limit.expired():
            return
        if (task := asyncio.current_task()) and task.cancelling():
            raise
        # polling goes on, and tells what is wrong
        structlog.get_logger(component=instance.id).debug("component.cannot_wait", error=type(error).__name__)
        await asyncio.sleep(max(0, started + interval - asyncio.get_running_loop().time()))
    await asyncio.sleep(max(0, started + _LEAST_BETWEEN_LOOKS_S - asyncio.get_running_loop().time()))


async def pull(engine: Engine, instance: Instance) -> None:
    """Pull a source whenever there may be news."""

    async def work(health: Health) -> int:
        mine = partial(engine.channel.holds, instance.id)
        async for new in steps.pull(engine.store, instance, engine.clock, mine=mine):
            health.stored_with_page()
            if new:
                engine.bells.journey.ring_near()
        return 0

    rest = partial(_until_news, instance)
    await _supervise(engine, instance.stopping, instance.id, work, rest, lock=instance.id)


async def follow_hints(engine: Engine, instance: Instance) -> None:
    """Read tickets that a source's webhooks named, as soon as they do."""
    loop_id = f"{instance.id}:hints"
    followed = 0

    async def work(_health: Health) -> int | None:
        nonlocal followed
        followed = await steps.follow_hints(engine.store, instance, engine.clock)
        if followed:
            engine.bells.journey.ring_near()
        return followed or None

    async def rest() -> None:
        if not followed:
            await engine.bells.of(loop_id).wait()

    await _supervise(engine, instance.stopping, loop_id, work, rest, lock=instance.id)


async def take_census(engine: Engine, instance: Instance) -> None:
    """Every few hours, find what pulling has missed."""
    log = structlog.get_logger(component=instance.id)

    async def work(_health: Health) -> int | None:
        found = await steps.take_census(engine.store, instance, engine.plan, engine.clock)
        if found is None:
            return None
        tell = log.warning if found.missed else log.info
        tell("census.taken", present=found.present, missed=found.missed, vanished=found.vanished)
        engine.bells.journey.ring_near()
        return 1

    async def rest() -> None:
        await _pause(_LOOK_FOR_CENSUS, instance.stopping.wait())

    await _supervise(engine, instance.stopping, f"{instance.id}:census", work, rest, lock=instance.id)


async def find_milestones(engine: Engine, instance: Instance) -> None:
    """Every few minutes, find open tickets whose customers are asked how it goes."""

    async def work(_health: Health) -> int | None:
        mine = partial(engine.channel.holds, instance.id)
        new = await steps.find_milestones(engine.store, instance, engine.plan, engine.clock, mine=mine)
        if new:
            engine.bells.journey.ring_near()
        return new

    async def rest() -> None:
        await _pause(milestones.EVERY, instance.stopping.wait())

    await _supervise(engine, instance.stopping, f"{instance.id}:milestones", work, rest, lock=instance.id)


async def collect(engine: Engine, instance: Instance) -> None:
    """Collect a gateway's replies and reports whenever there may be news."""

    async def work(_health: Health) -> int:
        mine = partial(engine.channel.holds, instance.id)
        async for inbound in steps.collect(engine.store, instance, engine.plan.region, engine.clock, mine=mine):
            engine.tally.add("answers", len(inbound.replies))
            engine.bells.journey.ring_near()
        return 0

    rest = partial(_until_news, instance)
    await _supervise(engine, instance.stopping, instance.id, work, rest, lock=instance.id)


async def deliver(engine: Engine, instance: Instance, post: Post) -> None:
    """Send what is due on a gateway; one message at a time while it is out of order, so that few are in doubt."""
    bell = engine.bells.of(instance.id)
    more = False

    async with Sender(engine.store, post) as sender:

        async def work(health: Health) -> int | None:
            nonlocal more
            limit = 1 if health.is_failing else instance.config.max_in_flight
            batch = await steps.deliver(engine.store, instance, sender, engine.plan, limit)
            engine.tally.add("sent", batch.sent)
            more = batch.looked_at > 0
            return batch.sent + batch.refused or None  # what is under way proves nothing yet

        async def rest() -> None:
            if not more:
                await bell.wait(_SETTLE_EVERY_S)

        await _supervise(engine, instance.stopping, f"{instance.id}:send", work, rest)


async def look_up(engine: Engine, instance: Instance, post: Post) -> None:
    """Ask a gateway's service about messages that may have left."""

    async def work(_health: Health) -> int | None:
        return await looking_up.look_up(engine.store, post) or None

    async def rest() -> None:
        await _pause(_LOOK_FOR_UNKNOWN, instance.stopping.wait())

    await _supervise(engine, instance.stopping, f"{instance.id}:look_up", work, rest, lock=instance.id)


async def write_back(engine: Engine, instance: Instance, target: Target) -> None:
    """Write what is due to a target."""
    bell = engine.bells.of(target.id)
    written = 0

    async def work(_health: Health) -> int | None:
        nonlocal written
        written = await steps.write_back(engine.store, target)
        engine.tally.add("written", written)
        return written or None

    async def rest() -> None:
        if written < steps.WRITE_BATCH:
            await bell.wait()
        else:
            bell.ring()  # there may be more than one worker writes at once

    await _supervise(engine, instance.stopping, f"{target.id}:write", work, rest)


async def journey(engine: Engine) -> None:
    """Everything between the components: decide, match, make experiences."""
    bell, outgoing = engine.bells.journey, engine.bells.outgoing
    done = steps.Done()

    async def work(_health: Health) -> int:
        nonlocal done
        done = await steps.journey(engine.store, engine.plan, engine.targets, engine.clock)
        if done.decided:
            outgoing.ring()  # each worker has only so many messages on their way
        elif done:
            outgoing.ring_near()
        return done.total

    async def rest() -> None:
        if done.more:
            bell.ring()
        else:
            await bell.wait()  # the lookout rings it for what nobody announced

    await _supervise(engine, engine.stopping, "hub", work, rest)


async def forget(engine: Engine) -> None:
    """Once an hour, take persons out of what is older than `survey.retention`, a little at a time beside the work."""
    id_ = "hub:forget"
    batches, forgotten, more = 0, 0, False

    async def work(_health: Health) -> int:
        nonlocal batches, forgotten, more
        done = await steps.forget(engine.store, engine.plan, engine.clock)
        batches, forgotten = batches + 1, forgotten + done
        more = done > 0 and batches < _FORGET_BATCHES
        if not more:
            if forgotten:
                await engine.store.tidy(thoroughly=True)
                structlog.get_logger().info("retention.forgot", rows=forgotten, more=done > 0)
            batches, forgotten = 0, 0
        return done

    async def rest() -> None:
        await _pause(_BETWEEN_FORGETTING if more else _FORGET_EVERY, engine.stopping.wait())

    await _supervise(engine, engine.stopping, id_, work, rest, lock=id_)


async def look_out(engine: Engine, lookout: Lookout) -> None:
    """Wake the loops for which something is due."""
    wait_s = 0.0

    async def work(_health: Health) -> int:
        nonlocal wait_s
        wait_s = await lookout.look(engine.channel.look_every_s)
        return 0

    await _supervise(engine, engine.stopping, "hub:due", work, lambda: engine.bells.outgoing.wait(wait_s))


async def withdraw(engine: Engine, unreachable: Callable[[], Awaitable[int]], loaded: asyncio.Event) -> None:
    """At the start and after each reload, take back surveys that wait for a gateway which is not there any more.

    :param unreachable: takes them back.
    :param loaded: set when the configuration was loaded again.
    """

    async def work(_health: Health) -> int:
        loaded.clear()  # before the work: what is loaded meanwhile is for another look
        return await unreachable()

    async def rest() -> None:
        await _first(engine.stopping.wait(), loaded.wait())

    await _supervise(engine, engine.stopping, "hub:withdraw", work, rest)
