"""Stage 2: each closure becomes an invitation, or a stored reason why not."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from operator import le, lt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import watch
from hub.api.records import Milestone, Ticket
from hub.faults import fault_point
from hub.journey import conversations
from hub.journey.addresses import identity as identity_of
from hub.journey.conversations import OPENERS
from hub.journey.events import note
from hub.journey.heard import MAY_HAVE_LEFT
from hub.journey.people import Changed, load_people
from hub.journey.policy import Ask, Plan, Reason, Skip, decide, reach
from hub.store.among import among
from hub.store.engine import Store
from hub.store.given import insert_given
from hub.store.tables import InvitationState, closures, contacts, indexable, invitations

BATCH = 200
_UNDECIDED = (
    sa.select(closures.c.id, closures.c.source, closures.c.closed_at, closures.c.ticket)
    .where(sa.text("NOT closures.decided"))
    .order_by(closures.c.id)
    .limit(sa.bindparam("batch"))
    .with_for_update(skip_locked=True)
)
_DECIDED = closures.update().where(among(closures.c.id, "ids")).values(decided=True)
_INVITED = (
    "closure_id", "token", "state", "reason", "rule", "survey", "tone", "language", "gateway", "channel", "address",
    "identity", "created_at", "due_at", "expires_at", "remind_at", "attempts",
)  # fmt: skip
_INVITE = insert_given(invitations.insert(), *(invitations.c[name] for name in _INVITED))
_CLOSINGS = sa.select(closures.c.id, closures.c.ticket_id, closures.c.closed_at, closures.c.milestone).where(
    closures.c.source == sa.bindparam("of"), among(closures.c.ticket_id, "tickets")
)
_TICKETS = sa.select(closures.c.id, closures.c.ticket).where(among(closures.c.id, "ids"))
_TO_REMIND = sa.text("invitations.remind_at IS NOT NULL")  # literal, so that the partial index serves it
_IS_CLOSING = closures.c.milestone == Milestone.CLOSED
_locked = contacts.alias("locked")
_ASKED_FOR = (  # in the order in which all lock them, so that none waits for another one in a circle
    sa.select(_locked.c.address)
    .where(_locked.c.asked_for == sa.bindparam("closure"))
    .order_by(_locked.c.address)
    .with_for_update()
)
_RELEASE = contacts.update().where(contacts.c.address.in_(_ASKED_FOR))
_closed, _before = closures.alias("closed"), closures.alias("before")
_PROGRESS = (  # what the same person was asked before about how the same ticket goes
    sa.select(invitations.c.due_at.label("asked_at"), invitations.c.closure_id.label("asked_for"))
    .join(_before, _before.c.id == invitations.c.closure_id)
    .join(_closed, sa.and_(_closed.c.source == _before.c.source, _closed.c.ticket_id == _before.c.ticket_id))
    .where(_closed.c.id == sa.bindparam("closure"), _closed.c.milestone == Milestone.CLOSED)
    .where(_before.c.milestone != Milestone.CLOSED, invitations.c.step == 0, invitations.c.state.in_(MAY_HAVE_LEFT))
    .where(invitations.c.identity.in_(sa.select(contacts.c.address).where(contacts.c.asked_for == _closed.c.id)))
    .order_by(invitations.c.due_at.desc())
    .limit(1)
)
_CHUNK = 500  # PostgreSQL takes no more than 32,767 values in a statement


async def decide_new(store: Store, plan: Plan, now: datetime, batch: int = BATCH) -> int:
    """Decide on closures that nobody has decided on yet, up to a batch in one transaction.

    :returns: how many were decided; 0 means that none is left.
    """
    rows: Sequence[Mapping[Any, Any]] = ()
    try:
        async with store.write() as connection:
            rows = await _undecided(connection, batch)
            if not rows:
                return 0
            await _decide(connection, rows, plan, now)
            fault_point("invite.before_commit")
    except (SQLAlchemyError, OSError):
        raise
    except Changed:
        return await decide_new(store, plan, now, batch)
    except Exception as error:
        if not rows:
            raise
        if batch > 1:
            return sum([await decide_new(store, plan, now, 1) for _ in range(batch)])
        return await _set_aside(store, now, rows[0]["id"], error)
    fault_point("invite.decided")
    return len(rows)


async def _undecided(connection: AsyncConnection, batch: int) -> list[Mapping[Any, Any]]:
    return list((await connection.execute(_UNDECIDED, {"batch": batch})).mappings())


async def _set_aside(store: Store, now: datetime, closure_id: int, error: Exception) -> int:
    async with store.write() as connection:
        this = closures.update().where(closures.c.id == closure_id, sa.text("NOT decided"))
        if (await connection.execute(this.values(decided=True))).rowcount:
            row = _invitation(closure_id, Skip(Reason.FAULT), new_token(), now)
            await connection.execute(invitations.insert(), [row])
            watch.decided(connection, [row], now)
            await note(connection, closure_id, now, f"the closure could not be judged: {type(error).__name__}")
    return 1


async def _decide(
    connection: AsyncConnection,
    rows: Sequence[Mapping[Any, Any]],
    plan: Plan,
    now: datetime,
) -> None:
    tickets = {row["id"]: Ticket.model_validate_json(row["ticket"]) for row in rows}
    customers = {closure_id: reach(ticket, plan) for closure_id, ticket in tickets.items()}
    people = await load_people(connection, customers.values(), plan, now, lock=True)
    new: list[dict[str, Any]] = []
    for row in rows:
        closure_id = row["id"]
        who = customers[closure_id]
        ticket = tickets[closure_id].model_copy(update={"closed_at": row["closed_at"]})
        decision = decide(ticket, who, people.known(who), plan, now, source=row["source"])
        new.append(_invitation(closure_id, decision, new_token(), now))
        if decision.concerns_customer:
            people.join(who)
        if isinstance(decision, Ask):  # so that no other closure, of this batch or later, asks too
            is_progress = ticket.milestone is not Milestone.CLOSED
            people.reserve(who, decision.due_at, closure_id, (row["source"], ticket.id) if is_progress else None)
    await connection.execute(_INVITE, {"rows": new})
    watch.decided(connection, new, now)
    await people.store(connection)
    await connection.execute(_DECIDED, {"ids": list(tickets)})


def _invitation(closure_id: int, decision: Ask | Skip, token: str, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(_INVITED)
    row |= {"closure_id": closure_id, "token": token, "created_at": now, "attempts": 0, "rule": decision.rule}
    if isinstance(decision, Skip):
        return row | {"state": InvitationState.SKIPPED, "reason": decision.reason}
    return row | {
        "state": InvitationState.WAITING,
        "survey": decision.survey,
        "tone": decision.tone,
        "language": decision.language,
        "gateway": decision.gateway,
        "channel": decision.channel,
        "address": decision.address,
        "identity": identity_of(decision.address),
        "due_at": decision.due_at,
        "expires_at": decision.expires_at,
        "remind_at": decision.remind_at,
    }


async def withdraw(
    connection: AsyncConnection, invitation: Mapping[Any, Any], state: InvitationState, reason: str
) -> None:
    """End a message that has not left."""
    await connection.execute(
        invitations.update()
        .where(invitations.c.id == invitation["id"])
        .values(state=state, reason=reason, claimed_by=None, lease_until=None, remind_at=None)
    )
    if invitation["step"] == 0:
        watch.moved(connection, state, reason)
    await not_reached(connection, invitation)


async def not_reached(connection: AsyncConnection, invitation: Mapping[Any, Any]) -> None:
    """A message did not reach the customer: the conversation is over.

    If it was the survey, they may be asked about something else.
    """
    await conversations.close(connection, [invitation["closure_id"]])
    if invitation["step"] == 0:
        await release_contact(connection, invitation["closure_id"])


async def release_contact(connection: AsyncConnection, closure_id: int) -> None:
    """Let the customer be asked about something else: this closure's survey did not reach them.

    Where they were asked before how that ticket goes, this counts again.
    """
    before = (await connection.execute(_PROGRESS, {"closure": closure_id})).mappings().first()
    again = before or {"asked_at": None, "asked_for": None}
    await connection.execute(_RELEASE.values(again), {"closure": closure_id})


async def withdraw_reopened(
    connection: AsyncConnection,
    source: str,
    ticket_ids: Sequence[str],
    now: datetime,
    *,
    seen_until: datetime | None = None,
) -> None:
    """Cancel surveys and reminders that have not left for tickets that are open again, also those not decided on yet.

    Surveys about the progress of a ticket stay: it is open as it should be.

    :param seen_until: leave alone what was closed and seen after this, when the desk was asked before.
    """
    what = "the ticket was opened again before the survey left"
    for these in _tickets(source, ticket_ids, seen_until):
        await _withdraw(connection, sa.and_(these, _IS_CLOSING), Reason.REOPENED, what, now)


async def withdraw_gone(
    connection: AsyncConnection, source: str, ticket_ids: Sequence[str], now: datetime, *, seen_until: datetime
) -> None:
    """Cancel surveys that have not left for tickets that are deleted or hidden."""
    what = "the ticket was gone before the survey left"
    for these in _tickets(source, ticket_ids, seen_until):
        await _withdraw(connection, these, Reason.GONE, what, now)


def _tickets(source: str, ticket_ids: Sequence[str], seen_until: datetime | None) -> Iterator[sa.ColumnElement[bool]]:
    """Conditions for the closures of these tickets, some hundreds of tickets in each."""
    seen = sa.true() if seen_until is None else closures.c.seen_at <= seen_until
    for start in range(0, len(ticket_ids), _CHUNK):
        ids = [indexable(id_) for id_ in ticket_ids[start : start + _CHUNK]]
        yield sa.and_(closures.c.source == source, closures.c.ticket_id.in_(ids), seen)


async def withdraw_earlier(
    connection: AsyncConnection, source: str, closed_anew: Collection[str], now: datetime
) -> None:
    """Cancel the surveys that the last closing of each of these tickets makes outdated, if they have not left.

    Those are the surveys about earlier closings, and about progress until then.
    """
    tickets = set(closed_anew)
    rows = (await connection.execute(_CLOSINGS, {"of": source, "tickets": tickets})).all() if tickets else ()
    if len(rows) == len(tickets):  # nearly always: nothing has happened to them before
        return
    at = await _by_desk(connection, rows)

    def is_outdated(row: sa.Row[*tuple[Any, ...]], before: Callable[[datetime, datetime], bool]) -> bool:
        """Two of three must say so: the desk's clock, the hub's, and what was seen first. Any of them may be wrong."""
        later = (one for one in rows if one.ticket_id == row.ticket_id and one.milestone == Milestone.CLOSED)
        return any(
            before(at[row.id], at[one.id]) + before(row.closed_at, one.closed_at) + (row.id < one.id) > 1
            for one in later
        )

    earlier = [row.id for row in rows if row.milestone == Milestone.CLOSED and is_outdated(row, lt)]
    progress = [row.id for row in rows if row.milestone != Milestone.CLOSED and is_outdated(row, le)]
    await withdraw_closures(connection, source, earlier, now)
    await withdraw_closed_meanwhile(connection, source, progress, now)


async def _by_desk(connection: AsyncConnection, rows: Sequence[sa.Row[*tuple[Any, ...]]]) -> dict[int, datetime]:
    """When these closings were by their desk's clock. The column was cut to the clock of the hub that saw them."""
    found = await connection.execute(_TICKETS, {"ids": [row.id for row in rows]})
    texts = {row.id: json.loads(row.ticket).get("closed_at") for row in found}
    return {row.id: datetime.fromisoformat(text) if (text := texts[row.id]) else row.closed_at for row in rows}


async def withdraw_closures(
    connection: AsyncConnection, source: str, closure_ids: Sequence[int], now: datetime
) -> None:
    """Cancel surveys of these closings that have not left: their tickets were closed anew since."""
    if closure_ids:
        what = "the ticket was opened and closed again before the survey left"
        await _withdraw(connection, _these(source, closure_ids), Reason.REOPENED, what, now)


async def withdraw_closed_meanwhile(
    connection: AsyncConnection, source: str, closure_ids: Sequence[int], now: datetime
) -> None:
    """Cancel surveys about the progress of tickets that have not left: these tickets are closed by now."""
    if closure_ids:
        what = "the ticket was closed before the survey about its progress left"
        await _withdraw(connection, _these(source, closure_ids), Reason.CLOSED_MEANWHILE, what, now)


def _these(source: str, closure_ids: Sequence[int]) -> sa.ColumnElement[bool]:
    return sa.and_(closures.c.source == source, closures.c.id.in_(closure_ids))


async def _withdraw(
    connection: AsyncConnection, these: sa.ColumnElement[bool], reason: Reason, what: str, now: datetime
) -> None:
    # undecided closures first: whoever decides on them right now is waited for, and what they decided is seen below
    undecided = await connection.execute(
        closures.update().where(these, sa.text("NOT decided")).values(decided=True).returning(closures.c.id)
    )
    if rows := [_invitation(row.id, Skip(reason), new_token(), now) for row in undecided]:
        await connection.execute(invitations.insert(), rows)
        watch.decided(connection, rows, now)
    unwanted = sa.select(closures.c.id).where(these)
    await connection.execute(
        invitations.update().where(_TO_REMIND, invitations.c.closure_id.in_(unwanted)).values(remind_at=None)
    )
    found = await connection.execute(
        sa.select(invitations)
        .join(closures)
        .where(these, invitations.c.state == InvitationState.WAITING, invitations.c.kind.in_(OPENERS))
        .order_by(invitations.c.id)
        .with_for_update(of=invitations)
    )
    for row in found.mappings().all():
        await withdraw(connection, row, InvitationState.CANCELLED, reason)
        if row["step"] == 0:  # of the others their rows tell
            await note(connection, row["closure_id"], now, what)


async def withdraw_unreachable(store: Store, gateways: Sequence[str], now: datetime) -> int:
    """Take back surveys that wait for a gateway that is not in hub.toml any more.

    :returns: how many there were.
    """
    async with store.write() as connection:
        found = await connection.execute(
            sa.select(invitations)
            .where(sa.text("invitations.state = 'waiting'"), invitations.c.gateway.not_in(gateways))
            .with_for_update(skip_locked=True)
        )
        rows = found.mappings().all()
        for row in rows:
            await withdraw(connection, row, InvitationState.SKIPPED, Reason.NO_GATEWAY)
            await note(
                connection, row["closure_id"], now, f"the gateway {row['gateway']!r} is not in hub.toml any more"
            )
    return len(rows)


def new_token() -> str:
    """An invitation's token: 100 random bits in letters and digits that survive any mail system."""
    return base64.b32encode(secrets.token_bytes(13)).decode()[:20].lower()
