"""The desk's IMAP server: pymap with its in-memory store, and the accounts the sandbox needs."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from pymap.backend.dict import DictBackend, Identity
from pymap.imap import IMAPService
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
    async with AsyncExitStack() as stack:
        await IMAPService(backend, config).start(stack)
        yield
