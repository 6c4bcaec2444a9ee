"""One pass by hand: pull, decide, send what is due, collect, write back. Safe beside a running daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib.metadata import version
from random import Random

import sqlalchemy as sa

from hub.api.component import Capability
from hub.api.errors import ConfigError, RemoteError
from hub.api.gateway import Gateway
from hub.api.records import Cursor, Ticket
from hub.api.source import Source
from hub.clock import SystemClock
from hub.config.models import HubConfig
from hub.daemon import steps
from hub.daemon.components import Instance, Workshop, targets_of
from hub.daemon.health import Health
from hub.daemon.limits import Limits, limits_of
from hub.daemon.reading import Rereader
from hub.daemon.service import plan_of, post_of, repeatable_of, target_of
from hub.daemon.vault import already
from hub.daemon.workers import SILENCE_S, Identity, Worker
from hub.http import transport
from hub.journey.deliver import Sender
from hub.journey.look_up import look_up
from hub.journey.people import load_people
from hub.journey.policy import Ask, Plan, decide, reach, words_of
from hub.journey.post import Post
from hub.journey.reread import LATER
from hub.journey.write_back import Target
from hub.store.channel import Channel, LocalChannel, open_channel
from hub.store.engine import Store
from hub.store.tables import closures

Progress = Callable[[str], None]


@dataclass(slots=True)
class Summary:
    """What a pass did."""

    pulled: dict[str, int] = field(default_factory=dict)
    """New closures by source."""
    milestones: dict[str, int] = field(default_factory=dict)
    """Open tickets that were handed over or wait for long, by source; those that were not known before."""
    sent: int = 0
    received: int = 0
    written_back: int = 0
    busy: list[str] = field(default_factory=list)
    """Ids of components that a worker reads from already, and that were left to it."""
    failed: dict[str, str] = field(default_factory=dict)
    """Why a component could not do its part, by id."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would happen to one ticket."""

    source: str
    ticket: str
    would: str
    why: str


@dataclass(frozen=True, slots=True)
class _Pass:
    config: HubConfig
    store: Store
    standing: _Standing
    plan: Plan
    instances: dict[str, Instance]
    clock: SystemClock
    progress: Progress
    reread: Rereader

    def of(self, *names: str) -> list[Instance]:
        return [self.instances[f"sources.{name}"] for name in names if f"sources.{name}" in self.instances]


async def sync(
    config: HubConfig, store: Store, sources: Sequence[str], since: datetime | None, progress: Progress
) -> Summary:
    """Run one pass over the named sources and everything behind them."""
    summary = Summary()
    async with _as_worker(config, store) as standing, _open(config, store, standing, progress) as this:
        for instance in this.of(*sources):
            if await _is_free(this, instance, summary):
                await _part(this, summary, instance.id, _pull(this, instance, since, summary))
                if instance.can(Capability.RECEIVE) and instance.can(Capability.FETCH):
                    await _part(this, summary, f"{instance.id}:hints", _follow_hints(this, instance))
                if instance.can(Capability.MILESTONES):
                    await _part(this, summary, f"{instance.id}:milestones", _find_milestones(this, instance, summary))
        await _drain(this, summary)
        for instance in this.instances.values():
            collects, looks_up = instance.can(Capability.COLLECT), instance.can(Capability.LOOK_UP)
            if not isinstance(instance.component, Gateway) or not (collects or looks_up):
                continue
            if await _is_free(this, instance, summary):
                if collects:
                    await _part(this, summary, instance.id, _collect(this, instance, summary))
                if looks_up:
                    await _part(this, summary, f"{instance.id}:look_up", _look_up(this, instance))
        await _drain(this, summary)
    return summary


async def _is_free(this: _Pass, instance: Instance, summary: Summary) -> bool:
    """Whether this pass may read from a component: one worker at a time does."""
    if await this.standing.channel.try_lock(instance.id):
        return True
    summary.busy.append(instance.id)
    return False


async def forecast(
    config: HubConfig, store: Store, sources: Sequence[str], since: datetime | None, progress: Progress
) -> AsyncIterator[Forecast]:
    """Say for each closed ticket what a pass would do and why. Nothing is stored or sent."""
    async with _open(config, store, _Standing(), progress) as this:
        for instance in this.of(*sources):
            source = instance.component
            assert isinstance(source, Source)
            cursor = await _cursor(this, instance, since)
            async for page in source.pull(cursor):
                for ticket in page.tickets:
                    yield await _foretell(this, instance.config.name, ticket)


async def _foretell(this: _Pass, source: str, ticket: Ticket) -> Forecast:
    async with this.store.read() as connection:
        known = await connection.scalar(
            sa.select(sa.func.count())
            .select_from(closures)
            .where(closures.c.source == source, closures.c.ticket_id == ticket.id)
            .where(closures.c.closure_key == ticket.closure_key)
        )
        who, now = reach(ticket, this.plan), this.clock.now()
        people = await load_people(connection, [who], this.plan, now)
    if known:
        return Forecast(source, ticket.key, "nothing", f"this closing is known already; see: hub why {ticket.key}")
    decision = decide(ticket, who, people.known(who), this.plan, now, source=source)
    if isinstance(decision, Ask):
        when = f"{decision.due_at.astimezone(this.plan.zone):%Y-%m-%d %H:%M}"
        what = f"over {decision.gateway} in {decision.language}, at {when}, by the rule {decision.rule!r}"
        return Forecast(source, ticket.key, "ask", what)
    return Forecast(source, ticket.key, "skip", f"{words_of(decision.reason)} ({decision.reason})")


async def _pull(this: _Pass, instance: Instance, since: datetime | None, summary: Summary) -> None:
    name = instance.config.name
    cursor = await _cursor(this, instance, since)
    mine = partial(this.standing.channel.holds, instance.id)
    async for new in steps.pull(this.store, instance, this.clock, cursor, mine=mine):
        summary.pulled[name] = summary.pulled.get(name, 0) + new
        this.progress(f"{name}: {summary.pulled[name]} new closures")


async def _follow_hints(this: _Pass, instance: Instance) -> None:
    while await steps.follow_hints(this.store, instance, this.clock):
        pass


async def _find_milestones(this: _Pass, instance: Instance, summary: Summary) -> None:
    mine = partial(this.standing.channel.holds, instance.id)
    new = await steps.find_milestones(this.store, instance, this.plan, this.clock, mine=mine)
    if new:
        name = instance.config.name
        summary.milestones[name] = new
        this.progress(f"{name}: {new} open tickets to ask about")


async def _cursor(this: _Pass, instance: Instance, since: datetime | None) -> Cursor | None:
    if since is None:
        return await steps.cursor_of(this.store, instance.id)
    if not instance.can(Capability.REWIND):
        raise ConfigError(f"{instance.id}: this plugin cannot start from a given time; leave out --since")
    assert isinstance(instance.component, Source)
    return await instance.component.rewind(since)


async def _collect(this: _Pass, instance: Instance, summary: Summary) -> None:
    mine = partial(this.standing.channel.holds, instance.id)
    async for inbound in steps.collect(this.store, instance, this.plan.region, this.clock, mine=mine):
        summary.received += len(inbound.replies)
        this.progress(f"{instance.config.name}: {summary.received} replies")


async def _look_up(this: _Pass, instance: Instance) -> None:
    while await look_up(this.store, _post(this, instance)):
        pass


def _post(this: _Pass, instance: Instance) -> Post:
    return post_of(instance, lambda: this.config, this.standing.worker, this.clock, this.reread)


async def _drain(this: _Pass, summary: Summary) -> None:
    """Carry everything that is due through the stages behind."""
    posts = {
        instance.id: _post(this, instance)
        for instance in this.instances.values()
        if isinstance(instance.component, Gateway)
    }
    targets = partial(targets_of, this.config)
    while await steps.journey(this.store, this.plan, targets, this.clock):
        pass
    for id_, post in posts.items():
        await _part(this, summary, f"{id_}:send", _send(this, this.instances[id_], post, summary))
    for instance in this.instances.values():
        if target := target_of(instance, this.standing.worker, this.clock):
            await _part(this, summary, f"{instance.id}:write", _write(this, target, summary))


async def _send(this: _Pass, instance: Instance, post: Post, summary: Summary) -> None:
    limit = instance.config.max_in_flight
    began = this.clock.now()
    async with Sender(this.store, post) as sender:
        while True:
            batch = await steps.deliver(this.store, instance, sender, this.plan, limit)
            summary.sent += batch.sent
            this.progress(f"{instance.config.name}: {summary.sent} surveys sent")
            if not batch.looked_at or (not batch.tried and this.clock.now() - began > LATER):
                break  # what was put off in this pass is due again; the next pass looks at it
        last = await sender.finish()
    summary.sent += last.sent
    if last.error is not None:
        raise last.error


async def _write(this: _Pass, target: Target, summary: Summary) -> None:
    while tried := await steps.write_back(this.store, target):
        summary.written_back += tried
        this.progress(f"{target.id}: {summary.written_back} results written back")


async def _part(this: _Pass, summary: Summary, loop_id: str, work: Awaitable[None]) -> None:
    """A component that fails does not keep the others from their part."""
    health = Health(this.store, loop_id, this.clock, Random())  # noqa: S311 - jitter, not secrets
    try:
        await work
    except Exception as error:  # noqa: BLE001 - also a plugin's bug
        summary.failed[loop_id] = (
            str(error)
            if isinstance(error, RemoteError)
            else f"the plugin failed with {type(error).__name__}; report it to its author"
        )
        await health.failed(error)
    else:
        if ":" not in loop_id:  # a pull or a collection proves that the component works; an empty queue does not
            await health.worked()


@dataclass(frozen=True, slots=True)
class _Standing:
    """What a pass shares with the workers of its store."""

    channel: Channel = field(default_factory=LocalChannel)
    worker: Callable[[], str] = str
    limits: Limits | None = None


@asynccontextmanager
async def _as_worker(config: HubConfig, store: Store) -> AsyncIterator[_Standing]:
    """Be one of the workers of the store, so that what is claimed is known to be under way."""
    clock, chance = SystemClock(), Random()  # noqa: S311 - jitter, not secrets
    identity = Identity(version("itsm-hub"), ("sync",))
    worker = Worker(store, clock, identity, repeatable=lambda: repeatable_of(config))
    async with AsyncExitStack() as stack:
        channel = await open_channel(config.hub.store, SILENCE_S)
        stack.push_async_callback(channel.close)
        limits = await limits_of(store, channel, clock, chance)
        stack.push_async_callback(limits.close)
        await worker.join()
        stack.push_async_callback(worker.leave)
        staying = asyncio.create_task(worker.stay())
        stack.callback(staying.cancel)
        yield _Standing(channel, worker.name, limits)


@asynccontextmanager
async def _open(config: HubConfig, store: Store, standing: _Standing, progress: Progress) -> AsyncIterator[_Pass]:
    clock, chance = SystemClock(), Random()  # noqa: S311 - jitter, not secrets
    workshop = Workshop(transport(), clock, chance, already(store), standing.limits)
    enabled = {id_: component for id_, component in config.components().items() if component.enabled}
    instances = {id_: workshop.build(component, config.web.public_url) for id_, component in enabled.items()}
    try:
        reread = Rereader(instances.get, lambda id_: Health(store, id_, clock, chance), config.components().get)
        yield _Pass(config, store, standing, plan_of(config), instances, clock, progress, reread)
    finally:
        for instance in instances.values():
            await instance.component.close()
        await workshop.close()
