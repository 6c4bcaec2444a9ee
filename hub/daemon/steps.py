"""One step of each stage. The daemon repeats them; `hub sync` runs each until nothing is left."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from hub.api.component import Clock
from hub.api.errors import Unexpected
from hub.api.gateway import Gateway
from hub.api.records import Cursor, Inbound, Page
from hub.api.source import Source
from hub.daemon.components import Instance, targets_of
from hub.journey import answer, intake, invite, report
from hub.journey import deliver as delivery
from hub.journey import write_back as writing
from hub.journey.deliver import Post
from hub.journey.pending import anything_to_do
from hub.journey.policy import Plan
from hub.journey.write_back import Target
from hub.store import components
from hub.store.engine import Store

_WRITE_BATCH = 50


def new_token() -> str:
    """An invitation's token: 100 random bits in letters and digits that survive any mail system."""
    return "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(20))


async def pull(store: Store, instance: Instance, clock: Clock, cursor: Cursor | None = None) -> AsyncIterator[int]:
    """Pull a source to its end; yields the number of new closures of each page once it is stored."""
    source = instance.component
    assert isinstance(source, Source)
    if cursor is None:
        cursor = await cursor_of(store, instance.id)
    async for page in source.pull(cursor):
        _require(page, Page)
        yield await intake.store_page(store, instance.config.name, page, clock.now())


async def collect(store: Store, instance: Instance, region: str, clock: Clock) -> AsyncIterator[Inbound]:
    """Collect from a gateway to its end; yields what came in once it is stored, and only if there was anything."""
    gateway = instance.component
    assert isinstance(gateway, Gateway)
    async for inbound in gateway.collect(await cursor_of(store, instance.id)):
        _require(inbound, Inbound)
        await answer.store_inbound(store, instance.config.name, inbound, region, clock.now())
        if inbound.replies or inbound.reports:
            yield inbound


async def cursor_of(store: Store, component_id: str) -> Cursor | None:
    """Where the next pull or collection of a component begins."""
    async with store.read() as connection:
        return (await components.get(connection, component_id)).cursor


async def deliver(store: Store, instance: Instance, post: Post, plan: Plan) -> int:
    """Send one batch on a gateway.

    :returns: how many were tried.
    :raises RemoteError: the gateway is out of order; nothing was sent.
    """
    limit = await delivery.count_due(store, post, instance.config.max_in_flight)
    if limit == 0:
        return 0
    if instance.limiter is not None:
        limit = await instance.limiter.take(limit)
    outcome = await delivery.deliver_due(store, post, plan, limit)
    if outcome.error is not None:
        raise outcome.error
    return outcome.tried


async def write_back(store: Store, target: Target) -> int:
    """Write one batch to a target.

    :returns: how many were written.
    """
    return await writing.write_due(store, target, _WRITE_BATCH)


async def journey(
    store: Store, plan: Plan, instances: Mapping[str, Instance], posts: Sequence[Post], clock: Clock
) -> int:
    """Decide on closures, apply reports, read answers, and take over what dead workers left.

    :returns: how much was done; 0 means that nothing is left.
    """
    if not await anything_to_do(store, clock.now()):
        return 0
    done = await invite.decide_new(store, plan, clock.now(), new_token)
    done += await report.apply_reports(store, clock.now())
    done += await answer.process_new(store, lambda source: targets_of(instances, source), clock.now())
    for post in posts:
        done += await delivery.take_over(store, post)
    return done


def _require(value: Any, expected: type) -> None:
    if not isinstance(value, expected):
        raise Unexpected(f"the plugin yielded {type(value).__name__} where {expected.__name__} is promised")
