"""How a loop rests between two looks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from hub import Capability, SourceType
from hub.config.models import ComponentConfig
from hub.daemon import loops
from hub.daemon.components import Instance
from tests.journey.world import Desk, Nothing


class Waiting(Desk):
    """A desk that can wait for news, in a way of its own."""

    def __init__(self, wait: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._wait = wait

    async def wait(self) -> None:
        await self._wait()


def _instance(wait: Callable[[], Awaitable[None]], interval_s: float) -> Instance:
    config = ComponentConfig(
        kind="sources",
        name="x",
        plugin="x",
        type=SourceType("", Nothing, Waiting, frozenset({Capability.WAIT})),
        settings=Nothing(),
        enabled=True,
        interval=timedelta(seconds=interval_s),
        max_in_flight=1,
    )
    return Instance(config, Waiting(wait), None)


@pytest.mark.parametrize("error", [TimeoutError(), asyncio.CancelledError(), ValueError(), OSError(110, "timed out")])
async def test_a_component_that_cannot_wait_is_polled(error: BaseException) -> None:
    async def wait() -> None:
        raise error

    started = asyncio.get_running_loop().time()
    await loops._until_news(_instance(wait, 0.2))
    assert asyncio.get_running_loop().time() - started >= 0.2


async def test_a_component_that_always_sees_news_does_not_spin() -> None:
    async def wait() -> None:
        pass

    started = asyncio.get_running_loop().time()
    await loops._until_news(_instance(wait, 60))
    assert asyncio.get_running_loop().time() - started >= loops._LEAST_BETWEEN_LOOKS_S


async def test_stopping_ends_the_rest_at_once() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    instance = _instance(wait, 60)
    resting = asyncio.create_task(loops._until_news(instance))
    await asyncio.sleep(0)
    instance.stopping.set()
    await asyncio.wait_for(resting, 5)
