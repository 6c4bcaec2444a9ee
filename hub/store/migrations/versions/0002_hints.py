"""Hints from webhooks, credentials that change, and warnings of components that work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store.tables import UtcDateTime

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("components", sa.Column("first_at", UtcDateTime(), nullable=True))
    op.add_column("components", sa.Column("warning", sa.Text(), nullable=True))
    op.add_column("components", sa.Column("warned_at", UtcDateTime(), nullable=True))
    op.create_table(
        "hints",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("followed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hints")),
        sa.UniqueConstraint("source", "delivery_id", "ticket_id", name=op.f("uq_hints_source_delivery_id_ticket_id")),
    )
    op.create_index(
        "ix_hints_open",
        "hints",
        ["source", "id"],
        unique=False,
        sqlite_where=sa.text("NOT followed"),
        postgresql_where=sa.text("NOT followed"),
    )
    op.create_index("ix_hints_received_at", "hints", ["received_at"], unique=False)
    op.create_table(
        "vault",
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("component", "name", name=op.f("pk_vault")),
    )
