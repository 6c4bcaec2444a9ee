"""Many workers: who is alive, and what they share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store.tables import UtcDateTime

revision = "0003"
down_revision = "0002"
oldest_beside = "0002"  # the oldest revision whose hub may run beside this one; see hub.store.migrate


def upgrade() -> None:
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("beat", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("load", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )
    op.create_table(
        "pauses",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_pauses")),
    )
    op.create_table(
        "grants",
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("granted", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("component", name=op.f("pk_grants")),
    )
    op.create_table(
        "facts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    op.add_column("components", sa.Column("error_kind", sa.Text(), nullable=True))
    for name, table, columns, where in (
        ("ix_invitations_claimed_by", "invitations", ["claimed_by"], "claimed_by IS NOT NULL"),
        ("ix_write_backs_claimed_by", "write_backs", ["claimed_by"], "claimed_by IS NOT NULL"),
        ("ix_invitations_unknown", "invitations", ["gateway", "reason"], "state = 'unknown'"),
        ("ix_answers_unmatched", "answers", ["id"], "state = 'unmatched'"),
    ):
        condition = sa.text(where)
        op.create_index(name, table, columns, unique=False, sqlite_where=condition, postgresql_where=condition)
