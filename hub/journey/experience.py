"""Stage 5: answers become one normalised record. `build` is pure; `revise` stores what it gives."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import watch
from hub.api.records import Channel, Choice, Experience, QuestionKind, Remark, Score, TicketSnapshot
from hub.config.questions import Question
from hub.journey import write_back
from hub.journey.heard import OPERATOR, Heard, Row
from hub.journey.items import items_of
from hub.store.among import among
from hub.store.given import insert_given
from hub.store.tables import experiences
from hub.survey.model import Value, scale_of

PLACES = "places."
"""What the sources of answers without a ticket begin with."""
Answered = tuple[str, Question, Value]
"""The id of a question, the question, and what was answered."""
_KEPT = frozenset(TicketSnapshot.model_fields)
"""What a record keeps of a stored `Ticket`."""
_KEY = re.compile(r"(/[au]/|/[fk]/[^/\s]{1,100}/)[a-z2-7]{20}(?![a-z2-7])|([+=_-])[a-z2-7]{20}(?=@)", re.IGNORECASE)
"""The token in a link or reply address of the hub. Agents read the record, and must not answer for a customer who
wrote the link into the answer, or quoted it."""
_REVISIONS = (
    sa.select(experiences.c.invitation_id, experiences.c.record)
    .where(among(experiences.c.invitation_id, "invitations"))
    .order_by(experiences.c.revision)
)
_STORE = insert_given(
    experiences.insert(),
    *(experiences.c[name] for name in ("invitation_id", "revision", "uid", "record", "created_at")),
).returning(experiences.c.id, experiences.c.invitation_id)


def build(heard: Heard, uid: str, revision: int) -> Experience | None:
    """Make the record of one invitation from all that was answered.

    :returns: None when nothing was said.
    """
    invitation, survey, gathered = heard.invitation, heard.survey, heard.gathered
    if not (gathered.said_anything or gathered.withdrawn):
        return None
    source: str = invitation["source"]
    last = [row for row in heard.answers if row["gateway"] != OPERATOR][-1]
    values = gathered.values
    answered = [(id_, question, values[id_]) for id_, question in survey.questions.items() if id_ in values]
    remarks = _own_words(answered, gathered.remarks)
    return Experience(
        id=uid,
        revision=revision,
        ticket=_snapshot(invitation["ticket"], source),
        place=source.removeprefix(PLACES) if source.startswith(PLACES) else None,
        milestone=invitation["milestone"],
        survey=survey.name,
        survey_version=survey.version,
        channel=Channel(last["channel"]),
        language=invitation["language"],
        scores=tuple(_scores(answered, gathered.approximate)),
        choices=tuple(_choices(answered)),
        lost_minutes=_lost_minutes(answered),
        remarks=remarks,
        comment="\n".join(remark.text for remark in remarks) or None,
        items=items_of(heard, remarks) if remarks else (),
        withdrawn=gathered.withdrawn,
        asked_at=invitation["sent_at"],
        delivered_at=_delivered_at(invitation),
        # gateways date answers in whole seconds: nobody answers before being asked
        answered_at=max(last["received_at"], invitation["sent_at"] or last["received_at"]),
    )


def _delivered_at(invitation: Row) -> datetime | None:
    """When it arrived; None where only the answer proves that it did: see `answer.process_new`."""
    arrived: datetime | None = invitation["delivered_at"]
    return None if arrived == invitation["answered_at"] else arrived


def _scores(answered: Iterable[Answered], approximate: Collection[str]) -> Iterator[Score]:
    for id_, question, value in answered:
        if isinstance(value, int) and (scale := scale_of(question)):
            yield Score(
                question=id_,
                kind=question.kind,
                value=value,
                minimum=scale.minimum,
                maximum=scale.maximum,
                higher_is_better=scale.higher_is_better,
                approximate=id_ in approximate,
            )


def _choices(answered: Iterable[Answered]) -> Iterator[Choice]:
    for id_, question, value in answered:
        if question.kind in (QuestionKind.CHOICE, QuestionKind.FACTORS):
            chosen = tuple(value) if isinstance(value, list) else (str(value),)
            process = any(question.options[one].process for one in chosen if one in question.options)
            yield Choice(question=id_, options=chosen, process=process)


def _lost_minutes(answered: Iterable[Answered]) -> int | None:
    given = (value for _, question, value in answered if question.kind is QuestionKind.LOST_TIME)
    return next((value for value in given if isinstance(value, int)), None)


def _own_words(answered: Iterable[Answered], said: Iterable[tuple[str, str]]) -> tuple[Remark, ...]:
    """All that the customer wrote, each thing once: what questions asked for, then what else was said."""
    words: dict[tuple[str, str], None] = {}
    for id_, question, value in answered:
        if question.kind is QuestionKind.TEXT and isinstance(value, str):
            words[id_, value] = None
        elif isinstance(value, dict):
            words |= dict.fromkeys((id_, text) for text in value.values())
    words |= dict.fromkeys(said)
    return tuple(Remark(question=id_, text=_without_keys(text)) for id_, text in words if text)


def _without_keys(text: str) -> str:
    return _KEY.sub(lambda found: f"{found[1] or found[2]}…", text)


def _snapshot(ticket: str, source: str) -> TicketSnapshot:
    kept = {name: value for name, value in json.loads(ticket).items() if name in _KEPT}
    return TicketSnapshot.model_validate({**kept, "source": source})


async def revise(
    connection: AsyncConnection,
    everything: Sequence[Heard],
    targets: Callable[[str], Sequence[str]],
    now: datetime,
    sink_wait: timedelta = timedelta(),
) -> None:
    """Store the next revision of each invitation's record that says anything new, and queue it for its targets."""
    before = await _last_revisions(connection, [heard.invitation["id"] for heard in everything])
    revised = {}
    for heard in everything:
        if record := next_revision(heard, before.get(heard.invitation["id"])):
            revised[heard.invitation["id"]] = record
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
    concerned = [heard.invitation for heard in everything if heard.invitation["id"] in revised]
    watch.revised(connection, [(one["closure_id"], one["source"]) for one in concerned], now)
    queued = [(row.id, targets(revised[row.invitation_id].ticket.source)) for row in stored]
    await write_back.queue(connection, queued, list(revised), now, sink_wait)


async def _last_revisions(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, Experience]:
    found = await connection.execute(_REVISIONS, {"invitations": ids})
    return {row.invitation_id: Experience.model_validate_json(row.record) for row in found}


def next_revision(heard: Heard, before: Experience | None) -> Experience | None:
    if before is None:
        record = build(heard, f"x{uuid.uuid4().hex}", 1)
        return None if record is None or record.withdrawn else record
    record = build(heard, before.id, before.revision + 1)
    return record if record and _said(record) != _said(before) else None


def _said(record: Experience) -> tuple[object, ...]:
    """What makes a new revision worth telling."""
    return (
        record.scores, record.choices, record.lost_minutes, record.remarks, record.comment, record.items,
        record.withdrawn,
    )  # fmt: skip
