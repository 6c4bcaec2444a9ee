"""The one policy for repeating requests."""

from __future__ import annotations

import random as random_module
from collections.abc import Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from hub import metrics
from hub.api.component import Clock, Log
from hub.api.errors import RateLimited, Unavailable
from hub.http.answers import NEVER_LEFT

ATTEMPTS = 6
ATTEMPTS_ONCE = 3
"""For requests that must not be carried out twice: their caller must hear in time that they did not leave."""
FIRST_WAIT_SECONDS = 0.5
LONGEST_TOTAL_WAIT_SECONDS = 120.0
"""All waits for one request together, so that a component is told in time that its service is away."""


def policy(*, once: bool, clock: Clock, random: random_module.Random, log: Log, component: str) -> AsyncRetrying:
    """The loop that carries one request through its attempts. Make a new one for each request.

    :param once: repeat only what certainly did not leave.
    """

    def wait_seconds(state: RetryCallState) -> float:
        backoff: float = FIRST_WAIT_SECONDS * 2 ** (state.attempt_number - 1)
        return max(backoff, _asked_seconds(state)) * random.uniform(1.0, 1.3)

    def log_retry(state: RetryCallState) -> None:
        metrics.http_retry(component)
        log.info(
            "http.retry",
            component=component,
            attempt=state.attempt_number,
            wait_seconds=round(state.upcoming_sleep, 3),
            error=type(_error(state)).__name__,
        )

    return AsyncRetrying(
        sleep=clock.sleep,
        retry=retry_if_exception(_certainly_not_sent if once else _temporary),
        wait=wait_seconds,
        stop=_enough(ATTEMPTS_ONCE if once else ATTEMPTS),
        before_sleep=log_retry,
        reraise=True,
    )


def _temporary(error: BaseException) -> bool:
    return isinstance(error, (Unavailable, RateLimited))


def _certainly_not_sent(error: BaseException) -> bool:
    return isinstance(error, Unavailable) and isinstance(error.__cause__, NEVER_LEFT)


def _enough(attempts: int) -> Callable[[RetryCallState], bool]:
    def enough(state: RetryCallState) -> bool:
        waited = state.idle_for + state.upcoming_sleep
        return state.attempt_number >= attempts or waited > LONGEST_TOTAL_WAIT_SECONDS

    return enough


def _asked_seconds(state: RetryCallState) -> float:
    error = _error(state)
    if isinstance(error, (Unavailable, RateLimited)) and error.retry_after:
        return error.retry_after.total_seconds()
    return 0.0


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
