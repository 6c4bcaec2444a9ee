"""The whole story of a ticket, in order and in words, for `hub why`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Milestone
from hub.journey.policy import WORDS
from hub.store.tables import (
    AnswerState,
    InvitationState,
    WriteBackState,
    answers,
    closures,
    events,
    experiences,
    invitations,
    write_backs,
)

_REACHED: Mapping[str, str] = {
    Milestone.CLOSED: "the ticket was closed",
    Milestone.HANDED_OVER: "the ticket was handed over",
    Milestone.WAITING: "the ticket began to count as waiting for long",
}
_UNKNOWN = {
    "outcome_unknown": "it may have left: the gateway gave no answer",
    "worker_died": "it may have left: the worker ended while it was sending",
    "looked_up": "it may have left: the service was asked and could not settle it",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened, or is going to."""

    at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Story:
    """One closure of a ticket."""

    source: str
    ticket_key: str
    state: str
    next_step: str
    """What will happen now, or what the operator can do."""
    lines: tuple[Line, ...]


async def stories(connection: AsyncConnection, ticket: str) -> list[Story]:
    """The story of each closure of a ticket, named by its key or its id, oldest first."""
    found = await connection.execute(
        sa.select(closures)
        .where(sa.or_(closures.c.ticket_key == ticket, closures.c.ticket_id == ticket))
        .order_by(closures.c.closed_at, closures.c.id)
    )
    return [await _story(connection, row) for row in found.mappings().all()]


async def _story(connection: AsyncConnection, closure: Mapping[Any, Any]) -> Story:
    lines = [
        Line(closure["closed_at"], _REACHED[closure["milestone"]]),
        Line(closure["seen_at"], f"the hub saw it at {closure['source']}"),
    ]
    notes = await connection.execute(sa.select(events).where(events.c.closure_id == closure["id"]))
    lines += [Line(row["at"], row["what"]) for row in notes.mappings()]
    found = await connection.execute(sa.select(invitations).where(invitations.c.closure_id == closure["id"]))
    invitation = found.mappings().first()
    if invitation is None:
        return _tell(closure, "new", "the hub decides in a moment whether to ask", lines)
    lines += _invitation_lines(invitation)
    lines += await _answer_lines(connection, invitation["id"])
    lines += await _write_back_lines(connection, invitation["id"])
    return _tell(closure, invitation["state"], _next_step(invitation), lines)


def _tell(closure: Mapping[Any, Any], state: str, next_step: str, lines: list[Line]) -> Story:
    return Story(
        source=closure["source"],
        ticket_key=closure["ticket_key"],
        state=state,
        next_step=next_step,
        lines=tuple(sorted(lines, key=lambda line: line.at)),
    )


def _invitation_lines(invitation: Mapping[Any, Any]) -> list[Line]:
    if invitation["state"] == InvitationState.SKIPPED:
        reason = invitation["reason"]
        return [Line(invitation["created_at"], f"not asked: {WORDS.get(reason, reason)} ({reason})")]
    lines = [Line(invitation["created_at"], f"to be asked over {invitation['gateway']} in {invitation['language']}")]
    if invitation["state"] == InvitationState.WAITING:
        lines.append(Line(invitation["due_at"], "the survey is due"))
    if invitation["sent_at"]:
        tries = f", at attempt {invitation['attempts']}" if invitation["attempts"] > 1 else ""
        lines.append(Line(invitation["sent_at"], f"the survey left over {invitation['gateway']}{tries}"))
    if invitation["delivered_at"]:
        # gateways report in whole seconds, or by a clock of their own
        arrived_at = max(invitation["delivered_at"], invitation["sent_at"] or invitation["delivered_at"])
        lines.append(Line(arrived_at, "the survey arrived"))
    return lines


async def _answer_lines(connection: AsyncConnection, invitation_id: int) -> list[Line]:
    found = await connection.execute(sa.select(answers).where(answers.c.invitation_id == invitation_id))
    return [
        Line(row["received_at"], f"the customer answered by {row['channel']} (matched by {row['matched_by']})")
        for row in found.mappings()
        if row["state"] == AnswerState.USED
    ]


async def _write_back_lines(connection: AsyncConnection, invitation_id: int) -> list[Line]:
    found = await connection.execute(
        sa.select(write_backs, experiences.c.revision, experiences.c.created_at)
        .join(experiences)
        .where(experiences.c.invitation_id == invitation_id)
    )
    return [_write_back_line(row) for row in found.mappings()]


def _write_back_line(row: Mapping[Any, Any]) -> Line:
    what = f"experience, revision {row['revision']}, to {row['target']}"
    reason = f": {row['reason']}" if row["reason"] else ""
    match row["state"]:
        case WriteBackState.DONE:
            return Line(row["done_at"], f"{what}, written{reason}")
        case WriteBackState.FAILED:
            return Line(row["next_at"], f"{what}, could not be written{reason}")
        case WriteBackState.SUPERSEDED:
            return Line(row["created_at"], f"{what}, replaced by a later answer before it was written")
    return Line(row["next_at"], f"{what}, waiting{reason}")


def _next_step(invitation: Mapping[Any, Any]) -> str:
    reason, id_ = invitation["reason"], invitation["id"]
    steps = {
        InvitationState.WAITING: f"it is sent when due; to stop it: hub invitations cancel {id_}",
        InvitationState.SENDING: "it is being sent",
        InvitationState.UNKNOWN: f"{_UNKNOWN.get(reason, reason)}. A delivery report or a reply settles it; "
        f"to send it again: hub invitations retry {id_}",
        InvitationState.FAILED: f"not delivered ({reason}); to try again: hub invitations retry {id_}",
        InvitationState.CANCELLED: f"taken back: {WORDS.get(reason, reason)}",
        InvitationState.SKIPPED: "nothing more happens",
    }
    answered = (
        "nothing; the customer has answered" if invitation["answered_at"] else "the customer has not answered yet"
    )
    return steps.get(invitation["state"], answered)
