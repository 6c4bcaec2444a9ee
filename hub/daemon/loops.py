"""What runs for each component, and the journey between them. Each loop looks, works, and waits to be woken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random

import structlog

from hub.api.component import Capability, Clock
from hub.daemon import steps
from hub.daemon.bell import Bell
from hub.daemon.components import Instance
from hub.daemon.health import Health
from hub.journey.deliver import Post
from hub.journey.policy import Plan
from hub.journey.write_back import Target
from hub.store.engine import Store

_LEAST_BETWEEN_LOOKS_S = 0.5
_LOOK_EVERY_S = 1.0
"""How often a loop looks without being woken: for what became due, and for the work of other processes."""
_LOOK_FOR_HINTS_S = 5.0
_LOOK_FOR_CENSUS = timedelta(minutes=1)


@dataclass(slots=True)
class Bells:
    """Who wakes whom."""

    journey: Bell = field(default_factory=Bell)
    by_component: dict[str, Bell] = field(default_factory=dict)

    def of(self, component_id: str) -> Bell:
        """The bell of a component's outgoing work."""
        return self.by_component.setdefault(component_id, Bell())

    def ring_outgoing(self) -> None:
        """New work may be waiting for any component."""
        for bell in self.by_component.values():
            bell.ring()


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
    bells: Bells = field(default_factory=Bells)
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
) -> None:
    """Work again and again, and rest when there was nothing to do.

    When the work fails it is paused, and the failure never reaches another loop.

    :param work: gives how much was done; None when there was nothing to prove that the component works.
    """
    health = engine.health(loop_id)
    while not stopping.is_set():
        try:
            done = await work(health)
            if done is not None or not health.is_failing:
                await health.worked()
            if not done:
                await rest()
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            await _pause(stopping, await health.failed(error))  # something inside the plugin was cancelled
        except Exception as error:  # noqa: BLE001 - also a plugin's bug stops that plugin only
            await _pause(stopping, await health.failed(error))


async def _pause(stopping: asyncio.Event, pause: timedelta) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(pause.total_seconds()):
            await stopping.wait()


async def _until_news(instance: Instance) -> None:
    """Wait for the polling interval, for the component to say that there is news, or for the hub to stop.

    A component that cannot wait, or that always sees news, is looked at no more often than once in a while.
    """
    async with asyncio.TaskGroup() as group:
        stop = group.create_task(instance.stopping.wait())
        news = group.create_task(_news(instance))
        await asyncio.wait({stop, news}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        news.cancel()


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

    async def work(_health: Health) -> int:
        async for new in steps.pull(engine.store, instance, engine.clock):
            if new:
                engine.bells.journey.ring()
        return 0

    await _supervise(engine, instance.stopping, instance.id, work, lambda: _until_news(instance))


async def follow_hints(engine: Engine, instance: Instance) -> None:
    """Read tickets that a source's webhooks named, as soon as they do."""
    bell = engine.bells.of(f"{instance.id}:hints")

    async def work(_health: Health) -> int | None:
        followed = await steps.follow_hints(engine.store, instance, engine.clock)
        if followed:
            engine.bells.journey.ring()
        return followed or None

    await _supervise(engine, instance.stopping, f"{instance.id}:hints", work, lambda: bell.wait(_LOOK_FOR_HINTS_S))


async def take_census(engine: Engine, instance: Instance) -> None:
    """Every few hours, find what pulling has missed."""
    log = structlog.get_logger(component=instance.id)

    async def work(_health: Health) -> int | None:
        found = await steps.take_census(engine.store, instance, engine.plan, engine.clock)
        if found is None:
            return None
        tell = log.warning if found.missed else log.info
        tell("census.taken", present=found.present, missed=found.missed, vanished=found.vanished)
        engine.bells.journey.ring()
        return 1

    rest = partial(_pause, instance.stopping, _LOOK_FOR_CENSUS)
    await _supervise(engine, instance.stopping, f"{instance.id}:census", work, rest)


async def collect(engine: Engine, instance: Instance) -> None:
    """Collect a gateway's replies and reports whenever there may be news."""

    async def work(_health: Health) -> int:
        async for _ in steps.collect(engine.store, instance, engine.plan.region, engine.clock):
            engine.bells.journey.ring()
        return 0

    await _supervise(engine, instance.stopping, instance.id, work, lambda: _until_news(instance))


async def deliver(engine: Engine, instance: Instance, post: Post) -> None:
    """Send what is due on a gateway; one message at a time while it is out of order, so that few are in doubt."""
    bell = engine.bells.of(instance.id)

    async def work(health: Health) -> int | None:
        limit = 1 if health.is_failing else instance.config.max_in_flight
        batch = await steps.deliver(engine.store, instance, post, engine.plan, limit)
        return batch.tried or None

    await _supervise(engine, instance.stopping, f"{instance.id}:send", work, lambda: bell.wait(_LOOK_EVERY_S))


async def write_back(engine: Engine, instance: Instance, target: Target) -> None:
    """Write what is due to a target."""
    bell = engine.bells.of(target.id)

    async def work(_health: Health) -> int | None:
        return await steps.write_back(engine.store, target) or None

    await _supervise(engine, instance.stopping, f"{target.id}:write", work, lambda: bell.wait(_LOOK_EVERY_S))


async def journey(engine: Engine, posts: Callable[[], list[Post]]) -> None:
    """Everything between the components: decide, match, make experiences, take over from the dead."""

    async def work(_health: Health) -> int:
        done = await steps.journey(engine.store, engine.plan, engine.targets, posts(), engine.clock)
        if done:
            engine.bells.ring_outgoing()
        return done

    await _supervise(engine, engine.stopping, "hub", work, lambda: engine.bells.journey.wait(_LOOK_EVERY_S))
