"""Rates and pauses on a clock that is turned by hand."""

import asyncio
import random
from bisect import bisect_left
from datetime import datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import RateLimit, RateLimited
from hub.http import Limiter, Pauses
from hub.testing.clock import FakeClock

PER = timedelta(seconds=10)
KEY = ("https", "desk.example.test", None, "", "")


@given(
    calls=st.integers(1, 5),
    steps=st.lists(st.tuples(st.floats(0, 15), st.integers(1, 12), st.booleans()), max_size=20),
)
def test_never_more_calls_than_allowed_in_any_window(calls: int, steps: list[tuple[float, int, bool]]) -> None:
    clock = FakeClock()
    limiter = Limiter(RateLimit(calls, PER), clock)
    granted: list[datetime] = []

    async def one(wanted: int, in_parts: bool) -> None:
        if in_parts:
            taken = await limiter.take(wanted)
            assert 1 <= taken <= min(wanted, calls)
            granted.extend([clock.now()] * taken)
            return
        for _ in range(wanted):
            await limiter.acquire()
            granted.append(clock.now())

    async def run() -> None:
        for pause, wanted, in_parts in steps:
            clock.advance(timedelta(seconds=pause))
            await one(wanted, in_parts)

    asyncio.run(run())
    for index, moment in enumerate(granted):
        assert bisect_left(granted, moment + PER) - index <= calls


async def test_a_full_allowance_is_there_at_once() -> None:
    clock = FakeClock()
    limiter = Limiter(RateLimit(10, PER), clock)
    assert await limiter.take(4) == 4
    assert await limiter.take(32) == 6
    assert clock.slept == []
    assert await limiter.take(32) == 10
    assert clock.slept == [10]


async def test_more_than_the_rate_allows_is_granted_over_time() -> None:
    clock = FakeClock()
    await Limiter(RateLimit(2, PER), clock).acquire(5)
    assert clock.slept == [10, 10]


async def test_tasks_share_one_allowance() -> None:
    clock = FakeClock()
    limiter = Limiter(RateLimit(3, PER), clock)
    await asyncio.gather(*(limiter.acquire() for _ in range(9)))
    assert clock.slept == [10, 10]


async def test_a_clock_that_is_set_back_does_not_block_the_limiter() -> None:
    clock = FakeClock()
    limiter = Limiter(RateLimit(1, PER), clock)
    await limiter.acquire()
    clock.advance(timedelta(days=-1))
    await limiter.acquire()
    assert clock.slept == [10]


async def test_a_waiting_task_that_is_cancelled_lets_the_next_one_through() -> None:
    class Stuck(FakeClock):
        async def sleep(self, seconds: float) -> None:
            if not self.slept:
                self.slept.append(seconds)
                await asyncio.Event().wait()
            await super().sleep(seconds)

    limiter = Limiter(RateLimit(1, PER), Stuck())
    await limiter.acquire()
    waiting = asyncio.create_task(limiter.acquire())
    await asyncio.sleep(0)
    waiting.cancel()
    await limiter.acquire()


async def test_taking_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        await Limiter(RateLimit(1, PER), FakeClock()).take(0)


async def test_a_pause_is_never_shortened() -> None:
    clock = FakeClock()
    pauses = Pauses(clock, random.Random(1))
    pauses.hold(KEY, timedelta(seconds=60))
    pauses.hold(KEY, timedelta(seconds=5))
    assert pauses.remaining(KEY) == timedelta(seconds=60)
    await pauses.wait(KEY)
    assert 60 <= sum(clock.slept) <= 78
    assert not pauses.remaining(KEY)


async def test_a_long_pause_is_reported_instead() -> None:
    pauses = Pauses(FakeClock(), random.Random(1))
    pauses.hold(KEY, timedelta(hours=1))
    with pytest.raises(RateLimited, match=r"desk\.example\.test asked for a long pause") as caught:
        await pauses.wait(KEY)
    assert caught.value.retry_after == timedelta(hours=1)


def test_a_clock_that_is_set_back_does_not_prolong_a_pause() -> None:
    clock = FakeClock()
    pauses = Pauses(clock, random.Random(1))
    pauses.hold(KEY, timedelta(minutes=1))
    clock.advance(timedelta(days=-1))
    assert not pauses.remaining(KEY)


def test_pauses_are_kept_apart_by_host_and_credential() -> None:
    pauses = Pauses(FakeClock(), random.Random(1))
    requests = [
        httpx.Request("GET", url, headers=headers)
        for url in ("https://a.example.test", "https://b.example.test", "https://a.example.test:8443")
        for headers in ({}, {"Authorization": "Basic YTph"}, {"Authorization": "Basic Yjpi"})
    ]
    assert len({pauses.key(request) for request in requests}) == len(requests)
    assert pauses.key(httpx.Request("POST", "https://a.example.test/other")) == pauses.key(requests[0])


def test_a_service_without_pauses_is_told_at_once_also_after_one_has_ended() -> None:
    clock = FakeClock()
    pauses = Pauses(clock, random.Random(1))
    desk, other = httpx.URL("https://desk.example.test/x"), httpx.URL("https://other.example.test/x")
    assert not pauses.may_cover(desk)
    pauses.hold(KEY, timedelta(minutes=1))
    pauses.hold((*KEY[:4], "a lane nobody names again"), timedelta(minutes=1))
    assert pauses.may_cover(desk)
    assert not pauses.may_cover(other)
    clock.advance(timedelta(minutes=1))
    assert not pauses.may_cover(desk)
    assert not pauses._pauses


def test_what_a_service_asked_another_process_for_is_not_passed_on() -> None:
    pauses, told = Pauses(FakeClock(), random.Random(1)), list[str]()
    pauses.on_hold = lambda key, _length: told.append(key[4])
    pauses.take_up((*KEY[:4], "theirs"), timedelta(minutes=1))
    pauses.hold((*KEY[:4], "ours"), timedelta(minutes=1))
    assert told == ["ours"]
    assert pauses.remaining((*KEY[:4], "theirs")) == timedelta(minutes=1)


def test_a_fingerprint_is_made_once_for_each_credential() -> None:
    made: list[bytes] = []

    def fingerprint(credential: bytes) -> str:
        made.append(credential)
        return f"{len(made)}"

    pauses = Pauses(FakeClock(), random.Random(1), fingerprint)
    request = httpx.Request("GET", "https://a.example.test", headers={"Authorization": "Basic YTph"})
    assert {pauses.key(request)[3] for _ in range(5)} == {"1"}
    for number in range(2000):
        pauses.key(httpx.Request("GET", request.url, headers={"Authorization": f"Bearer {number}"}))
    assert len(made) == 2001
    assert len(pauses._fingerprints) <= 1000
