"""The whole story of a ticket, in order and in words, for `hub why`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Milestone
from hub.journey.conversations import ANOTHER
from hub.journey.converse import WENT_ON
from hub.journey.converse import what as what_of
from hub.journey.heard import OPERATOR
from hub.journey.policy import Reason, words_of
from hub.journey.verdicts import EXPIRED
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
_NOT_SENT: Mapping[str, str] = {
    WENT_ON: "the conversation had gone on without it",
    EXPIRED: "it was too late for an answer",
}
"""Why a message after the survey did not leave, besides what withholds a survey."""
NEXT: Mapping[str, str] = {
    Reason.TOO_OLD: "survey.max_age says how old a closing may be",
    Reason.EXCLUDED: "for later tickets change [exclusions.{name}] in hub.toml",
    Reason.DESK: "see the addresses in the tables of the sources and gateways in hub.toml",
    Reason.ON_STOP_LIST: "to let the customer be asked again: hub stops remove, or the file of survey.stop_list",
    Reason.OPTED_OUT: "the customer can write START to be asked again",
    Reason.NO_RULE: "to ask about such things add [[rules]] with their milestone to hub.toml",
    Reason.RULE: "for later tickets change the rule {rule!r} in hub.toml",
    Reason.NOT_SAMPLED: "the share of the rule {rule!r} says how many are asked",
    Reason.ASKED_RECENTLY: "when survey.contact_interval has passed, the customer's next ticket counts again",
    Reason.NO_CONTACT: "for later tickets complete the ticket system or the contacts file",
    Reason.NO_GATEWAY: "for later tickets add a gateway, or the phone number to the contacts file",
    Reason.UNUSABLE_ADDRESS: "for later tickets correct the address in the ticket system",
    Reason.NO_CONSENT: "for later tickets record the consent in the contacts file, or change survey.legal_basis",
    Reason.REOPENED: "the next closing counts again",
    Reason.CLOSED_MEANWHILE: "the closing counts by itself",
    Reason.GONE: "see what the hub's account may read",
    Reason.OPERATOR: "the customer's next ticket counts again",
    Reason.FAULT: "please report it",
}
"""What an operator can do about a survey that did not leave."""


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
    milestone: str
    state: str
    reason: str | None
    """Why it is in this state, when that was not the course of things."""
    rule: str | None
    """The rule of hub.toml that decided; None when none did."""
    survey: str | None
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
    found = await connection.execute(
        sa.select(invitations).where(invitations.c.closure_id == closure["id"]).order_by(invitations.c.step)
    )
    messages = found.mappings().all()
    if not messages:
        return _tell(closure, {}, "new", "the hub decides in a moment whether to ask", lines)
    invitation, *others = messages
    lines += _decision_lines(invitation) + _message_lines(invitation)
    for message in others:
        lines += _message_lines(message)
    lines += await _answer_lines(connection, invitation["id"])
    lines += await _write_back_lines(connection, invitation["id"])
    return _tell(closure, invitation, invitation["state"], _next_step(invitation), lines)


def _tell(
    closure: Mapping[Any, Any], invitation: Mapping[Any, Any], state: str, next_step: str, lines: list[Line]
) -> Story:
    return Story(
        source=closure["source"],
        ticket_key=closure["ticket_key"],
        milestone=closure["milestone"],
        state=state,
        reason=invitation.get("reason"),
        rule=invitation.get("rule"),
        survey=invitation.get("survey"),
        next_step=next_step,
        lines=tuple(sorted(lines, key=lambda line: line.at)),
    )


def _decision_lines(invitation: Mapping[Any, Any]) -> list[Line]:
    rule = f"the rule {invitation['rule']!r}" if invitation["rule"] else None
    if invitation["state"] == InvitationState.SKIPPED and invitation["gateway"] is None:
        reason = invitation["reason"]
        by = f"; {rule} is for it" if rule else ""
        return [Line(invitation["created_at"], f"not asked: {words_of(reason)} ({reason}){by}")]
    by = f": {rule}, the survey {invitation['survey']!r}" if rule else ""
    what = f"to be asked over {invitation['gateway']} in {invitation['language']}{by}"
    return [Line(invitation["created_at"], what)]


def _message_lines(message: Mapping[Any, Any]) -> list[Line]:
    """What became of one message to the customer."""
    what, gateway, reason = what_of(message["kind"], message["question"]), message["gateway"], message["reason"]
    lines = []
    if message["state"] == InvitationState.WAITING:
        lines.append(Line(message["due_at"], f"{what} is due"))
    if message["step"] > 0 and message["state"] in (InvitationState.SKIPPED, InvitationState.CANCELLED):
        lines.append(Line(message["due_at"], f"{what} did not leave: {_NOT_SENT.get(reason) or words_of(reason)}"))
    if message["step"] > 0 and message["state"] == InvitationState.FAILED:
        lines.append(Line(message["sent_at"] or message["due_at"], f"{what} was not delivered ({reason})"))
    if message["sent_at"]:
        tries = f", at attempt {message['attempts']}" if message["attempts"] > 1 else ""
        lines.append(Line(message["sent_at"], f"{what} left over {gateway}{tries}"))
    if message["delivered_at"]:
        # gateways report in whole seconds, or by a clock of their own
        arrived_at = max(message["delivered_at"], message["sent_at"] or message["delivered_at"])
        lines.append(Line(arrived_at, f"{what} arrived"))
    return lines


async def _answer_lines(connection: AsyncConnection, invitation_id: int) -> list[Line]:
    found = await connection.execute(sa.select(answers).where(answers.c.invitation_id == invitation_id))
    return [Line(row["received_at"], _answer(row)) for row in found.mappings()]


def _answer(row: Mapping[Any, Any]) -> str:
    match row["state"]:
        case _ if row["gateway"] == OPERATOR:
            return "a person at the desk corrected what kind of thing the customer wrote"
        case AnswerState.QUARANTINED:
            return f"an answer by {row['channel']} is held back: it looks like a machine's ({row['suspicion']})"
        case AnswerState.REFUSED:
            return f"an answer by {row['channel']} does not count ({row['suspicion']})"
        case AnswerState.USED if row["withdraws"]:
            return f"the customer took the answer back by {row['channel']}"
        case AnswerState.USED:
            return f"the customer answered by {row['channel']} (matched by {row['matched_by']})"
    return f"an answer by {row['channel']} came, {row['state']}"


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
    when = (
        "it is sent once another conversation with this number is over" if reason == ANOTHER else "it is sent when due"
    )
    steps = {
        InvitationState.WAITING: f"{when}; to stop it: hub invitations cancel {id_}",
        InvitationState.SENDING: "it is being sent",
        InvitationState.UNKNOWN: f"{_UNKNOWN.get(reason, reason)}. A delivery report or a reply settles it; "
        f"to send it again: hub invitations retry {id_}",
        InvitationState.FAILED: f"not delivered ({reason}); to try again: hub invitations retry {id_}",
        InvitationState.CANCELLED: f"taken back: {words_of(reason or '')}; {_hint(invitation)}",
        InvitationState.SKIPPED: f"nothing more happens: {words_of(reason or '')}; {_hint(invitation)}",
    }
    answered = (
        "nothing; the customer has answered" if invitation["answered_at"] else "the customer has not answered yet"
    )
    return steps.get(invitation["state"], answered)


def _hint(invitation: Mapping[Any, Any]) -> str:
    word, _, name = (invitation["reason"] or "").partition(":")
    return NEXT.get(word, "it is not sent any more").format(name=name, rule=invitation["rule"])
