"""A press on a button of a page, judged and stored. What looks like a machine's is kept apart."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import watch
from hub.api.records import Channel
from hub.journey import stamp
from hub.journey.events import note
from hub.journey.recognise import PAGE
from hub.journey.suspicion import Evidence, Patterns, Visit, suspicion
from hub.store.tables import AnswerState, answers
from hub.survey.model import Survey, Values, scale_of

UNCONFIRMED = "unconfirmed"
_HANDS = frozenset({"pointer", "key", "touch"})


class Outcome(StrEnum):
    """What became of a submission."""

    STORED = "stored"
    HELD = "held"  # stored too, but it looks like a machine's; the page thanks all the same
    CLOSED = "closed"  # nothing can be answered or changed there
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRules:
    """What holds for all pages."""

    surveys: Mapping[str, Survey]
    """Those of hub.toml, by name."""
    change_within: timedelta
    patterns: Patterns
    key: bytes = field(repr=False)
    """Signs stamps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a form brought, with what tells a person from a machine."""

    values: Values = field(default_factory=dict, repr=False)
    withdraws: bool = False
    follows_held: bool = False
    """The form was shown in thanks for an answer that is held, and brings its values again."""
    stamp: str = ""
    hand: str = ""
    """What the page's script saw: "pointer", "key" or "touch"."""
    trap_filled: bool = False
    address: str | None = field(default=None, repr=False)
    """The client's IP address. Judged, and never stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a submission is judged by that it does not bring itself."""

    subject: str
    """What its form is for, as the form's stamp says."""
    survey: Survey
    sent_at: datetime | None = None
    visits: tuple[Visit, ...] = ()
    earlier: int = 0


def judge(submission: Submission, around: Circumstances, rules: PageRules, now: datetime) -> str | None:
    """A word for why a submission has to be held; None when it counts."""
    hand = submission.hand if submission.hand in _HANDS else None
    if submission.follows_held and not hand:
        return UNCONFIRMED
    genuine = stamp.read(rules.key, around.subject, submission.stamp)
    scale = scale_of(around.survey.questions[around.survey.first])
    evidence = Evidence(
        submitted_at=now,
        shown_at=genuine.at if genuine else None,
        sent_at=around.sent_at,
        visits=around.visits,
        hand=hand,
        trap_filled=submission.trap_filled,
        address=submission.address,
        earlier=around.earlier,
        offered=int(scale.maximum - scale.minimum) + 1 if scale else 0,
    )
    return suspicion(evidence, rules.patterns)


async def store(
    connection: AsyncConnection,
    invitation: Mapping[Any, Any],
    submission: Submission,
    *,
    held_for: str | None,
    now: datetime,
) -> Outcome:
    """Store a submission. One that counts takes the place of those that are held.

    :param invitation: of step 0.
    """
    row = {
        "gateway": PAGE,
        "provider_id": uuid.uuid4().hex,
        "channel": Channel.PAGE,
        "state": AnswerState.QUARANTINED if held_for else AnswerState.NEW,
        "invitation_id": invitation["id"],
        "matched_by": "token",
        "key": invitation["token"],
        "sender": invitation["address"] or "",
        "given": json.dumps(submission.values),
        "withdraws": submission.withdraws,
        "suspicion": held_for,
        "text": "",
        "raw": "",
        "received_at": now,
        "stored_at": now,
    }
    if held_for:
        what = f"an answer on the page looks like a machine's ({held_for}): it is held until a person confirms it"
        await note(connection, invitation["closure_id"], now, what)
    else:
        held = sa.and_(answers.c.invitation_id == invitation["id"], answers.c.state == AnswerState.QUARANTINED)
        await connection.execute(answers.update().where(held).values(state=AnswerState.REFUSED))
    await connection.execute(answers.insert(), [row])
    watch.received(connection, [row])
    return Outcome.HELD if held_for else Outcome.STORED


async def count(connection: AsyncConnection, invitation_id: int) -> int:
    """How many submissions are stored for a survey."""
    these = (answers.c.invitation_id == invitation_id, answers.c.gateway == PAGE)
    return await connection.scalar(sa.select(sa.func.count()).select_from(answers).where(*these)) or 0
