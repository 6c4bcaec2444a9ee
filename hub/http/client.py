"""The client that a plugin finds as `context.http`."""

from __future__ import annotations

import asyncio
import importlib.metadata
import random as random_module
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import httpx

from hub.api.component import Clock, Log
from hub.api.errors import RateLimited, RemoteError, Unavailable, Unexpected
from hub.http import answers
from hub.http.limits import Limiter, PauseKey, Pauses
from hub.http.retries import policy

MEBIBYTE = 1024 * 1024
PAUSE_WHEN_UNSTATED = timedelta(seconds=1)
"""How long a service is left alone that says "too many requests" but not for how long."""
LONGEST_PAUSE_ONCE = timedelta(seconds=15)
"""For requests that must not be carried out twice: their caller has only so long, and can wait by itself."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one attempt may take, in seconds."""

    connect: float = 10.0
    """To open a connection, with TLS."""
    read: float = 30.0
    """Between two pieces of the answer."""
    write: float = 30.0
    """To hand over a piece of the request."""
    pool: float = 30.0
    """For a connection to become free."""
    total: float = 120.0
    """For everything together."""


class LentClient:
    """Implements `hub.HttpClient` for one component.

    :param name: the component's id, for the log.
    :param pauses: shared by all components of the process.
    :param limiter: keeps to the rate that the component's type states; each attempt counts.
    :param body_limit: the longest answer in bytes, after decompression.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        *,
        name: str,
        clock: Clock,
        random: random_module.Random,
        log: Log,
        pauses: Pauses,
        limiter: Limiter | None = None,
        timeouts: Timeouts = Timeouts(),
        body_limit: int = 16 * MEBIBYTE,
    ) -> None:
        self._transport = transport
        self._name = name
        self._clock = clock
        self._random = random
        self._log = log
        self._pauses = pauses
        self._limiter = limiter
        self._total_seconds = timeouts.total
        self._extensions = {
            "timeout": {
                "connect": timeouts.connect,
                "read": timeouts.read,
                "write": timeouts.write,
                "pool": timeouts.pool,
            }
        }
        self._body_limit = body_limit

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
        """See `hub.HttpClient.request`."""
        merged = httpx.Headers(_default_headers())
        merged.update(headers)
        try:
            request = httpx.Request(
                method,
                url,
                params=params if params is None or isinstance(params, Mapping) else list(params),
                headers=merged,
                json=json,
                data=data,
                content=content,
                extensions=self._extensions,
            )
        except httpx.InvalidURL:
            raise Unexpected("the address of a request is not a URL: check the base URL") from None
        _sign_in(request, auth)
        keys = _PauseKeys(self._pauses.key(request), lanes or {})
        loop = policy(once=once, clock=self._clock, random=self._random, log=self._log, component=self._name)
        return await loop(self._attempt, request, keys, once=once, accept=accept)

    async def _attempt(
        self, request: httpx.Request, keys: _PauseKeys, *, once: bool, accept: Collection[int]
    ) -> httpx.Response:
        await self._turn(keys, LONGEST_PAUSE_ONCE if once else None)
        try:
            async with asyncio.timeout(self._total_seconds):
                response = await self._transport.handle_async_request(request)
                response = await answers.read(response, request, self._body_limit)
        except (httpx.RequestError, answers.TooLarge, TimeoutError) as error:
            raise answers.failure(error, request, once=once) from error
        if response.status_code in accept:
            return response
        problem = answers.refusal(response, once=once, now=self._clock.now())
        if problem is None:
            return response
        self._note_pause(keys.meant_by(response), problem)
        raise problem

    async def _turn(self, keys: _PauseKeys, longest_pause: timedelta | None) -> None:
        while True:
            for key in keys:
                await self._pauses.wait(key, longest_pause)
            if self._limiter:
                await self._limiter.acquire()
            if not any(self._pauses.remaining(key) for key in keys):
                return  # otherwise a pause began meanwhile, and the slot is forfeited: old slots would leave in a burst

    def _note_pause(self, key: PauseKey, problem: RemoteError) -> None:
        if isinstance(problem, RateLimited):
            self._pauses.hold(key, problem.retry_after or PAUSE_WHEN_UNSTATED)
        elif isinstance(problem, Unavailable) and problem.retry_after:
            self._pauses.hold(key, problem.retry_after)


class _PauseKeys:
    """The pauses that one request keeps to: that of its credential, and those of its lanes."""

    def __init__(self, everything: PauseKey, lanes: Mapping[str, str]) -> None:
        self._everything = everything
        self._lanes = {reason: (*everything[:4], lane) for reason, lane in lanes.items()}

    def __iter__(self) -> Iterator[PauseKey]:
        return iter((self._everything, *self._lanes.values()))

    def meant_by(self, response: httpx.Response) -> PauseKey:
        """What a refusal asks to pause."""
        return self._lanes.get(response.headers.get("ratelimit-reason", ""), self._everything)


def _sign_in(request: httpx.Request, auth: tuple[str, str] | None) -> None:
    """Move the credential, given or written into the URL, to where it belongs."""
    if request.url.userinfo:
        auth = auth or (request.url.username, request.url.password)
        request.url = request.url.copy_with(username=None, password=None)
    if auth is not None:
        next(httpx.BasicAuth(*auth).auth_flow(request))


@cache
def _default_headers() -> Mapping[str, str]:
    return {
        "User-Agent": f"itsm-hub/{importlib.metadata.version('itsm-hub')}",
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate",
    }
