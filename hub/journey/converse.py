"""What comes next in a conversation by SMS, decided in the transaction that stores the answers.

Nothing is remembered but what was sent and what came back: a message is a row beside the survey's (step 1, 2 and so
on), and goes through the same hands. Who decides holds the survey's row, so that two workers never both add one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Channel
from hub.journey import conversations
from hub.journey.heard import OPERATOR, Heard, steps_of
from hub.journey.invite import new_token
from hub.journey.policy import Plan, next_moment
from hub.store.among import among
from hub.store.given import insert_given
from hub.store.tables import InvitationState, contacts, invitations
from hub.survey.model import MessageKind

Row = Mapping[Any, Any]
WENT_ON = "went_on"
"""Why a message was not sent: the conversation had gone on without it."""
AT_ONCE = timedelta(hours=1)
"""How long after a customer wrote they are answered at any time of day."""
CONFIRMATIONS = (MessageKind.STOPPED, MessageKind.STARTED)
_CONFIRMED_WITHIN = timedelta(days=1)
_NOT_SENT = (InvitationState.SKIPPED, InvitationState.CANCELLED)
_COPIED = ("closure_id", "survey", "tone", "survey_version", "language", "gateway", "channel", "address", "identity")
_OWN = ("step", "kind", "question", "token", "state", "created_at", "due_at", "expires_at", "attempts")
_ADD = insert_given(invitations.insert(), *(invitations.c[name] for name in _COPIED + _OWN))
_DROPPED = (
    invitations.update()
    .where(among(invitations.c.id, "ids"), invitations.c.state == InvitationState.WAITING)
    .values(state=InvitationState.CANCELLED, reason=WENT_ON, claimed_by=None)
)
_ARRIVED = (
    invitations.update()
    .where(among(invitations.c.id, "ids"), invitations.c.state == InvitationState.UNKNOWN)
    .values(state=InvitationState.DELIVERED, reason=None)
)
_STOPPED = sa.select(contacts.c.address).where(
    among(contacts.c.address, "identities"), contacts.c.opted_out_at.is_not(None)
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What becomes of a conversation after the customer has said something."""

    say: tuple[MessageKind, str | None] | None
    """The next message, and which question it asks."""
    goes_on: bool
    """Whether something may come back that is worth waiting for."""
    drop: tuple[int, ...] = ()
    """Messages that wait to be sent, and do not fit any more."""
    arrived: tuple[int, ...] = ()
    """Messages that may have left: the customer has written since."""


@dataclass(frozen=True, slots=True)
class Say:
    """A message to be added to a conversation."""

    invitation: Row
    """The survey's row."""
    step: int
    kind: MessageKind
    question: str | None
    due_at: datetime
    expires_at: datetime


async def go_on(connection: AsyncConnection, everything: Sequence[Heard], plan: Plan, now: datetime) -> None:
    """Add the next message to each conversation that has one, and take back what was overtaken.

    The rows of these surveys are locked already.
    """
    turns = [(heard, next_turn(heard, now)) for heard in everything]
    await _change(connection, _DROPPED, [id_ for _, turn in turns for id_ in turn.drop])
    await _change(connection, _ARRIVED, [id_ for _, turn in turns for id_ in turn.arrived])
    talking = [heard.invitation["identity"] for heard, turn in turns if turn.say]
    stopped = await _stopped(connection, talking) if talking else set()
    new = [
        _say(heard, *turn.say, plan, now)
        for heard, turn in turns
        if turn.say and heard.invitation["identity"] not in stopped
    ]
    await add(connection, new, now)
    asking = [one.invitation["closure_id"] for one in new if one.kind is MessageKind.QUESTION]
    await conversations.keep_open(connection, asking, now + plan.survey.conversation)
    over = [heard.invitation for heard, turn in turns if not turn.goes_on and heard.steps[0]["open_until"] is not None]
    await conversations.close(connection, [invitation["closure_id"] for invitation in over])
    await conversations.free(connection, over, now)


def next_turn(heard: Heard, now: datetime) -> Turn:
    """What comes next.

    Each question is asked once, and the last of `messages` is for the thanks. With an answer on a page or by mail the
    conversation is over, and so it is after the first message that could not be delivered.
    """
    survey, said, steps = heard.survey, heard.gathered, heard.steps
    goes_on = (
        steps[0]["open_until"] is not None
        and now < heard.invitation["expires_at"]
        and all(row["channel"] == Channel.SMS for row in _of_customer(heard))
        and not said.withdrawn
    )
    pending = said.next if goes_on else None
    drop = [row for row in steps if row["state"] == InvitationState.WAITING and _is_overtaken(row, pending)]
    sent = [row for row in steps if row not in drop and counts(row)]
    asked = {survey.first, *(row["question"] for row in sent)}
    say: tuple[MessageKind, str | None] | None = None
    if pending is not None and pending not in asked and len(sent) + 1 < survey.messages:
        say = MessageKind.QUESTION, pending
    elif pending is None or pending not in asked:
        is_thanked = any(row["kind"] == MessageKind.THANKS for row in sent)
        if goes_on and said.said_anything and not is_thanked and len(sent) < survey.messages:
            say = MessageKind.THANKS, None
        goes_on = False
    doubtful = [row for row in steps if row["step"] > 0 and row["state"] == InvitationState.UNKNOWN]
    return Turn(say, goes_on, tuple(row["id"] for row in drop), tuple(row["id"] for row in doubtful))


def _of_customer(heard: Heard) -> list[Row]:
    return [row for row in heard.answers if row["gateway"] != OPERATOR]


def counts(row: Row) -> bool:
    """Whether a message is one of the most that a customer gets."""
    return row["state"] not in _NOT_SENT and row["kind"] not in CONFIRMATIONS


def _is_overtaken(row: Row, pending: str | None) -> bool:
    if row["kind"] == MessageKind.QUESTION:
        return bool(row["question"] != pending)
    return bool(row["kind"] == MessageKind.REMINDER)


def _say(heard: Heard, kind: MessageKind, question: str | None, plan: Plan, now: datetime) -> Say:
    wrote_at = max(row["received_at"] for row in _of_customer(heard))
    return Say(
        invitation=heard.invitation,
        step=heard.steps[-1]["step"] + 1,
        kind=kind,
        question=question,
        due_at=now if now - wrote_at <= AT_ONCE else next_moment(plan, now, heard.invitation),
        expires_at=min(heard.invitation["expires_at"], now + plan.survey.conversation),
    )


async def confirm(connection: AsyncConnection, invitation: Row, kind: MessageKind, now: datetime) -> None:
    """Say that a stop or start word was heard. The survey's row is locked already."""
    closure_id = invitation["closure_id"]
    steps = (await steps_of(connection, [closure_id]))[closure_id]
    say = Say(invitation, steps[-1]["step"] + 1, kind, None, now, now + _CONFIRMED_WITHIN)
    await add(connection, [say], now)


async def add(connection: AsyncConnection, new: Sequence[Say], now: datetime) -> None:
    """Store messages, to be sent when due."""
    rows = [
        {name: say.invitation[name] for name in _COPIED}
        | {
            "step": say.step,
            "kind": say.kind,
            "question": say.question,
            "token": new_token(),
            "state": InvitationState.WAITING,
            "created_at": now,
            "due_at": say.due_at,
            "expires_at": say.expires_at,
            "attempts": 0,
        }
        for say in new
    ]
    if rows:
        await connection.execute(_ADD, {"rows": rows})


def what(kind: str, question: str | None) -> str:
    """A message in words, for `hub why`."""
    words = {
        MessageKind.QUESTION: f"the question {question!r}",
        MessageKind.STOPPED: "the confirmation of the stop word",
        MessageKind.STARTED: "the confirmation of the start word",
    }
    return words.get(MessageKind(kind), f"the {kind}")


async def _change(connection: AsyncConnection, statement: sa.Update, ids: Sequence[int]) -> None:
    if ids:
        await connection.execute(statement, {"ids": sorted(ids)})


async def _stopped(connection: AsyncConnection, identities: Sequence[str]) -> set[str]:
    return set((await connection.execute(_STOPPED, {"identities": identities})).scalars())
