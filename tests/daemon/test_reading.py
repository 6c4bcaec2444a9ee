"""Single tickets are read through the sources at work; one that fails is left alone, by all workers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from hub import Capability, Cursor, Fetched, Page, PluginConfig, Source, SourceType, Unavailable
from hub.config.models import ComponentConfig
from hub.daemon.components import Instance
from hub.daemon.health import Health
from hub.daemon.reading import Rereader
from hub.store.engine import Store
from hub.testing.clock import FakeClock
from hub.testing.fakes import FakeContext


class Nothing(PluginConfig):
    pass


class Desk(Source[Nothing]):
    """A desk that can be out of order."""

    asked = 0
    is_broken = False

    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        yield Page((), cursor or Cursor("0"))

    async def fetch(self, ticket_ids: Sequence[str]) -> Fetched:
        self.asked += 1
        if self.is_broken:
            raise Unavailable("it is out of order", retry_after=timedelta(hours=1))
        return Fetched(gone=tuple(ticket_ids))


def _config(*, enabled: bool = True, can: Capability = Capability.FETCH) -> ComponentConfig:
    return ComponentConfig(
        kind="sources",
        name="desk",
        plugin="desk",
        type=SourceType("", Nothing, Desk, frozenset({can})),
        settings=Nothing(),
        enabled=enabled,
        interval=timedelta(minutes=1),
        max_in_flight=1,
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path}/hub.db")
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def _worker(store: Store, clock: FakeClock, desk: Desk) -> Rereader:
    """Another process on the same store."""
    instance = Instance(_config(), desk, None)
    return Rereader({"sources.desk": instance}.get, lambda id_: Health(store, id_, clock, Random(1)), lambda _: None)


@pytest.fixture
def desk() -> Desk:
    return Desk(Nothing(), FakeContext())


async def _fails(reread: Rereader, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Unavailable):
            await reread("desk", ["1"])


async def test_a_source_that_one_worker_leaves_alone_is_left_alone_by_all(
    store: Store, clock: FakeClock, desk: Desk
) -> None:
    one, two = _worker(store, clock, desk), _worker(store, clock, desk)
    assert await two("desk", ["1"]) == Fetched(gone=("1",))
    desk.is_broken, desk.asked = True, 0
    await _fails(one, 6)
    clock.advance(timedelta(seconds=6))
    await _fails(two)
    assert desk.asked == 4
    desk.is_broken = False
    clock.advance(timedelta(minutes=11))
    assert await two("desk", ["1"]) is not None
    clock.advance(timedelta(seconds=6))
    assert await one("desk", ["1"]) is not None


async def test_a_first_failure_does_not_keep_other_workers_from_trying(
    store: Store, clock: FakeClock, desk: Desk
) -> None:
    one, two = _worker(store, clock, desk), _worker(store, clock, desk)
    desk.is_broken = True
    await _fails(one)
    await _fails(two)
    assert desk.asked == 2


async def test_a_worker_with_a_wrong_clock_does_not_stop_the_others(store: Store, clock: FakeClock, desk: Desk) -> None:
    ahead = FakeClock(clock.now() + timedelta(hours=1))
    desk.is_broken = True
    await _fails(_worker(store, ahead, desk), 5)
    desk.is_broken = False
    assert await _worker(store, clock, desk)("desk", ["1"]) is not None


async def test_many_readings_cost_few_queries(store: Store, clock: FakeClock, desk: Desk) -> None:
    reread, begun = _worker(store, clock, desk), list[str]()
    for engine in (store._engine, store._reading):
        sa.event.listen(engine.sync_engine, "begin", lambda _: begun.append("begin"))
    for _ in range(100):
        await reread("desk", ["1"])
    assert 1 <= len(begun) <= 3


@pytest.mark.parametrize(
    ("config", "asks_later"),
    [
        (_config(), True),
        (_config(enabled=False), False),
        (_config(can=Capability.REWIND), False),
        (None, False),
    ],
)
async def test_surveys_wait_for_a_source_that_should_run_and_does_not(
    store: Store, clock: FakeClock, config: ComponentConfig | None, asks_later: bool
) -> None:
    reread = Rereader({}.get, lambda id_: Health(store, id_, clock, Random(1)), lambda _: config)
    if asks_later:
        with pytest.raises(Unavailable, match="not running"):
            await reread("desk", ["1"])
    else:
        assert await reread("desk", ["1"]) is None
