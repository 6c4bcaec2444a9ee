"""Answers without a ticket, from a service point or a portal.

A visit is kept as a ticket that was closed, asked about and answered at once, so that its answer can be changed,
withdrawn, exported and erased like any other. Its form's stamp numbers it: what is sent twice is one visit.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Channel, Ticket
from hub.config.survey import Place
from hub.faults import fault_point
from hub.journey import stamp
from hub.journey import submission as submissions
from hub.journey.invite import new_token
from hub.journey.page import MOST_SUBMISSIONS, PLACES
from hub.journey.submission import Circumstances, Outcome, PageRules, Submission, judge
from hub.journey.surveys import keep
from hub.store.dialect import insert
from hub.store.engine import Store
from hub.store.tables import InvitationState, closures, invitations
from hub.survey.model import MessageKind, Survey

_VISIT = "visit"

Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where and how somebody answers."""

    name: str
    """Of the place."""
    place: Place
    survey: Survey
    language: str
    kiosk: bool
    """Whether on a screen that the next visitor will use."""
    open_for: timedelta
    """How long the answer can be completed, changed and withdrawn."""

    @property
    def subject(self) -> str:
        """What the stamps of its forms are for."""
        return PLACES + self.name


async def store_visit(
    store: Store, spot: Spot, submission: Submission, rules: PageRules, now: datetime
) -> tuple[Outcome, str]:
    """Store what a visitor confirmed; durable when this returns.

    :returns: what became of it, and the token by which the visitor can go on.
    """
    genuine = stamp.read(rules.key, spot.subject, submission.stamp)
    number = genuine.nonce if genuine else secrets.token_hex(8)

    async def work(connection: AsyncConnection) -> tuple[Outcome, str]:
        visit = await _find(connection, spot, number) or await _begin(connection, spot, number, now)
        earlier = await submissions.count(connection, visit["id"])
        if earlier >= MOST_SUBMISSIONS:
            return Outcome.TOO_MANY, visit["token"]
        around = Circumstances(subject=spot.subject, survey=spot.survey, earlier=earlier)
        word = judge(submission, around, rules, now)
        return await submissions.store(connection, visit, submission, held_for=word, now=now), visit["token"]

    outcome: tuple[Outcome, str] = await store.commit(work)
    fault_point("answer.stored")
    return outcome


async def _find(connection: AsyncConnection, spot: Spot, number: str) -> Row | None:
    found = await connection.execute(
        sa.select(invitations)
        .join(closures)
        .where(closures.c.source == spot.subject, closures.c.ticket_id == number, closures.c.closure_key == _VISIT)
    )
    return found.mappings().first()


async def _begin(connection: AsyncConnection, spot: Spot, number: str, now: datetime) -> Row:
    await keep(connection, spot.survey, now)
    closure = _closure(spot, number, now)
    statement = insert(connection, closures).values(closure).on_conflict_do_nothing().returning(closures.c.id)
    closure_id = await connection.scalar(statement)
    if closure_id is not None:
        await connection.execute(invitations.insert().values(_invitation(spot, closure_id, now)))
    visit = await _find(connection, spot, number)  # with its closure just made, here or by another worker
    assert visit is not None
    return visit


def _closure(spot: Spot, number: str, now: datetime) -> dict[str, Any]:
    title = spot.place.title
    ticket = Ticket(
        id=number,
        key=f"{spot.name}-{number[:8]}",
        closure_key=_VISIT,
        closed_at=now,
        subject=title.get(spot.place.language) or next(iter(title.values())),
        service=spot.place.service,
        team=spot.place.team,
        channel="kiosk" if spot.kiosk else "form",
    )
    return {
        "source": spot.subject,
        "ticket_id": ticket.id,
        "closure_key": ticket.closure_key,
        "ticket_key": ticket.key,
        "closed_at": now,
        "seen_at": now,
        "ticket": ticket.model_dump_json(),
        "decided": True,
    }


def _invitation(spot: Spot, closure_id: int, now: datetime) -> dict[str, Any]:
    return {
        "closure_id": closure_id,
        "kind": MessageKind.SURVEY,
        "token": new_token(),
        "state": InvitationState.DELIVERED,
        "survey": spot.survey.name,
        "survey_version": spot.survey.version,
        "tone": spot.survey.tone,
        "language": spot.language,
        "channel": Channel.PAGE,
        "created_at": now,
        "expires_at": now + spot.open_for,
        "delivered_at": now,
        "answered_at": now,
    }
