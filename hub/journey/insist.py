"""Writes to the store that must not be given up."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hub.api.component import Clock

_AGAIN_AFTER_S = (0.2, 1.0, 3.0, 9.0, 20.0)


async def insist(write: Callable[[], Awaitable[object]], clock: Clock) -> None:
    """Write what became of claimed rows, again and again while the store fails.

    As long as this process lives nobody else may take these rows, and nobody else knows what became of them.
    """
    for pause_s in itertools.chain(_AGAIN_AFTER_S, itertools.repeat(_AGAIN_AFTER_S[-1])):
        try:
            await write()
        except (SQLAlchemyError, OSError) as error:
            structlog.get_logger().error("store.failed", error=type(error).__name__)
            await clock.sleep(pause_s)
        else:
            return
