"""Surveys with several questions: conversations, milestones, persons with several addresses, answers held back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store.tables import UtcDateTime

revision = "0005"
down_revision = "0004"
# nothing runs beside it: an earlier hub would send the survey again for each further message of a conversation
oldest_beside = "0005"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("closures", sa.Column("milestone", sa.Text(), nullable=False, server_default="closed"))
    op.add_column("contacts", sa.Column("person", sa.Text(), nullable=True))
    op.add_column("contacts", sa.Column("consent", sa.Text(), nullable=True))
    op.add_column("answers", sa.Column("given", sa.Text(), nullable=True))
    op.add_column("answers", sa.Column("question", sa.Text(), nullable=True))
    op.add_column("answers", sa.Column("withdraws", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("answers", sa.Column("suspicion", sa.Text(), nullable=True))
    with op.batch_alter_table("invitations") as table:
        table.add_column(sa.Column("step", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("kind", sa.Text(), nullable=False, server_default="survey"))
        for name in ("question", "rule", "survey", "tone"):
            table.add_column(sa.Column(name, sa.Text(), nullable=True))
        for name in ("remind_at", "open_until"):
            table.add_column(sa.Column(name, UtcDateTime(), nullable=True))
        table.drop_constraint("uq_invitations_closure_id", type_="unique")
        table.create_unique_constraint("uq_invitations_closure_id_step", ["closure_id", "step"])
    op.create_table(
        "visits",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("invitation_id", ID, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["invitation_id"], ["invitations.id"], name=op.f("fk_visits_invitation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits")),
    )
    op.create_index("ix_visits_invitation_id", "visits", ["invitation_id"], unique=False)
    op.create_table(
        "surveys",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("first_used_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_surveys")),
    )
    op.create_table(
        "stops",
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_stops")),
    )
    for name, table_name, columns, where in (
        ("ix_contacts_person", "contacts", ["person"], "person IS NOT NULL"),
        ("ix_invitations_remind", "invitations", ["remind_at"], "remind_at IS NOT NULL"),
        ("ix_invitations_open", "invitations", ["identity", "gateway"], "open_until IS NOT NULL"),
        ("ix_answers_held", "answers", ["id"], "state = 'quarantined'"),
    ):
        condition = sa.text(where)
        unique = name == "ix_invitations_open"
        op.create_index(name, table_name, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
