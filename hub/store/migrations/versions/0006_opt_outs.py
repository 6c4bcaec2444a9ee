"""Wishes to get no more messages of which a gateway's service tells, beside those that are read from words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
oldest_beside = "0005"


def upgrade() -> None:
    op.add_column("answers", sa.Column("opts_out", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("reports", sa.Column("opted_out", sa.Boolean(), nullable=False, server_default=sa.false()))
