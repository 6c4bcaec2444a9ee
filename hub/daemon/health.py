"""Whether a component works: paused with back-off when it does not, said once when it goes and once when it is back."""

from __future__ import annotations

import traceback
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hub.api.component import Clock
from hub.api.errors import HubError, RateLimited, Unavailable
from hub.journey.backoff import backoff
from hub.store import components
from hub.store.engine import Store

_FIRST = timedelta(seconds=5)
_LONGEST = timedelta(minutes=10)
_REMEMBER_EVERY = timedelta(seconds=60)  # a commit for every idle look would wear the disk for nothing


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
        self._log = structlog.get_logger(component=loop_id)

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt failed."""
        return self._since is not None

    async def worked(self) -> None:
        """The loop did its work."""
        now = self._clock.now()
        if self._since is not None:
            self._log.info("component.recovered", failed_for_s=round((now - self._since).total_seconds()))
        elif self._remembered is not None and now - self._remembered < _REMEMBER_EVERY:
            return
        self._failures, self._since, self._remembered = 0, None, now
        await self._store.commit(lambda connection: components.worked(connection, self._id, now))

    async def failed(self, error: BaseException) -> timedelta:
        """The loop could not do its work.

        :returns: how long to leave the component alone.
        """
        now = self._clock.now()
        words = _words(error)
        if self._since is None:
            self._since = now
            at = {} if isinstance(error, HubError) else {"at": _where(error)}
            self._log.warning("component.failing", error=type(error).__name__, reason=words, **at)
        pause = self._pause(error)
        self._failures += 1
        failures, since = self._failures, self._since
        try:
            await self._store.commit(
                lambda connection: components.failed(
                    connection, self._id, error=words, failures=failures, since=since, retry_at=now + pause
                )
            )
        except Exception as store_error:  # noqa: BLE001 - the store may be what failed; the loop must outlive it
            self._log.error("store.failed", error=type(store_error).__name__)
        return pause

    def _pause(self, error: BaseException) -> timedelta:
        asked = error.retry_after if isinstance(error, RateLimited | Unavailable) else None
        pause = max(backoff(self._failures, _FIRST, _LONGEST), asked or timedelta())
        spread: timedelta = pause * self._random.uniform(1.0, 1.3)
        return spread


def _words(error: BaseException) -> str:
    """What the operator reads. The text of an error that is not the hub's own may hold anything."""
    if isinstance(error, HubError):
        return str(error)
    if isinstance(error, SQLAlchemyError):
        return f"the store failed with {type(error).__name__}"
    return f"a fault in the plugin or the hub: {type(error).__name__} at {_where(error)}"


def _where(error: BaseException) -> str:
    """Where a fault is, without the values that its message or frames could hold."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
