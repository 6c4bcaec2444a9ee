"""One daemon on one SQLite file. Other commands work beside it; on PostgreSQL any number of daemons do."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hub.api.errors import ConfigError
from hub.store import dialect

_AGAIN_AFTER_S = 0.05


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


def running_daemon(url: str) -> str | None:
    """The process number of the daemon that holds an SQLite store, whether it gives a sign of life or not.

    :returns: None when there is none, nobody may look, or the store is on PostgreSQL.
    """
    path = dialect.sqlite_file(url)
    if path is None:
        return None
    try:
        lock = os.open(_lock_file(path), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # let go at once, as the file is closed
    except BlockingIOError:
        return _holder(lock)
    except OSError:
        return None
    else:
        return None
    finally:
        os.close(lock)


def _lock_file(path: Path) -> Path:
    """Beside the real file, whatever links and relative paths lead to it."""
    real = path.resolve()
    return real.with_name(f"{real.name}.lock")


def _open(path: Path) -> int:
    file = _lock_file(path)
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(
            f"hub.store: cannot make {file.name} in {file.parent}: {error.strerror}. "
            "See that the folder exists, that the hub's user may write in it, and that its disk has room"
        ) from None


def _take(lock: int, path: Path) -> None:
    try:
        if _is_held(lock):
            time.sleep(_AGAIN_AFTER_S)  # it may be `hub status`, which only looks
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


def _is_held(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _holder(lock: int) -> str:
    return os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "(not noted)"
