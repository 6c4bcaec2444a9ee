"""Takes persons out of closures and of all that hangs on them. What is left are figures that belong to nobody.

Kept are the closure's key, so that it is never surveyed again, what it was about (team, service, agent), and numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import watch
from hub.api.records import Customer, Experience, Ticket
from hub.journey.invite import new_token
from hub.store.among import among
from hub.store.given import given
from hub.store.tables import (
    AnswerState,
    InvitationState,
    Text,
    WriteBackState,
    answers,
    closures,
    contacts,
    experiences,
    invitations,
    reports,
    visits,
    write_backs,
)

ERASED = "erased"
"""The reason of what was not sent or written because its person is gone."""
_OPEN_ANSWERS = (AnswerState.NEW, AnswerState.QUARANTINED, AnswerState.UNMATCHED)
_OPEN = (WriteBackState.PENDING, WriteBackState.WRITING)
_ticket = given(closure=closures.c.id.type, ticket=Text()).c
_TICKETS = closures.update().where(closures.c.id == _ticket.closure).values(ticket=_ticket.ticket)
_link = given(invitation=invitations.c.id.type, token=Text()).c
_LINKS = (
    invitations.update()
    .where(invitations.c.id == _link.invitation)
    .values(token=_link.token, address=None, identity=None, provider_id=None, remind_at=None, open_until=None)
)
_answer = given(answer=answers.c.id.type, given=Text()).c
_ANSWERS = (
    answers.update()
    .where(answers.c.id == _answer.answer)
    .values(given=_answer.given, sender="", recipient=None, text="", raw="", key=None)
)
_record = given(experience=experiences.c.id.type, record=Text()).c
_RECORDS = experiences.update().where(experiences.c.id == _record.experience).values(record=_record.record)


async def forget(connection: AsyncConnection, closure_ids: Sequence[int]) -> None:
    """Take the persons out of these closures, their messages, answers and records. Doing it twice changes nothing."""
    await _blank_tickets(connection, closure_ids)
    rows = (
        await connection.execute(
            sa.select(invitations.c.id, invitations.c.token, invitations.c.state).where(
                among(invitations.c.closure_id, closure_ids)
            )
        )
    ).all()
    ids = [row.id for row in rows]
    await _end_messages(connection, ids)
    await connection.execute(reports.delete().where(among(reports.c.key, [row.token for row in rows])))
    await connection.execute(_LINKS, {"rows": [{"invitation": id_, "token": new_token()} for id_ in ids]})
    await connection.execute(visits.delete().where(among(visits.c.invitation_id, ids)))
    await blank_answers(connection, among(answers.c.invitation_id, ids))
    await blank_records(connection, ids)
    await connection.execute(contacts.update().where(among(contacts.c.asked_for, closure_ids)).values(asked_for=None))


async def _blank_tickets(connection: AsyncConnection, closure_ids: Sequence[int]) -> None:
    found = await connection.execute(
        sa.select(closures.c.id, closures.c.ticket).where(among(closures.c.id, closure_ids))
    )
    await connection.execute(
        _TICKETS, {"rows": [{"closure": row.id, "ticket": _nobody_s(row.ticket)} for row in found]}
    )
    await connection.execute(closures.update().where(among(closures.c.id, closure_ids)).values(decided=True))


def _nobody_s(ticket: str) -> str:
    gone = {"customer": Customer(), "subject": "", "url": None, "organisation": None, "fields": {}}
    return Ticket.model_validate_json(ticket).model_copy(update=gone).model_dump_json(exclude_defaults=True)


async def _end_messages(connection: AsyncConnection, ids: Sequence[int]) -> None:
    waiting = sa.and_(among(invitations.c.id, ids), invitations.c.state == InvitationState.WAITING)
    ended = await connection.execute(
        invitations.update().where(waiting).values(state=InvitationState.CANCELLED, reason=ERASED, claimed_by=None)
    )
    watch.moved(connection, InvitationState.CANCELLED, ERASED, ended.rowcount)


async def blank_answers(connection: AsyncConnection, these: sa.ColumnElement[bool]) -> int:
    """Take words and senders out of answers; scores stay. What nobody has looked at yet is not looked at any more.

    The ids that gateways gave them stay, so that an answer that is brought a second time is not stored again.

    :returns: how many there were.
    """
    found = (await connection.execute(sa.select(answers.c.id, answers.c.given).where(these))).all()
    if found:
        rows = [{"answer": row.id, "given": _numbers(row.given)} for row in found]
        await connection.execute(_ANSWERS, {"rows": rows})
        await connection.execute(
            answers.update()
            .where(among(answers.c.id, [row.id for row in found]), answers.c.state.in_(_OPEN_ANSWERS))
            .values(state=AnswerState.REFUSED, suspicion=ERASED)
        )
    return len(found)


def _numbers(given_json: str | None) -> str | None:
    """What was given on a page without the words: numbers, and options of lists."""
    if given_json is None:
        return None
    values: Mapping[str, Any] = json.loads(given_json)
    return json.dumps({id_: value for id_, value in values.items() if isinstance(value, int | list)})


async def blank_records(connection: AsyncConnection, invitation_ids: Sequence[int]) -> None:
    """Take the words out of all revisions of these records, and write none of them anywhere from now on."""
    these = among(experiences.c.invitation_id, invitation_ids)
    found = (await connection.execute(sa.select(experiences.c.id, experiences.c.record).where(these))).all()
    if not found:
        return
    rows = [
        {"experience": row.id, "record": _blank(Experience.model_validate_json(row.record)).model_dump_json()}
        for row in found
    ]
    await connection.execute(_RECORDS, {"rows": rows})
    await connection.execute(
        write_backs.update()
        .where(among(write_backs.c.experience_id, [row.id for row in found]), write_backs.c.state.in_(_OPEN))
        .values(state=WriteBackState.FAILED, reason=ERASED, claimed_by=None)
    )


def _blank(record: Experience) -> Experience:
    items = tuple(item.model_copy(update={"text": ""}) for item in record.items)
    ticket = record.ticket.model_copy(update={"subject": "", "organisation": None})
    return record.model_copy(update={"ticket": ticket, "comment": None, "remarks": (), "items": items})
