"""The client that a plugin finds as `context.http`."""

from __future__ import annotations

import asyncio
import random as random_module
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from time import perf_counter
from typing import Any

import httpx

from hub import metrics
from hub.api.component import Clock, Log
from hub.api.errors import RateLimited, RemoteError, Unavailable, Unexpected
from hub.http import answers
from hub.http.calls import Call, HttpxWire, Timeouts, Wire, make_call
from hub.http.limits import Limiter, PauseKey, Pauses
from hub.http.retries import policy

MEBIBYTE = 1024 * 1024
DEFAULT_TIMEOUTS = Timeouts()
PAUSE_WHEN_UNSTATED = timedelta(seconds=1)
"""How long a service is left alone that says "too many requests" but not for how long."""
LONGEST_PAUSE_ONCE = timedelta(seconds=15)
"""For requests that must not be carried out twice: their caller has only so long, and can wait by itself."""


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
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        body_limit: int = 16 * MEBIBYTE,
    ) -> None:
        self._wire = transport if isinstance(transport, Wire) else HttpxWire(transport)
        self._name = name
        self._clock = clock
        self._random = random
        self._log = log
        self._pauses = pauses
        self._limiter = limiter
        self._timeouts = timeouts
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
        try:
            call = make_call(
                method, url, params=params, headers=headers, json=json, data=data, content=content, auth=auth
            )
        except httpx.InvalidURL:
            raise Unexpected("the address of a request is not a URL: check the base URL") from None
        attempt = partial(self._attempt, call, lanes or {}, once=once, accept=accept)
        try:
            return await attempt()
        except RemoteError as error:  # most requests need no loop, and making one costs a third of a request
            loop = policy(once=once, clock=self._clock, random=self._random, log=self._log, component=self._name)
            return await loop(_after(error, attempt))

    async def _attempt(
        self, call: Call, lanes: Mapping[str, str], *, once: bool, accept: Collection[int]
    ) -> httpx.Response:
        await self._turn(call, lanes, LONGEST_PAUSE_ONCE if once else None)
        begun = perf_counter()
        try:
            async with asyncio.timeout(self._timeouts.total):
                response = await self._wire.exchange(call, self._timeouts, self._body_limit)
        except (httpx.RequestError, answers.TooLarge, TimeoutError) as error:
            metrics.http_request(self._name, None, perf_counter() - begun)
            raise answers.failure(error, call.request, once=once) from error
        metrics.http_request(self._name, response.status_code, perf_counter() - begun)
        if response.status_code in accept:
            return response
        problem = answers.refusal(response, once=once, now=self._clock.now())
        if problem is None:
            return response
        self._note_pause(response, lanes, problem)
        raise problem

    async def _turn(self, call: Call, lanes: Mapping[str, str], longest_pause: timedelta | None) -> None:
        while True:
            for key in self._running(call, lanes):
                await self._pauses.wait(key, longest_pause)
            if self._limiter:
                await self._limiter.acquire()
            if not any(self._pauses.remaining(key) for key in self._running(call, lanes)):
                return  # otherwise a pause began meanwhile, and the slot is forfeited: old slots would leave in a burst

    def _running(self, call: Call, lanes: Mapping[str, str]) -> Iterable[PauseKey]:
        """The pauses that a call may have to keep to: nearly always none."""
        if not self._pauses.any_running:
            return ()
        request = call.request
        return _PauseKeys(self._pauses.key(request), lanes) if self._pauses.may_cover(request.url) else ()

    def _note_pause(self, response: httpx.Response, lanes: Mapping[str, str], problem: RemoteError) -> None:
        if isinstance(problem, RateLimited):
            length = problem.retry_after or PAUSE_WHEN_UNSTATED
        elif isinstance(problem, Unavailable) and problem.retry_after:
            length = problem.retry_after
        else:
            return
        self._pauses.hold(_PauseKeys(self._pauses.key(response.request), lanes).meant_by(response), length)
        metrics.http_pause(self._name)


def _after(error: RemoteError, attempt: Callable[[], Awaitable[httpx.Response]]) -> Callable[[], Any]:
    """The attempts of a request whose first one has failed with this."""
    first = [error]

    async def again() -> httpx.Response:
        if first:
            raise first.pop()
        return await attempt()

    return again


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
