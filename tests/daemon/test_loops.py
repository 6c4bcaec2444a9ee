"""How a loop rests between two looks."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
import structlog
from sqlalchemy.exc import OperationalError

from hub import (
    Capability,
    Cursor,
    Customer,
    Milestone,
    OutcomeUnknown,
    Page,
    RateLimit,
    SourceType,
    Ticket,
    Unavailable,
)
from hub.config.load import load
from hub.config.models import ComponentConfig
from hub.config.survey import Rule
from hub.daemon import loops, steps
from hub.daemon.bell import Bells
from hub.daemon.components import Instance, Workshop
from hub.daemon.health import Health
from hub.daemon.limits import limits_of
from hub.daemon.load import Tally
from hub.daemon.loops import Engine
from hub.daemon.service import Service
from hub.daemon.vault import already
from hub.http import Limiter, transport
from hub.journey.deliver import Sender
from hub.journey.intake import store_page
from hub.store import components, workers
from hub.store.channel import LocalChannel
from hub.store.components import ComponentState
from hub.store.engine import Store
from hub.testing.clock import FakeClock
from tests.journey.world import MAIL, Desk, Nothing, World, sms_instance, ticket


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


async def test_a_gateway_that_waits_for_its_rate_stops_at_once(store: Store) -> None:
    class Never(Limiter):
        async def take(self, up_to: int) -> int:
            await asyncio.Event().wait()
            return up_to

    world = World(store)
    await world.register("test")
    await world.close(ticket(world.now))
    instance = sms_instance(world.phones, Never(RateLimit(1, timedelta(hours=1)), world.clock))
    async with Sender(world.store, world.post()) as sender:
        step = asyncio.create_task(steps.deliver(world.store, instance, sender, world.plan, 5))
        await asyncio.sleep(0.05)
        assert not step.done()
        instance.stopping.set()
        assert (await asyncio.wait_for(step, 5)).tried == 0
    assert await world.states() == [("waiting", None)]


async def _pauses(store: Store, error: Exception) -> list[float]:
    """How long a loop that fails again and again with this is left alone, in seconds."""
    health = Health(store, "hub", FakeClock(), Random(1))
    return [(await health.failed(error)).total_seconds() for _ in range(12)]


async def test_after_an_outage_of_the_database_everything_goes_on_soon(store: Store) -> None:
    assert max(await _pauses(store, OperationalError("SELECT", None, Exception("down")))) <= 20
    assert max(await _pauses(store, Unavailable("down"))) == 600


@pytest.mark.parametrize(
    ("error", "is_woken"), [(OperationalError("", None, Exception()), True), (OutcomeUnknown(""), False)]
)
async def test_the_return_of_the_database_wakes_only_what_the_database_has_stopped(
    store: Store, error: Exception, is_woken: bool
) -> None:
    tries, tried = 0, asyncio.Event()

    async def work(_health: Health) -> None:
        nonlocal tries
        tries += 1
        tried.set()
        raise error

    stopping, bells = asyncio.Event(), Bells()
    engine = Engine(
        store, FakeClock(), Random(1), World(store).plan, lambda _: [], {}, LocalChannel(), bells, Tally(), stopping
    )
    loop = asyncio.create_task(loops._supervise(engine, stopping, "x", work, asyncio.Event().wait))
    await tried.wait()
    await asyncio.sleep(0.1)  # it rests
    bells.back.strike()
    await asyncio.sleep(0.1)
    assert (tries > 1) == is_woken
    stopping.set()
    await asyncio.wait_for(loop, 5)


async def test_what_waits_for_a_gateway_that_is_gone_is_taken_back_at_the_start_and_after_each_reload(
    store: Store,
) -> None:
    done = asyncio.Queue[None]()

    async def unreachable() -> int:
        done.put_nowait(None)
        return 0

    loaded = asyncio.Event()
    engine = Engine(
        store, FakeClock(), Random(1), World(store).plan, lambda _: [], {}, LocalChannel(), Bells(), Tally()
    )
    loop = asyncio.create_task(loops.withdraw(engine, unreachable, loaded))
    async with asyncio.timeout(5):
        await done.get()
        assert done.empty()
        loaded.set()
        await done.get()
        engine.stopping.set()
        await loop


IDLE = """
[hub]
store = "sqlite:///{file}"
allow_plain_secrets = true
[web]
public_url = "http://hub.example"
[survey]
sender_name = "Acme"
[sources.desk]
plugin = "jira"
enabled = false
url = "https://jira.example"
email = "hub@example.org"
api_token = "token"
projects = ["SUP"]
[gateways.sms]
plugin = "kannel"
enabled = false
url = "https://kannel.example"
username = "hub"
password = "password"
sender = "16400"
callback_secret = "secret-of-the-callbacks"
"""


async def test_what_waits_for_a_gateway_that_another_worker_may_have_stays_until_that_one_is_gone(
    store: Store, tmp_path: Path
) -> None:
    world = World(store)
    await world.register("other")
    await world.close(ticket(world.now, customer=Customer(email=MAIL)))
    (tmp_path / "hub.toml").write_text(IDLE.format(file=tmp_path / "hub.db"))  # it has no gateway for mail
    config, chance, channel = load(tmp_path / "hub.toml"), Random(1), LocalChannel()
    limits = await limits_of(store, channel, world.clock, chance)
    workshop = Workshop(transport(), world.clock, chance, already(store), limits)
    service = Service(config, store, workshop, channel=channel, worker=lambda: "w", clock=world.clock, chance=chance)

    async def has_looked() -> bool:
        async with store.read() as connection:
            return (await components.get(connection, "hub:withdraw")).last_ok_at is not None

    async def is_taken_back() -> bool:
        return await world.states() == [("skipped", "no_gateway")]

    await service.start()
    await _until(has_looked)
    assert await world.states() == [("waiting", None)]
    async with store.write() as connection:
        await workers.leave(connection, "other")
    await service.reload(config)
    await _until(is_taken_back)
    await service.drain()
    await limits.close()


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await condition():
            pass  # it asks the store, and lets others work meanwhile


async def test_a_hub_whose_store_breaks_while_it_starts_goes_on_by_itself(sqlite_store: Path, tmp_path: Path) -> None:
    file = tmp_path / "hub.db"
    shutil.copy(sqlite_store, file)
    (tmp_path / "hub.toml").write_text(IDLE.format(file=file))
    config, clock, chance, channel = load(tmp_path / "hub.toml"), FakeClock(), Random(1), LocalChannel()
    store = await Store.open(config.hub.store)
    await store.close()
    file.unlink()
    file.mkdir()
    limits = await limits_of(store, channel, clock, chance)
    workshop = Workshop(transport(), clock, chance, already(store), limits)
    service = Service(config, store, workshop, channel=channel, worker=lambda: "w", clock=clock, chance=chance)
    await service.start()
    await asyncio.sleep(0.05)  # the loops fail, and rest
    assert not service.ended_early.is_set()
    await service.drain()
    await limits.close()
    await store.close()


async def test_a_pull_that_was_stored_with_its_page_is_not_written_twice(store: Store) -> None:
    clock = FakeClock()
    health, other = (Health(store, "sources.desk", clock, Random(1)) for _ in range(2))

    async def pull() -> ComponentState:
        await store_page(store, "desk", Page((), Cursor(str(clock.now()))), clock.now())
        health.stored_with_page()
        await health.worked()
        async with store.read() as connection:
            return await components.get(connection, "sources.desk")

    await pull()
    await other.failed(Unavailable("down"))
    clock.advance(timedelta(minutes=1))
    state = await pull()
    assert state.last_ok_at == clock.now()
    assert state.error == "down"
    clock.advance(timedelta(minutes=9))
    assert (await pull()).error is None, "what another one has said is taken back"
    await health.failed(Unavailable("down"))
    assert (await pull()).error is None


async def test_open_tickets_are_looked_for_as_soon_as_a_rule_asks_about_them(store: Store) -> None:
    class Telling(Desk):
        async def milestones(self, since: datetime) -> AsyncIterator[Sequence[Ticket]]:
            asked.set()
            yield [ticket(world.now, milestone=Milestone.WAITING)]

    asked, world, channel = asyncio.Event(), World(store), LocalChannel()
    await world.close()
    engine = Engine(store, world.clock, Random(1), world.plan, lambda _: [], {}, channel, Bells(), Tally())
    instance = replace(_instance(asyncio.Event().wait, 60), component=Telling())
    instance = replace(instance, config=replace(instance.config, name="desk"))
    channel.want(instance.id)
    assert await steps.find_milestones(store, instance, world.plan, world.clock) is None
    assert not asked.is_set()
    engine.plan = replace(world.plan, rules=(Rule(name="early", milestone=(Milestone.WAITING,)),))
    loop = asyncio.create_task(loops.find_milestones(engine, instance))
    await asyncio.wait_for(asked.wait(), 5)
    instance.stopping.set()
    await asyncio.wait_for(loop, 5)
    assert await world.decide() is None
    assert await world.states() == [("skipped", "no_rule")], "this world's plan has no such rule"


async def test_what_is_older_than_the_retention_time_is_forgotten_beside_the_work(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "_BETWEEN_FORGETTING", timedelta(milliseconds=1))
    world, stopping = World(store), asyncio.Event()
    await world.register("test")
    await world.asked()
    world.pass_time(days=731)
    await world.close(ticket(world.now, customer=Customer(phone="+358405555555")))
    engine = Engine(
        store, world.clock, Random(1), world.plan, lambda _: [], {}, LocalChannel(), Bells(), Tally(), stopping
    )
    engine.channel.want("hub:forget")
    with structlog.testing.capture_logs() as logs:
        loop = asyncio.create_task(loops.forget(engine))
        async with asyncio.timeout(10):
            while not logs:  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.01)
        stopping.set()
        await asyncio.wait_for(loop, 5)
    assert logs == [{"event": "retention.forgot", "log_level": "info", "rows": 2, "more": False}]
    assert [row["address"] for row in await world.invitations()] == [None, "+358405555555"]
