"""What runs for each component, and the journey between them. Each loop looks, works, and waits to be woken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from hub.api.component import Capability, Clock
from hub.daemon import steps
from hub.daemon.bell import Bell
from hub.daemon.components import Instance
from hub.daemon.health import Health
from hub.journey.deliver import Post
from hub.journey.policy import Plan
from hub.journey.write_back import Target
from hub.store.engine import Store

_LOOK_EVERY_S = 1.0
"""How often a loop looks without being woken: for what became due, and for the work of other processes."""


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
    work: Callable[[], Awaitable[int]],
    rest: Callable[[], Awaitable[None]],
) -> None:
    """Work again and again, and rest when there was nothing to do.

    When the work fails it is paused, and the failure never reaches another loop.
    """
    health = engine.health(loop_id)
    while not stopping.is_set():
        try:
            done = await work()
            await health.worked()
            if not done:
                await rest()
        except Exception as error:  # noqa: BLE001 - also a plugin's bug stops that plugin only
            await _pause(stopping, await health.failed(error))


async def _pause(stopping: asyncio.Event, pause: timedelta) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(pause.total_seconds()):
            await stopping.wait()


async def _until_news(instance: Instance) -> None:
    """Wait for the polling interval, for the component to say that there is news, or for the hub to stop."""
    waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(instance.stopping.wait())]
    if instance.can(Capability.WAIT):
        waits.append(asyncio.ensure_future(instance.component.wait()))
    try:
        seconds = instance.config.interval.total_seconds()
        done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        results = await asyncio.gather(*waits, return_exceptions=True)
    for wait, result in zip(waits, results, strict=True):
        if wait in done and isinstance(result, Exception):
            raise result


async def pull(engine: Engine, instance: Instance) -> None:
    """Pull a source whenever there may be news."""

    async def work() -> int:
        async for new in steps.pull(engine.store, instance, engine.clock):
            if new:
                engine.bells.journey.ring()
        return 0

    await _supervise(engine, instance.stopping, instance.id, work, lambda: _until_news(instance))


async def collect(engine: Engine, instance: Instance) -> None:
    """Collect a gateway's replies and reports whenever there may be news."""

    async def work() -> int:
        async for _ in steps.collect(engine.store, instance, engine.plan.region, engine.clock):
            engine.bells.journey.ring()
        return 0

    await _supervise(engine, instance.stopping, instance.id, work, lambda: _until_news(instance))


async def deliver(engine: Engine, instance: Instance, post: Post) -> None:
    """Send what is due on a gateway."""
    bell = engine.bells.of(instance.id)
    await _supervise(
        engine,
        instance.stopping,
        f"{instance.id}:send",
        lambda: steps.deliver(engine.store, instance, post, engine.plan),
        lambda: bell.wait(_LOOK_EVERY_S),
    )


async def write_back(engine: Engine, instance: Instance, target: Target) -> None:
    """Write what is due to a target."""
    bell = engine.bells.of(target.id)
    await _supervise(
        engine,
        instance.stopping,
        f"{target.id}:write",
        lambda: steps.write_back(engine.store, target),
        lambda: bell.wait(_LOOK_EVERY_S),
    )


async def journey(engine: Engine, posts: Callable[[], list[Post]]) -> None:
    """Everything between the components: decide, match, make experiences, take over from the dead."""

    async def work() -> int:
        done = await steps.journey(engine.store, engine.plan, engine.instances, posts(), engine.clock)
        if done:
            engine.bells.ring_outgoing()
        return done

    await _supervise(engine, engine.stopping, "hub", work, lambda: engine.bells.journey.wait(_LOOK_EVERY_S))
