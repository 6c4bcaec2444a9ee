"""Makes running components of their configuration."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import structlog

from hub.api.component import Capability, Clock, Component, Log
from hub.api.source import SourceType
from hub.config.models import ComponentConfig
from hub.http import LentClient, Limiter, Pauses


@dataclass(frozen=True, slots=True)
class LentContext:
    """What the hub lends to one component; see `hub.Context`."""

    name: str
    http: LentClient
    log: Log
    clock: Clock
    random: random.Random
    hook_url: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One configured component at work."""

    config: ComponentConfig
    component: Component[Any]
    limiter: Limiter | None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when its loops should end after the step they are at."""

    @property
    def id(self) -> str:
        """`sources.NAME`."""
        return self.config.id

    def can(self, capability: Capability) -> bool:
        """Whether the plugin declares it."""
        return capability in getattr(self.config.type, "capabilities", ())


class Workshop:
    """Builds components that share one transport and the pauses of their credentials."""

    def __init__(self, transport: httpx.AsyncBaseTransport, clock: Clock, chance: random.Random) -> None:
        self._transport = transport
        self._clock = clock
        self._random = chance
        self._pauses = Pauses(clock, chance)

    def build(self, config: ComponentConfig, public_url: str) -> Instance:
        """Create a component. It does no I/O yet."""
        log = structlog.get_logger(component=config.id)
        rate = getattr(config.type, "rate", None)
        limiter = Limiter(rate, self._clock) if rate else None
        client = LentClient(
            self._transport,
            name=config.id,
            clock=self._clock,
            random=self._random,
            log=log,
            pauses=self._pauses,
            limiter=limiter if isinstance(config.type, SourceType) else None,  # deliver limits a gateway's sends
        )
        context = LentContext(
            name=config.name,
            http=client,
            log=log,
            clock=self._clock,
            random=self._random,
            hook_url=f"{public_url}/hooks/{config.name}",
        )
        return Instance(config, config.type.create(config.settings, context), limiter)

    async def close(self) -> None:
        """Give back the transport's connections."""
        await self._transport.aclose()


def targets_of(instances: Mapping[str, Instance], source: str) -> list[str]:
    """Ids of the components that hear of an experience from a source: the source itself, and every sink."""
    own = instances.get(f"sources.{source}")
    write_back = [own.id] if own and own.can(Capability.WRITE_BACK) else []
    return write_back + [id_ for id_, instance in instances.items() if instance.config.kind == "sinks"]
