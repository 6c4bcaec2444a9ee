"""Migrations, run when the store is opened, and which versions of the hub may share a store meanwhile.

Revisions are numbers of four digits, so that they compare as texts. Each states in `oldest_beside` the oldest revision
whose hub may go on working, or be started, on the new tables. The rule for authors: expand in one version (new tables,
new columns that may be empty), and contract in a later one, when nothing that runs uses the old any more.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from hub.api.errors import ConfigError
from hub.store import dialect
from hub.store.tables import facts

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0006"
_SCRIPTS = Path(__file__).parent / "migrations"
_OLDEST_BESIDE = "oldest_beside"
_ATTEMPTS = 40


def upgrade(connection: Connection) -> str | None:
    """Bring the tables to HEAD within the caller's transaction. What a later version has made is left as it is.

    :returns: the revision the store had before, or None for a new one.
    :raises ConfigError: a later version of the hub wrote the store, and this one may not run beside it.
    """
    before = current(connection)
    if before is None or before < HEAD:
        dialect.lock_migrations(connection)
        before = current(connection)  # another process may have migrated while this one waited
    if before is None or before < HEAD:
        _migrate(connection)
    elif before > HEAD:
        _require_usable(connection, before)
    return before


def current(connection: Connection) -> str | None:
    """The revision of the store, or None when it is empty."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return revision


def is_usable(connection: Connection) -> bool:
    """Whether this version can work on the store, after a migration where one is due."""
    revision = current(connection)
    if revision is None or revision <= HEAD:
        return True
    oldest = connection.scalar(sa.select(facts.c.value).where(facts.c.name == _OLDEST_BESIDE))
    return oldest is not None and oldest <= HEAD


def _require_usable(connection: Connection, revision: str) -> None:
    if not is_usable(connection):
        raise ConfigError("hub.store: this store was written by a later version of the hub; install that one")
    structlog.get_logger().info(
        "store.newer", revision=revision, own=HEAD, hint="a later hub has been here; this one may run beside it"
    )


def _migrate(connection: Connection) -> None:
    """Run the migrations. Who waits for a table makes everybody queue behind: wait briefly, step back, try again."""
    for attempt in range(_ATTEMPTS):
        savepoint = connection.begin_nested()
        try:
            dialect.wait_briefly_for_tables(connection)
            _run_alembic(connection)
        except DBAPIError as error:
            savepoint.rollback()
            if not dialect.was_in_the_way(error) or attempt + 1 == _ATTEMPTS:
                raise
            dialect.let_others_pass(connection)
        else:
            savepoint.commit()
            return


def _run_alembic(connection: Connection) -> None:
    from alembic import command  # slow to import, and there is rarely anything for it to do
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
    if sa.inspect(connection).has_table(facts.name):
        _note_oldest_beside(connection, config)


def _note_oldest_beside(connection: Connection, config: Config) -> None:
    """Tell hubs of earlier versions, which do not know the new revision, whether they may run."""
    from alembic.script import ScriptDirectory

    newest = ScriptDirectory.from_config(config).get_revision(HEAD).module
    oldest = getattr(newest, _OLDEST_BESIDE, HEAD)
    statement = dialect.insert(connection, facts).values(name=_OLDEST_BESIDE, value=oldest)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": oldest}))
