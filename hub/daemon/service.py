"""The running hub: which loops run for which component, and how a new configuration takes their place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from hub.api.component import Capability, Clock
from hub.api.gateway import Gateway, GatewayType
from hub.api.records import Message, Ticket
from hub.api.sink import Sink
from hub.api.source import Source
from hub.config.changes import diff
from hub.config.contacts import load_contacts
from hub.config.models import HubConfig
from hub.daemon import loops
from hub.daemon.components import Instance, Workshop
from hub.daemon.leases import worker_name
from hub.journey.deliver import Post
from hub.journey.policy import Plan
from hub.journey.write_back import Target
from hub.store.engine import Store
from hub.survey.render import render, version


def plan_of(config: HubConfig) -> Plan:
    """What a configuration says about asking."""
    names = config.survey.gateways or tuple(config.gateways)
    return Plan(
        survey=config.survey,
        gateways=tuple(
            (name, kind.channel)
            for name in names
            if config.gateways[name].enabled and isinstance(kind := config.gateways[name].type, GatewayType)
        ),
        zone=ZoneInfo(config.hub.timezone),
        language=config.hub.language,
        region=config.hub.region,
        complete=load_contacts(config).complete,
    )


def post_of(instance: Instance, config: Callable[[], HubConfig], clock: Clock) -> Post:
    """A gateway, ready to send; `config` gives the configuration of the moment."""
    assert isinstance(instance.component, Gateway)
    return Post(
        name=instance.config.name,
        gateway=instance.component,
        repeatable=instance.can(Capability.REPEATABLE),
        compose=lambda row: compose(row, config()),
        survey_version=version(),
        worker=worker_name(),
        clock=clock,
    )


def compose(row: Mapping[Any, Any], config: HubConfig) -> Message:
    """The message of an invitation, in the customer's language."""
    rendered = render(
        channel=row["channel"],
        language=row["language"],
        token=row["token"],
        public_url=config.web.public_url,
        sender_name=config.survey.sender_name,
        ticket_key=row["ticket_key"],
        subject=Ticket.model_validate_json(row["ticket"]).subject,
    )
    return Message(
        key=row["token"],
        recipient=row["address"],
        text=rendered.text,
        language=row["language"],
        subject=rendered.subject,
        html=rendered.html,
        unsubscribe_url=rendered.unsubscribe_url,
        repeated=row["attempts"] > 0,
    )


def target_of(instance: Instance, clock: Clock) -> Target | None:
    """A source that takes experiences back, or a sink; None for any other component."""
    component = instance.component
    if isinstance(component, Source) and instance.can(Capability.WRITE_BACK):
        return Target(instance.id, component.write_back, worker_name(), clock)
    if isinstance(component, Sink):
        return Target(instance.id, component.publish, worker_name(), clock)
    return None


class Service:
    """The loops of one configuration. Components whose tables did not change keep running through a reload."""

    def __init__(self, config: HubConfig, store: Store, workshop: Workshop, clock: Clock, chance: Random) -> None:
        self.config = config
        self._workshop = workshop
        self._clock = clock
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        self._log = structlog.get_logger()
        self.engine = loops.Engine(store, clock, chance, plan_of(config), {})

    def start(self) -> None:
        """Start the loops of all enabled components, and the journey."""
        for id_ in self.config.components():
            self._start(id_)
        self._tasks["hub"] = [asyncio.create_task(loops.journey(self.engine, self.posts))]

    def posts(self) -> list[Post]:
        """All gateways at work."""
        return [
            post_of(instance, lambda: self.config, self._clock)
            for instance in self.engine.instances.values()
            if isinstance(instance.component, Gateway)
        ]

    async def reload(self, config: HubConfig) -> None:
        """Take a new, valid configuration: stop what is gone or changed, start what is new or changed."""
        plan = plan_of(config)
        changes = diff(self.config, config)
        for id_ in (*changes.removed, *changes.changed):
            await self._stop(id_)
        self.config, self.engine.plan = config, plan
        for id_ in (*changes.added, *changes.changed):
            self._start(id_)
        self._log.info(
            "config.reloaded",
            added=sorted(changes.added),
            removed=sorted(changes.removed),
            changed=sorted(changes.changed),
        )

    async def drain(self) -> None:
        """Let every loop finish what it has begun, then close the components."""
        self.engine.stopping.set()
        self.engine.bells.journey.ring()
        for id_ in list(self.engine.instances):
            self._tell_to_stop(id_)
        await self._finish()

    async def abort(self) -> None:
        """Stop at once. What was under way is taken up when its lease ends."""
        for tasks in self._tasks.values():
            for task in tasks:
                task.cancel()
        await self._finish()

    def _start(self, id_: str) -> None:
        config = self.config.components()[id_]
        if not config.enabled:
            return
        instance = self._workshop.build(config, self.config.web.public_url)
        self.engine.instances[id_] = instance
        self._tasks[id_] = [asyncio.create_task(loop) for loop in self._loops(instance)]

    def _loops(self, instance: Instance) -> list[Coroutine[Any, Any, None]]:
        running = []
        if isinstance(instance.component, Source):
            running.append(loops.pull(self.engine, instance))
        if isinstance(instance.component, Gateway):
            post = post_of(instance, lambda: self.config, self._clock)
            running.append(loops.deliver(self.engine, instance, post))
            if instance.can(Capability.COLLECT):
                running.append(loops.collect(self.engine, instance))
        if target := target_of(instance, self._clock):
            running.append(loops.write_back(self.engine, instance, target))
        return running

    async def _stop(self, id_: str) -> None:
        """Stop one component after the step it is at, so that no outcome is lost."""
        self._tell_to_stop(id_)
        await asyncio.gather(*self._tasks.pop(id_, []), return_exceptions=True)
        if instance := self.engine.instances.pop(id_, None):
            await instance.component.close()

    def _tell_to_stop(self, id_: str) -> None:
        if instance := self.engine.instances.get(id_):
            instance.stopping.set()
            self.engine.bells.of(id_).ring()

    async def _finish(self) -> None:
        tasks = [task for tasks in self._tasks.values() for task in tasks]
        await asyncio.gather(*tasks, return_exceptions=True)
        for instance in self.engine.instances.values():
            await instance.component.close()
        self.engine.instances.clear()
        self._tasks.clear()
        await self._workshop.close()
