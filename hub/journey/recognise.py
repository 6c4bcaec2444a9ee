"""Which invitation an answer belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.journey import addresses
from hub.journey.heard import LATE
from hub.store.among import among
from hub.store.tables import InvitationState, UtcDateTime, closures, invitations

Row = Mapping[Any, Any]
Who = tuple[str, str]
"""A sender as they are compared, and the gateway they wrote over."""
PAGE = "page"
FROM_ANOTHER = "token, from another address"
_NOT_ASKED = (InvitationState.SKIPPED, InvitationState.CANCELLED)
_OF_CLOSURE = tuple(closures.c[name] for name in ("ticket", "ticket_key", "source", "milestone"))
_SURVEYS = sa.select(invitations, *_OF_CLOSURE).join_from(invitations, closures).where(invitations.c.step == 0)
_named = invitations.alias("named")
_NAMED = (  # also by a later message of the conversation
    sa.select(invitations, *_OF_CLOSURE, _named.c.token.label("named"))
    .join_from(invitations, closures)
    .join(_named, _named.c.closure_id == closures.c.id)
    .where(invitations.c.step == 0)
)
_OF_TOKENS = _NAMED.where(among(_named.c.token, "tokens"), invitations.c.state != InvitationState.SKIPPED)
_of_senders = among(invitations.c.identity, "identities")
_sent_at = sa.func.coalesce(invitations.c.sent_at, invitations.c.due_at)
_STILL_OPEN = _SURVEYS.where(_of_senders, invitations.c.expires_at > sa.bindparam("at", type_=UtcDateTime)).order_by(
    _sent_at, invitations.c.id
)
_who = (invitations.c.identity, invitations.c.gateway)
_place = sa.func.row_number().over(partition_by=_who, order_by=(_sent_at.desc(), invitations.c.id.desc()))
_placed = (
    sa.select(invitations.c.id, _place.label("place"))
    .where(_of_senders, invitations.c.step == 0)
    .where(invitations.c.attempts > 0, invitations.c.state.not_in(_NOT_ASKED))
    .subquery("placed")
)
_LAST = _SURVEYS.where(invitations.c.id.in_(sa.select(_placed.c.id).where(_placed.c.place == 1)))


@dataclass(frozen=True, slots=True)
class Match:
    """The invitation that an answer belongs to, joined with its closure, and how that is known."""

    invitation: Row
    by: str

    @property
    def is_certain(self) -> bool:
        """Whether it was written by the person who was asked; a forwarded survey names another sender."""
        return not self.by.startswith(FROM_ANOTHER)


async def find_by_token(connection: AsyncConnection, token: str) -> Row | None:
    """The invitation with this token, or of whose conversation it is, joined with its closure."""
    return (await connection.execute(_NAMED.where(_named.c.token == token))).mappings().first()


def is_open(invitation: Row, now: datetime) -> bool:
    """Whether an answer still counts: the survey may have arrived, whatever the gateway says, and has not expired."""
    return invitation["attempts"] > 0 and invitation["state"] not in _NOT_ASKED and now < invitation["expires_at"]


async def match(connection: AsyncConnection, rows: Sequence[Row]) -> dict[int, Match]:
    """What each answer belongs to, by its id: its own token is believed first, then who sent it.

    Without a token only the person who was asked can answer, over the same gateway: the survey whose conversation is
    open, else the last one sent that has not expired, else the last one sent at all.
    """
    tokens = [row["key"] for row in rows if row["key"]]
    by_token = {row["named"]: row for row in (await connection.execute(_OF_TOKENS, {"tokens": tokens})).mappings()}
    matches = {row["id"]: _by_token(row, by_token[row["key"]]) for row in rows if row["key"] in by_token}
    rest = [row for row in rows if row["id"] not in matches]
    asked = await _still_open(connection, rest)
    for row in rest:
        fitting = [
            invitation for invitation in asked.get(_sender_of(row), ()) if is_open(invitation, row["received_at"])
        ]
        if fitting:
            talking = [invitation for invitation in fitting if invitation["open_until"] is not None]
            matches[row["id"]] = Match((talking or fitting)[-1], "sender")
    return matches | await _late(connection, [row for row in rest if row["id"] not in matches])


def _sender_of(answer: Row) -> Who:
    return addresses.identity(answer["sender"]), answer["gateway"]


def _by_token(answer: Row, invitation: Row) -> Match:
    if answer["gateway"] == PAGE:  # the page knows by itself who may answer, and for how long
        return Match(invitation, "token")
    same = addresses.identity(answer["sender"]) == invitation["identity"]
    is_late = invitation["expires_at"] is not None and answer["received_at"] >= invitation["expires_at"]
    return Match(invitation, ("token" if same else FROM_ANOTHER) + (LATE if is_late else ""))


async def _still_open(connection: AsyncConnection, rows: Sequence[Row]) -> Mapping[Who, list[Row]]:
    """The invitations of those who sent these answers that had not expired, oldest first."""
    asked: defaultdict[Who, list[Row]] = defaultdict(list)
    if rows:
        earliest = min(row["received_at"] for row in rows)
        found = await connection.execute(_STILL_OPEN, {"identities": _identities(rows), "at": earliest})
        for invitation in found.mappings():
            asked[invitation["identity"], invitation["gateway"]].append(invitation)
    return asked


async def _late(connection: AsyncConnection, rows: Sequence[Row]) -> dict[int, Match]:
    """What answers belong to that came when all surveys of their senders had expired: the last one sent."""
    if not rows:
        return {}
    found = await connection.execute(_LAST, {"identities": _identities(rows)})
    last = {(row["identity"], row["gateway"]): row for row in found.mappings()}
    return {row["id"]: Match(last[_sender_of(row)], f"sender{LATE}") for row in rows if _sender_of(row) in last}


def _identities(rows: Sequence[Row]) -> list[str]:
    return [addresses.identity(row["sender"]) for row in rows]
