"""When the source itself was asked about a closing, so that a ticket just read is not read again before asking."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store.tables import UtcDateTime

revision = "0004"
down_revision = "0003"
oldest_beside = "0003"


def upgrade() -> None:
    op.add_column("closures", sa.Column("read_at", UtcDateTime(), nullable=True))
