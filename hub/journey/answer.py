"""Stage 4: what comes back is stored before anything else, then matched to its invitation.

What matches nothing is kept as unsolicited feedback.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Channel, Inbound, Reply
from hub.faults import fault_point
from hub.journey import addresses, experience
from hub.store import components
from hub.store.dialect import insert
from hub.store.engine import Store
from hub.store.tables import AnswerState, InvitationState, answers, closures, contacts, invitations, reports
from hub.survey.reading import read

BATCH = 200
PAGE = "page"
_NEW = sa.text("answers.state = 'new'")  # literal, so that the partial index serves it
_LEFT = (InvitationState.SENDING, InvitationState.UNKNOWN, InvitationState.SENT, InvitationState.DELIVERED)


async def store_inbound(store: Store, gateway: str, inbound: Inbound, region: str, now: datetime) -> None:
    """Store what a gateway brought, with the cursor when it was collected; durable when this returns."""

    async def work(connection: AsyncConnection) -> None:
        await _insert_replies(connection, gateway, inbound.replies, region, now)
        await _insert_reports(connection, gateway, inbound, now)
        if inbound.cursor is not None:
            await components.set_cursor(connection, f"gateways.{gateway}", inbound.cursor)
        if inbound.replies:
            fault_point("answer.before_commit")

    await store.commit(work)
    if inbound.replies:
        fault_point("answer.stored")


async def _insert_replies(
    connection: AsyncConnection, gateway: str, replies: Sequence[Reply], region: str, now: datetime
) -> None:
    if not replies:
        return
    rows = [
        {
            "gateway": gateway,
            "provider_id": reply.provider_id,
            "channel": reply.channel,
            "state": AnswerState.AUTOMATIC if reply.automatic else AnswerState.NEW,
            "key": reply.key,
            "sender": addresses.sender(reply.sender, region),
            "recipient": reply.recipient,
            "text": reply.text,
            "raw": reply.raw,
            "received_at": reply.received_at,
            "stored_at": now,
        }
        for reply in replies
    ]
    await connection.execute(insert(connection, answers).values(rows).on_conflict_do_nothing())


async def _insert_reports(connection: AsyncConnection, gateway: str, inbound: Inbound, now: datetime) -> None:
    if not inbound.reports:
        return
    rows = [
        {
            "gateway": gateway,
            "key": report.key,
            "provider_id": report.provider_id,
            "status": report.status,
            "reason": report.reason,
            "address_unusable": report.address_unusable,
            "at": report.at,
            "stored_at": now,
        }
        for report in inbound.reports
    ]
    await connection.execute(reports.insert(), rows)


async def store_page_answer(store: Store, token: str, rating: int, comment: str, now: datetime) -> bool:
    """Store what a customer confirmed on the answer page; durable when this returns.

    :returns: False when no survey that is open has this token.
    """

    async def work(connection: AsyncConnection) -> bool:
        invitation = await find_by_token(connection, token)
        if invitation is None or not is_open(invitation, now):
            return False
        await connection.execute(
            answers.insert().values(
                gateway=PAGE,
                provider_id=uuid.uuid4().hex,
                channel=Channel.PAGE,
                state=AnswerState.NEW,
                key=token,
                sender=invitation["address"],
                rating=rating,
                text=comment,
                raw="",
                received_at=now,
                stored_at=now,
            )
        )
        return True

    stored: bool = await store.commit(work)
    fault_point("answer.stored")
    return stored


async def opt_out(store: Store, token: str, now: datetime) -> bool:
    """Never ask this customer again. Repeating it changes nothing.

    :returns: False when no survey has this token.
    """

    async def work(connection: AsyncConnection) -> bool:
        invitation = await find_by_token(connection, token)
        if invitation is None or invitation["address"] is None:
            return False
        await _opt_out(connection, invitation, invitation["address"], now)
        return True

    found: bool = await store.commit(work)
    return found


async def find_by_token(connection: AsyncConnection, token: str) -> Mapping[Any, Any] | None:
    """The invitation with this token, joined with its closure."""
    found = await connection.execute(
        sa.select(invitations, closures.c.ticket, closures.c.ticket_key, closures.c.source)
        .join(closures)
        .where(invitations.c.token == token)
    )
    return found.mappings().first()


def is_open(invitation: Mapping[Any, Any], now: datetime) -> bool:
    """Whether an answer on the page still counts."""
    return invitation["state"] in _LEFT and now < invitation["expires_at"]


async def process_new(store: Store, targets: Callable[[str], Sequence[str]], now: datetime) -> int:
    """Match new answers to invitations and make experiences of them, up to a batch in one transaction.

    :param targets: the components that hear of an experience from a source, by the source's name.
    :returns: how many answers were looked at.
    """
    async with store.write() as connection:
        found = await connection.execute(
            sa.select(answers).where(_NEW).order_by(answers.c.id).limit(BATCH).with_for_update(skip_locked=True)
        )
        rows = found.mappings().all()
        if not rows:
            return 0
        for row in rows:
            await _process(connection, row, targets, now)
        fault_point("answer.before_process_commit")
    fault_point("answer.processed")
    return len(rows)


async def _process(
    connection: AsyncConnection,
    answer: Mapping[Any, Any],
    targets: Callable[[str], Sequence[str]],
    now: datetime,
) -> None:
    opted_out = answer["gateway"] != PAGE and read(answer["text"]).opt_out
    invitation, matched_by = await _match(connection, answer)
    state = AnswerState.USED if invitation else AnswerState.UNMATCHED
    await connection.execute(
        answers.update()
        .where(answers.c.id == answer["id"])
        .values(state=state, invitation_id=invitation and invitation["id"], matched_by=matched_by)
    )
    if opted_out:
        await _opt_out(connection, invitation, answer["sender"], now)
    if invitation is not None:
        await _mark_answered(connection, invitation, answer["received_at"])
        await experience.revise(connection, invitation, targets(invitation["source"]), now)


async def _match(connection: AsyncConnection, answer: Mapping[Any, Any]) -> tuple[Mapping[Any, Any] | None, str | None]:
    if answer["key"]:
        invitation = await find_by_token(connection, answer["key"])
        if invitation is not None and invitation["address"] is not None:
            same = addresses.identity(answer["sender"]) == addresses.identity(invitation["address"])
            return invitation, "token" if same else "token, from another address"
    found = await connection.execute(
        sa.select(invitations.c.token)
        .where(invitations.c.address == answer["sender"], invitations.c.gateway == answer["gateway"])
        .where(invitations.c.state.in_(_LEFT), invitations.c.expires_at > answer["received_at"])
        .order_by(sa.func.coalesce(invitations.c.sent_at, invitations.c.due_at).desc(), invitations.c.id.desc())
        .limit(1)
    )
    token = found.scalar()
    return (await find_by_token(connection, token), "sender") if token else (None, None)


async def _mark_answered(connection: AsyncConnection, invitation: Mapping[Any, Any], at: datetime) -> None:
    """An answer proves that the message arrived, whatever was known of it before."""
    await connection.execute(
        invitations.update()
        .where(invitations.c.id == invitation["id"])
        .values(
            state=InvitationState.DELIVERED,
            reason=None,
            answered_at=invitation["answered_at"] or at,
            sent_at=invitation["sent_at"] or at,
            delivered_at=invitation["delivered_at"] or at,
        )
    )


async def _opt_out(
    connection: AsyncConnection, invitation: Mapping[Any, Any] | None, sender: str, now: datetime
) -> None:
    identities = {addresses.identity(sender)} | ({addresses.identity(invitation["address"])} if invitation else set())
    rows = [{"address": address, "opted_out_at": now} for address in sorted(identities)]
    statement = insert(connection, contacts).values(rows)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["address"],
            set_={"opted_out_at": sa.func.coalesce(contacts.c.opted_out_at, statement.excluded.opted_out_at)},
        )
    )
