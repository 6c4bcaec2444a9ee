"""One look finds what is due for whom; nothing is stored by who does not hold the lock any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from hub import Cursor, Hint, Page
from hub.daemon import steps, web
from hub.daemon.bell import Bells, Gong
from hub.daemon.components import Instance
from hub.daemon.load import Tally
from hub.daemon.lookout import Lookout
from hub.daemon.web import make_server
from hub.journey.hints import store_hint
from hub.store.engine import Store
from hub.store.tables import closures, invitations
from tests.journey.world import Desk, World, ticket


def _rung(bells: Bells) -> set[str]:
    return {name for name, bell in bells._bells.items() if bell._event.is_set()}


async def test_a_look_wakes_only_those_for_whom_something_is_due(store: Store) -> None:
    world, bells = World(store), Bells()
    await world.register("test")
    lookout = Lookout(store, world.clock, bells)
    lookout.watch(gateways=["sms", "email"], targets=["sources.desk", "sinks.x"], sources=["desk", "other"])
    assert _rung(bells) == {"outgoing"}
    await bells.outgoing.wait()
    assert await lookout.look(1.0) == 1.0
    assert _rung(bells) == set()
    await world.close(ticket(world.now))
    async with store.write() as connection:
        await connection.execute(closures.update().values(decided=False))
        await connection.execute(invitations.update().values(due_at=world.now + timedelta(seconds=40)))
    assert await lookout.look(100) == 40, "the time is known in advance"
    assert _rung(bells) == {"journey"}
    await bells.journey.wait()
    assert await lookout.look(100) == 40
    assert _rung(bells) == set(), "it was told just now"
    world.clock.advance(timedelta(seconds=40))
    await store_hint(store, "other", Hint(("id1",), None), world.now)
    assert await lookout.look(1.0) == 1.0
    assert _rung(bells) == {"gateways.sms", "sources.other:hints", "journey"}


async def test_a_name_with_a_dash_at_its_end_is_no_parameter(store: Store) -> None:
    world, bells = World(store), Bells()
    lookout = Lookout(store, world.clock, bells)
    lookout.watch(gateways=[], targets=[], sources=["desk-"])
    await bells.outgoing.wait()
    await store_hint(store, "desk-", Hint(("id1",), None), world.now)
    await lookout.look(1.0)
    assert _rung(bells) == {"sources.desk-:hints"}


async def test_a_worker_with_no_such_work_looks_for_nothing(store: Store) -> None:
    lookout = Lookout(store, World(store).clock, Bells())
    assert await lookout.look(5.0) == 5.0


class Pages(Desk):
    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        for number in range(3):
            yield Page((), Cursor(str(number)))


async def test_a_pull_whose_lock_is_lost_stores_no_further_page(store: Store) -> None:
    world, answers = World(store), iter([True, False])
    instance = cast(
        "Instance", SimpleNamespace(component=Pages(), id="sources.desk", config=SimpleNamespace(name="desk"))
    )
    stored = [new async for new in steps.pull(store, instance, world.clock, mine=lambda: next(answers))]
    assert stored == [0]
    assert await steps.cursor_of(store, "sources.desk") == "0"


async def test_bells_tell_the_others_and_wake_nobody_twice() -> None:
    said: list[str] = []
    bells = Bells(said.append)
    bells.of("sources.desk:hints").ring()
    bells.of("gateways.sms").ring_here()
    bells.hear("journey")
    bells.hear("what nobody has here")
    assert said == ["ring sources.desk:hints"]
    assert _rung(bells) == {"sources.desk:hints", "gateways.sms", "journey"}
    await bells.journey.wait()
    await bells.journey.wait(0)
    assert _rung(bells) == {"sources.desk:hints", "gateways.sms"}


async def test_a_little_work_wakes_no_other_worker_unless_this_one_does_only_a_part() -> None:
    said: list[str] = []
    Bells(said.append).journey.ring_near()
    assert said == []
    Bells(said.append, does_all=False).journey.ring_near()
    assert said == ["ring journey"]


async def test_a_bell_is_heard_at_once_and_lets_work_gather_while_it_rings_all_the_time() -> None:
    bell, now = Bells(gather_s=0.08).journey, asyncio.get_running_loop().time
    began = now()
    bell.ring()
    await bell.wait()
    assert now() - began < 0.04
    for _ in range(5):
        bell.ring()
        await bell.wait()
    assert now() - began >= 0.01 + 0.02 + 0.04 + 0.08 + 0.08
    began = now()
    bell.ring()
    await bell.wait(0.01)
    assert now() - began < 0.06, "it does not wait for longer than it is told to"


async def test_a_gong_wakes_all_who_wait_and_nobody_later() -> None:
    gong = Gong()
    gong.strike()
    waiting = [asyncio.create_task(gong.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    gong.strike()
    async with asyncio.timeout(1):
        await asyncio.gather(*waiting)


def test_the_load_counts_the_last_minute_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    tally = Tally()
    for _ in range(20):
        tally.add("sent", 2)
        now += 5
        load = tally.take()
    assert load["sent_last_minute"] == 24
    assert load["memory_mb"] > 0


async def _says_nothing(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_a_request_whose_head_does_not_end_is_refused() -> None:
    server = make_server(cast("Any", _says_nothing))
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    listening = await asyncio.get_running_loop().create_server(
        lambda: server.config.http_protocol_class(config=server.config, server_state=server.server_state, app_state={}),
        "127.0.0.1",
    )
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            for _ in range(20):  # one connection: each request has a head of its own
                assert (await client.get("/", headers={"x": "y" * 3000})).status_code == 204
            assert (await client.post("/", content=b"z" * 100_000)).status_code == 204
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nx: " + b"y" * 20_000)
        async with asyncio.timeout(5):
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()


async def test_a_web_server_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_DATE_EVERY_S", 1000.0)
    server = make_server(cast("Any", _says_nothing))
    with web.take_port("web.listen", "127.0.0.1:0", "--listen") as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://127.0.0.1:{listening.getsockname()[1]}")).headers["date"]
        server.end()
        await asyncio.wait_for(serving, 5)
