"""Stage 2: each closure becomes an invitation, or a stored reason why not."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import watch
from hub.api.records import Ticket
from hub.faults import fault_point
from hub.journey import conversations
from hub.journey.addresses import identity as identity_of
from hub.journey.conversations import OPENERS
from hub.journey.events import note
from hub.journey.policy import Ask, Contact, Plan, Reachable, Reason, Skip, decide, reach
from hub.store.among import among
from hub.store.engine import Store
from hub.store.given import given, insert_given, insert_new
from hub.store.tables import InvitationState, UtcDateTime, closures, contacts, indexable, invitations

BATCH = 200
_UNDECIDED = (
    sa.select(closures.c.id, closures.c.closed_at, closures.c.ticket)
    .where(sa.text("NOT closures.decided"))
    .order_by(closures.c.id)
    .limit(sa.bindparam("batch"))
    .with_for_update(skip_locked=True)
)
_DECIDED = closures.update().where(among(closures.c.id, "ids")).values(decided=True)
_INVITED = (
    "closure_id", "token", "state", "reason", "language", "gateway", "channel", "address", "identity", "created_at",
    "due_at", "expires_at", "attempts",
)  # fmt: skip
_INVITE = insert_given(invitations.insert(), *(invitations.c[name] for name in _INVITED))
_asked = given(identity=contacts.c.address.type, at=UtcDateTime(), closure=closures.c.id.type).c
_RESERVED = (
    contacts.update().where(contacts.c.address == _asked.identity).values(asked_at=_asked.at, asked_for=_asked.closure)
)
_CONTACTS = sa.select(contacts).where(among(contacts.c.address, "identities")).order_by(contacts.c.address)
_CONTACTS_LOCKED = _CONTACTS.with_for_update()
_CLOSINGS = sa.select(closures.c.id, closures.c.ticket_id, closures.c.closed_at).where(
    closures.c.source == sa.bindparam("of"), among(closures.c.ticket_id, "tickets")
)
_TO_REMIND = sa.text("invitations.remind_at IS NOT NULL")  # literal, so that the partial index serves it
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
    people = {closure_id: reach(ticket, plan) for closure_id, ticket in tickets.items()}
    known = await load_contacts(connection, people.values(), lock=True)
    new: list[dict[str, Any]] = []
    asked: dict[str, dict[str, Any]] = {}
    for row in rows:
        closure_id = row["id"]
        who = people[closure_id]
        ticket = tickets[closure_id].model_copy(update={"closed_at": row["closed_at"]})
        decision = decide(ticket, who, known, plan, now)
        new.append(_invitation(closure_id, decision, new_token(), now))
        if isinstance(decision, Ask):
            for identity in who.identities():  # so that no other closure, of this batch or later, asks too
                known[identity] = replace(known[identity], asked_at=decision.due_at)
                asked[identity] = {"identity": identity, "at": decision.due_at, "closure": closure_id}
    await connection.execute(_INVITE, {"rows": new})
    watch.decided(connection, new, now)
    if asked:  # customers count as asked from now on, under all their addresses
        await connection.execute(_RESERVED, {"rows": list(asked.values())})
    await connection.execute(_DECIDED, {"ids": list(tickets)})


async def load_contacts(
    connection: AsyncConnection, people: Iterable[Reachable], *, lock: bool = False
) -> dict[str, Contact]:
    """What is known of these people's addresses.

    With `lock`, their rows are made and locked, in one order for all workers, so that two workers cannot both ask.
    """
    identities = sorted({identity for who in people for identity in who.identities()})
    if not identities:
        return {}
    if lock:
        rows = [{"address": identity} for identity in identities]
        await connection.execute(insert_new(connection, contacts.c.address), {"rows": rows})
    found = await connection.execute(_CONTACTS_LOCKED if lock else _CONTACTS, {"identities": identities})
    return {row.address: Contact(row.asked_at, row.opted_out_at, row.unusable_at) for row in found}


def _invitation(closure_id: int, decision: Ask | Skip, token: str, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(
        ("reason", "language", "gateway", "channel", "address", "identity", "due_at", "expires_at")
    )
    row |= {"closure_id": closure_id, "token": token, "created_at": now, "attempts": 0}
    if isinstance(decision, Skip):
        return row | {"state": InvitationState.SKIPPED, "reason": decision.reason}
    return row | {
        "state": InvitationState.WAITING,
        "language": decision.language,
        "gateway": decision.gateway,
        "channel": decision.channel,
        "address": decision.address,
        "identity": identity_of(decision.address),
        "due_at": decision.due_at,
        "expires_at": decision.expires_at,
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
    """Let the customer be asked about something else: this closure's survey did not reach them."""
    await connection.execute(
        contacts.update().where(contacts.c.asked_for == closure_id).values(asked_at=None, asked_for=None)
    )


async def withdraw_reopened(
    connection: AsyncConnection,
    source: str,
    ticket_ids: Sequence[str],
    now: datetime,
    *,
    seen_until: datetime | None = None,
) -> None:
    """Cancel surveys and reminders that have not left for tickets that are open again, also those not decided on yet.

    :param seen_until: leave alone what was closed and seen after this, when the desk was asked before.
    """
    what = "the ticket was opened again before the {} left"
    for these in _tickets(source, ticket_ids, seen_until):
        await _withdraw(connection, these, Reason.REOPENED, what, now)


async def withdraw_gone(
    connection: AsyncConnection, source: str, ticket_ids: Sequence[str], now: datetime, *, seen_until: datetime
) -> None:
    """Cancel surveys that have not left for tickets that are deleted or hidden."""
    what = "the ticket was gone before the {} left"
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
    """Of several closings of these tickets, cancel the surveys of all but the last, if they have not left."""
    if not closed_anew:
        return
    rows = (await connection.execute(_CLOSINGS, {"of": source, "tickets": closed_anew})).all()
    last: dict[str, datetime] = {}
    for row in rows:
        last[row.ticket_id] = max(row.closed_at, last.get(row.ticket_id, row.closed_at))
    outdated = [row.id for row in rows if row.closed_at < last[row.ticket_id]]
    await withdraw_closures(connection, source, outdated, now)


async def withdraw_closures(
    connection: AsyncConnection, source: str, closure_ids: Sequence[int], now: datetime
) -> None:
    """Cancel surveys of these closings that have not left: their tickets were closed anew since."""
    if closure_ids:
        these = sa.and_(closures.c.source == source, closures.c.id.in_(closure_ids))
        what = "the ticket was opened and closed again before the {} left"
        await _withdraw(connection, these, Reason.REOPENED, what, now)


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
        await note(connection, row["closure_id"], now, what.format(row["kind"]))


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
