"""Whether a component works: paused with back-off when it does not, said once when it goes and once when it is back."""

from __future__ import annotations

import traceback
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

import structlog

from hub import metrics
from hub.api.component import Clock
from hub.api.errors import HubError, RateLimited, Unavailable
from hub.journey.backoff import backoff
from hub.store import components, failures
from hub.store.engine import Store, Work

_FIRST = timedelta(seconds=5)
_LONGEST = timedelta(minutes=10)
_LONGEST_FOR_STORE = timedelta(seconds=20)
"""The database is the hub's own: nobody is spared by leaving it alone, and nothing goes on without it."""
LONGEST_LEFT_ALONE = timedelta(minutes=10)
"""For what all workers leave alone together. A later end comes from a worker whose clock is wrong."""
_REMEMBER_EVERY = timedelta(seconds=60)  # a commit for every idle look would wear the disk for nothing
_CLEAR_EVERY = timedelta(minutes=10)
"""How often to take back what another worker, or `hub sync`, may have said of a source whose pages are stored."""
_LOOK_EVERY = timedelta(seconds=5)


class Health:
    """The health of one loop of one component, kept in the store for `hub status`."""

    def __init__(self, store: Store, loop_id: str, clock: Clock, chance: Random) -> None:
        self._store = store
        self._id = loop_id
        self._clock = clock
        self._random = chance
        self._failures = 0
        self._since: datetime | None = None
        self._remembered: datetime | None = None
        self._with_page: datetime | None = None
        self._retry_at: datetime | None = None
        self._looked: datetime | None = None
        self._store_fails = False
        self._of_store = False
        self._log = structlog.get_logger(component=loop_id)

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt failed."""
        return self._since is not None

    @property
    def needs_proof(self) -> bool:
        """Whether the component must do something before it counts as well again.

        Where only the store had failed, a look that found nothing to do is proof enough.
        """
        return self._since is not None and not self._of_store

    async def worked(self) -> None:
        """The loop did its work."""
        now = self._clock.now()
        if self._since is None and self._is_remembered(now):
            return
        async with self._store.write() as connection:  # by itself, so that it locks its row for a moment only
            await components.worked(connection, self._id, now)
        if self._since is not None:  # said when it is stored: on a full disk nothing has recovered
            self._log.info("component.recovered", failed_for_s=round((now - self._since).total_seconds()))
        self._failures, self._since, self._remembered, self._retry_at = 0, None, now, None

    def _is_remembered(self, now: datetime) -> bool:
        if self._remembered is None:
            return False
        is_of_page = self._with_page is not None and now - self._with_page < _REMEMBER_EVERY
        return now - self._remembered < (_CLEAR_EVERY if is_of_page else _REMEMBER_EVERY)

    def stored_with_page(self) -> None:
        """A page was stored, and with it that its source works: `worked` need not write the same row once more."""
        self._with_page = self._clock.now()

    async def is_left_alone(self) -> bool:
        """Whether this worker or another one has failed and the pause after that still runs.

        What others found out is looked up every few seconds.
        """
        now = self._clock.now()
        if self._looked is None or not timedelta() <= now - self._looked < _LOOK_EVERY:
            async with self._store.read() as connection:
                self._retry_at = (await components.get(connection, self._id)).retry_at
            self._looked = now
        return self._retry_at is not None and now < self._retry_at <= now + LONGEST_LEFT_ALONE

    async def failed(self, error: BaseException, *, at_most: timedelta = timedelta.max) -> timedelta:
        """The loop could not do its work.

        :param at_most: a limit to what is returned.
        :returns: how long to leave the component alone.
        """
        metrics.loop_failed(self._id)
        now = self._clock.now()
        words = _words(error)
        if self._since is None:
            self._since = now
            at = {} if isinstance(error, HubError) else {"at": _where(error)}
            self._log.warning("component.failing", error=type(error).__name__, reason=words, **at)
        self._of_store = failures.is_of_the_store(error)
        pause = min(self._pause(error), at_most)
        self._failures += 1
        self._retry_at, self._looked = now + pause, now
        note = partial(
            components.failed,
            component_id=self._id,
            error=words,
            kind=self._kind(error),
            failures=self._failures,
            since=self._since,
            retry_at=self._retry_at,
        )
        await self._remember(note)
        return pause

    async def _remember(self, note: Work) -> None:
        try:
            async with self._store.write() as connection:
                await note(connection)
        except Exception as store_error:  # noqa: BLE001 - the store may be what failed; the loop must outlive it
            if not self._store_fails:
                self._log.error("store.failed", reason=_words(store_error))
            self._store_fails = True
        else:
            self._store_fails = False

    def _kind(self, error: BaseException) -> str:
        if self._of_store:
            return "store"
        return type(error).__name__ if isinstance(error, HubError) else "fault"

    def _pause(self, error: BaseException) -> timedelta:
        asked = error.retry_after if isinstance(error, RateLimited | Unavailable) else None
        longest = _LONGEST_FOR_STORE if failures.is_of_the_store(error) else _LONGEST
        pause = max(backoff(self._failures, _FIRST, longest), asked or timedelta())
        spread: timedelta = pause * self._random.uniform(1.0, 1.3)
        return min(spread, max(longest, asked or timedelta()))


def _words(error: BaseException) -> str:
    """What the operator reads. The text of an error that is not the hub's own may hold anything."""
    if isinstance(error, HubError):
        return str(error)
    if failures.is_of_the_store(error):
        return failures.words(error)
    return f"a fault in the plugin or the hub: {type(error).__name__} at {_where(error)}"


def _where(error: BaseException) -> str:
    """Where a fault is, without the values that its message or frames could hold."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
