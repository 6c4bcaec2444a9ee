"""What a customer has said so far: all answers to one invitation, read with the survey that was sent."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Channel
from hub.store.among import among
from hub.store.tables import AnswerState, InvitationState, answers, invitations
from hub.survey.conversation import Gathered, Given, gather
from hub.survey.model import Survey
from hub.survey.reading import without_wishes

OPERATOR = "operator"
"""The gateway of rows that are no customer's: a person corrected what kind an item is."""
LATE = ", after it expired"
"""What `matched_by` ends with where an answer came too late: its words are kept, and it changes no score."""
Row = Mapping[Any, Any]
SurveyOf = Callable[[AsyncConnection, Row], Awaitable[Survey]]
"""Gives the survey that an invitation was sent with."""
_ANSWERS = (
    sa.select(answers)
    .where(among(answers.c.invitation_id, "invitations"), answers.c.state == AnswerState.USED)
    .order_by(answers.c.received_at, answers.c.id)
)
_OF_STEP = (
    "id", "closure_id", "step", "kind", "question", "state", "created_at", "sent_at", "answered_at", "open_until",
)  # fmt: skip
_STEPS = (
    sa.select(*(invitations.c[name] for name in _OF_STEP))
    .where(among(invitations.c.closure_id, "closures"))
    .order_by(invitations.c.id)  # who locks them does so in the order in which all do; see `outcome.store_outcomes`
)
_STEPS_LOCKED = _STEPS.with_for_update(key_share=True)  # answers that refer to them may be stored meanwhile
MAY_HAVE_LEFT = (
    InvitationState.SENDING,
    InvitationState.SENT,
    InvitationState.DELIVERED,
    InvitationState.UNKNOWN,
)


@dataclass(frozen=True, slots=True)
class Heard:
    """One invitation with everything that came back."""

    invitation: Row
    """Joined with its closure."""
    survey: Survey
    answers: Sequence[Row]
    """In the order they came; those that do not count are not among them."""
    gathered: Gathered
    steps: Sequence[Row]
    """All messages to the customer about this closure, the survey first."""


async def hear(
    connection: AsyncConnection, asked: Sequence[Row], survey_of: SurveyOf, steps: Mapping[int, Sequence[Row]]
) -> list[Heard]:
    """All that was answered to these invitations, those without an answer left out.

    :param steps: the messages about their closures; see `steps_of`.
    """
    given: dict[int, list[Row]] = {invitation["id"]: [] for invitation in asked}
    for row in (await connection.execute(_ANSWERS, {"invitations": list(given)})).mappings():
        given[row["invitation_id"]].append(row)
    heard = []
    for invitation in asked:
        rows, sent = _in_order(given[invitation["id"]]), steps[invitation["closure_id"]]
        survey = await survey_of(connection, invitation)
        if any(row["gateway"] != OPERATOR for row in rows):
            heard.append(Heard(invitation, survey, rows, gather_rows(survey, rows, invitation["language"]), sent))
    return heard


def _in_order(rows: Sequence[Row]) -> list[Row]:
    """Answers as they were written. What came over one gateway is ordered by its clock.

    A correction can overtake what it corrects. While the hub's own clock is behind, both seem to have come just now.
    """
    by_gateway: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_gateway[row["gateway"]].append(row)
    ordered = {
        gateway: iter(sorted(some, key=lambda row: (row["said_at"] or row["received_at"], row["id"])))
        for gateway, some in by_gateway.items()
    }
    return [next(ordered[row["gateway"]]) for row in rows]


async def steps_of(
    connection: AsyncConnection, closure_ids: Collection[int], *, lock: bool = False
) -> dict[int, list[Row]]:
    """The messages about each of these closures, the survey first.

    :param lock: for those who decide what is said next: the messages are not claimed meanwhile.
    """
    steps: dict[int, list[Row]] = {id_: [] for id_ in closure_ids}
    if steps:
        found = await connection.execute(_STEPS_LOCKED if lock else _STEPS, {"closures": list(steps)})
        for row in found.mappings():
            steps[row["closure_id"]].append(row)
    return steps


def asked_last(steps: Sequence[Row]) -> str | None:
    """The question of the last message that has left, or may have; None for the one that the survey itself asks.

    It is to be stored with an answer when that is read first. Afterwards only clocks could tell, and those of two
    machines differ: who writes twice in a row was not asked the next question in between.
    """
    left = [step["question"] for step in steps if step["question"] and step["state"] in MAY_HAVE_LEFT]
    return left[-1] if left else None


def gather_rows(survey: Survey, rows: Sequence[Row], language: str | None) -> Gathered:
    said = [row for row in rows if row["gateway"] != OPERATOR]
    last_page = [row["id"] for row in said if row["rating"] is not None][-1:]
    in_time = [_given(row, survey, last_page) for row in said if not _is_late(row)]
    gathered = gather(survey, in_time, language if language in survey.languages else None)
    if not (words := late_words(survey, said)):
        return gathered
    return replace(gathered, remarks=tuple(dict.fromkeys([*gathered.remarks, *words])), said_anything=True)


def late_words(survey: Survey, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """The customer's own words that came after a survey had expired, as remarks."""
    return [(survey.first, text) for row in rows if _is_late(row) and (text := without_wishes(row["text"]))]


def _is_late(answer: Row) -> bool:
    return (answer["matched_by"] or "").endswith(LATE)


def _given(answer: Row, survey: Survey, last_page: Sequence[int]) -> Given:
    values, text = json.loads(answer["given"]) if answer["given"] else None, answer["text"]
    if values is None and answer["rating"] is not None:  # from a page of a version before, which showed these words
        values, text = {survey.first: answer["rating"]}, text if answer["id"] in last_page else ""
    return Given(
        channel=Channel(answer["channel"]),
        text=text,
        values=values,
        withdraws=bool(answer["withdraws"]),
        asked=answer["question"] or survey.first,
    )
