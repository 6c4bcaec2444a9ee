"""Reads single tickets through the sources at work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

from hub.api.component import Capability
from hub.api.errors import RemoteError, Unavailable, Unexpected
from hub.api.records import Fetched
from hub.api.source import Source
from hub.daemon.components import Instance
from hub.daemon.health import Health

FETCH_LIMIT = timedelta(seconds=60)


async def fetch(instance: Instance, ticket_ids: Sequence[str]) -> Fetched:
    """What a source says of these tickets now.

    :raises RemoteError: also for a plugin that fails in a way of its own.
    """
    source = instance.component
    assert isinstance(source, Source)
    try:
        async with asyncio.timeout(FETCH_LIMIT.total_seconds()):
            fetched = await source.fetch(ticket_ids)
    except RemoteError:
        raise
    except TimeoutError:
        raise Unavailable("it took too long to read tickets") from None
    except Exception as error:
        raise Unexpected(f"the plugin failed with {type(error).__name__}") from error
    if not isinstance(fetched, Fetched):
        raise Unexpected(f"the plugin returned {type(fetched).__name__} where Fetched is promised")
    return fetched


class Rereader:
    """Implements `hub.journey.reread.Reread`, and remembers for `hub status` whether it works."""

    def __init__(self, instance_of: Callable[[str], Instance | None], health: Callable[[str], Health]) -> None:
        self._instance_of = instance_of
        self._health = health
        self._known: dict[str, Health] = {}

    async def __call__(self, source: str, ticket_ids: Sequence[str]) -> Fetched | None:
        """What the source says; None when it cannot be asked for single tickets."""
        instance = self._instance_of(f"sources.{source}")
        if instance is None or not instance.can(Capability.FETCH):
            return None
        loop_id = f"{instance.id}:reread"
        health = self._known.setdefault(loop_id, self._health(loop_id))
        try:
            fetched = await fetch(instance, ticket_ids)
        except RemoteError as error:
            await health.failed(error)
            raise
        await health.worked()
        return fetched
