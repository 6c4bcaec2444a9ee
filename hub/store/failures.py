"""What a failure of the store means, and what to do: one set of words for commands, the log and `hub status`.

The driver's own words are not passed on where they could hold values.
"""

from __future__ import annotations

import sqlite3
import sys

_AGAIN = "nothing is lost, and a running hub goes on by itself"

_SQLITE = {
    sqlite3.SQLITE_FULL: f"the disk is full. Free space on it; {_AGAIN}",
    sqlite3.SQLITE_READONLY: "the store cannot be written. Let the hub's user write the file and its folder, and see "
    f"that the disk is not mounted read-only; {_AGAIN}",
    sqlite3.SQLITE_IOERR: "the disk cannot be written or read. See whether it or the user's quota is full, and the "
    f"system's log; {_AGAIN}",
    sqlite3.SQLITE_CANTOPEN: "the store's file cannot be opened. See that its folder exists, that the hub's user may "
    "write in it, and that its disk has room",
    sqlite3.SQLITE_BUSY: "another process holds the store for too long. See which one with: fuser FILE",
    sqlite3.SQLITE_PERM: "the hub's user may not use the store's file. Give it the right to",
    sqlite3.SQLITE_CORRUPT: "the file is damaged. Stop the hub and restore a backup",
    sqlite3.SQLITE_NOTADB: "the file is no store of the hub. Name another one in hub.toml, or restore a backup",
}
_POSTGRESQL = {
    "53100": f"the disk of PostgreSQL is full. Free space there; {_AGAIN}",
    "53300": "PostgreSQL takes no more connections. Raise its max_connections; a hub uses up to 20",
    "25006": f"this PostgreSQL only reads. Name the server that can be written; {_AGAIN}",
    "3D000": "PostgreSQL has no database of this name. Make it with createdb, or correct the name",
    "42501": "the user of the database may not do this. Make it the owner of the database",
    "55P03": "others use the tables that are to be changed. Try again when less is going on",
    "28": "PostgreSQL refused the user or the password. Correct them where hub.store is set",
    "08": f"the connection to PostgreSQL broke; {_AGAIN}",
    "57P": f"PostgreSQL is stopping or starting; {_AGAIN}",
}
_PASSING = ("08", "25006", "53", "55P03", "57P")
"""Those of them that end without a change of hub.toml."""


def is_of_the_store(error: BaseException) -> bool:
    """Whether the database failed, or the way to it.

    A command that never opened the store has not even loaded its libraries.
    """
    library = sys.modules.get("sqlalchemy.exc")
    if library is not None and isinstance(error, library.SQLAlchemyError):
        return True
    return isinstance(error, sqlite3.Error) or _sqlstate(error) is not None


def is_deadlock(error: BaseException) -> bool:
    """Whether PostgreSQL ended a transaction because another one and it waited for each other. Another try is due."""
    return _sqlstate(getattr(error, "orig", None) or error) == "40P01"


def concerns_all(error: BaseException) -> bool:
    """Whether the store as a whole is out of order: any other write would fail too, and after as long a wait."""
    if isinstance(error, OSError) or getattr(error, "connection_invalidated", False):
        return True
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE
    if state := _sqlstate(cause):
        return state.startswith(tuple(_POSTGRESQL))
    return isinstance(cause.__cause__ or cause, OSError)


def may_pass(error: BaseException) -> bool:
    """Whether a PostgreSQL that could not be opened may be there later: it is away, full or busy."""
    cause = getattr(error, "orig", None) or error
    if state := _sqlstate(cause):
        return state.startswith(_PASSING)
    return isinstance(cause.__cause__ or cause, OSError)


def words(error: BaseException) -> str:
    """What went wrong and what to do about it.

    :param error: of SQLAlchemy, of a driver, or of the operating system on the way to the server.
    """
    cause = getattr(error, "orig", None) or error
    if isinstance(cause.__cause__, OSError):
        cause = cause.__cause__
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        known = None if code is None else _SQLITE.get(code & 0xFF)
        return known or f"the database failed with {getattr(cause, 'sqlite_errorname', type(cause).__name__)}"
    if state := _sqlstate(cause):
        known = next((text for start, text in _POSTGRESQL.items() if state.startswith(start)), None)
        return known or f"PostgreSQL failed with {state} ({_last_class(cause)})"
    if isinstance(cause, OSError):
        return (
            f"PostgreSQL cannot be reached: {cause.strerror or type(cause).__name__}. See its address and that it runs"
        )
    return f"the database failed with {type(cause).__name__}"


def _sqlstate(error: BaseException) -> str | None:
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def _last_class(error: BaseException) -> str:
    """The driver's class under the one that SQLAlchemy puts around it."""
    return type(error.__cause__ or error).__name__
