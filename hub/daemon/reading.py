"""Reads single tickets through the sources at work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from hub.api.component import Capability
from hub.api.errors import RemoteError, Unavailable, Unexpected
from hub.api.records import Fetched
from hub.api.source import Source
from hub.config.models import ComponentConfig
from hub.daemon.components import Instance
from hub.daemon.health import LONGEST_LEFT_ALONE, Health
from hub.journey.singly import ENOUGH

FETCH_LIMIT = timedelta(seconds=30)


class TooSlow(Unavailable):
    """A source took too long."""


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
        raise TooSlow("it took too long to read tickets") from None
    except Exception as error:
        raise Unexpected(f"the plugin failed with {type(error).__name__}") from error
    if not isinstance(fetched, Fetched):
        raise Unexpected(f"the plugin returned {type(fetched).__name__} where Fetched is promised")
    return fetched


class Rereader:
    """Implements `hub.journey.reread.Reread`, and remembers for `hub status` whether it works.

    A source that fails again and again is left alone for a while, by all workers, so that it does not hold up the
    surveys of others.

    :param instance_of: the component at work with an id.
    :param configured: what hub.toml says of the component with an id.
    """

    def __init__(
        self,
        instance_of: Callable[[str], Instance | None],
        health: Callable[[str], Health],
        configured: Callable[[str], ComponentConfig | None],
    ) -> None:
        self._instance_of = instance_of
        self._health = health
        self._configured = configured
        self._sources: dict[str, _Reading] = {}

    async def __call__(self, source: str, ticket_ids: Sequence[str]) -> Fetched | None:
        """What the source says; None when it cannot be asked for single tickets, or is not in hub.toml any more.

        :raises RemoteError: it did not answer, is left alone, or could not be set up.
        """
        id_ = f"sources.{source}"
        instance = self._instance_of(id_)
        if instance is None and _should_run(self._configured(id_)):
            raise Unavailable("it is not running: hub status says why")
        if instance is None or not instance.can(Capability.FETCH):
            return None
        reading = self._sources.setdefault(source, _Reading(self._health(f"{instance.id}:reread")))
        if await reading.health.is_left_alone():
            raise Unavailable("it is left alone for a while, since it could not be read")
        try:
            fetched = await fetch(instance, ticket_ids)
        except RemoteError as error:
            reading.failures += 1
            too_much = reading.failures > ENOUGH or isinstance(error, TooSlow)
            await reading.health.failed(error, at_most=LONGEST_LEFT_ALONE if too_much else timedelta())
            raise
        reading.failures = 0
        await reading.health.worked()
        return fetched


@dataclass(slots=True)
class _Reading:
    health: Health
    failures: int = 0
    """In a row."""


def _should_run(config: ComponentConfig | None) -> bool:
    return config is not None and config.enabled and Capability.FETCH in getattr(config.type, "capabilities", ())
