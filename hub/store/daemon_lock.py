"""One daemon on one SQLite file. Other commands work beside it; on PostgreSQL any number of daemons do."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hub.api.errors import ConfigError
from hub.store import dialect


@contextmanager
def only_daemon(url: str) -> Iterator[None]:
    """Be the only daemon on a store for as long as the block runs.

    The kernel holds the lock and lets it go when the process ends, however it ends. The file that carries it,
    `FILE.lock`, stays: removing it would let two daemons hold a lock on two files of one name.

    :param url: the store; nothing is locked on PostgreSQL.
    :raises ConfigError: another daemon runs on it, or the lock cannot be made.
    """
    path = dialect.sqlite_file(url)
    if path is None:
        yield
        return
    lock = _open(path)
    try:
        _take(lock, path)
        yield
    finally:
        os.close(lock)


def _open(path: Path) -> int:
    """The lock's file, beside the real file whatever links and relative paths lead to it."""
    real = path.resolve()
    try:
        return os.open(real.with_name(f"{real.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(
            f"hub.store: cannot make {real.name}.lock in {real.parent}: {error.strerror}. "
            "See that the folder exists, that the hub's user may write in it, and that its disk has room"
        ) from None


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(
            f"hub.store: the hub with process number {_holder(lock)} runs on {path}, and only one can. Stop it first, "
            "or give this one a store of its own; several hubs on one store need PostgreSQL"
        ) from None
    except OSError as error:
        raise ConfigError(f"hub.store: cannot lock {path}: {error.strerror}. Put it on a local disk") from None
    with suppress(OSError):  # on a full disk the lock holds without it
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def _holder(lock: int) -> str:
    return os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "(not noted)"
