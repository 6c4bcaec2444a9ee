"""Experiences for other programs: read from the store a little at a time, with the latencies of each."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hub.api.records import Experience
from hub.config.asking import builtin
from hub.config.questions import Question
from hub.journey.heard import OPERATOR
from hub.store.engine import Store
from hub.store.tables import answers, closures, experiences, invitations, surveys, write_backs
from hub.survey.model import Survey

BATCH = 500
_FIRST_VERSIONS = "csat"
"""What the one question was called before there were surveys."""
_later = experiences.alias("later")
_UP_TO = sa.bindparam("up_to", type_=experiences.c.id.type)
_IS_REPLACED = (
    sa.exists()
    .where(
        _later.c.invitation_id == experiences.c.invitation_id,
        _later.c.revision > experiences.c.revision,
        _later.c.id <= _UP_TO,
    )
    .correlate(experiences)
)
_said = experiences.alias("said")
_since = experiences.alias("since")
_LAST_SAID = (  # the revision that came of what the customer said last; those after it correct kinds of items
    sa.select(sa.func.max(_said.c.id))
    .where(
        _said.c.invitation_id == experiences.c.invitation_id,
        _said.c.id <= experiences.c.id,
        ~sa.exists().where(
            answers.c.invitation_id == _said.c.invitation_id,
            answers.c.gateway == OPERATOR,
            answers.c.stored_at == _said.c.created_at,
        ),
    )
    .correlate(experiences)
    .scalar_subquery()
)
_WRITTEN_BACK_AT = (
    sa.select(sa.func.min(write_backs.c.done_at))
    .select_from(write_backs.join(_since, _since.c.id == write_backs.c.experience_id))
    .where(
        _since.c.invitation_id == experiences.c.invitation_id,
        _since.c.id.between(_LAST_SAID, experiences.c.id),
        write_backs.c.target == sa.literal("sources.") + closures.c.source,
    )
    .correlate(experiences, closures)
    .scalar_subquery()
)
_RECORDS = (
    sa.select(
        experiences.c.id,
        experiences.c.record,
        sa.type_coerce(_WRITTEN_BACK_AT, write_backs.c.done_at.type).label("written_back_at"),
    )
    .join(invitations, invitations.c.id == experiences.c.invitation_id)
    .join(closures, closures.c.id == invitations.c.closure_id)
    .where(experiences.c.id > sa.bindparam("after"), experiences.c.id <= _UP_TO)
    .order_by(experiences.c.id)
    .limit(BATCH)
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which experiences."""

    since: datetime | None = None
    """Answered at or after."""
    until: datetime | None = None
    """Answered before."""
    source: str | None = None
    survey: str | None = None
    all_revisions: bool = False
    """Also those that a later answer replaced."""

    def includes(self, record: Experience) -> bool:
        """Whether a record is one of them, as far as it says so itself."""
        return (
            (self.since is None or record.answered_at >= self.since)
            and (self.until is None or record.answered_at < self.until)
            and (self.source is None or record.ticket.source == self.source)
            and (self.survey is None or record.survey == self.survey)
        )


@dataclass(frozen=True, slots=True)
class Exported:
    """One record, and when the ticket had it."""

    record: Experience
    written_back_at: datetime | None
    """The first time with all that the customer said. None when it is not there yet, or the source takes none back."""

    def latencies_s(self) -> dict[str, float | None]:
        """Seconds from each step to the next: closed, asked, delivered, answered, written back; None where unknown.

        Delivery is known of few mails: so from asked to answered as well.
        """
        record = self.record
        return {
            "closed_to_asked_s": _seconds(record.ticket.closed_at, record.asked_at),
            "asked_to_delivered_s": _seconds(record.asked_at, record.delivered_at),
            "delivered_to_answered_s": _seconds(record.delivered_at, record.answered_at),
            "asked_to_answered_s": _seconds(record.asked_at, record.answered_at),
            "answered_to_written_back_s": _seconds(record.answered_at, self.written_back_at),
        }

    def as_json(self) -> dict[str, Any]:
        """The record as JSON has it, and beside its fields `written_back_at` and `latencies`."""
        written = self.written_back_at and self.written_back_at.isoformat().replace("+00:00", "Z")
        added = {"written_back_at": written, "latencies": self.latencies_s()}
        return {**json.loads(self.record.model_dump_json()), **added}


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else round(max(0.0, (end - start).total_seconds()), 3)


async def read(store: Store, wanted: Wanted) -> AsyncIterator[tuple[int, Sequence[Exported]]]:
    """All that is wanted and was there at the beginning, the oldest first, some hundreds at a time.

    :returns: how many records were looked at so far, and those of them that are wanted.
    """
    query = _RECORDS if wanted.all_revisions else _RECORDS.where(~_IS_REPLACED)
    async with store.read() as connection:
        place = {"after": 0, "up_to": await connection.scalar(sa.select(sa.func.max(experiences.c.id))) or 0}
    looked_at = 0
    while True:
        async with store.read() as connection:
            rows = (await connection.execute(query, place)).all()
        if not rows:
            return
        place["after"], looked_at = rows[-1].id, looked_at + len(rows)
        found = [Exported(Experience.model_validate_json(row.record), row.written_back_at) for row in rows]
        yield looked_at, [one for one in found if wanted.includes(one.record)]


async def questions_of(store: Store, current: Mapping[str, Question]) -> dict[str, Question]:
    """All questions that can stand in a record: those of today, and those that were asked once.

    :param current: the questions of the configuration, by id.
    """
    of_old = sa.select(experiences.c.id).where(experiences.c.record.contains(f'"question":"{_FIRST_VERSIONS}"'))
    async with store.read() as connection:
        content = (await connection.execute(sa.select(surveys.c.content).order_by(surveys.c.first_used_at))).scalars()
        found = {id_: each for one in content for id_, each in Survey.model_validate_json(one).questions.items()}
        if await connection.scalar(of_old.limit(1)):
            found[_FIRST_VERSIONS] = Question.model_validate(builtin()["questions"]["service"])
    return found | dict(current)
