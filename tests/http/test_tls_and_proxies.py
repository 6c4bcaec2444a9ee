"""Certificates are verified, and the proxies of the environment are kept to."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from hub import ConfigError, Unavailable
from hub.http import transport
from tests.http.conftest import LentFactory
from tests.http.server import Server, answer, raw_then_cut, serve


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.fixture
async def secure(authority: trustme.CA) -> AsyncIterator[Server]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async for server in serve(Server(), context):
        yield server


async def test_an_unknown_certificate_is_refused_before_anything_is_sent(secure: Server, lent: LentFactory) -> None:
    with pytest.raises(Unavailable, match="its certificate was refused: unable to get local issuer certificate"):
        await lent().request("POST", secure.url(), once=True)
    assert secure.seen == []


@pytest.mark.usefixtures("trusted")
async def test_an_authority_named_by_the_environment_is_trusted(secure: Server, lent: LentFactory) -> None:
    assert (await lent().request("POST", secure.url(), once=True)).status_code == 200


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_for_another_host_is_refused(secure: Server, lent: LentFactory) -> None:
    with pytest.raises(Unavailable, match="its certificate was refused: Hostname mismatch"):
        await lent().request("GET", secure.url().replace("127.0.0.1", "localhost"), once=True)


async def test_a_server_without_tls_is_named(lent: LentFactory) -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.test ESMTP\r\n")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(plain, "127.0.0.1", 0)
    with pytest.raises(Unavailable, match="it does not speak TLS here"):
        await lent().request("GET", f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}/", once=True)
    listener.close()


async def test_a_proxy_carries_plain_requests(
    server: Server, lent: LentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://hub:p%40ss@127.0.0.1:{server.port}")
    over = transport()
    server.on("http://desk.example.test/tickets", answer(200, b"through"))
    response = await lent(over).request("GET", "http://desk.example.test/tickets?page=2", auth=("agent", "a"))
    assert response.text == "through"
    [seen] = server.seen
    assert seen.target == "http://desk.example.test/tickets?page=2"
    assert base64.b64decode(seen.headers["proxy-authorization"].removeprefix("Basic ")) == b"hub:p@ss"
    assert base64.b64decode(seen.headers["authorization"].removeprefix("Basic ")) == b"agent:a"
    await lent(over).request("GET", "http://desk.example.test/tickets")
    assert server.connections == 1
    await over.aclose()


async def test_a_proxy_carries_secure_requests_without_seeing_them(
    server: Server, lent: LentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"hub:p%40ss@127.0.0.1:{server.port}")
    over = transport()
    server.on("desk.example.test:443", raw_then_cut(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(Unavailable, match=r"POST desk\.example\.test: the proxy does not let the hub through"):
        await lent(over).request("POST", "https://desk.example.test/?password=hunter2", auth=("agent", "a"), once=True)
    assert {seen.method for seen in server.seen} == {"CONNECT"}
    assert base64.b64decode(server.seen[0].headers["proxy-authorization"].removeprefix("Basic ")) == b"hub:p@ss"
    assert "authorization" not in server.seen[0].headers
    await over.aclose()


@pytest.mark.usefixtures("trusted")
async def test_requests_through_a_tunnel_arrive_and_share_it(
    secure: Server, lent: LentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
        there, back = await asyncio.open_connection("127.0.0.1", secure.port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_carry(reader, back), _carry(there, writer))

    listener = await asyncio.start_server(tunnel, "127.0.0.1", 0)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
    over = transport()
    for page in range(3):
        await lent(over).request("POST", secure.url(f"/tickets?page={page}"), data={"a": "b"}, once=True)
    assert [(seen.target, seen.body) for seen in secure.seen] == [(f"/tickets?page={n}", b"a=b") for n in range(3)]
    assert asked == [f"CONNECT 127.0.0.1:{secure.port} HTTP/1.1".encode()]
    await over.aclose()
    listener.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(65_536):
        writer.write(part)
    writer.close()


async def test_hosts_named_in_no_proxy_are_reached_directly(
    server: Server, lent: LentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    over = transport()
    assert (await lent(over).request("GET", server.url())).status_code == 200
    assert server.seen[0].target == "/"
    await over.aclose()


async def test_a_proxy_that_is_away_means_that_nothing_left(lent: LentFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    over = transport()
    with pytest.raises(Unavailable, match="the proxy does not let the hub through"):
        await lent(over).request("POST", "http://desk.example.test/", once=True)
    await over.aclose()


@pytest.mark.parametrize("proxy", ["socks5://hub:hunter2@127.0.0.1:1080", "ftp://hunter2", "http://"])
def test_a_proxy_that_cannot_be_used_is_a_mistake_in_the_configuration(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ConfigError, match="write it as http://host:port") as caught:
        transport()
    assert "hunter2" not in str(caught.value)
