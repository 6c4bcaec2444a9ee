"""What a customer does on the page of a survey: looks, answers, changes, withdraws.

Only a press on a button does anything. A look leaves a trace only when it came through a rating's own link: mail
filters follow all of those, and their visits tell their answers from a person's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.faults import fault_point
from hub.journey import submission as submissions
from hub.journey.heard import hear
from hub.journey.recognise import PAGE, is_open
from hub.journey.submission import Circumstances, Outcome, PageRules, Submission, judge
from hub.journey.surveys import survey_of
from hub.journey.suspicion import Visit
from hub.store.engine import Store
from hub.store.tables import AnswerState, InvitationState, answers, closures, invitations, visits
from hub.survey.model import Survey, Value, Values

PLACES = "places."
"""What the source of an answer without a ticket begins with; the place's name follows."""
MOST_VISITS = 20
MOST_SUBMISSIONS = 100
"""What one link may store."""
TO_FINISH = timedelta(hours=1)
"""For so long after the first page its follow-up questions can be answered, however short `change_within` is."""
_NOT_ASKED = (InvitationState.SKIPPED, InvitationState.CANCELLED)

Row = Mapping[Any, Any]

_MESSAGE = invitations.alias("message")
_FIND = (
    sa.select(
        invitations,
        *(closures.c[name] for name in ("ticket", "ticket_key", "source", "milestone")),
        _MESSAGE.c.sent_at.label("message_sent_at"),
        _MESSAGE.c.state.label("message_state"),
    )
    .select_from(_MESSAGE)
    .join(invitations, sa.and_(invitations.c.closure_id == _MESSAGE.c.closure_id, invitations.c.step == 0))
    .join(closures, closures.c.id == invitations.c.closure_id)
    .where(_MESSAGE.c.token == sa.bindparam("token"))
)
_UNREAD = (
    sa.select(answers)
    .where(
        answers.c.invitation_id == sa.bindparam("invitation"),
        answers.c.gateway == PAGE,
        answers.c.state.in_((AnswerState.NEW, AnswerState.QUARANTINED)),
    )
    .order_by(answers.c.received_at, answers.c.id)
)


class Stage(StrEnum):
    """What can be done with a survey on its page."""

    OPEN = "open"  # it can be answered
    ANSWERED = "answered"  # it was; the answer can be changed and withdrawn
    SETTLED = "settled"  # it was, and the time for changes is over
    EXPIRED = "expired"  # nobody answered in time
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a customer has answered so far, over any channel, without what is held."""

    values: Values = field(default_factory=dict, repr=False)
    remarks: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Own words from other channels, each with the question it was said to."""
    withdrawn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The last submission, while it is held. Only the page that thanks for it may show it."""

    values: Values = field(repr=False)
    withdraws: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A survey as its page shows it."""

    invitation: Row = field(repr=False)
    """Of step 0, joined with its closure, whichever message of the conversation the link stood in."""
    survey: Survey
    stage: Stage
    said: Said
    held: Held | None = None
    answered_at: datetime | None = None
    change_until: datetime | None = None

    @property
    def place(self) -> str | None:
        """Where it was answered, when there is no ticket."""
        return place_of(self.invitation)


def place_of(invitation: Row) -> str | None:
    """The place of an answer without a ticket."""
    source: str = invitation["source"]
    return source.removeprefix(PLACES) if source.startswith(PLACES) else None


async def find_by_token(connection: AsyncConnection, token: str) -> Row | None:
    """The survey whose conversation this token belongs to: its invitation, its closure and the message's own state.

    None also for a token that nobody can know, because nothing was to be sent.
    """
    row = (await connection.execute(_FIND, {"token": token})).mappings().first()
    return row if row and (row["address"] is not None or place_of(row) is not None) else None


async def open_page(store: Store, token: str, rules: PageRules, now: datetime) -> Opened | None:
    """What the page of this token shows; None when no survey that was sent has it. Changes nothing."""
    async with store.read() as connection:
        return await _opened(connection, token, rules, now)


async def _opened(connection: AsyncConnection, token: str, rules: PageRules, now: datetime) -> Opened | None:
    invitation = await find_by_token(connection, token)
    if invitation is None:
        return None
    survey = await survey_of(connection, invitation, rules.surveys)
    unread = (await connection.execute(_UNREAD, {"invitation": invitation["id"]})).mappings().all()
    new = [row for row in unread if row["state"] == AnswerState.NEW]
    answered_at = invitation["answered_at"] or (new[0]["received_at"] if new else None)
    change_until = _change_until(invitation, answered_at, rules.change_within)
    return Opened(
        invitation=invitation,
        survey=survey,
        stage=_stage(invitation, change_until, now),
        said=_with(await _heard(connection, invitation, survey), new),
        held=_held(unread),
        answered_at=answered_at,
        change_until=change_until,
    )


async def _heard(connection: AsyncConnection, invitation: Row, survey: Survey) -> Said:
    async def sent_with(_connection: AsyncConnection, _invitation: Row) -> Survey:
        return survey

    found = await hear(connection, [invitation], sent_with, {invitation["closure_id"]: ()})
    if not found:
        return Said()
    gathered = found[0].gathered
    return Said(values=gathered.values, remarks=gathered.remarks, withdrawn=gathered.withdrawn)


def _with(said: Said, new: Sequence[Row]) -> Said:
    """With submissions that came in a moment ago and are not read yet."""
    for row in new:
        if row["withdraws"]:
            said = Said(withdrawn=True)
        else:
            said = Said(values={**said.values, **_values(row)}, remarks=said.remarks)
    return said


def _held(unread: Sequence[Row]) -> Held | None:
    if not unread or unread[-1]["state"] != AnswerState.QUARANTINED:
        return None
    return Held(values=_values(unread[-1]), withdraws=bool(unread[-1]["withdraws"]))


def _values(row: Row) -> dict[str, Value]:
    values: dict[str, Value] = json.loads(row["given"] or "{}")
    return values


def _change_until(invitation: Row, answered_at: datetime | None, change_within: timedelta) -> datetime | None:
    """Until when an answer can be changed; None when there is none. One without a ticket has a time of its own."""
    if answered_at is None:
        return None
    until: datetime = invitation["expires_at"] if place_of(invitation) else answered_at + change_within
    return until


def _stage(invitation: Row, change_until: datetime | None, now: datetime) -> Stage:
    if change_until is not None:
        return Stage.ANSWERED if now < change_until else Stage.SETTLED
    if is_open(invitation, now):
        return Stage.OPEN
    return Stage.CANCELLED if invitation["state"] in _NOT_ASKED else Stage.EXPIRED


async def note_visit(store: Store, token: str, rating: int, now: datetime) -> None:
    """Remember that the page was opened through a rating's link; a bounded number of times for each survey."""

    async def work(connection: AsyncConnection) -> None:
        invitation = await find_by_token(connection, token)
        if invitation is None:
            return
        these = visits.c.invitation_id == invitation["id"]
        number = await connection.scalar(sa.select(sa.func.count()).select_from(visits).where(these)) or 0
        if number < MOST_VISITS:
            await connection.execute(visits.insert().values(invitation_id=invitation["id"], at=now, rating=rating))

    await store.commit(work)


async def submit(store: Store, token: str, submission: Submission, rules: PageRules, now: datetime) -> Outcome:
    """Store what a customer confirmed on a page; durable when this returns. The last one wins, and all are kept."""

    async def work(connection: AsyncConnection) -> Outcome:
        opened = await _opened(connection, token, rules, now)
        taken = _takes(opened, submission, now) if opened else None
        if opened is None or taken is None:
            return Outcome.CLOSED
        around = await _circumstances(connection, opened, now)
        if around.earlier >= MOST_SUBMISSIONS:
            return Outcome.TOO_MANY
        word = judge(taken, around, rules, now)
        return await submissions.store(connection, opened.invitation, taken, held_for=word, now=now)

    outcome: Outcome = await store.commit(work)
    if outcome in (Outcome.STORED, Outcome.HELD):
        fault_point("answer.stored")
    return outcome


def _takes(opened: Opened, submission: Submission, now: datetime) -> Submission | None:
    """What of a submission may be stored; None for nothing."""
    if opened.stage is Stage.ANSWERED or (opened.stage is Stage.OPEN and not submission.withdraws):
        return submission
    if opened.stage is not Stage.SETTLED or submission.withdraws or opened.answered_at is None:
        return None
    new = {id_: value for id_, value in submission.values.items() if id_ not in opened.said.values}
    return replace(submission, values=new) if new and now < opened.answered_at + TO_FINISH else None


async def _circumstances(connection: AsyncConnection, opened: Opened, now: datetime) -> Circumstances:
    invitation = opened.invitation
    seen = await connection.execute(sa.select(visits).where(visits.c.invitation_id == invitation["id"]))
    # what became of the message may not be stored yet
    is_leaving = invitation["message_state"] == InvitationState.SENDING
    return Circumstances(
        subject=invitation["token"],
        survey=opened.survey,
        sent_at=now if is_leaving else invitation["message_sent_at"],
        visits=tuple(Visit(row.at, row.rating, None) for row in seen),
        earlier=await submissions.count(connection, invitation["id"]),
    )
