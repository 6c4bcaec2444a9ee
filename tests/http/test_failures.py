"""When no complete answer comes: what is repeated, and what is certain about it."""

import asyncio
import socket
import traceback

import pytest

from hub import HubError, OutcomeUnknown, Unavailable
from hub.http import Timeouts, connections
from hub.testing.clock import FakeClock
from tests.http.conftest import LentFactory
from tests.http.server import Act, Server, answer, raw, raw_then_cut, silence

BROKEN = {
    "cut": raw_then_cut(),
    "half a head": raw_then_cut(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "half a body": raw_then_cut(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id":'),
    "half a chunk": raw_then_cut(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{"id":\r\n'),
    "not HTTP": raw_then_cut(b"220 mail.example.test ESMTP\r\n\r\n"),
    "silence": silence,
    "half a body, then silence": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
}
QUICK = Timeouts(read=0.1, total=1)


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("act", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
async def test_a_send_whose_answer_is_lost_is_not_repeated(
    server: Server, lent: LentFactory, act: Act, method: str
) -> None:
    client = lent(timeouts=QUICK)
    await client.request("GET", server.url("/warm"))  # so that a kept connection is used: some libraries repeat then
    with pytest.raises(OutcomeUnknown):
        await client.request(method, server.on("/send", act), once=True)
    assert [seen.target for seen in server.seen] == ["/warm", "/send"]


@pytest.mark.parametrize("act", BROKEN.values(), ids=BROKEN.keys())
async def test_a_question_whose_answer_is_lost_is_asked_again(server: Server, lent: LentFactory, act: Act) -> None:
    response = await lent(timeouts=QUICK).request("GET", server.on("/", act, answer(200, b"here")))
    assert response.text == "here"


@pytest.mark.parametrize("once", [True, False])
async def test_what_certainly_did_not_leave_is_repeated(
    server: Server, lent: LentFactory, clock: FakeClock, once: bool
) -> None:
    port = unused_port()
    listeners: list[asyncio.Server] = []

    class Clock:
        """Starts the server while the client waits."""

        now = staticmethod(clock.now)

        async def sleep(self, seconds: float) -> None:
            if not listeners:
                listeners.append(await asyncio.start_server(server.connected, "127.0.0.1", port))

    response = await lent(clock=Clock()).request("POST", f"http://127.0.0.1:{port}/", once=once)
    assert response.status_code == 200
    assert len(server.seen) == 1
    listeners[0].close()


async def test_a_refused_connection_is_named(lent: LentFactory) -> None:
    with pytest.raises(Unavailable, match=r"POST 127\.0\.0\.1: cannot connect \(connection refused\)"):
        await lent().request("POST", f"http://127.0.0.1:{unused_port()}/", once=True)


async def test_an_unknown_host_is_named(lent: LentFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unavailable, match=r"GET desk\.invalid: cannot connect \(no such host name\)"):
        await lent().request("GET", "http://desk.invalid/", once=True)


async def test_an_impossible_host_name_is_named(lent: LentFactory) -> None:
    with pytest.raises(Unavailable, match="no such host name"):
        await lent().request("GET", f"http://{'a' * 70}.example.test/", once=True)


async def test_a_connection_that_does_not_open_in_time_certainly_carried_nothing(lent: LentFactory) -> None:
    with socket.socket() as full:  # its queue is full, so that no further connection is taken
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.create_connection(full.getsockname())]
        with pytest.raises(Unavailable, match="no connection in time"):
            await lent(timeouts=Timeouts(connect=0.1)).request(
                "POST", f"http://127.0.0.1:{full.getsockname()[1]}/", once=True
            )
        waiting[0].close()


async def test_waiting_in_vain_for_a_free_connection_is_certainly_not_sent(
    server: Server, lent: LentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS", 1)
    holder = asyncio.create_task(lent().request("GET", server.on("/slow", silence)))
    await asyncio.sleep(0.05)
    with pytest.raises(Unavailable, match="no connection in time"):
        await lent(timeouts=Timeouts(connect=0.05, pool=0.05)).request("POST", server.url(), once=True)
    holder.cancel()
    assert [seen.target for seen in server.seen] == ["/slow"]


async def test_a_kept_connection_that_the_server_has_closed_is_replaced(server: Server, lent: LentFactory) -> None:
    client = lent()
    await client.request("POST", server.url(), once=True)
    server.hang_up()
    await asyncio.sleep(0.05)
    await client.request("POST", server.url(), once=True)
    assert server.connections == 2


async def test_a_trickle_ends_at_the_total_time_out(server: Server, lent: LentFactory) -> None:
    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(100):
            writer.write(b"x")
            await asyncio.sleep(0.05)

    with pytest.raises(OutcomeUnknown, match="no complete answer in time"):
        await lent(timeouts=Timeouts(read=1, total=0.3)).request("POST", server.on("/", trickle), once=True)


async def test_a_server_that_does_not_take_the_request_is_left_at_the_total_time_out(lent: LentFactory) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1)
        with pytest.raises(OutcomeUnknown):
            await lent(timeouts=Timeouts(read=1, total=0.3)).request(
                "POST", f"http://127.0.0.1:{deaf.getsockname()[1]}/", content=b"x" * 20_000_000, once=True
            )


async def test_connections_come_back_after_every_kind_of_failure(
    server: Server, lent: LentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS", 1)
    client = lent(timeouts=Timeouts(read=0.05, pool=0.5), body_limit=1000)
    acts = [*BROKEN.values(), answer(500), answer(302), answer(404), answer(200, b"x" * 100_000)]
    for act in acts:
        with pytest.raises(HubError):
            await client.request("POST", server.on("/", act), once=True)
    cancelled = asyncio.create_task(client.request("GET", server.on("/slow", silence)))
    await asyncio.sleep(0.02)
    cancelled.cancel()
    assert (await client.request("GET", server.on("/ok", answer()))).status_code == 200


@pytest.mark.parametrize("act", [*BROKEN.values(), answer(500), answer(404), answer(302, b"", Location="/?pw=hunter2")])
@pytest.mark.parametrize("once", [True, False])
async def test_not_even_a_traceback_shows_what_was_sent(
    server: Server, lent: LentFactory, act: Act, once: bool
) -> None:
    url = server.on("/send", act)
    for address in (url, f"http://127.0.0.1:{unused_port()}/send"):
        with pytest.raises(HubError) as caught:
            await lent(timeouts=Timeouts(read=0.02)).request(
                "POST",
                address + "?password=hunter2",
                auth=("hub", "hunter3"),
                data={"to": "+358401234567"},
                headers={"X-Key": "hunter4"},
                once=once,
            )
        lines = "".join(traceback.format_exception(caught.value)).splitlines()
        shown = "\n".join(line for line in lines if not line.startswith("    "))  # without the source, which is this
        assert not [private for private in ("hunter", "aHVi", "358401234567") if private in shown]


async def test_a_limit_that_ends_some_time_does_not_prove_that_a_503_did_nothing(
    lent: LentFactory, server: Server
) -> None:
    """Some services say with every answer when the hour of their limit is over."""
    url = server.on("/limited", answer(503, X_RateLimit_Reset="30"))
    with pytest.raises(OutcomeUnknown):
        await lent().request("POST", url, once=True)
