"""Rates and pauses that the workers of one PostgreSQL store keep to together."""

from __future__ import annotations

import asyncio
import random
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from hub import RateLimit, RateLimited, Unavailable
from hub.daemon.limits import OwnLimits, SharedLimits, limits_of
from hub.daemon.rates import Ledger, SharedLimiter
from hub.http import LentClient
from hub.store import facts
from hub.store.channel import open_channel
from hub.store.engine import Store
from hub.store.tables import grants, pauses
from hub.testing.clock import FakeClock
from hub.testing.fakes import FakeLog
from tests.databases import Postgres

PER = timedelta(seconds=10)
HOLD_S = 0.5


def _most_in_a_window(moments: list[float], per_s: float) -> int:
    moments = sorted(moments)
    return max((bisect_left(moments, one + per_s) - index for index, one in enumerate(moments)), default=0)


@st.composite
def _steps(draw: st.DrawFn) -> list[tuple[float, int, int, float, float]]:
    """Seconds since the last step, calls wanted, spare ones, part of the hold used up, seconds the clock goes back."""
    step = st.tuples(
        st.floats(0, 6), st.integers(1, 30), st.integers(0, 5), st.floats(0, 1), st.sampled_from([0.0] * 6 + [3600.0])
    )
    return draw(st.lists(step, max_size=40))


@given(calls=st.integers(1, 25), steps=_steps())
def test_never_more_calls_than_allowed_in_any_window(
    calls: int, steps: list[tuple[float, int, int, float, float]]
) -> None:
    ledger, now_s, behind_s = Ledger(), 1_800_000_000.0, 0.0
    made: list[float] = []
    for pause_s, wanted, spare, part_of_hold, set_back_s in steps:
        now_s += pause_s
        behind_s += set_back_s
        ledger = Ledger.read(str(ledger))
        granted = ledger.grant(now_s - behind_s, RateLimit(calls, PER), wanted, spare=spare, hold_s=HOLD_S)
        assert granted.calls <= min(calls, wanted + spare)
        made += [now_s + part_of_hold * HOLD_S] * granted.calls
    assert _most_in_a_window(made, PER.total_seconds()) <= calls


@given(calls=st.integers(1, 200), wanted=st.integers(1, 300), before=st.lists(st.floats(0, 9), max_size=20))
def test_who_comes_again_when_told_gets_something(calls: int, wanted: int, before: list[float]) -> None:
    ledger, now_s, rate = Ledger(), 1_800_000_000.0, RateLimit(calls, PER)
    for moment in sorted(before):
        ledger.grant(now_s + moment, rate, wanted, spare=0, hold_s=HOLD_S)
    now_s += max(before, default=0.0)
    granted = ledger.grant(now_s, rate, wanted, spare=0, hold_s=HOLD_S)
    if not granted.calls:
        assert 0 < granted.wait_s <= PER.total_seconds() * 1.1
        granted = ledger.grant(now_s + granted.wait_s + 1e-6, rate, wanted, spare=0, hold_s=HOLD_S)
    assert granted.calls >= min(wanted, calls // 10, 1)
    assert len(ledger.ends) <= 56


def test_calls_granted_around_a_clock_set_back_all_count() -> None:
    """Shifted by that hour, the second of these grants ends where the first does, but for the last bit."""
    ledger, now_s, rate = Ledger(), 1_800_000_000.0, RateLimit(2, PER)
    given = [ledger.grant(now_s - 3600 * hours, rate, 1, spare=0, hold_s=HOLD_S).calls for hours in (0, 1, 1, 2)]
    assert given == [1, 1, 0, 0]


def test_a_rate_that_was_lowered_is_kept_to_at_once() -> None:
    ledger = Ledger()
    ledger.grant(1000.0, RateLimit(100, PER), 100, spare=0, hold_s=0)
    granted = ledger.grant(1001.0, RateLimit(10, PER), 5, spare=0, hold_s=0)
    assert granted.calls == 0
    assert ledger.grant(1001.0 + granted.wait_s, RateLimit(10, PER), 5, spare=0, hold_s=0).calls == 5


class JumpingClock:
    """The clock of a machine that somebody keeps setting."""

    def __init__(self, hours: int) -> None:
        self._hours = hours

    def now(self) -> datetime:
        self._hours = -self._hours
        return datetime.now(UTC) + timedelta(hours=self._hours)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Watch:
    """Remembers when a limiter looked at the time last: then it let its callers go."""

    last_s = 0.0

    def __call__(self) -> float:
        self.last_s = time.monotonic()
        return self.last_s


@pytest.fixture(scope="module")
def database(postgres_server: Postgres) -> str:
    return postgres_server.new_database()


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    opened = await Store.open(database)
    async with opened.write() as connection:
        await connection.execute(pauses.delete())
        await connection.execute(grants.delete())
    yield opened
    await opened.close()


@pytest.fixture
def url(database: str, store: Store) -> str:
    return database


async def test_workers_share_one_allowance_and_none_goes_without(url: str, store: Store) -> None:
    rate, other_store = RateLimit(20, timedelta(seconds=0.1)), await Store.open(url)
    made: dict[int, list[float]] = {0: [], 1: [], 2: []}
    until_s = time.monotonic() + 0.6

    async def work(number: int) -> None:
        watch = Watch()
        limiter = SharedLimiter(
            (store, other_store)[number % 2], "gateways.sms", rate,
            clock=JumpingClock(number), random=random.Random(number), monotonic=watch,
        )  # fmt: skip
        while time.monotonic() < until_s:
            taken = 1
            if number == 2:
                await limiter.acquire()
            else:
                taken = await limiter.take(8)
            made[number] += [watch.last_s] * taken

    await asyncio.gather(*(work(number) for number in made))
    await other_store.close()
    everything = [moment for moments in made.values() for moment in moments]
    assert _most_in_a_window(everything, 0.1) <= 20
    assert all(made.values())


async def test_many_calls_that_wait_together_cost_one_transaction(store: Store) -> None:
    limiter = SharedLimiter(
        store, "sources.desk", RateLimit(100, timedelta(hours=1)), clock=FakeClock(), random=random.Random(1)
    )
    statements: list[str] = []
    sa.event.listen(store._engine.sync_engine, "commit", lambda _connection: statements.append("commit"))
    await asyncio.gather(*(limiter.acquire() for _ in range(60)))
    assert len(statements) <= 2


def _fail(*_: object) -> None:
    raise sa.exc.OperationalError("SELECT", {}, ConnectionError())


async def test_without_the_store_nothing_is_allowed(store: Store) -> None:
    limiter = SharedLimiter(store, "gateways.sms", RateLimit(5, PER), clock=FakeClock(), random=random.Random(1))
    sa.event.listen(store._engine.sync_engine, "before_cursor_execute", _fail)
    with pytest.raises(Unavailable, match="store does not answer"):
        await limiter.take(1)


REQUEST = httpx.Request("GET", "https://desk.example.test/x", headers={"Authorization": "Basic aHViOnMzY3IzdA=="})


@asynccontextmanager
async def _worker(url: str) -> AsyncIterator[SharedLimits]:
    store, channel = await Store.open(url), await open_channel(url, 30.0)
    limits = await limits_of(store, channel, FakeClock(), random.Random(1))
    assert isinstance(limits, SharedLimits)
    try:
        yield limits
    finally:
        await limits.close()
        await channel.close()
        await store.close()


async def _until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - it comes from the database
            await asyncio.sleep(0.01)


async def test_a_pause_holds_for_the_same_credential_on_every_worker(url: str) -> None:
    async with _worker(url) as one, _worker(url) as two:
        mine, theirs = one.pauses.key(REQUEST), two.pauses.key(REQUEST)
        other = two.pauses.key(httpx.Request("GET", REQUEST.url, headers={"Authorization": "Basic another"}))
        assert not two.pauses.may_cover(REQUEST.url)
        one.pauses.hold(mine, timedelta(minutes=1))
        await _until(lambda: two.pauses.remaining(theirs))
        assert two.pauses.may_cover(REQUEST.url)
        assert two.pauses.remaining(theirs) == timedelta(minutes=1)
        assert not two.pauses.remaining(other)
        assert two.pauses.remaining((*theirs[:4], "a lane")) == timedelta()


async def test_what_one_worker_is_refused_another_does_not_ask_for(url: str) -> None:
    asked: list[str] = []

    def client(limits: SharedLimits, name: str) -> LentClient:
        def answer(_request: httpx.Request) -> httpx.Response:
            asked.append(name)
            return httpx.Response(429, headers={"Retry-After": "600"})

        over, clock, chance = httpx.MockTransport(answer), FakeClock(), random.Random(1)
        return LentClient(over, name=name, clock=clock, random=chance, log=FakeLog(), pauses=limits.pauses)

    async with _worker(url) as one, _worker(url) as two:
        with pytest.raises(RateLimited):
            await client(one, "one").request("GET", str(REQUEST.url), auth=("hub", "s3cr3t"))
        await _until(lambda: two.pauses.may_cover(REQUEST.url))
        with pytest.raises(RateLimited):
            await client(two, "two").request("GET", str(REQUEST.url), auth=("hub", "s3cr3t"))
        assert set(asked) == {"one"}


async def test_a_worker_that_starts_later_takes_up_what_still_runs(url: str) -> None:
    async with _worker(url) as one:
        key = one.pauses.key(REQUEST)
        one.pauses.hold(key, timedelta(minutes=1))
        one.pauses.hold((*key[:4], "issue 1"), timedelta(milliseconds=1))
        await one.close()
        async with _worker(url) as two:
            rest = two.pauses.remaining(key)
            assert timedelta(seconds=30) < rest <= timedelta(minutes=1)
            assert not two.pauses.remaining((*key[:4], "issue 1"))


async def test_a_shorter_pause_does_not_shorten_what_is_kept(url: str, store: Store) -> None:
    async with _worker(url) as one, _worker(url) as two:
        key = one.pauses.key(REQUEST)
        one.pauses.hold(key, timedelta(minutes=10))
        await one.close()
        two.pauses.hold(key, timedelta(seconds=5))
        await two.close()
        async with store.read() as connection:
            row = (await connection.execute(sa.select(pauses))).one()
        assert row.until > datetime.now(UTC) + timedelta(minutes=9)
        assert row.service == "desk.example.test"


async def test_the_store_does_not_show_the_credential(url: str, store: Store) -> None:
    async with _worker(url) as one:
        one.pauses.hold(one.pauses.key(REQUEST), timedelta(minutes=1))
        await one.close()
    async with store.read() as connection:
        row = (await connection.execute(sa.select(pauses))).one()
    assert "aHViOnMzY3IzdA" not in str(row)
    assert "s3cr3t" not in str(row)


async def test_refusals_that_come_together_are_told_once(url: str, store: Store) -> None:
    async with _worker(url) as one:
        key = one.pauses.key(REQUEST)
        commits: list[str] = []
        sa.event.listen(one._shared_pauses._store._engine.sync_engine, "commit", lambda _: commits.append("commit"))
        for number in range(50):
            one.pauses.hold(key, timedelta(seconds=60, milliseconds=number))
        await one.close()
        assert len(commits) == 1


async def test_all_processes_get_the_same_salt(store_url: str) -> None:
    first, second = await Store.open(store_url), await Store.open(store_url)
    salts = await asyncio.gather(*(facts.salt(store) for store in (first, second, first, second)))
    await first.close()
    await second.close()
    assert len(set(salts)) == 1
    assert len(salts[0]) == 16


async def test_an_embedded_store_is_not_used_for_limits(tmp_path_factory: pytest.TempPathFactory) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('hub')}/hub.db"
    store = await Store.open(url)
    limits = await limits_of(store, await open_channel(url, 30.0), FakeClock(), random.Random(1))
    await store.close()
    assert isinstance(limits, OwnLimits)
    assert await limits.limiter("gateways.sms", RateLimit(3, PER)).take(5) == 3
