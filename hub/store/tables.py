"""The tables. A row's state says what is to be done with it; `claimed_by` names the worker that is doing it.

`lease_until` is still written for the version before, which reads it; this version asks `workers` who is alive.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(sa.TypeDecorator[datetime]):
    """Aware UTC datetimes, also on SQLite, which has no time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """How values are written. On SQLite as SQLAlchemy would, in a third of the time; there are some in each row."""
        return _to_sqlite if dialect.name == "sqlite" else _to_utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """How values are read."""
        return _from_sqlite if dialect.name == "sqlite" else _to_utc


def _to_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


def _to_sqlite(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _from_sqlite(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


class Text(sa.TypeDecorator[str]):
    """Text that every database can hold: NUL and half surrogate pairs, which mail and SMS can bring, are replaced."""

    impl = sa.Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:
        """How values are written."""
        return _holdable


def _holdable(value: str | None) -> str | None:
    if value is None or (value.isascii() and "\0" not in value):  # nearly always
        return value
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


LONGEST_INDEXED = 255


def indexable(text: str) -> str:
    """The text itself, or a hash of one too long for a database's index: outsiders choose Message-IDs."""
    return text if len(text) <= LONGEST_INDEXED else f"sha256:{sha256(text.encode('utf-8', 'replace')).hexdigest()}"


class InvitationState(StrEnum):
    """What has become of one survey."""

    WAITING = "waiting"  # to be sent when due
    SENDING = "sending"  # a worker has begun to send; committed before anything leaves
    SENT = "sent"  # taken by the gateway
    DELIVERED = "delivered"  # reported as arrived, or answered
    FAILED = "failed"  # refused, or reported as not delivered
    UNKNOWN = "unknown"  # may have left; a report, a reply, the service or the operator decides
    SKIPPED = "skipped"  # deliberately not sent; the reason is stored
    CANCELLED = "cancelled"  # taken back before it was sent


class AnswerState(StrEnum):
    """What has become of one raw answer."""

    NEW = "new"  # not looked at yet
    USED = "used"  # belongs to an invitation
    AUTOMATIC = "automatic"  # machine mail: kept, not counted
    QUARANTINED = "quarantined"  # looks like a machine's: kept, not counted until a person confirms it
    REFUSED = "refused"  # belongs to an invitation, and must not count: written by the desk itself, or rejected
    UNMATCHED = "unmatched"  # belongs to no invitation: unsolicited feedback, listed for the operator


class WriteBackState(StrEnum):
    """What has become of one experience on its way to one target."""

    PENDING = "pending"  # to be written when due
    WRITING = "writing"  # a worker has begun
    DONE = "done"  # there, and read back where the target allows
    FAILED = "failed"  # never possible; the reason is stored
    SUPERSEDED = "superseded"  # a later answer came before this one was written


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True)


def _when(name: str, **options: Any) -> sa.Column[datetime]:
    return sa.Column(name, UtcDateTime, **options)


def _claim() -> tuple[sa.Column[str], sa.Column[datetime]]:
    return sa.Column("claimed_by", Text), _when("lease_until")


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    """The migrations say it for PostgreSQL too; here that would load all there is for it, on SQLite as well."""
    return sa.Index(name, *columns, unique=unique, sqlite_where=sa.text(where))


closures = sa.Table(
    "closures",
    metadata,
    _id(),
    sa.Column("source", Text, nullable=False),
    sa.Column("ticket_id", Text, nullable=False),
    sa.Column("closure_key", Text, nullable=False),
    sa.Column("ticket_key", Text, nullable=False),
    _when("closed_at", nullable=False),
    _when("seen_at", nullable=False),
    _when("read_at"),  # when the source itself, not an index of its, showed it so; known only for the first time
    sa.Column("milestone", Text, nullable=False, default="closed", server_default="closed"),
    sa.Column("ticket", Text, nullable=False),  # hub.Ticket as JSON
    sa.Column("decided", sa.Boolean, nullable=False, default=False),
    sa.UniqueConstraint("source", "ticket_id", "closure_key"),
    sa.Index("ix_closures_ticket_key", "ticket_key"),
    _partial("ix_closures_undecided", "id", where="NOT decided"),
)

contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("address", Text, primary_key=True),  # E.164, or an e-mail address in lower case
    sa.Column("person", Text),  # the same for all addresses of one person; none while only one is known
    sa.Column("consent", Text),  # channels with a recorded consent, separated by commas
    _when("asked_at"),  # when the last survey that was not withdrawn is or was due
    sa.Column("asked_for", sa.ForeignKey("closures.id")),  # and for which closure
    _when("opted_out_at"),
    _when("unusable_at"),
    sa.Column("unusable_reason", Text),
    sa.Index("ix_contacts_asked_for", "asked_for"),
    _partial("ix_contacts_person", "person", where="person IS NOT NULL"),
)

invitations = sa.Table(
    "invitations",
    metadata,
    _id(),
    sa.Column("closure_id", sa.ForeignKey("closures.id"), nullable=False),
    sa.Column("step", sa.Integer, nullable=False, default=0, server_default="0"),  # 0 asks; the others follow it
    sa.Column("kind", Text, nullable=False, default="survey", server_default="survey"),  # survey.model.MessageKind
    sa.Column("question", Text),  # the id of the question that this message asks
    sa.Column("token", Text, nullable=False, unique=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("reason", Text),
    sa.Column("rule", Text),  # which rule of hub.toml decided; none before there were rules
    sa.Column("survey", Text),
    sa.Column("tone", Text),
    sa.Column("survey_version", Text),
    sa.Column("language", Text),
    sa.Column("gateway", Text),
    sa.Column("channel", Text),
    sa.Column("address", Text),  # as messages are sent to
    sa.Column("identity", Text),  # as senders are compared with
    _when("created_at", nullable=False),
    _when("due_at"),
    _when("expires_at"),
    _when("sent_at"),
    _when("delivered_at"),
    _when("answered_at"),
    _when("remind_at"),  # none when no reminder is wanted, or it was made
    _when("open_until"),  # of a survey by SMS: for how long its conversation keeps others waiting; none once it is over
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("provider_id", Text),
    *_claim(),
    sa.UniqueConstraint("closure_id", "step"),
    _partial("ix_invitations_remind", "remind_at", where="remind_at IS NOT NULL"),
    # a number has one conversation at a time with a gateway: a reply names none
    _partial("ix_invitations_open", "identity", "gateway", where="open_until IS NOT NULL", unique=True),
    _partial("ix_invitations_due", "gateway", "due_at", where="state = 'waiting'"),
    _partial("ix_invitations_lease", "lease_until", where="state = 'sending'"),
    _partial("ix_invitations_claimed_by", "claimed_by", where="claimed_by IS NOT NULL"),
    _partial("ix_invitations_unknown", "gateway", "reason", where="state = 'unknown'"),
    sa.Index("ix_invitations_identity", "identity", "sent_at"),
    sa.Index("ix_invitations_provider_id", "provider_id"),
)

answers = sa.Table(
    "answers",
    metadata,
    _id(),
    sa.Column("gateway", Text, nullable=False),  # the NAME of a gateway, or "page"
    sa.Column("provider_id", Text, nullable=False),
    sa.Column("channel", Text, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("invitation_id", sa.ForeignKey("invitations.id")),
    sa.Column("matched_by", Text),
    sa.Column("key", Text),
    sa.Column("sender", Text, nullable=False),
    sa.Column("recipient", Text),
    sa.Column("rating", sa.Integer),  # from a page of a version before `given`
    sa.Column("given", Text),  # from a page: values by question id as JSON; other answers are read from their text
    sa.Column("question", Text),  # what the last message before it asked; none for the survey's own question
    sa.Column("withdraws", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("opts_out", sa.Boolean, nullable=False, default=False, server_default=sa.false()),  # says the gateway
    sa.Column("suspicion", Text),  # why it is quarantined or refused, in a word
    sa.Column("text", Text, nullable=False),
    sa.Column("raw", Text, nullable=False, default=""),
    _when("received_at", nullable=False),
    _when("said_at"),  # by the gateway's clock, which the hub's own may lag behind
    _when("stored_at", nullable=False),
    sa.UniqueConstraint("gateway", "provider_id"),
    sa.Index("ix_answers_invitation_id", "invitation_id"),
    _partial("ix_answers_new", "id", where="state = 'new'"),
    _partial("ix_answers_unmatched", "id", where="state = 'unmatched'"),
    _partial("ix_answers_held", "id", where="state = 'quarantined'"),
)

visits = sa.Table(  # pages opened with a tapped rating: what link scanners do to all of them
    "visits",
    metadata,
    _id(),
    sa.Column("invitation_id", sa.ForeignKey("invitations.id"), nullable=False),
    _when("at", nullable=False),
    sa.Column("rating", sa.Integer),
    sa.Index("ix_visits_invitation_id", "invitation_id"),
)

surveys = sa.Table(  # what was asked, so that an old answer keeps its meaning
    "surveys",
    metadata,
    sa.Column("version", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("content", Text, nullable=False),  # hub.survey.model.Survey as JSON
    _when("first_used_at", nullable=False),
)

stops = sa.Table(  # put on the stop list by an operator
    "stops",
    metadata,
    sa.Column("entry", Text, primary_key=True),  # as in contacts.address, or "@domain"
    _when("added_at", nullable=False),
    sa.Column("reason", Text),
)

reports = sa.Table(
    "reports",
    metadata,
    _id(),
    sa.Column("gateway", Text, nullable=False),
    sa.Column("key", Text),
    sa.Column("provider_id", Text),
    sa.Column("status", Text, nullable=False),
    sa.Column("reason", Text),
    sa.Column("address_unusable", sa.Boolean, nullable=False, default=False),
    sa.Column("opted_out", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    _when("at", nullable=False),
    _when("stored_at", nullable=False),
)

experiences = sa.Table(
    "experiences",
    metadata,
    _id(),
    sa.Column("invitation_id", sa.ForeignKey("invitations.id"), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("uid", Text, nullable=False),
    sa.Column("record", Text, nullable=False),  # hub.Experience as JSON
    _when("created_at", nullable=False),
    sa.UniqueConstraint("invitation_id", "revision"),
)

write_backs = sa.Table(
    "write_backs",
    metadata,
    _id(),
    sa.Column("experience_id", sa.ForeignKey("experiences.id"), nullable=False),
    sa.Column("target", Text, nullable=False),  # a component's id, such as "sources.desk"
    sa.Column("state", Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    _when("next_at", nullable=False),
    _when("done_at"),
    sa.Column("provider_id", Text),
    sa.Column("reason", Text),
    *_claim(),
    sa.UniqueConstraint("experience_id", "target"),
    _partial("ix_write_backs_open", "target", "next_at", where="state IN ('pending', 'writing')"),
    _partial("ix_write_backs_claimed_by", "claimed_by", where="claimed_by IS NOT NULL"),
)

components = sa.Table(
    "components",
    metadata,
    sa.Column("id", Text, primary_key=True),
    sa.Column("cursor", Text),
    sa.Column("error", Text),
    sa.Column("error_kind", Text),  # the class of the error, or "fault" for one that is not the hub's own
    sa.Column("failures", sa.Integer, nullable=False, default=0),
    _when("failing_since"),
    _when("retry_at"),
    _when("last_ok_at"),
    _when("first_at"),  # a source: when its first page was stored; nothing closed before it is surveyed on a hint
    sa.Column("warning", Text),  # what the operator should know although it works
    _when("warned_at"),
)

hints = sa.Table(
    "hints",
    metadata,
    _id(),
    sa.Column("source", Text, nullable=False),
    sa.Column("delivery_id", Text, nullable=False),
    sa.Column("ticket_id", Text, nullable=False),
    _when("received_at", nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("followed", sa.Boolean, nullable=False, default=False),
    sa.UniqueConstraint("source", "delivery_id", "ticket_id"),
    _partial("ix_hints_open", "source", "id", where="NOT followed"),
    sa.Index("ix_hints_received_at", "received_at"),
)

vault = sa.Table(
    "vault",
    metadata,
    sa.Column("component", Text, primary_key=True),
    sa.Column("name", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),  # encrypted
    _when("saved_at", nullable=False),
)

events = sa.Table(
    "events",
    metadata,
    _id(),
    sa.Column("closure_id", sa.ForeignKey("closures.id"), nullable=False),
    _when("at", nullable=False),
    sa.Column("what", Text, nullable=False),  # a sentence for the operator; never personal
    sa.Index("ix_events_closure_id", "closure_id"),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("name", Text, primary_key=True),
    sa.Column("beat", sa.Integer, nullable=False, default=0),  # grows while the worker lives
    _when("started_at", nullable=False),
    _when("seen_at", nullable=False),  # for people; nothing is decided by it
    sa.Column("version", Text, nullable=False),
    sa.Column("roles", Text, nullable=False),  # separated by commas
    sa.Column("load", Text, nullable=False),  # JSON
)

pauses = sa.Table(
    "pauses",
    metadata,
    sa.Column("key", Text, primary_key=True),
    sa.Column("service", Text, nullable=False),
    _when("until", nullable=False),
    sa.Column("reason", Text),
)

grants = sa.Table(
    "grants",
    metadata,
    sa.Column("component", Text, primary_key=True),
    sa.Column("granted", Text, nullable=False),
)

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("name", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)
