"""Stage 5: answers become one normalised record. `build` is pure; `revise` stores what it gives."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Channel, Experience, Score, Ticket, TicketSnapshot
from hub.journey import write_back
from hub.store.tables import answers, experiences
from hub.survey.reading import read

SURVEY = "closing"
QUESTION = "csat"
LOWEST, HIGHEST = 1, 5


def build(
    invitation: Mapping[Any, Any], given: Sequence[Mapping[Any, Any]], uid: str, revision: int
) -> Experience | None:
    """Make the record of one invitation from all its answers, in the order they came.

    The last rating counts. Comments add up, except that a page shows what was written there before: the last
    submission of the page replaces earlier ones.

    :returns: None when no answer holds a rating or a comment.
    """
    pages = [answer for answer in given if answer["channel"] == Channel.PAGE]
    rating: int | None = None
    comments: list[str] = []
    for answer in given:
        if answer["channel"] == Channel.PAGE and answer is not pages[-1]:
            continue
        score, comment = _read(answer)
        rating = score if score is not None else rating
        if comment and comment not in comments:
            comments.append(comment)
    if rating is None and not comments:
        return None
    ticket = Ticket.model_validate_json(invitation["ticket"])
    return Experience(
        id=uid,
        revision=revision,
        ticket=_snapshot(ticket, invitation["source"]),
        survey=SURVEY,
        survey_version=invitation["survey_version"],
        channel=Channel(given[-1]["channel"]),
        language=invitation["language"],
        scores=() if rating is None else (Score(question=QUESTION, value=rating, minimum=LOWEST, maximum=HIGHEST),),
        comment="\n".join(comments) or None,
        asked_at=invitation["sent_at"],
        answered_at=given[-1]["received_at"],
    )


def _read(answer: Mapping[Any, Any]) -> tuple[int | None, str | None]:
    if answer["channel"] == Channel.PAGE:
        return answer["rating"], answer["text"] or None
    reading = read(answer["text"])
    return reading.rating, reading.comment


def _snapshot(ticket: Ticket, source: str) -> TicketSnapshot:
    return TicketSnapshot(
        source=source,
        id=ticket.id,
        key=ticket.key,
        closure_key=ticket.closure_key,
        subject=ticket.subject,
        agent=ticket.agent,
        team=ticket.team,
        service=ticket.service,
        type=ticket.type,
        closed_at=ticket.closed_at,
    )


async def revise(
    connection: AsyncConnection,
    invitation: Mapping[Any, Any],
    targets: Sequence[str],
    now: datetime,
) -> None:
    """Store the next revision of an invitation's record and queue it for its targets, if it says anything new."""
    given = await connection.execute(
        sa.select(answers)
        .where(answers.c.invitation_id == invitation["id"])
        .order_by(answers.c.received_at, answers.c.id)
    )
    last = await connection.execute(
        sa.select(experiences)
        .where(experiences.c.invitation_id == invitation["id"])
        .order_by(experiences.c.revision.desc())
        .limit(1)
    )
    before = last.mappings().first()
    uid = before["uid"] if before else f"x{uuid.uuid4().hex}"
    revision = before["revision"] + 1 if before else 1
    record = build(invitation, given.mappings().all(), uid, revision)
    if record is None or (before and _says_the_same(record, before)):
        return
    stored = await connection.execute(
        experiences.insert()
        .values(
            invitation_id=invitation["id"],
            revision=revision,
            uid=uid,
            record=record.model_dump_json(),
            created_at=now,
        )
        .returning(experiences.c.id)
    )
    await write_back.queue(connection, stored.scalar_one(), invitation["id"], targets, now)


def _says_the_same(record: Experience, before: Mapping[Any, Any]) -> bool:
    earlier = Experience.model_validate_json(before["record"])
    return (record.scores, record.comment) == (earlier.scores, earlier.comment)
