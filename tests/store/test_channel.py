"""What workers tell each other on PostgreSQL, and who may do what only one may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from hub.store.channel import Channel, PostgresChannel, open_channel
from tests.databases import Postgres

SILENCE_S = 3.0


class Clock:
    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead_s


@pytest.fixture(scope="module")
def url(postgres_server: Postgres) -> str:
    return postgres_server.new_database()


@pytest.fixture
async def two(url: str) -> AsyncIterator[tuple[Channel, Channel]]:
    channels = [await open_channel(url, SILENCE_S) for _ in range(2)]
    yield channels[0], channels[1]
    for channel in channels:
        await channel.close()


async def _cut_all(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()


async def test_announcements_reach_the_others_once_each_and_not_oneself(two: tuple[Channel, Channel]) -> None:
    first, second = two
    heard: dict[str, list[str]] = {"first": [], "second": []}
    done = asyncio.Event()
    first.subscribe("ring", heard["first"].append)
    second.subscribe("ring", heard["second"].append)
    second.subscribe("stop", lambda _rest: done.set())
    for _ in range(50):
        first.announce("ring journey")
    first.announce("ring sources.desk:hints")
    first.announce("unknown words are nobody's business")
    first.announce("stop")
    async with asyncio.timeout(5):
        await done.wait()
    assert heard == {"first": [], "second": ["journey", "sources.desk:hints"]}
    with pytest.raises(ValueError, match="short"):
        first.announce("x" * 8000)


async def test_one_holds_a_lock_and_the_next_one_gets_it_when_it_is_given_up(two: tuple[Channel, Channel]) -> None:
    first, second = two
    assert await first.try_lock("sources.desk")
    assert await first.try_lock("sources.desk"), "it is held already"
    assert not await second.try_lock("sources.desk")
    assert await second.try_lock("sources.other")
    assert not second.holds("sources.desk")
    await first.give_up("sources.desk")
    assert not first.holds("sources.desk")
    async with asyncio.timeout(5):
        await second.wait_for("sources.desk")


async def test_what_a_worker_says_in_between_does_not_put_off_its_next_try_for_a_lock(url: str) -> None:
    silence_s, clock = 600.0, Clock()
    first, second = await open_channel(url, silence_s), PostgresChannel(url, silence_s, clock)
    await second.start()
    assert await first.try_lock("sources.desk")
    assert not await second.try_lock("sources.desk")
    await first.close()  # as a killed one: it does not say that the lock is free
    clock.ahead_s = silence_s / 6 - 0.1  # shortly before the next try
    second.announce("ring journey")
    async with asyncio.timeout(5):
        await second.wait_for("sources.desk")
    await second.close()


async def test_a_lost_connection_loses_the_locks_and_comes_back(url: str, two: tuple[Channel, Channel]) -> None:
    first, _second = two
    came_back = asyncio.Event()
    first.on_return(came_back.set)
    assert await first.try_lock("sources.desk")
    await _cut_all(url)
    async with asyncio.timeout(5):
        await came_back.wait()
        await first.wait_for("sources.desk")


async def test_a_loss_and_the_return_after_it_are_said_once_each(url: str) -> None:
    with capture_logs() as logs:
        channel = await open_channel(url, SILENCE_S)
        came_back = asyncio.Event()
        channel.on_return(came_back.set)
        assert logs == []
        await _cut_all(url)
        async with asyncio.timeout(5):
            await came_back.wait()
        await channel.close()
    assert [each["event"] for each in logs] == ["channel.lost", "channel.back"]


async def test_who_was_silent_for_too_long_does_not_trust_its_locks(url: str) -> None:
    clock = Clock()
    channel = PostgresChannel(url, SILENCE_S, clock)
    await channel.start()
    assert await channel.try_lock("sources.desk")
    clock.ahead_s = SILENCE_S
    assert not channel.holds("sources.desk")
    async with asyncio.timeout(5):
        await channel.wait_for("sources.desk")  # the server still knows this connection
    await channel.close()


async def test_the_server_frees_the_locks_of_who_says_nothing(url: str) -> None:
    silent = PostgresChannel(url, 0.4)
    await silent.start()
    assert await silent.try_lock("sources.desk")
    assert silent._task is not None
    silent._task.cancel()  # as a frozen process: its connection stays, and nothing is said on it
    await asyncio.wait([silent._task])
    other = await open_channel(url, SILENCE_S)
    other.want("sources.desk")
    async with asyncio.timeout(5):
        await other.wait_for("sources.desk")
    await other.close()
    await silent.close()


async def test_the_only_worker_may_do_everything_and_hears_nobody(tmp_path: Path) -> None:
    channel = await open_channel(f"sqlite:///{tmp_path}/hub.db", SILENCE_S)
    channel.subscribe("ring", pytest.fail)
    channel.announce("ring journey")
    channel.want("sources.desk")
    assert await channel.try_lock("sources.desk")
    assert channel.holds("sources.desk")
    await channel.wait_for("sources.desk")
    await channel.give_up("sources.desk")
    await channel.close()
