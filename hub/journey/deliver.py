"""Stage 3: due invitations are claimed and sent; `outcome` stores what became of each.

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
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.component import Clock
from hub.api.errors import OutcomeUnknown, Rejected, RemoteError
from hub.api.gateway import Gateway
from hub.api.records import DeliveryStatus, Message, Receipt
from hub.faults import fault_point
from hub.journey import outcome
from hub.journey.addresses import identity
from hub.journey.invite import withdraw
from hub.journey.policy import Plan, Reason, after_quiet_hours, too_old
from hub.journey.reread import Reread, still_closed
from hub.store.engine import Store
from hub.store.tables import InvitationState, closures, contacts, invitations

SEND_LIMIT = timedelta(seconds=60)
LEASE = SEND_LIMIT * 3  # a send has ended and is stored, one way or the other, well before others may take the row
_STORE_AGAIN_AFTER_S = (0.2, 1.0, 3.0, 9.0, 20.0)
_WAITING = sa.text("invitations.state = 'waiting'")  # literal, so that the partial index serves it


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
    reread: Reread


@dataclass(slots=True)
class Batch:
    """What became of one batch."""

    looked_at: int = 0
    """Also those that were taken back or put off because the customer is not to be asked now."""
    tried: int = 0
    sent: int = 0
    refused: int = 0
    """Those that only they themselves were to blame for."""
    errors: list[RemoteError] = field(default_factory=list)

    @property
    def error(self) -> RemoteError | None:
        """Why the gateway as a whole seems out of order: nothing of the batch went through."""
        return self.errors[0] if self.errors and not self.sent and not self.refused else None


async def count_due(store: Store, post: Post, limit: int) -> int:
    """How many invitations are due on one gateway, counted up to `limit`."""
    due = (
        sa.select(invitations.c.id)
        .where(_WAITING, invitations.c.gateway == post.name, invitations.c.due_at <= post.clock.now())
        .limit(limit)
    )
    async with store.read() as connection:
        return await connection.scalar(sa.select(sa.func.count()).select_from(due.subquery())) or 0


async def deliver_due(store: Store, post: Post, plan: Plan, limit: int) -> Batch:
    """Send up to `limit` invitations that are due on one gateway, at the same time."""
    looked_at, may_leave = await still_closed(
        store, post.name, post.reread, limit, max_age=plan.survey.max_age, clock=post.clock
    )
    rows = await _claim(store, post, plan, may_leave)
    if rows:
        fault_point("deliver.claimed")
    batch = Batch(looked_at=looked_at, tried=len(rows))
    # not a task group: when storing one outcome fails, the other sends must still end in their own way
    ended = await asyncio.gather(*(_deliver(store, post, row, batch) for row in rows), return_exceptions=True)
    for failure in ended:
        if failure is not None:
            raise failure
    return batch


async def _claim(store: Store, post: Post, plan: Plan, may_leave: Sequence[int]) -> list[Mapping[Any, Any]]:
    if not may_leave:
        return []
    now = post.clock.now()
    async with store.write() as connection:
        found = await connection.execute(
            sa.select(invitations, closures.c.ticket, closures.c.ticket_key, closures.c.closed_at)
            .join(closures)
            .where(_WAITING, invitations.c.id.in_(may_leave), invitations.c.due_at <= now)
            .order_by(invitations.c.due_at)
            .with_for_update(skip_locked=True, of=invitations)
        )
        due = found.mappings().all()
        rows = await _still_wanted(connection, due, plan, now)
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


async def _deliver(store: Store, post: Post, row: Mapping[Any, Any], batch: Batch) -> None:
    result = await _send(post, row)
    fault_point("deliver.sent")
    await _store(store, post, row, result)
    fault_point("deliver.stored")
    if isinstance(result, Receipt):
        batch.sent += 1
    elif isinstance(result, Rejected):
        batch.refused += 1
    else:
        batch.errors.append(result)


async def _send(post: Post, row: Mapping[Any, Any]) -> Receipt | RemoteError:
    """Hand a message to the gateway. Whatever goes wrong after that may have let it leave."""
    try:
        message = post.compose(row)
    except Exception as error:  # noqa: BLE001 - nothing left, and it would fail again
        return Rejected(f"the message could not be made: {type(error).__name__}", reason="cannot_compose")
    try:
        async with asyncio.timeout(SEND_LIMIT.total_seconds()):
            return _judge(await post.gateway.send(message))
    except RemoteError as error:
        return error
    except TimeoutError:
        return OutcomeUnknown("the gateway did not finish in time")
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) and task.cancelling():
            raise
        return OutcomeUnknown("the plugin was cancelled from inside")
    except Exception as error:  # noqa: BLE001 - a plugin's bug: nobody knows whether the message left
        return OutcomeUnknown(f"the plugin failed with {type(error).__name__}")


def _judge(receipt: Receipt) -> Receipt | RemoteError:
    """A plugin should raise what did not go well; one that says it in the receipt is understood too."""
    if not isinstance(receipt, Receipt):
        return OutcomeUnknown("the plugin gave no receipt")
    if receipt.status in (DeliveryStatus.REJECTED, DeliveryStatus.FAILED):
        return Rejected("the gateway refused the message", reason=receipt.reason or "rejected")
    if receipt.status is DeliveryStatus.UNKNOWN:
        return OutcomeUnknown("the gateway cannot say")
    return receipt


async def _store(store: Store, post: Post, row: Mapping[Any, Any], result: Receipt | RemoteError) -> None:
    """Store an outcome, again and again while the store fails: without it nobody would know that the message left."""
    attempt = outcome.Attempt(post.name, post.worker, post.repeatable, row, post.clock.now())
    for pause_s in _STORE_AGAIN_AFTER_S:
        try:
            await store.commit(lambda connection: outcome.store_outcome(connection, attempt, result))
        except (SQLAlchemyError, OSError):
            await post.clock.sleep(pause_s)
        else:
            return
    await store.commit(lambda connection: outcome.store_outcome(connection, attempt, result))
