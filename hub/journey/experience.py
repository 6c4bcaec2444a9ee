"""Stage 5: answers become one normalised record. `build` is pure; `revise` stores what it gives."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import watch
from hub.api.records import Channel, Experience, Score, TicketSnapshot
from hub.journey import write_back
from hub.store.among import among
from hub.store.given import insert_given
from hub.store.tables import answers, experiences
from hub.survey.reading import read

SURVEY = "closing"
QUESTION = "csat"
LOWEST, HIGHEST = 1, 5
_KEPT = frozenset(TicketSnapshot.model_fields)
"""What a record keeps of a stored `Ticket`."""
_STORE = insert_given(
    experiences.insert(),
    *(experiences.c[name] for name in ("invitation_id", "revision", "uid", "record", "created_at")),
).returning(experiences.c.id, experiences.c.invitation_id)


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
    return Experience(
        id=uid,
        revision=revision,
        ticket=_snapshot(invitation["ticket"], invitation["source"]),
        survey=SURVEY,
        survey_version=invitation["survey_version"],
        channel=Channel(given[-1]["channel"]),
        language=invitation["language"],
        scores=() if rating is None else (Score(question=QUESTION, value=rating, minimum=LOWEST, maximum=HIGHEST),),
        comment="\n".join(comments) or None,
        asked_at=invitation["sent_at"],
        # gateways date answers in whole seconds: nobody answers before being asked
        answered_at=max(given[-1]["received_at"], invitation["sent_at"] or given[-1]["received_at"]),
    )


def _read(answer: Mapping[Any, Any]) -> tuple[int | None, str | None]:
    if answer["channel"] == Channel.PAGE:
        return answer["rating"], answer["text"] or None
    reading = read(answer["text"])
    return reading.rating, reading.comment


def _snapshot(ticket: str, source: str) -> TicketSnapshot:
    kept = {name: value for name, value in json.loads(ticket).items() if name in _KEPT}
    return TicketSnapshot.model_validate({**kept, "source": source})


async def revise(
    connection: AsyncConnection,
    answered: Sequence[Mapping[Any, Any]],
    targets: Callable[[str], Sequence[str]],
    now: datetime,
) -> None:
    """Store the next revision of each invitation's record that says anything new, and queue it for its targets."""
    ids = [invitation["id"] for invitation in answered]
    given = await _given(connection, ids)
    before = await _last_revisions(connection, ids)
    revised = {}
    for invitation in answered:
        if record := _next_revision(invitation, given[invitation["id"]], before.get(invitation["id"])):
            revised[invitation["id"]] = record
    if not revised:
        return
    rows = [
        {
            "invitation_id": invitation_id,
            "revision": record.revision,
            "uid": record.id,
            "record": record.model_dump_json(),
            "created_at": now,
        }
        for invitation_id, record in revised.items()
    ]
    stored = await connection.execute(_STORE, {"rows": rows})
    records = [(one["closure_id"], one["source"]) for one in answered if one["id"] in revised]
    watch.revised(connection, records, now)
    queued = [(row.id, targets(revised[row.invitation_id].ticket.source)) for row in stored]
    await write_back.queue(connection, queued, list(revised), now)


async def _given(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, list[Mapping[Any, Any]]]:
    """All answers to these invitations, in the order they came."""
    found = await connection.execute(
        sa.select(answers).where(among(answers.c.invitation_id, ids)).order_by(answers.c.received_at, answers.c.id)
    )
    given: dict[int, list[Mapping[Any, Any]]] = {id_: [] for id_ in ids}
    for row in found.mappings():
        given[row["invitation_id"]].append(row)
    return given


async def _last_revisions(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, Experience]:
    found = await connection.execute(
        sa.select(experiences.c.invitation_id, experiences.c.record)
        .where(among(experiences.c.invitation_id, ids))
        .order_by(experiences.c.revision)
    )
    return {row.invitation_id: Experience.model_validate_json(row.record) for row in found}


def _next_revision(
    invitation: Mapping[Any, Any], given: Sequence[Mapping[Any, Any]], before: Experience | None
) -> Experience | None:
    if before is None:
        return build(invitation, given, f"x{uuid.uuid4().hex}", 1)
    record = build(invitation, given, before.id, before.revision + 1)
    unchanged = record is None or (record.scores, record.comment) == (before.scores, before.comment)
    return None if unchanged else record
