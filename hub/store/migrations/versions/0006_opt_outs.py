"""What gateways say of replies: that one is a wish to get no more messages, and when it came by their own clocks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store.tables import UtcDateTime

revision = "0006"
down_revision = "0005"
oldest_beside = "0005"


def upgrade() -> None:
    op.add_column("answers", sa.Column("opts_out", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("answers", sa.Column("said_at", UtcDateTime(), nullable=True))
    op.add_column("reports", sa.Column("opted_out", sa.Boolean(), nullable=False, server_default=sa.false()))
