"""Stage 3: due invitations are claimed, sent, and their outcomes stored.

`sending` is committed before anything leaves. Whoever finds a row in `sending` whose lease has ended knows that a
worker died there, and that the message may have left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.component import Clock
from hub.api.errors import AuthFailed, OutcomeUnknown, RateLimited, Rejected, RemoteError, Unavailable
from hub.api.gateway import Gateway
from hub.api.records import DeliveryStatus, Message, Receipt
from hub.faults import fault_point
from hub.journey.addresses import identity
from hub.journey.backoff import backoff
from hub.journey.events import note
from hub.journey.invite import release_contact, withdraw
from hub.journey.policy import Plan, Reason, after_quiet_hours, too_old
from hub.store.engine import Store
from hub.store.tables import InvitationState, UtcDateTime, closures, contacts, invitations

SEND_LIMIT = timedelta(seconds=60)
LEASE = SEND_LIMIT * 2  # a send has ended, one way or the other, well before others may take the row
_BACKOFF_FIRST = timedelta(seconds=30)
_BACKOFF_LAST = timedelta(minutes=30)
_WAITING = sa.text("invitations.state = 'waiting'")  # literal, so that the partial index serves it
_SENDING = sa.text("invitations.state = 'sending'")


class Compose(Protocol):
    """Makes the message of an invitation; `row` joins invitation and closure."""

    def __call__(self, row: Mapping[Any, Any]) -> Message: ...


@dataclass(frozen=True, slots=True)
class Post:
    """One gateway at work."""

    name: str
    gateway: Gateway[Any]
    repeatable: bool
    compose: Compose
    survey_version: str
    worker: str
    clock: Clock


@dataclass(slots=True)
class Outcome:
    """What became of one batch."""

    sent: int = 0
    tried: int = 0
    error: RemoteError | None = None
    """Why the gateway as a whole seems out of order, when nothing of the batch went through."""
    errors: list[RemoteError] = field(default_factory=list)


async def count_due(store: Store, post: Post, limit: int) -> int:
    """How many invitations are due on one gateway, counted up to `limit`."""
    due = (
        sa.select(invitations.c.id)
        .where(_WAITING, invitations.c.gateway == post.name, invitations.c.due_at <= post.clock.now())
        .limit(limit)
    )
    async with store.read() as connection:
        return await connection.scalar(sa.select(sa.func.count()).select_from(due.subquery())) or 0


async def deliver_due(store: Store, post: Post, plan: Plan, limit: int) -> Outcome:
    """Send up to `limit` invitations that are due on one gateway, at the same time."""
    rows = await _claim(store, post, plan, limit)
    if rows:
        fault_point("deliver.claimed")
    outcome = Outcome(tried=len(rows))
    # not a task group: when storing one outcome fails, the other sends must still end in their own way
    ended = await asyncio.gather(*(_deliver(store, post, row, outcome) for row in rows), return_exceptions=True)
    for failure in ended:
        if failure is not None:
            raise failure
    if outcome.errors and not outcome.sent:
        outcome.error = outcome.errors[0]
    return outcome


async def _claim(store: Store, post: Post, plan: Plan, limit: int) -> list[Mapping[Any, Any]]:
    now = post.clock.now()
    async with store.write() as connection:
        found = await connection.execute(
            sa.select(invitations, closures.c.ticket, closures.c.ticket_key, closures.c.closed_at)
            .join(closures)
            .where(_WAITING, invitations.c.gateway == post.name, invitations.c.due_at <= now)
            .order_by(invitations.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True, of=invitations)
        )
        rows = await _still_wanted(connection, found.mappings().all(), plan, now)
        if not rows:
            return []
        await connection.execute(
            invitations.update()
            .where(invitations.c.id.in_([row["id"] for row in rows]))
            .values(
                state=InvitationState.SENDING,
                attempts=invitations.c.attempts + 1,
                survey_version=post.survey_version,
                claimed_by=post.worker,
                lease_until=now + LEASE,
            )
        )
        fault_point("deliver.before_claim_commit")
    return rows


async def _still_wanted(
    connection: AsyncConnection, rows: Sequence[Mapping[Any, Any]], plan: Plan, now: datetime
) -> list[Mapping[Any, Any]]:
    """Judge again at the moment of sending: the daemon may have been down, the customer may have said stop."""
    if not rows:
        return []
    stopped = await _stopped(connection, [identity(row["address"]) for row in rows])
    wanted = []
    for row in rows:
        later = after_quiet_hours(now, plan)
        if reason := _why_not(row, stopped, plan, now):
            await withdraw(connection, row, InvitationState.SKIPPED, reason)
        elif later > now:
            await connection.execute(invitations.update().where(invitations.c.id == row["id"]).values(due_at=later))
        else:
            wanted.append(row)
    return wanted


async def _stopped(connection: AsyncConnection, identities: Sequence[str]) -> dict[str, Reason]:
    found = await connection.execute(
        sa.select(contacts.c.address, contacts.c.opted_out_at, contacts.c.unusable_at)
        .where(contacts.c.address.in_(identities))
        .where(sa.or_(contacts.c.opted_out_at.is_not(None), contacts.c.unusable_at.is_not(None)))
    )
    return {row.address: Reason.OPTED_OUT if row.opted_out_at else Reason.UNUSABLE_ADDRESS for row in found}


def _why_not(row: Mapping[Any, Any], stopped: Mapping[str, Reason], plan: Plan, now: datetime) -> Reason | None:
    if too_old(row["closed_at"], plan, now):
        return Reason.TOO_OLD
    return stopped.get(identity(row["address"]))


async def _deliver(store: Store, post: Post, row: Mapping[Any, Any], outcome: Outcome) -> None:
    error: RemoteError | None = None
    receipt: Receipt | None = None
    try:
        async with asyncio.timeout(SEND_LIMIT.total_seconds()):
            receipt = await post.gateway.send(post.compose(row))
    except RemoteError as raised:
        error = raised
    except TimeoutError:
        error = OutcomeUnknown("the gateway did not finish in time")
    except Exception as raised:  # noqa: BLE001 - a plugin's bug: nobody knows whether the message left
        error = OutcomeUnknown(f"the plugin failed with {type(raised).__name__}")
    fault_point("deliver.sent")
    result = receipt or error
    assert result is not None
    await store.commit(lambda connection: _store(connection, post, row, result))
    fault_point("deliver.stored")
    if receipt is not None:
        outcome.sent += 1
    elif isinstance(error, RateLimited | Unavailable | AuthFailed):
        outcome.errors.append(error)


async def _store(
    connection: AsyncConnection, post: Post, row: Mapping[Any, Any], result: Receipt | RemoteError
) -> None:
    now = post.clock.now()
    mine = invitations.update().where(invitations.c.id == row["id"])
    if isinstance(result, Receipt):
        await connection.execute(mine.values(_sent(result, now)))
        return
    await note(connection, row["closure_id"], now, f"{post.name}: {result}")
    if isinstance(result, Rejected):
        await release_contact(connection, row["closure_id"])
        if result.address_unusable:
            await mark_unusable(connection, row["address"], result.reason, now)
    await connection.execute(
        mine.where(invitations.c.state == InvitationState.SENDING).values(
            claimed_by=None, lease_until=None, **_not_sent(result, post, row, now)
        )
    )


def _sent(receipt: Receipt, now: datetime) -> dict[str, Any]:
    """A report or a reply may have been here before the answer to the send call: never step back."""
    delivered = receipt.status is DeliveryStatus.DELIVERED
    state = InvitationState.DELIVERED if delivered else InvitationState.SENT
    undecided = invitations.c.state.in_([InvitationState.SENDING, InvitationState.UNKNOWN])
    return {
        "state": sa.case((undecided, state), else_=invitations.c.state),
        "reason": sa.case((undecided, None), else_=invitations.c.reason),
        "sent_at": sa.func.coalesce(invitations.c.sent_at, sa.literal(now, UtcDateTime)),
        "delivered_at": now if delivered else invitations.c.delivered_at,
        "provider_id": receipt.provider_id,
        "claimed_by": None,
        "lease_until": None,
    }


def _not_sent(error: RemoteError, post: Post, row: Mapping[Any, Any], now: datetime) -> dict[str, Any]:
    if isinstance(error, Rejected):
        return {"state": InvitationState.FAILED, "reason": error.reason}
    if isinstance(error, RateLimited | Unavailable | AuthFailed) or post.repeatable:
        return {
            "state": InvitationState.WAITING,
            "due_at": now + backoff(row["attempts"], _BACKOFF_FIRST, _BACKOFF_LAST),
        }
    return {"state": InvitationState.UNKNOWN, "reason": "outcome_unknown"}


async def mark_unusable(connection: AsyncConnection, address: str, reason: str | None, now: datetime) -> None:
    """Stop using an address that was reported dead."""
    await connection.execute(
        contacts.update().where(contacts.c.address == identity(address)).values(unusable_at=now, unusable_reason=reason)
    )


async def take_over(store: Store, post: Post) -> int:
    """Deal with invitations whose worker died while sending.

    Where a repetition reaches nobody twice they are sent again; elsewhere the outcome is unknown until a report or a
    reply proves that the message left, or the operator decides.

    :returns: how many were found.
    """
    now = post.clock.now()
    async with store.write() as connection:
        found = await connection.execute(
            sa.select(invitations.c.id, invitations.c.closure_id)
            .where(_SENDING, invitations.c.gateway == post.name, invitations.c.lease_until < now)
            .with_for_update(skip_locked=True)
        )
        rows = found.all()
        if not rows:
            return 0
        state = InvitationState.WAITING if post.repeatable else InvitationState.UNKNOWN
        await connection.execute(
            invitations.update()
            .where(invitations.c.id.in_([row.id for row in rows]))
            .values(
                state=state,
                reason=None if post.repeatable else "worker_died",
                claimed_by=None,
                lease_until=None,
            )
        )
        for row in rows:
            await note(connection, row.closure_id, now, f"{post.name}: the worker ended while it was sending")
    return len(rows)
