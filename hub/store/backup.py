"""A copy of an SQLite store as it is at one moment, made while the hub goes on working."""

from __future__ import annotations

import os
import shlex
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.api.errors import HubError
from hub.store import dialect, failures

Progress = Callable[[int, int], None]
"""Called with the pages that are copied, and all there are."""
_PAGES_A_STEP = 1_000


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was checked."""

    file: Path
    bytes: int
    revision: str
    """The revision of its tables."""


def backup(url: str, target: Path, progress: Progress) -> Backup:
    """Copy a store to a new file, which only the caller's user may read, and check the copy.

    Writers go on meanwhile; what they write is not in the copy. The file appears under its name when it is whole and
    on the disk.

    :raises HubError: the store is on PostgreSQL or not there, the target exists, or the copy failed.
    """
    source = dialect.sqlite_file(url)
    if source is None:
        raise HubError(f"hub.store is on PostgreSQL, which has its own tool for this: {_pg_dump(url, target)}")
    if not source.exists():
        raise HubError(f"there is no store at {source} yet")
    if target.exists():
        raise HubError(f"{target} exists already, and no backup is overwritten; choose another name")
    try:
        with _temporary(target) as copy:
            _copy(source, copy, progress)
            revision = _check(copy)
            _to_disk(copy)
            copy.rename(target)
        _to_disk(target.parent)
    except sqlite3.Error as error:
        raise HubError(f"no backup was made: {failures.words(error)}") from None
    except OSError as error:
        raise HubError(f"no backup was made: {target.parent}: {error.strerror}") from None
    return Backup(target, target.stat().st_size, revision)


@contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """A name in the folder of the target, gone at the end; what a killed process leaves says `.part`."""
    descriptor, name = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent)
    os.close(descriptor)
    path = Path(name)
    try:
        yield path
    finally:
        for leftover in (path, path.with_name(f"{path.name}-journal")):
            leftover.unlink(missing_ok=True)


def _copy(source: Path, target: Path, progress: Progress) -> None:
    """Copy page by page inside one reading transaction: without it, each write would make the copy begin anew."""
    with closing(sqlite3.connect(source, isolation_level=None)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
        writer.execute("PRAGMA synchronous = OFF")  # the whole is brought to the disk at the end
        reader.backup(writer, pages=_PAGES_A_STEP, progress=lambda _status, left, total: progress(total - left, total))
        writer.execute("PRAGMA journal_mode = DELETE")  # one file, without a -wal beside it


def _check(path: Path) -> str:
    """Read the whole copy.

    :returns: the revision of its tables.
    """
    with closing(sqlite3.connect(path)) as connection:
        problems = [row[0] for row in connection.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]
        if problems or connection.execute("PRAGMA foreign_key_check").fetchone():
            raise HubError("the copy is damaged, and so is the store then; nothing was kept. Restore an earlier backup")
        try:
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            revision = None
    if revision is None:
        raise HubError("there are no tables in the store yet; start the hub first")
    return str(revision[0])


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _pg_dump(url: str, target: Path) -> str:
    """The command, without the password: pg_dump asks for it, or reads ~/.pgpass."""
    without = dialect.parse(url)._replace(password=None)
    without = without.difference_update_query(["password"])
    return shlex.join(["pg_dump", "--format=custom", f"--file={target}", without.render_as_string()])
