"""Makes running components of their configuration."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import httpx
import structlog

from hub.api.component import Capability, Clock, Component, Log
from hub.api.errors import PluginError
from hub.api.gateway import GatewayType
from hub.config.models import ComponentConfig, HubConfig
from hub.daemon.limits import Limits, OwnLimits
from hub.daemon.vault import LOCKERS, OpenStore, StoreVault
from hub.http import LentClient, Limiter


@dataclass(frozen=True, slots=True)
class LentContext:
    """What the hub lends to one component; see `hub.Context`."""

    name: str
    http: LentClient
    log: Log
    clock: Clock
    random: random.Random
    vault: StoreVault
    hook_url: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One configured component at work."""

    config: ComponentConfig
    component: Component[Any]
    limiter: Limiter | None
    """For the messages of a gateway; the lent client of all others keeps to theirs."""
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
    """Builds components that share one transport and what keeps them polite.

    :param limits: of this process by itself unless given.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        clock: Clock,
        chance: random.Random,
        open_store: OpenStore,
        limits: Limits | None = None,
    ) -> None:
        self._open_store = open_store
        self._lockers = asyncio.Semaphore(LOCKERS)
        self._transport = transport
        self._clock = clock
        self._random = chance
        self._limits = limits or OwnLimits(clock, chance)

    def build(self, config: ComponentConfig, public_url: str) -> Instance:
        """Create a component. It does no I/O yet.

        :raises PluginError: the plugin's class could not be created.
        """
        log = structlog.get_logger(component=config.id)
        limiter = self._limits.limiter(config.id, config.rate) if config.rate else None
        limits_messages = isinstance(config.type, GatewayType)
        client = LentClient(
            self._transport,
            name=config.id,
            clock=self._clock,
            random=self._random,
            log=log,
            pauses=self._limits.pauses,
            limiter=None if limits_messages else limiter,
        )
        context = LentContext(
            name=config.name,
            http=client,
            log=log,
            clock=self._clock,
            random=self._random,
            vault=StoreVault(config, self._open_store, self._clock, self._lockers),
            hook_url=f"{public_url}/{'push' if config.kind == 'sources' else 'hooks'}/{config.name}",
        )
        try:
            component = config.type.create(config.settings, context)
        except Exception as error:
            what = f"{config.id}: the plugin {config.plugin!r} cannot be set up: {type(error).__name__}"
            raise PluginError(f"{what}; report it to its author") from error
        return Instance(config, component, limiter if limits_messages else None)

    async def close(self) -> None:
        """Give back the transport's connections."""
        await self._transport.aclose()


def targets_of(config: HubConfig, source: str) -> list[str]:
    """Ids of the components that hear of an experience from a source: the source itself, and every sink.

    Also those that are switched off: what is meant for them waits until they are back.
    """
    own = config.sources.get(source)
    takes = own is not None and Capability.WRITE_BACK in getattr(own.type, "capabilities", ())
    return ([own.id] if own and takes else []) + [sink.id for sink in config.sinks.values()]
