"""The running hub: which loops run for which component, and how a new configuration takes their place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from hub.api.component import Capability, Clock
from hub.api.errors import PluginError
from hub.api.gateway import Gateway, GatewayType
from hub.api.records import Channel as Medium
from hub.api.records import Message
from hub.api.sink import Sink
from hub.api.source import Source
from hub.config.changes import diff
from hub.config.contacts import load_contacts
from hub.config.models import ComponentConfig, HubConfig
from hub.daemon import loops
from hub.daemon.bell import WORD, Bells
from hub.daemon.components import Instance, Workshop, targets_of
from hub.daemon.load import Tally
from hub.daemon.lookout import Lookout
from hub.daemon.reading import Rereader
from hub.daemon.roles import ALL, Role
from hub.journey import addresses, surveys
from hub.journey.deliver import SEND_LIMIT
from hub.journey.invite import withdraw_unreachable
from hub.journey.matching import fits_any
from hub.journey.policy import Plan
from hub.journey.post import Post
from hub.journey.reread import Reread
from hub.journey.stop_list import read_stop_list
from hub.journey.write_back import PUT_LIMIT, Target
from hub.store import workers
from hub.store.channel import Channel
from hub.store.engine import Store
from hub.survey.model import MessageKind, surveys_of
from hub.survey.render import Occasion, render


def plan_of(config: HubConfig) -> Plan:
    """What a configuration says about asking.

    :raises ConfigError: the contacts file or the stop list cannot be read.
    """
    channels = {
        name: kind.channel
        for name, gateway in config.gateways.items()
        if gateway.enabled and isinstance(kind := gateway.type, GatewayType)
    }
    return Plan(
        survey=config.survey,
        gateways=tuple((name, channels[name]) for name in config.survey.gateways if name in channels),
        zone=ZoneInfo(config.hub.timezone),
        language=config.hub.language,
        region=config.hub.region,
        channels=channels,
        rules=config.rules,
        surveys=surveys_of(config),
        exclusions=config.exclusions,
        stop_list=read_stop_list(config.survey.stop_list, config.hub.region),
        complete=load_contacts(config).complete,
        is_desk=is_desk_of(config),
    )


def is_desk_of(config: HubConfig) -> Callable[[str], bool]:
    """What tells whether an address is of the desk itself: one that a source or a gateway uses, or an excluded one."""
    region, exclusions = config.hub.region, config.exclusions.values()
    used = {one for component in config.components().values() for one in component.settings.own_addresses}
    own = {addresses.entry(one, region) or addresses.sender(one, region) for one in used}
    domains = {f"@{domain}" for exclusion in exclusions for domain in exclusion.domains}
    desk = addresses.StopList(frozenset(own | domains))
    fits = fits_any([pattern for exclusion in exclusions for pattern in exclusion.addresses])
    return lambda address: desk.covers(addresses.identity(address)) or ("@" in address and fits(address))


def post_of(
    instance: Instance, config: Callable[[], HubConfig], worker: Callable[[], str], clock: Clock, reread: Reread
) -> Post:
    """A gateway, ready to send; `config` gives the configuration of the moment, and `worker` this worker's name."""
    assert isinstance(instance.component, Gateway)
    return Post(
        name=instance.config.name,
        gateway=instance.component,
        repeatable=instance.can(Capability.REPEATABLE),
        compose=lambda row: compose(row, config()),
        worker=worker,
        clock=clock,
        reread=reread,
    )


def compose(row: Mapping[Any, Any], config: HubConfig) -> Message:
    """A message to a customer, in their language.

    :param row: with its survey as `asks`; without it the survey is asked as hub.toml has it now.
    """
    about = Occasion(
        channel=row["channel"],
        language=row["language"],
        tone=row["tone"],
        token=row["token"],
        public_url=config.web.public_url,
        sender_name=config.survey.sender_name,
        ticket_key=row["ticket_key"],
        # a whole Ticket would take several times as long, and a text message names no subject
        subject="" if row["channel"] == Medium.SMS else json.loads(row["ticket"]).get("subject", ""),
        milestone=row["milestone"],
    )
    survey = row.get("asks") or surveys_of(config)[row["survey"] or surveys.DEFAULT]
    rendered = render(survey, MessageKind(row["kind"]), row["question"], about)
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


def repeatable_of(config: HubConfig) -> dict[str, bool]:
    """Whether a message may be repeated, by gateway."""
    return {
        name: Capability.REPEATABLE in getattr(gateway.type, "capabilities", ())
        for name, gateway in config.gateways.items()
    }


def target_of(instance: Instance, worker: Callable[[], str], clock: Clock) -> Target | None:
    """A source that takes experiences back, or a sink; None for any other component."""
    component = instance.component
    if isinstance(component, Source) and instance.can(Capability.WRITE_BACK):
        return Target(instance.id, component.write_back, worker, clock)
    if isinstance(component, Sink):
        return Target(instance.id, component.publish, worker, clock)
    return None


_LONGEST_STEP = max(SEND_LIMIT, PUT_LIMIT) + timedelta(seconds=10)
"""How long a loop may take to finish when it is told to stop."""
_LONGEST_CLOSE = timedelta(seconds=10)


class Service:
    """The loops of one configuration. Components whose tables did not change keep running through a reload."""

    def __init__(
        self,
        config: HubConfig,
        store: Store,
        workshop: Workshop,
        *,
        channel: Channel,
        worker: Callable[[], str],
        clock: Clock,
        chance: Random,
        roles: frozenset[Role] = ALL,
        tally: Tally | None = None,
    ) -> None:
        """
        :param worker: gives the name that this process claims rows under.
        """
        self.config = config
        self.ended_early = asyncio.Event()
        """Set when a loop ended that nobody told to: the process should end too, and be started again."""
        self._workshop = workshop
        self._clock = clock
        self._roles = roles
        self._worker = worker
        self._channel = channel
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        self._changing = asyncio.Lock()
        self._loaded = asyncio.Event()
        self._log = structlog.get_logger()
        self.engine = loops.Engine(
            store=store,
            clock=clock,
            random=chance,
            plan=plan_of(config),
            targets=lambda source: targets_of(self.config, source),
            instances={},
            channel=channel,
            bells=Bells(channel.announce, does_all=roles == ALL, gather_s=channel.gather_s),
            tally=tally or Tally(),
        )
        self._lookout = Lookout(store, clock, self.engine.bells)
        channel.subscribe(WORD, self.engine.bells.hear)
        channel.on_return(self.engine.bells.ring_all_here)
        channel.on_return(self.engine.bells.back.strike)
        self._reread = Rereader(
            self.engine.instances.get, self.engine.health, lambda id_: self.config.components().get(id_)
        )

    async def start(self) -> None:
        """Start this worker's loops of all enabled components, and of what is between them."""
        for id_, component in self.config.components().items():
            if instance := await self._build(component):
                self._run(id_, instance)
        common = [
            loops.look_out(self.engine, self._lookout),
            loops.withdraw(self.engine, self._withdraw_unreachable, self._loaded),
        ]
        if Role.JOURNEY in self._roles:
            common += [loops.journey(self.engine), loops.forget(self.engine)]
        self._tasks["hub"] = [self._watched(loop, self.engine.stopping) for loop in common]
        self._settle()

    async def reload(self, config: HubConfig) -> None:
        """Take a new, valid configuration: start what is new, stop what is gone, replace what changed.

        A gateway that changed receives webhooks all the while: the new one is there before the old one stops.

        :raises ConfigError: the contacts file or the stop list cannot be read; nothing was changed.
        """
        plan = plan_of(config)
        async with self._changing:
            if not self.engine.stopping.is_set():
                await self._change_to(config, plan)

    async def _change_to(self, config: HubConfig, plan: Plan) -> None:
        changes = diff(self.config, config)
        self.config, self.engine.plan = config, plan
        for id_ in changes.removed:
            await self._stop(id_, self.engine.instances.pop(id_, None))
        for id_ in (*changes.added, *changes.changed):
            if self.engine.stopping.is_set():
                return
            old = self.engine.instances.pop(id_, None)
            new = await self._build(config.components()[id_])
            await self._stop(id_, old)
            if new and not self.engine.stopping.is_set():
                self._run(id_, new)
        self._settle()
        self._log.info(
            "config.reloaded",
            added=sorted(changes.added),
            removed=sorted(changes.removed),
            changed=sorted(changes.changed),
        )

    async def drain(self) -> None:
        """Let every loop finish what it has begun, then close the components."""
        self.engine.stopping.set()
        self.engine.bells.ring_all_here()
        self._tell_all_to_stop()  # at once, while a reload may wait for one of them
        async with self._changing:
            self._tell_all_to_stop()
            await self._finish()

    def abort(self) -> None:
        """Do not wait for what is under way: it is left to the others. `drain` then ends at once."""
        for tasks in self._tasks.values():
            for task in tasks:
                task.cancel()

    async def _build(self, config: ComponentConfig) -> Instance | None:
        """Create a component and let it receive; one that cannot be created is told in `hub status`."""
        if not config.enabled:
            return None
        try:
            instance = self._workshop.build(config, self.config.web.public_url)
        except PluginError as error:
            await self.engine.health(config.id).failed(error)
            return None
        self.engine.instances[config.id] = instance
        return instance

    def _run(self, id_: str, instance: Instance) -> None:
        self._tasks[id_] = [self._watched(loop, instance.stopping) for loop in self._loops(instance)]

    def _loops(self, instance: Instance) -> list[Coroutine[Any, Any, None]]:
        running = []
        if Role.PULL in self._roles:
            running += self._reading_loops(instance)
        if Role.DELIVER in self._roles and isinstance(instance.component, Gateway):
            running.append(loops.deliver(self.engine, instance, self._post(instance)))
        if Role.WRITE in self._roles and (target := target_of(instance, self._worker, self._clock)):
            running.append(loops.write_back(self.engine, instance, target))
        return running

    def _post(self, instance: Instance) -> Post:
        return post_of(instance, lambda: self.config, self._worker, self._clock, self._reread)

    def _reading_loops(self, instance: Instance) -> list[Coroutine[Any, Any, None]]:
        """Those that run on one worker at a time."""
        running = []
        if isinstance(instance.component, Source):
            running.append(loops.pull(self.engine, instance))
            if instance.can(Capability.RECEIVE) and instance.can(Capability.FETCH):
                running.append(loops.follow_hints(self.engine, instance))
            if instance.can(Capability.CENSUS) and instance.can(Capability.FETCH):
                running.append(loops.take_census(self.engine, instance))
            if instance.can(Capability.MILESTONES):
                running.append(loops.find_milestones(self.engine, instance))
        if isinstance(instance.component, Gateway) and instance.can(Capability.COLLECT):
            running.append(loops.collect(self.engine, instance))
        if isinstance(instance.component, Gateway) and instance.can(Capability.LOOK_UP):
            running.append(loops.look_up(self.engine, instance, self._post(instance)))
        if running:
            self._channel.want(instance.id)
        return running

    def _watched(self, loop: Coroutine[Any, Any, None], stopping: asyncio.Event) -> asyncio.Task[None]:
        task = asyncio.create_task(loop)

        def ended(_task: asyncio.Task[None]) -> None:
            if not (stopping.is_set() or self.engine.stopping.is_set()):
                self._log.error("hub.loop_ended", hint="this is a fault in the hub; it stops, to be started again")
                self.ended_early.set()

        task.add_done_callback(ended)
        return task

    def _settle(self) -> None:
        """Look out for the components that are there now; deal with what waits for gateways that are not any more."""
        here = self.engine.instances.values()
        self._lookout.watch(
            gateways=[
                one.config.name for one in here if isinstance(one.component, Gateway) and Role.DELIVER in self._roles
            ],
            targets=[one.id for one in here if target_of(one, self._worker, self._clock) and Role.WRITE in self._roles],
            sources=[one.config.name for one in here if isinstance(one.component, Source) and Role.PULL in self._roles],
        )
        self._loaded.set()

    async def _withdraw_unreachable(self) -> int:
        if not await self._is_alone():
            return 0
        return await withdraw_unreachable(self.engine.store, list(self.config.gateways), self._clock.now())

    async def _is_alone(self) -> bool:
        """Whether no other worker is there, whose hub.toml may still have, or already have, another gateway."""
        async with self.engine.store.read() as connection:
            return {worker.name for worker in await workers.all_workers(connection)} <= {self._worker()}

    async def _stop(self, id_: str, instance: Instance | None) -> None:
        """Stop one component after the step it is at, so that no outcome is lost."""
        if instance is None:
            return
        self._tell_to_stop(id_, instance)
        await self._end(self._tasks.get(id_, []))
        self._tasks.pop(id_, None)
        await self._channel.give_up(id_)
        await self._close(instance)

    def _tell_all_to_stop(self) -> None:
        for id_, instance in self.engine.instances.items():
            self._tell_to_stop(id_, instance)

    def _tell_to_stop(self, id_: str, instance: Instance) -> None:
        instance.stopping.set()
        for bell in (id_, f"{id_}:hints"):
            self.engine.bells.of(bell).ring_here()

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        """Wait for loops to finish their step; one that hangs is cancelled."""
        if not tasks:
            return
        _, hanging = await asyncio.wait(tasks, timeout=_LONGEST_STEP.total_seconds())
        for task in hanging:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self, instance: Instance) -> None:
        try:
            async with asyncio.timeout(_LONGEST_CLOSE.total_seconds()):
                await instance.component.close()
        except Exception as error:  # noqa: BLE001 - it is given up anyway; the others must be closed too
            self._log.warning("component.close_failed", component=instance.id, error=type(error).__name__)

    async def _finish(self) -> None:
        await self._end([task for tasks in self._tasks.values() for task in tasks])
        for instance in self.engine.instances.values():
            await self._close(instance)
        self.engine.instances.clear()
        self._tasks.clear()
        await self._workshop.close()
