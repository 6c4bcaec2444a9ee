"""One step of each stage. The daemon repeats them; `hub sync` runs each until nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from hub.api.component import Clock
from hub.api.errors import Unexpected
from hub.api.gateway import Gateway
from hub.api.records import Cursor, Inbound, Page
from hub.api.source import Source
from hub.daemon.components import Instance
from hub.daemon.reading import fetch
from hub.http import Limiter
from hub.journey import answer, census, hints, intake, invite, milestones, remind, report, retention
from hub.journey import write_back as writing
from hub.journey.census import Census
from hub.journey.deliver import Batch, Sender
from hub.journey.pending import pending
from hub.journey.policy import Plan
from hub.journey.write_back import Target
from hub.store import components
from hub.store.engine import Store, despite_deadlock

WRITE_BATCH = 200


@dataclass(frozen=True, slots=True)
class Done:
    """What one step of the journey has done."""

    decided: int = 0
    reports: int = 0
    answers: int = 0
    reminded: int = 0
    """Surveys whose time for a reminder had come."""

    def __bool__(self) -> bool:
        """False means that nothing is left."""
        return self.total > 0

    @property
    def total(self) -> int:
        """How much it was in all."""
        return self.decided + self.reports + self.answers + self.reminded

    @property
    def more(self) -> bool:
        """Whether there may be more of the same: a batch was full."""
        full = self.decided >= invite.BATCH, self.reports >= report.BATCH, self.answers >= answer.BATCH
        return any(full) or self.reminded >= remind.BATCH


def _alone() -> bool:
    return True


async def pull(
    store: Store, instance: Instance, clock: Clock, cursor: Cursor | None = None, *, mine: Callable[[], bool] = _alone
) -> AsyncIterator[int]:
    """Pull a source to its end; yields the number of new closures of each page once it is stored.

    :param mine: whether this worker is still the one that pulls it. When it is not, nothing more is stored.
    """
    source = instance.component
    assert isinstance(source, Source)
    if cursor is None:
        cursor = await cursor_of(store, instance.id)
    asked_at = clock.now()
    async for page in source.pull(cursor):
        _require(page, Page)
        if not mine():
            return
        storing = partial(intake.store_page, store, instance.config.name, page, clock.now(), asked_at=asked_at)
        yield await despite_deadlock(storing)
        asked_at = clock.now()


async def follow_hints(store: Store, instance: Instance, clock: Clock) -> int:
    """Read the tickets that webhooks named.

    :returns: how many hints were followed; 0 means that none is open.
    """
    return await hints.follow(store, instance.config.name, partial(fetch, instance), clock.now())


async def take_census(store: Store, instance: Instance, plan: Plan, clock: Clock) -> Census | None:
    """Compare what a source has closed with what the hub knows, if the last time was long ago.

    :returns: None when there was nothing to do.
    """
    source = instance.component
    assert isinstance(source, Source)
    now, id_ = clock.now(), f"{instance.id}:census"
    last = await cursor_of(store, id_)
    if last is not None and timedelta() <= now - datetime.fromisoformat(last) < census.EVERY:
        return None
    found = await census.take_census(
        store, instance.config.name, source.census, partial(fetch, instance), max_age=plan.survey.max_age, now=now
    )
    if found is not None:
        await store.commit(lambda connection: components.set_cursor(connection, id_, Cursor(now.isoformat())))
    return found


async def find_milestones(
    store: Store, instance: Instance, plan: Plan, clock: Clock, *, mine: Callable[[], bool] = _alone
) -> int | None:
    """Ask a source for open tickets that were handed over or wait for long, if any rule asks about them.

    :param mine: whether this worker is still the one that reads from it. When it is not, nothing more is stored.
    :returns: how many were new; None when there was nothing to do.
    """
    source = instance.component
    assert isinstance(source, Source)
    if not milestones.are_asked_about(plan.rules):
        return None
    return await milestones.look(
        store, instance.config.name, source.milestones, max_age=plan.survey.max_age, now=clock.now(), mine=mine
    )


async def collect(
    store: Store, instance: Instance, region: str, clock: Clock, *, mine: Callable[[], bool] = _alone
) -> AsyncIterator[Inbound]:
    """Collect from a gateway to its end; yields what came in once it is stored, and only if there was anything.

    :param mine: whether this worker is still the one that collects from it. When it is not, nothing more is stored.
    """
    gateway = instance.component
    assert isinstance(gateway, Gateway)
    async for inbound in gateway.collect(await cursor_of(store, instance.id)):
        _require(inbound, Inbound)
        if not mine():
            return
        await answer.store_inbound(store, instance.config.name, inbound, region, clock.now())
        if inbound.replies or inbound.reports:
            yield inbound


async def cursor_of(store: Store, component_id: str) -> Cursor | None:
    """Where the next pull or collection of a component begins."""
    async with store.read() as connection:
        return (await components.get(connection, component_id)).cursor


async def deliver(store: Store, instance: Instance, sender: Sender, plan: Plan, limit: int) -> Batch:
    """Begin to send what is due on a gateway, with up to `limit` surveys under way.

    :raises RemoteError: the gateway is out of order; nothing was sent.
    """
    number = await sender.room(limit)
    if instance.limiter is not None and (number := await sender.count_due(number)):
        number = await _granted(instance.limiter, number, instance.stopping)
    batch = await sender.step(plan, number)
    if batch.error is not None:
        await sender.hand_back()  # other workers may have a way to the gateway
        raise batch.error
    return batch


async def _granted(limiter: Limiter, number: int, stopping: asyncio.Event) -> int:
    """How many of `number` messages may leave now, once it is at least one; 0 when told to stop before."""
    taking = asyncio.create_task(limiter.take(number))
    told = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({taking, told}, return_when=asyncio.FIRST_COMPLETED)
        return taking.result() if taking.done() else 0
    finally:
        taking.cancel()
        told.cancel()


async def write_back(store: Store, target: Target) -> int:
    """Write one batch to a target.

    :returns: how many were looked at.
    """
    return await writing.write_due(store, target, WRITE_BATCH)


async def journey(store: Store, plan: Plan, targets: Callable[[str], Sequence[str]], clock: Clock) -> Done:
    """Decide on closures, apply reports, read answers and remind of what has none.

    :param targets: the components that hear of an experience from a source, by the source's name.
    :raises Exception: the first failure of a stage, once all other stages had their turn.
    """
    now = clock.now()
    waits = await pending(store, now)
    stages: list[tuple[bool, Callable[[], Awaitable[int]]]] = [
        (waits.closures, lambda: invite.decide_new(store, plan, now)),
        (waits.reports, lambda: report.apply_reports(store, now)),
        (waits.answers, lambda: answer.process_new(store, plan, targets, now)),
        # nobody is reminded whose answer is there and not read yet
        (waits.reminders and not waits.answers, lambda: remind.remind_due(store, plan, now)),
    ]
    counts, failures = [], []
    for is_waiting, stage in stages:
        try:
            counts.append(await despite_deadlock(stage) if is_waiting else 0)
        except Exception as error:  # noqa: BLE001 - raised again below
            failures.append(error)
    if failures:
        raise failures[0]
    return Done(*counts)


async def forget(store: Store, plan: Plan, clock: Clock) -> int:
    """Take persons out of some of what is older than `survey.retention`.

    :returns: how many closures, answers and addresses that were; 0 means that none is left.
    """
    now, length = clock.now(), plan.survey.retention
    return await retention.forget_old(store, length, now) or await retention.forget_contacts(store, length, now)


def _require(value: Any, expected: type) -> None:
    if not isinstance(value, expected):
        raise Unexpected(f"the plugin yielded {type(value).__name__} where {expected.__name__} is promised")
