"""The desk's IMAP server: pymap with its in-memory store, and the accounts the sandbox needs."""

from __future__ import annotations

from argparse import Namespace
from asyncio import StreamReader, StreamWriter, start_server
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

from proxyprotocol.result import ProxyResultUnknown
from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import DictBackend, Identity
from pymap.imap import IMAPServer
from pymap.user import Passwords, UserMetadata

from sandbox.wiring import HOST, Account


@asynccontextmanager
async def serve_imap(port: int, accounts: Sequence[Account]) -> AsyncIterator[None]:
    """Serve empty mailboxes for the accounts on loopback for the length of the block."""
    first = accounts[0]
    backend, config = await DictBackend.init(
        Namespace(
            host=HOST,
            port=port,
            debug=False,
            tls=False,
            cert=None,
            key=None,
            inherited_sockets=None,
            proxy_protocol=None,
            passlib_cfg=None,
            demo_data=False,
            demo_user=first.username,
            demo_password=first.password,
        )
    )
    config.apply_context()
    for account in accounts[1:]:
        secret = await Passwords(config).hash_password(account.password)
        user = UserMetadata(config, account.username, password=secret)
        await Identity(account.username, backend.login, None, frozenset()).set(user)

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        # pymap's own service starts this in a task that nobody holds on to, and Python 3.13 collects it mid-talk
        peer = SocketInfo.get(writer, ProxyResultUnknown(), unique_id=uuid4().bytes)
        await IMAPServer(backend.login, config)(reader, writer, peer)

    async with await start_server(talk, HOST, port):
        yield
