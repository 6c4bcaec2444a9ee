"""Who is taken for dead, and what becomes of what it had claimed."""

from __future__ import annotations

import asyncio
import os
import subprocess

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from hub import DeliveryStatus, Receipt
from hub.daemon import roles
from hub.daemon.workers import Identity, Watcher, Worker, new_name
from hub.journey import outcome
from hub.store import workers
from hub.store.engine import Store
from hub.store.tables import invitations
from hub.testing.clock import FakeClock
from tests.journey.world import World, ticket

SILENCE_S = 30.0


class Stopwatch:
    """The monotonic clock of one worker."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


looks_taken = st.lists(st.tuples(st.floats(0, 40), st.sets(st.sampled_from("abc")), st.floats(0, 3)), max_size=30)
"""Each: seconds until the next look, who beats meanwhile, seconds the look takes."""


@given(looks_taken)
def test_nobody_is_dead_who_has_beaten_lately_and_everybody_else_is_in_time(
    looks: list[tuple[float, set[str], float]],
) -> None:
    watcher, now, beats = Watcher(SILENCE_S), 0.0, dict.fromkeys("abc", 0)
    first_seen: dict[str, float] = {}
    last_look: float | None = None
    for pause_s, beating, takes_s in looks:
        now += pause_s
        gap = last_look is None or now - last_look > SILENCE_S / 2
        for name in beating:
            beats[name] += 1
        ended = now + takes_s
        dead = watcher.look(dict(beats), now, ended)
        for name in beats:
            if gap or name in beating or name not in first_seen:
                first_seen[name] = ended
        assert set(dead) == {name for name, since in first_seen.items() if now - since >= SILENCE_S}
        last_look = now = ended


def test_a_store_that_could_not_be_read_gives_everybody_the_whole_time_again() -> None:
    watcher = Watcher(SILENCE_S)
    for now in range(0, 26, 5):
        assert watcher.look({"a": 7}, now, now) == {}
    assert watcher.look({"a": 7}, 300, 300) == {}
    for now in range(305, 330, 5):
        assert watcher.look({"a": 7}, now, now) == {}
    assert watcher.look({"a": 7}, 330, 330) == {"a": 7}


def test_who_was_never_listed_is_watched_for_as_long_as_a_claim_of_the_version_before_lasts() -> None:
    watcher = Watcher(SILENCE_S)
    looks = [watcher.look({"old:1": None}, now, now) for now in range(0, 366, 5)]
    assert [bool(dead) for dead in looks].index(True) == 360 / 5


def _worker(store: Store, stopwatch: Stopwatch | None = None) -> Worker:
    return Worker(
        store,
        FakeClock(),
        Identity("1.2", ("pull",)),
        repeatable=lambda: {"sms": False},
        silence_s=SILENCE_S,
        monotonic=stopwatch or Stopwatch(),
    )


async def _names(store: Store) -> list[str]:
    async with store.read() as connection:
        return [worker.name for worker in await workers.all_workers(connection)]


async def _begin_to_send(store: Store, name: str) -> World:
    """A survey that this worker has begun to send."""
    world = World(store)
    await world.close(ticket(world.now))
    await world.decide()
    async with store.write() as connection:
        await connection.execute(invitations.update().values(state="sending", claimed_by=name, lease_until=None))
    return world


async def test_a_silent_worker_is_buried_and_what_it_was_sending_is_in_doubt(store: Store) -> None:
    stopwatch = Stopwatch()
    silent, other = _worker(store), _worker(store, stopwatch)
    if store.is_embedded:
        silent._name = "elsewhere:1:1-x"  # of this machine it would be known at once
    await silent.join()
    await other.join()
    world = await _begin_to_send(store, silent.name())
    for _ in range(5):
        stopwatch.now += 5
        await other.look()
    assert await world.states() == [("sending", None)]
    stopwatch.now += 5
    await other.look()
    assert await world.states() == [("unknown", "worker_died")]
    assert await _names(store) == [other.name()]


async def test_what_a_frozen_worker_has_locked_holds_up_nobody(store: Store) -> None:
    if store.is_embedded:
        return  # there a writer locks all, and is waited for
    stopwatch = Stopwatch()
    frozen, other = _worker(store), _worker(store, stopwatch)
    await frozen.join()
    await other.join()
    for _ in range(5):
        stopwatch.now += 5
        await other.look()
    stopwatch.now += 5
    async with asyncio.timeout(10), store.write() as connection:
        assert await workers.beat(connection, frozen.name(), {}, FakeClock().now())
        await other.look()
        await connection.rollback()
    assert len(await _names(store)) == 2
    await other.look()
    assert await _names(store) == [other.name()]


async def test_a_beat_does_not_wait_for_what_others_have_locked(store: Store) -> None:
    """A frozen worker holds a row, and an outcome of this one waits for it."""
    if store.is_embedded:
        return  # there one writer waits for another
    worker = _worker(store)
    await worker.join()
    world = await _begin_to_send(store, worker.name())
    row = {**(await world.invitations())[0], "attempts": 0}
    attempt = outcome.Attempt("sms", False, row, world.now, world.now)
    receipt = Receipt(key="k", status=DeliveryStatus.SENT)
    async with store.write() as frozen:
        await frozen.execute(sa.select(invitations.c.id).with_for_update())
        waiting = asyncio.create_task(store.commit_with(outcome.store_outcomes, (attempt, receipt)))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(2):
            await worker.beat()
        assert not waiting.done()
    await waiting


async def test_who_was_buried_alive_goes_on_under_a_new_name(store: Store) -> None:
    worker = _worker(store)
    await worker.join()
    before = worker.name()
    async with store.write() as connection:
        assert await workers.bury(connection, before, 0)
    await worker.beat()
    assert worker.name() != before
    assert await _names(store) == [worker.name()]
    await worker.beat()
    assert await _names(store) == [worker.name()]


async def test_a_worker_that_leaves_gives_up_what_it_had_begun(store: Store) -> None:
    worker = _worker(store)
    await worker.join()
    world = await _begin_to_send(store, worker.name())
    await worker.leave()
    assert await world.states() == [("unknown", "worker_died")]
    assert await _names(store) == []


def _a_process_that_ended() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


async def test_processes_of_this_machine_that_ended_are_dead_at_once_on_a_store_of_this_machine(store: Store) -> None:
    host, ended = new_name().partition(":")[0], _a_process_that_ended()
    gone = [f"{host}:{ended}", f"{host}:{ended}:77-x", f"{host}:{os.getpid()}:1-x"]
    there = [f"elsewhere:{ended}:77-x", f"{host}:{os.getppid()}:0-x", f"{host}:{ended}:77-4026-x"]
    async with store.write() as connection:
        for name in (*gone, *there):
            await workers.register(connection, name, version="1", roles=(), now=FakeClock().now())
    worker = _worker(store)
    await worker.join()
    left = there if store.is_embedded else [*gone, *there]
    assert set(await _names(store)) == {*left, worker.name()}


async def test_a_number_that_another_process_has_now_does_not_keep_the_dead_alive(store: Store) -> None:
    host = new_name().partition(":")[0]
    async with store.write() as connection:
        await workers.register(connection, f"{host}:{os.getppid()}:1-x", version="1", roles=(), now=FakeClock().now())
    worker = _worker(store)
    await worker.join()
    assert (len(await _names(store)) == 1) == store.is_embedded


def test_roles_are_read_in_any_order_and_listed_in_the_order_of_the_work() -> None:
    assert roles.listed(roles.parse(" web, pull,web")) == ("pull", "web")
