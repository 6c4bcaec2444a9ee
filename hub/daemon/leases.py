"""Ends the leases of workers that are known to be dead, so that a restarted hub need not wait for them."""

from __future__ import annotations

import os
import socket
from datetime import datetime

import sqlalchemy as sa

from hub.store.engine import Store
from hub.store.tables import invitations, write_backs


def worker_name() -> str:
    """Who claims rows: this process on this machine."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def end_leases_of_the_dead(store: Store, now: datetime) -> None:
    """Let the work of processes that ended on this machine be taken over at once.

    Only on a store that one machine uses: elsewhere two machines may have one name, and a process number says nothing.
    """
    if not store.is_embedded:
        return
    async with store.write() as connection:
        for table in (invitations, write_backs):
            found = await connection.execute(
                sa.select(table.c.claimed_by).where(table.c.claimed_by.is_not(None)).distinct()
            )
            dead = [name for name in found.scalars() if _is_dead(name)]
            await connection.execute(table.update().where(table.c.claimed_by.in_(dead)).values(lease_until=now))


def _is_dead(worker: str) -> bool:
    host, _, process = worker.rpartition(":")
    if host != socket.gethostname() or not process.isdigit():
        return False
    if int(process) == os.getpid():
        return True  # this process has claimed nothing yet: the number belonged to another one
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
