"""Stage 4: what comes back is stored before anything else, then matched to its invitation.

What matches nothing is kept as unsolicited feedback.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from hub.store.tables import (
    AnswerState,
    InvitationState,
    UtcDateTime,
    answers,
    closures,
    contacts,
    invitations,
    reports,
)
from hub.survey.reading import read

BATCH = 200
PAGE = "page"
_NEW = sa.text("answers.state = 'new'")  # literal, so that the partial index serves it
_JOINED = sa.select(invitations, closures.c.ticket, closures.c.ticket_key, closures.c.source).join(closures)
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
    return (await connection.execute(_JOINED.where(invitations.c.token == token))).mappings().first()


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
        matches = await _match(connection, rows)
        await _store_matches(connection, rows, matches)
        for row in rows:
            if row["gateway"] != PAGE and read(row["text"]).opt_out:
                match = matches.get(row["id"])
                await _opt_out(connection, match.invitation if match else None, row["sender"], now)
        await _mark_answered(connection, rows, matches)
        answered = {match.invitation["id"]: match.invitation for match in matches.values()}
        await experience.revise(connection, list(answered.values()), targets, now)
        fault_point("answer.before_process_commit")
    fault_point("answer.processed")
    return len(rows)


@dataclass(frozen=True, slots=True)
class _Match:
    """The invitation that an answer belongs to, joined with its closure, and how that is known."""

    invitation: Mapping[Any, Any]
    by: str


async def _match(connection: AsyncConnection, rows: Sequence[Mapping[Any, Any]]) -> dict[int, _Match]:
    """What each answer belongs to, by its id: its own token is believed first, then who sent it."""
    tokens = [row["key"] for row in rows if row["key"]]
    named = await connection.execute(_JOINED.where(invitations.c.token.in_(tokens), invitations.c.address.is_not(None)))
    by_token = {row["token"]: row for row in named.mappings()}
    matches = {row["id"]: _by_token(row, by_token[row["key"]]) for row in rows if row["key"] in by_token}
    rest = [row for row in rows if row["id"] not in matches]
    asked = await connection.execute(
        _JOINED.where(
            invitations.c.address.in_([row["sender"] for row in rest]), invitations.c.state.in_(_LEFT)
        ).order_by(sa.func.coalesce(invitations.c.sent_at, invitations.c.due_at), invitations.c.id)
    )
    candidates = asked.mappings().all()
    for row in rest:
        fitting = [candidate for candidate in candidates if _may_answer(row, candidate)]
        if fitting:
            matches[row["id"]] = _Match(fitting[-1], "sender")
    return matches


def _by_token(answer: Mapping[Any, Any], invitation: Mapping[Any, Any]) -> _Match:
    same = addresses.identity(answer["sender"]) == addresses.identity(invitation["address"])
    return _Match(invitation, "token" if same else "token, from another address")


def _may_answer(answer: Mapping[Any, Any], invitation: Mapping[Any, Any]) -> bool:
    """Without a token only the person who was asked can answer, over the same gateway, while the survey is open."""
    same = (answer["sender"], answer["gateway"]) == (invitation["address"], invitation["gateway"])
    return bool(same and answer["received_at"] < invitation["expires_at"])


async def _store_matches(
    connection: AsyncConnection, rows: Sequence[Mapping[Any, Any]], matches: Mapping[int, _Match]
) -> None:
    values = [
        {
            "answer": row["id"],
            "new_state": AnswerState.USED if row["id"] in matches else AnswerState.UNMATCHED,
            "invitation": matches[row["id"]].invitation["id"] if row["id"] in matches else None,
            "how": matches[row["id"]].by if row["id"] in matches else None,
        }
        for row in rows
    ]
    statement = answers.update().where(answers.c.id == sa.bindparam("answer"))
    await connection.execute(
        statement.values(
            state=sa.bindparam("new_state"), invitation_id=sa.bindparam("invitation"), matched_by=sa.bindparam("how")
        ),
        values,
    )


async def _mark_answered(
    connection: AsyncConnection, rows: Sequence[Mapping[Any, Any]], matches: Mapping[int, _Match]
) -> None:
    """An answer proves that the message arrived, whatever was known of it before."""
    at = sa.bindparam("at", type_=UtcDateTime)
    values = [
        {"invitation": matches[row["id"]].invitation["id"], "at": row["received_at"]}
        for row in rows
        if row["id"] in matches
    ]
    if values:
        await connection.execute(
            invitations.update()
            .where(invitations.c.id == sa.bindparam("invitation"))
            .values(
                state=InvitationState.DELIVERED,
                reason=None,
                answered_at=sa.func.coalesce(invitations.c.answered_at, at),
                sent_at=sa.func.coalesce(invitations.c.sent_at, at),
                delivered_at=sa.func.coalesce(invitations.c.delivered_at, at),
            ),
            values,
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
