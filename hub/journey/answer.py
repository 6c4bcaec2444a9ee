"""Stage 4: what comes back is stored before anything else, then matched to its invitation.

What matches nothing is kept as unsolicited feedback.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import watch
from hub.api.records import DeliveryReport, Inbound, Reply
from hub.faults import fault_point
from hub.journey import addresses, converse, experience, surveys, wishes
from hub.journey.heard import asked_last, hear, steps_of
from hub.journey.policy import Plan
from hub.journey.recognise import PAGE, Match, match
from hub.store import components
from hub.store.engine import Store
from hub.store.given import given, insert_new
from hub.store.tables import (
    AnswerState,
    InvitationState,
    Text,
    UtcDateTime,
    answers,
    indexable,
    invitations,
    reports,
)
from hub.survey.model import Survey

BATCH = 200
DESK = "desk"
"""Why an answer does not count that was written by the desk itself."""
Row = Mapping[Any, Any]
_NEW = sa.text("answers.state = 'new'")  # literal, so that the partial index serves it
_UNREAD = (
    sa.select(answers).where(_NEW).order_by(answers.c.id).limit(sa.bindparam("batch")).with_for_update(skip_locked=True)
)
_matched = given(
    answer=answers.c.id.type, state=Text(), invitation=invitations.c.id.type, by=Text(), question=Text(),
    suspicion=Text(),
).c  # fmt: skip
_MATCHED = (
    answers.update()
    .where(answers.c.id == _matched.answer)
    .values(
        state=_matched.state,
        invitation_id=_matched.invitation,
        matched_by=_matched.by,
        question=_matched.question,
        suspicion=sa.func.coalesce(_matched.suspicion, answers.c.suspicion),
    )
)
_answered = given(invitation=invitations.c.id.type, at=UtcDateTime()).c
_ANSWERED = (
    invitations.update()
    .where(invitations.c.id == _answered.invitation)
    .values(
        state=InvitationState.DELIVERED,
        reason=None,
        answered_at=sa.func.coalesce(invitations.c.answered_at, _answered.at),
        # nothing was sent to those who answer at a service point
        sent_at=sa.case(
            (invitations.c.gateway.is_not(None), sa.func.coalesce(invitations.c.sent_at, _answered.at)), else_=None
        ),
        delivered_at=sa.func.coalesce(invitations.c.delivered_at, _answered.at),
        remind_at=None,
    )
)


async def store_inbound(store: Store, gateway: str, inbound: Inbound, region: str, now: datetime) -> None:
    """Store what a gateway brought, with the cursor when it was collected; durable when this returns."""
    await store.commit_with(_insert, _Arrived(gateway, inbound, region, now))
    if inbound.replies:
        fault_point("answer.stored")


@dataclass(frozen=True, slots=True)
class _Arrived:
    """What a gateway brought at one time."""

    gateway: str
    inbound: Inbound
    region: str
    at: datetime


async def _insert(connection: AsyncConnection, arrived: Sequence[_Arrived]) -> None:
    replies = [_reply(one, reply) for one in arrived for reply in one.inbound.replies]
    if replies:
        statement = insert_new(connection, *(answers.c[name] for name in replies[0]))
        await connection.execute(statement, {"rows": replies})
        watch.received(connection, replies)
    news = [_report(one, report) for one in arrived for report in one.inbound.reports]
    if news:
        await connection.execute(reports.insert(), news)
        watch.reported(connection, news)
    for one in arrived:
        if one.inbound.cursor is not None:
            await components.set_cursor(connection, f"gateways.{one.gateway}", one.inbound.cursor)
    if replies:
        fault_point("answer.before_commit")


def _reply(arrived: _Arrived, reply: Reply) -> dict[str, Any]:
    return {
        "gateway": arrived.gateway,
        "provider_id": indexable(reply.provider_id),
        "channel": reply.channel,
        "state": AnswerState.AUTOMATIC if reply.automatic else AnswerState.NEW,
        "key": reply.key,
        "sender": addresses.sender(reply.sender, arrived.region),
        "recipient": reply.recipient,
        "text": reply.text,
        "raw": reply.raw,
        "opts_out": reply.opts_out,
        "received_at": min(reply.received_at, arrived.at),
        "said_at": reply.received_at,
        "stored_at": arrived.at,
    }


def _report(arrived: _Arrived, report: DeliveryReport) -> dict[str, Any]:
    return {
        "gateway": arrived.gateway,
        "key": report.key,
        "provider_id": report.provider_id and indexable(report.provider_id),
        "status": report.status,
        "reason": report.reason,
        "address_unusable": report.address_unusable,
        "opted_out": report.opted_out,
        "at": report.at,
        "stored_at": arrived.at,
    }


async def process_new(
    store: Store, plan: Plan, targets: Callable[[str], Sequence[str]], now: datetime, batch: int = BATCH
) -> int:
    """Match new answers to invitations, make experiences of them and go on with conversations.

    Up to a batch in one transaction.

    :param targets: the components that hear of an experience from a source, by the source's name.
    :returns: how many answers were looked at.
    """
    rows: Sequence[Row] = ()
    try:
        async with store.write() as connection:
            rows = await _new(connection, batch)
            if not rows:
                return 0
            await _process(connection, rows, plan, targets, now)
            fault_point("answer.before_process_commit")
    except (SQLAlchemyError, OSError):
        raise
    except Exception as error:
        if not rows:
            raise
        if batch > 1:
            return sum([await process_new(store, plan, targets, now, 1) for _ in range(batch)])
        return await _set_aside(store, rows[0], error)
    fault_point("answer.processed")
    return len(rows)


async def _new(connection: AsyncConnection, batch: int) -> Sequence[Row]:
    return (await connection.execute(_UNREAD, {"batch": batch})).mappings().all()


async def _set_aside(store: Store, row: Row, error: Exception) -> int:
    values = {"state": AnswerState.UNMATCHED, "matched_by": f"nothing: {type(error).__name__} in the hub"}
    async with store.write() as connection:
        await connection.execute(answers.update().where(answers.c.id == row["id"], _NEW).values(values))
        watch.matched(connection, [(row, None, AnswerState.UNMATCHED)])
    return 1


async def _process(
    connection: AsyncConnection,
    rows: Sequence[Row],
    plan: Plan,
    targets: Callable[[str], Sequence[str]],
    now: datetime,
) -> None:
    matches = await match(connection, rows)
    states = {row["id"]: _state(row, matches.get(row["id"]), plan) for row in rows}
    counted = [row for row in rows if states[row["id"]] is AnswerState.USED]
    used = {row["id"]: matches[row["id"]] for row in counted}
    answered_about = {one.invitation["closure_id"] for one in used.values()}
    if connection.dialect.name == "postgresql":  # in one go: who locks bit by bit is waited for in a circle
        await steps_of(connection, answered_about, lock=True)
    await _mark_answered(connection, counted, used)
    await wishes.obey(connection, rows, used, plan, now)
    steps = await steps_of(connection, answered_about)
    asked = {id_: asked_last(steps[one.invitation["closure_id"]]) for id_, one in used.items()}
    await _store_matches(connection, rows, matches, states, asked)
    watch.matched(connection, [(row, _invitation_of(row, used), states[row["id"]]) for row in rows])
    answered = {one.invitation["id"]: one.invitation for one in used.values()}

    async def survey_of(connection: AsyncConnection, invitation: Row) -> Survey:
        return await surveys.survey_of(connection, invitation, plan.surveys)

    heard = await hear(connection, list(answered.values()), survey_of, steps)
    await experience.revise(connection, heard, targets, now, plan.survey.reaction_wait)
    await converse.go_on(connection, heard, plan, now)


def _state(answer: Row, found: Match | None, plan: Plan) -> AnswerState:
    if found is None:
        return AnswerState.UNMATCHED
    is_desk = answer["gateway"] != PAGE and plan.is_desk(answer["sender"])
    return AnswerState.REFUSED if is_desk else AnswerState.USED


def _invitation_of(answer: Row, matches: Mapping[int, Match]) -> Row | None:
    found = matches.get(answer["id"])
    return None if found is None else found.invitation


async def _store_matches(
    connection: AsyncConnection,
    rows: Sequence[Row],
    matches: Mapping[int, Match],
    states: Mapping[int, AnswerState],
    asked: Mapping[int, str | None],
) -> None:
    values = [
        {
            "answer": row["id"],
            "state": states[row["id"]],
            "invitation": matches[row["id"]].invitation["id"] if row["id"] in matches else None,
            "by": matches[row["id"]].by if row["id"] in matches else None,
            "question": asked.get(row["id"]),
            "suspicion": DESK if states[row["id"]] is AnswerState.REFUSED else None,
        }
        for row in rows
    ]
    await connection.execute(_MATCHED, {"rows": values})


async def _mark_answered(connection: AsyncConnection, rows: Sequence[Row], matches: Mapping[int, Match]) -> None:
    """An answer proves that the message arrived, whatever was known of it before."""
    first: dict[int, datetime] = {}
    for row in rows:
        first.setdefault(matches[row["id"]].invitation["id"], row["received_at"])
    if first:
        await connection.execute(_ANSWERED, {"rows": [{"invitation": id_, "at": at} for id_, at in first.items()]})
