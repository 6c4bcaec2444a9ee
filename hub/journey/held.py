"""Answers that wait for a person: those that may be a machine's, those that belong to nothing, and kinds of items."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.errors import HubError
from hub.api.records import Experience, Item, ItemKind
from hub.journey import experience
from hub.journey.events import note
from hub.journey.heard import OPERATOR, Row, SurveyOf, hear, steps_of
from hub.journey.items import correction
from hub.store.engine import Store
from hub.store.tables import AnswerState, answers, closures, experiences, invitations

SHOWN = (AnswerState.QUARANTINED, AnswerState.UNMATCHED)
_INVITATION = sa.or_(answers.c.invitation_id == invitations.c.id, answers.c.key == invitations.c.token)
"""One that is not read yet knows its survey only by the token."""


async def list_answers(store: Store, states: Sequence[AnswerState], limit: int) -> list[dict[str, Any]]:
    """Answers in these states, newest first, with the customers' words: what a page submitted is in `given`."""
    columns = ("id", "gateway", "state", "suspicion", "sender", "text", "given", "received_at")
    query = (
        sa.select(*(answers.c[name] for name in columns), closures.c.source, closures.c.ticket_key)
        .select_from(answers.outerjoin(invitations, _INVITATION).outerjoin(closures))
        .where(
            sa.or_(*(answers.c.state == sa.literal_column(f"'{state}'") for state in states))
        )  # a partial index each
        .order_by(answers.c.id.desc())
        .limit(limit)
    )
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [{**row, "given": json.loads(row["given"]) if row["given"] else None} for row in rows]


async def confirm(store: Store, ids: Sequence[int], now: datetime) -> dict[int, str]:
    """Let answers count that were held back: a person believes that a customer gave them.

    :returns: why each of the others was left alone.
    """
    return await _judge(store, ids, AnswerState.NEW, "an answer was held back, and confirmed by the operator", now)


async def reject(store: Store, ids: Sequence[int], now: datetime) -> dict[int, str]:
    """Never count answers that were held back: no customer gave them.

    :returns: why each of the others was left alone.
    """
    return await _judge(store, ids, AnswerState.REFUSED, "an answer was held back, and rejected by the operator", now)


async def _judge(store: Store, ids: Sequence[int], state: AnswerState, what: str, now: datetime) -> dict[int, str]:
    refused: dict[int, str] = {}
    async with store.write() as connection:
        query = (
            sa.select(answers.c.id, answers.c.state, invitations.c.closure_id)
            .select_from(answers.outerjoin(invitations, _INVITATION))
            .where(answers.c.id.in_(ids))
            .with_for_update(of=answers)
        )
        found = {row.id: row for row in await connection.execute(query)}
        for id_ in ids:
            row = found.get(id_)
            if row is None:
                refused[id_] = "there is no such answer; see: hub answers list"
            elif row.state != AnswerState.QUARANTINED:
                refused[id_] = f"it is {row.state}; only answers that are held back can be"
            else:
                await connection.execute(answers.update().where(answers.c.id == id_).values(state=state))
                if row.closure_id is not None:
                    await note(connection, row.closure_id, now, what)
    return refused


async def correct(
    store: Store,
    uid: str,
    number: int,
    kind: ItemKind,
    *,
    survey_of: SurveyOf,
    targets: Callable[[str], Sequence[str]],
    now: datetime,
) -> Experience:
    """Say what kind an item of a record is; the next revision has it so, and is written like any other.

    :param number: which item, from 1.
    :param targets: see `answer.process_new`.
    :returns: the record as it was before.
    :raises HubError: there is no such item.
    """
    async with store.write() as connection:
        record, invitation = await _last(connection, uid)
        item = _item(record, number)
        await connection.execute(answers.insert(), [_correction(record, invitation, correction(item, kind), now)])
        steps = await steps_of(connection, [invitation["closure_id"]])
        heard = await hear(connection, [invitation], survey_of, steps)
        await experience.revise(connection, heard, targets, now)
    return record


async def _last(connection: AsyncConnection, uid: str) -> tuple[Experience, Row]:
    """The last revision of a record, and its invitation, locked: the hub may be making the next one."""
    uid, _, _ = uid.partition(".")  # on tickets its revision stands behind it
    of_record = sa.select(experiences.c.invitation_id).where(experiences.c.uid == uid)
    query = (
        sa.select(invitations, *(closures.c[name] for name in ("ticket", "ticket_key", "source", "milestone")))
        .join(closures)
        .where(invitations.c.id.in_(of_record))
        .with_for_update(of=invitations)
    )
    invitation = (await connection.execute(query)).mappings().first()
    if invitation is None:
        raise HubError("there is no such experience; its id stands on the ticket and in hub export")
    revisions = sa.select(experiences.c.record).where(experiences.c.invitation_id == invitation["id"])
    last = await connection.scalar(revisions.order_by(experiences.c.revision.desc()).limit(1))
    return Experience.model_validate_json(last or ""), invitation


def _item(record: Experience, number: int) -> Item:
    if not 1 <= number <= len(record.items):
        there = f"it has {len(record.items)}" if record.items else "it has none"
        raise HubError(f"there is no item {number} in this experience; {there}")
    if not (item := record.items[number - 1]).text:
        raise HubError("the words of this experience were erased, so nobody can say what kind they are")
    return item


def _correction(record: Experience, invitation: Row, said: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "gateway": OPERATOR,
        "provider_id": uuid.uuid4().hex,
        "channel": record.channel,
        "state": AnswerState.USED,
        "invitation_id": invitation["id"],
        "matched_by": OPERATOR,
        "sender": "",
        "given": json.dumps(said),
        "text": "",
        "raw": "",
        "received_at": now,
        "stored_at": now,
    }
