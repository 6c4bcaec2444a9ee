"""Stage 2: each closure becomes an invitation, or a stored reason why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Ticket
from hub.faults import fault_point
from hub.journey.events import note
from hub.journey.policy import Ask, Contact, Plan, Reachable, Reason, Skip, decide, reach
from hub.store.dialect import insert
from hub.store.engine import Store
from hub.store.tables import InvitationState, UtcDateTime, closures, contacts, invitations

BATCH = 200


async def decide_new(store: Store, plan: Plan, now: datetime, new_token: Callable[[], str]) -> int:
    """Decide on closures that nobody has decided on yet, up to a batch in one transaction.

    :returns: how many were decided; less than `BATCH` means that none is left.
    """
    async with store.write() as connection:
        rows = await _undecided(connection)
        if not rows:
            return 0
        await _decide(connection, rows, plan, now, new_token)
        fault_point("invite.before_commit")
    fault_point("invite.decided")
    return len(rows)


async def _undecided(connection: AsyncConnection) -> list[tuple[int, Ticket]]:
    found = await connection.execute(
        sa.select(closures.c.id, closures.c.ticket)
        .where(sa.text("NOT closures.decided"))
        .order_by(closures.c.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    return [(row.id, Ticket.model_validate_json(row.ticket)) for row in found]


async def _decide(
    connection: AsyncConnection,
    rows: Sequence[tuple[int, Ticket]],
    plan: Plan,
    now: datetime,
    new_token: Callable[[], str],
) -> None:
    people = {closure_id: reach(ticket, plan) for closure_id, ticket in rows}
    known = await load_contacts(connection, people.values(), lock=True)
    new: list[dict[str, Any]] = []
    asked: list[dict[str, Any]] = []
    for closure_id, ticket in rows:
        who = people[closure_id]
        decision = decide(ticket, who, known, plan, now)
        new.append(_invitation(closure_id, decision, new_token(), now))
        if isinstance(decision, Ask):
            for identity in who.identities():  # so that no other closure, of this batch or later, asks too
                known[identity] = replace(known[identity], asked_at=decision.due_at)
                asked.append({"identity": identity, "at": decision.due_at, "closure": closure_id})
    await connection.execute(invitations.insert(), new)
    await _reserve(connection, asked)
    ids = [closure_id for closure_id, _ in rows]
    await connection.execute(closures.update().where(closures.c.id.in_(ids)).values(decided=True))


async def _reserve(connection: AsyncConnection, asked: Sequence[Mapping[str, Any]]) -> None:
    """Count customers as asked from now on, under all their addresses."""
    if asked:
        await connection.execute(
            contacts.update()
            .where(contacts.c.address == sa.bindparam("identity"))
            .values(asked_at=sa.bindparam("at", type_=UtcDateTime), asked_for=sa.bindparam("closure")),
            asked,
        )


async def load_contacts(
    connection: AsyncConnection, people: Iterable[Reachable], *, lock: bool = False
) -> dict[str, Contact]:
    """What is known of these people's addresses.

    With `lock`, their rows are made and locked, in one order for all workers, so that two workers cannot both ask.
    """
    identities = sorted({identity for who in people for identity in who.identities()})
    if not identities:
        return {}
    query = sa.select(contacts).where(contacts.c.address.in_(identities)).order_by(contacts.c.address)
    if lock:
        rows = [{"address": identity} for identity in identities]
        await connection.execute(insert(connection, contacts).values(rows).on_conflict_do_nothing())
        query = query.with_for_update()
    found = await connection.execute(query)
    return {row.address: Contact(row.asked_at, row.opted_out_at, row.unusable_at) for row in found}


def _invitation(closure_id: int, decision: Ask | Skip, token: str, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(("reason", "language", "gateway", "channel", "address", "due_at", "expires_at"))
    row |= {"closure_id": closure_id, "token": token, "created_at": now, "attempts": 0}
    if isinstance(decision, Skip):
        return row | {"state": InvitationState.SKIPPED, "reason": decision.reason}
    return row | {
        "state": InvitationState.WAITING,
        "language": decision.language,
        "gateway": decision.gateway,
        "channel": decision.channel,
        "address": decision.address,
        "due_at": decision.due_at,
        "expires_at": decision.expires_at,
    }


async def withdraw(
    connection: AsyncConnection, invitation: Mapping[Any, Any], state: InvitationState, reason: str
) -> None:
    """End an invitation that has not left, and let the customer be asked about something else."""
    await connection.execute(
        invitations.update()
        .where(invitations.c.id == invitation["id"])
        .values(state=state, reason=reason, claimed_by=None, lease_until=None)
    )
    await release_contact(connection, invitation["closure_id"])


async def release_contact(connection: AsyncConnection, closure_id: int) -> None:
    """Let the customer be asked about something else: this closure's survey did not reach them."""
    await connection.execute(
        contacts.update().where(contacts.c.asked_for == closure_id).values(asked_at=None, asked_for=None)
    )


async def withdraw_reopened(connection: AsyncConnection, source: str, ticket_ids: Sequence[str], now: datetime) -> None:
    """Cancel surveys that have not left for tickets that are open again."""
    if not ticket_ids:
        return
    found = await connection.execute(
        sa.select(invitations)
        .join(closures)
        .where(closures.c.source == source, closures.c.ticket_id.in_(ticket_ids))
        .where(invitations.c.state == InvitationState.WAITING)
    )
    for row in found.mappings().all():
        await withdraw(connection, row, InvitationState.CANCELLED, Reason.REOPENED)
        await note(connection, row["closure_id"], now, "the ticket was opened again before the survey left")
