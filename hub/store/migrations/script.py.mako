"""${message}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store.tables import UtcDateTime

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
oldest_beside = ${repr(down_revision)}  # the oldest revision whose hub may run beside this one; see hub.store.migrate


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
