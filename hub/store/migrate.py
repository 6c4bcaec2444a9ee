"""Migrations, run when the store is opened."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.api.errors import ConfigError
from hub.store import dialect

HEAD = "0002"
_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> str | None:
    """Bring the tables to HEAD within the caller's transaction.

    :returns: the revision the store had before, or None for a new one.
    :raises ConfigError: the store was written by a later version of the hub.
    """
    if current(connection) == HEAD:  # Alembic is slow to import, and there is nothing for it to do
        return HEAD
    dialect.lock_migrations(connection)
    before = current(connection)  # another process may have migrated while this one waited
    if before != HEAD:
        _run_alembic(connection)
    return before


def current(connection: Connection) -> str | None:
    """The revision of the store, or None when it is empty."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return revision


def _run_alembic(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError:
        raise ConfigError("hub.store: this store was written by a later version of the hub; install that one") from None
