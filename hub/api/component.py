"""What every plugin component has, and what the hub lends to it."""

from __future__ import annotations

import random
from abc import ABC
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from hub.api.errors import NotSupported

if TYPE_CHECKING:
    import httpx


class PluginConfig(BaseModel):
    """Base of a plugin's settings: frozen, and an unknown setting is an error. Give every field a description."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @property
    def own_addresses(self) -> Collection[str]:
        """Mail addresses and phone numbers that the component itself uses; none unless a plugin says so.

        Who is at one of them is the desk, not a customer: they are not asked, and what they answer does not count.
        """
        return ()


ConfigT = TypeVar("ConfigT", bound=PluginConfig)


class Capability(StrEnum):
    """What a component offers beyond the minimum. The hub calls nothing that is not declared."""

    WRITE_BACK = "write_back"  # source: takes experiences back onto the ticket
    REWIND = "rewind"  # source: can start again from a given time
    WAIT = "wait"  # source or gateway: can tell at once that there is news (IMAP IDLE)
    RECEIVE = "receive"  # source: hints that tickets changed come by webhook; gateway: replies and reports do
    FETCH = "fetch"  # source: can read single tickets as they stand now
    CENSUS = "census"  # source: can list the ids of what was closed since a given time; needs FETCH
    MILESTONES = "milestones"  # source: can list open tickets that were handed over or wait for long
    COLLECT = "collect"  # gateway: replies and reports are fetched by polling
    REPEATABLE = "repeatable"  # gateway: the same message may be sent again without reaching the customer twice
    LOOK_UP = "look_up"  # gateway: can be asked later whether a message left whose answer was lost


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `calls` within any `per`."""

    calls: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that `hub check` proved, or could not."""

    what: str
    ok: bool
    detail: str = ""
    """What was found; when not ok, what to do about it."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request that reached `hook_url`. Nothing of it has been verified."""

    method: str
    path: str
    """What follows `hook_url`, without the leading slash."""
    query: tuple[tuple[str, str], ...] = field(repr=False, default=())
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    """Names in lower case."""
    body: bytes = field(repr=False, default=b"")
    url: str = field(repr=False, default="")
    """The full public URL as configured, for signatures that cover it."""


class HttpClient(Protocol):
    """The HTTP client the hub lends: limits, retries, pauses, redaction and error classes are already in it."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        content: bytes | None = None,
        auth: tuple[str, str] | None = None,
        once: bool = False,
        accept: Collection[int] = (),
        lanes: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request and return a response with a 2xx status, or one that `accept` names.

        The answer is complete and decompressed. Redirects are not followed.

        :param params: the query; it takes the place of one in `url`.
        :param auth: user and password for HTTP Basic.
        :param once: the request must not be carried out twice: it is repeated only when it certainly did not leave,
            and a lost answer raises `OutcomeUnknown`.
        :param accept: other statuses that the caller handles itself.
        :param lanes: what a 429 pauses when its `RateLimit-Reason` header is a key here: only requests that name the
            same lane. Any other 429 pauses everything that uses the same credential. Atlassian limits by endpoint and
            by issue besides the account.
        :raises RemoteError: one of its subclasses, after the retries that make sense for it.
        """
        ...


class Clock(Protocol):
    """Time, injected so that tests need not wait."""

    def now(self) -> datetime:
        """The time in UTC, aware."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        ...


class Vault(Protocol):
    """Keeps what a system hands out and the hub must remember, such as a refresh token that each use replaces.

    Values are encrypted with a key made of the component's secrets in hub.toml: the store alone does not show them, and
    they are forgotten when one of these secrets changes. `key` takes the place of these secrets, for a value that
    belongs to one of them only.
    """

    async def load(self, name: str, *, key: str | None = None) -> str | None:
        """The value last saved under this name by any process; None when there is none that can be read."""
        ...

    async def save(self, name: str, value: str, *, key: str | None = None) -> None:
        """Keep a value; durable when this returns."""
        ...

    def locked(self, name: str) -> AbstractAsyncContextManager[None]:
        """Keep the other workers on a PostgreSQL store from entering such a block for the same name.

        For what only one may do at a time, such as using up a refresh token. Load the value inside the block. The lock
        of a worker that stands still is given to the next one after five minutes.
        """
        ...


class Log(Protocol):
    """A structlog logger bound to the component. Event names are lower case with dots; values must not be personal."""

    def debug(self, event: str, **values: object) -> None: ...
    def info(self, event: str, **values: object) -> None: ...
    def warning(self, event: str, **values: object) -> None: ...
    def error(self, event: str, **values: object) -> None: ...


class Context(Protocol):
    """What the hub lends to one component for as long as it lives."""

    @property
    def name(self) -> str:
        """The NAME of `[sources.NAME]`, `[gateways.NAME]` or `[sinks.NAME]`."""
        ...

    @property
    def http(self) -> HttpClient: ...
    @property
    def log(self) -> Log: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def random(self) -> random.Random: ...

    @property
    def vault(self) -> Vault: ...

    @property
    def hook_url(self) -> str:
        """Public URL below which requests reach this component's `receive`, without a trailing slash."""
        ...


class Component(ABC, Generic[ConfigT]):
    """One configured instance of a plugin. Created once per table in hub.toml; must not do I/O when created."""

    def __init__(self, config: ConfigT, context: Context) -> None:
        self.config = config
        self.context = context

    async def check(self) -> Sequence[CheckResult]:
        """Prove, without side effects, that what will be needed works: reachable, credentials, permissions.

        Called by `hub check`. Return one result per thing; do not raise for a failing one.
        """
        return ()

    async def wait(self) -> None:
        """Return as soon as there may be news. Called between polls when `Capability.WAIT` is declared.

        The hub cancels it when the polling interval has passed; it must leave its connection usable or closed.
        """
        raise NotSupported("wait")

    async def close(self) -> None:
        """Give back connections. Called once, when the component is stopped or rebuilt."""
