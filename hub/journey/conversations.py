"""One conversation at a time: which ones are open between a number and a gateway.

A reply by SMS names nothing but its sender. So another survey waits until the conversation before it is over, or
until it is older than `survey.conversation`. While one is open, `open_until` of its survey (step 0) is set, and an
index lets no second one be open; it is the database that keeps two workers from beginning two.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Channel
from hub.store.among import among
from hub.store.given import given
from hub.store.tables import InvitationState, UtcDateTime, invitations
from hub.survey.model import MessageKind

LOOK_AGAIN = timedelta(hours=1)
"""How soon a survey that waits for a conversation is looked at again, should nobody say that it is over."""
ANOTHER = "other_conversation"
"""Why a survey or a reminder waits longer than was planned."""
_PAUSE = timedelta(minutes=1)
"""How long after a conversation the next one begins: its thanks arrive first."""
OPENERS = (MessageKind.SURVEY, MessageKind.REMINDER)
"""What customers did not ask for: it begins a conversation, or takes it up again."""
_IS_OPEN = sa.text("invitations.open_until IS NOT NULL")  # literal, so that the partial index serves it
_OPEN = sa.select(invitations.c.id, invitations.c.closure_id, invitations.c.identity, invitations.c.open_until).where(
    among(invitations.c.identity, "identities"), invitations.c.gateway == sa.bindparam("on"), _IS_OPEN
)
_CLOSED = invitations.update().values(open_until=None)
_CLOSE = _CLOSED.where(among(invitations.c.closure_id, "closures"), _IS_OPEN)
_until = given(closure=invitations.c.closure_id.type, until=UtcDateTime()).c
_KEPT_OPEN = (
    invitations.update()
    .where(invitations.c.closure_id == _until.closure, invitations.c.step == 0)
    .values(open_until=_until.until)
)
_FREED = (
    # no literal, and no join: found by the person, for of those that wait there may be thousands
    invitations.update()
    .where(among(invitations.c.identity, "identities"))
    .where(invitations.c.state == InvitationState.WAITING, invitations.c.reason == ANOTHER)
    .values(due_at=sa.bindparam("at", type_=UtcDateTime), reason=None)
)


def opens(row: Mapping[Any, Any]) -> bool:
    """Whether a message begins a conversation, or takes it up again."""
    return row["channel"] == Channel.SMS and row["kind"] in OPENERS


async def wait_for(
    connection: AsyncConnection, gateway: str, rows: Sequence[Mapping[Any, Any]], now: datetime
) -> dict[int, datetime]:
    """Which of these messages have to wait for another conversation, and when to look at them again.

    Conversations that are too old to wait for are over with this.
    """
    openers = [row for row in rows if opens(row)]
    if not openers:
        return {}
    found = await connection.execute(_OPEN, {"on": gateway, "identities": [row["identity"] for row in openers]})
    busy: dict[str, tuple[int, datetime]] = {}
    outdated = []
    waits = {}
    others = {row.identity: row for row in found}  # the index lets there be one for each
    for row in openers:
        identity, closure_id = row["identity"], row["closure_id"]
        if (other := others.pop(identity, None)) and other.closure_id != closure_id:
            if other.open_until > now:
                busy[identity] = (other.closure_id, other.open_until)
            else:
                outdated.append(other.id)
        begun = busy.setdefault(identity, (closure_id, now + LOOK_AGAIN))
        if begun[0] != closure_id:
            waits[row["id"]] = min(begun[1], now + LOOK_AGAIN)
    if outdated:
        # one of them may be going on at this moment: then the index says no
        await connection.execute(_CLOSED.where(among(invitations.c.id, outdated), invitations.c.open_until <= now))
    return waits


async def keep_open(connection: AsyncConnection, closure_ids: Collection[int], until: datetime) -> None:
    """Have the conversations about these closures stay open, or be open again."""
    if closure_ids:
        rows = [{"closure": id_, "until": until} for id_ in sorted(closure_ids)]
        await connection.execute(_KEPT_OPEN, {"rows": rows})


async def close(connection: AsyncConnection, closure_ids: Collection[int]) -> None:
    """The conversations about these closures are over."""
    if closure_ids:
        await connection.execute(_CLOSE, {"closures": closure_ids})


async def free(connection: AsyncConnection, surveys: Collection[Mapping[Any, Any]], now: datetime) -> None:
    """Let what waited for the conversations about these surveys, which are over, leave in a moment."""
    if surveys:
        await connection.execute(_FREED, {"identities": {one["identity"] for one in surveys}, "at": now + _PAUSE})


async def close_with(connection: AsyncConnection, identities: Collection[str]) -> None:
    """All conversations with these numbers are over."""
    if identities:
        await connection.execute(_CLOSED.where(among(invitations.c.identity, identities), _IS_OPEN))
