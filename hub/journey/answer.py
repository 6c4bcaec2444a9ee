"""Stage 4: what comes back is stored before anything else, then matched to its invitation.

What matches nothing is kept as unsolicited feedback.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import watch
from hub.api.records import Channel, DeliveryReport, Inbound, Reply
from hub.faults import fault_point
from hub.journey import addresses, experience
from hub.journey.events import note
from hub.store import components
from hub.store.among import among
from hub.store.dialect import insert
from hub.store.engine import Store
from hub.store.given import given, insert_new
from hub.store.tables import (
    AnswerState,
    InvitationState,
    Text,
    UtcDateTime,
    answers,
    closures,
    contacts,
    indexable,
    invitations,
    reports,
)
from hub.survey.reading import read

BATCH = 200
PAGE = "page"
FROM_ANOTHER = "token, from another address"
_NEW = sa.text("answers.state = 'new'")  # literal, so that the partial index serves it
_matched = given(answer=answers.c.id.type, state=Text(), invitation=invitations.c.id.type, by=Text()).c
_MATCHED = (
    answers.update()
    .where(answers.c.id == _matched.answer)
    .values(state=_matched.state, invitation_id=_matched.invitation, matched_by=_matched.by)
)
_answered = given(invitation=invitations.c.id.type, at=UtcDateTime()).c
_ANSWERED = (
    invitations.update()
    .where(invitations.c.id == _answered.invitation)
    .values(
        state=InvitationState.DELIVERED,
        reason=None,
        answered_at=sa.func.coalesce(invitations.c.answered_at, _answered.at),
        sent_at=sa.func.coalesce(invitations.c.sent_at, _answered.at),
        delivered_at=sa.func.coalesce(invitations.c.delivered_at, _answered.at),
    )
)
_JOINED = sa.select(invitations, closures.c.ticket, closures.c.ticket_key, closures.c.source).join(closures)
_WITHDRAWN = (InvitationState.SKIPPED, InvitationState.CANCELLED)


async def store_inbound(store: Store, gateway: str, inbound: Inbound, region: str, now: datetime) -> None:
    """Store what a gateway brought, with the cursor when it was collected; durable when this returns."""
    await store.commit_with(_insert, _Arrived(gateway, inbound, region, now))
    if inbound.replies:
        fault_point("answer.stored")


@dataclass(frozen=True, slots=True)
class _Arrived:
    """What a gateway brought at one time."""

    gateway: str
    inbound: Inbound
    region: str
    at: datetime


async def _insert(connection: AsyncConnection, arrived: Sequence[_Arrived]) -> None:
    replies = [_reply(one, reply) for one in arrived for reply in one.inbound.replies]
    if replies:
        statement = insert_new(connection, *(answers.c[name] for name in replies[0]))
        await connection.execute(statement, {"rows": replies})
        watch.received(connection, replies)
    news = [_report(one, report) for one in arrived for report in one.inbound.reports]
    if news:
        await connection.execute(reports.insert(), news)
        watch.reported(connection, news)
    for one in arrived:
        if one.inbound.cursor is not None:
            await components.set_cursor(connection, f"gateways.{one.gateway}", one.inbound.cursor)
    if replies:
        fault_point("answer.before_commit")


def _reply(arrived: _Arrived, reply: Reply) -> dict[str, Any]:
    return {
        "gateway": arrived.gateway,
        "provider_id": indexable(reply.provider_id),
        "channel": reply.channel,
        "state": AnswerState.AUTOMATIC if reply.automatic else AnswerState.NEW,
        "key": reply.key,
        "sender": addresses.sender(reply.sender, arrived.region),
        "recipient": reply.recipient,
        "text": reply.text,
        "raw": reply.raw,
        "received_at": reply.received_at,
        "stored_at": arrived.at,
    }


def _report(arrived: _Arrived, report: DeliveryReport) -> dict[str, Any]:
    return {
        "gateway": arrived.gateway,
        "key": report.key,
        "provider_id": report.provider_id and indexable(report.provider_id),
        "status": report.status,
        "reason": report.reason,
        "address_unusable": report.address_unusable,
        "at": report.at,
        "stored_at": arrived.at,
    }


async def store_page_answer(store: Store, token: str, rating: int, comment: str, now: datetime) -> bool:
    """Store what a customer confirmed on the answer page; durable when this returns.

    :returns: False when no survey that is open has this token.
    """

    async def work(connection: AsyncConnection) -> bool:
        invitation = await find_by_token(connection, token)
        if invitation is None or not is_open(invitation, now):
            return False
        row = {
            "gateway": PAGE,
            "provider_id": uuid.uuid4().hex,
            "channel": Channel.PAGE,
            "state": AnswerState.NEW,
            "key": token,
            "sender": invitation["address"],
            "rating": rating,
            "text": comment,
            "raw": "",
            "received_at": now,
            "stored_at": now,
        }
        await connection.execute(answers.insert(), [row])
        watch.received(connection, [row])
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
    """Whether an answer still counts: the survey may have arrived, whatever the gateway says, and has not expired."""
    return invitation["attempts"] > 0 and invitation["state"] not in _WITHDRAWN and now < invitation["expires_at"]


async def process_new(store: Store, targets: Callable[[str], Sequence[str]], now: datetime, batch: int = BATCH) -> int:
    """Match new answers to invitations and make experiences of them, up to a batch in one transaction.

    :param targets: the components that hear of an experience from a source, by the source's name.
    :returns: how many answers were looked at.
    """
    rows: Sequence[Mapping[Any, Any]] = ()
    try:
        async with store.write() as connection:
            rows = await _new(connection, batch)
            if not rows:
                return 0
            await _process(connection, rows, targets, now)
            fault_point("answer.before_process_commit")
    except (SQLAlchemyError, OSError):
        raise
    except Exception as error:
        if not rows:
            raise
        if batch > 1:
            return sum([await process_new(store, targets, now, 1) for _ in range(batch)])
        return await _set_aside(store, rows[0], error)
    fault_point("answer.processed")
    return len(rows)


async def _new(connection: AsyncConnection, batch: int) -> Sequence[Mapping[Any, Any]]:
    found = await connection.execute(
        sa.select(answers).where(_NEW).order_by(answers.c.id).limit(batch).with_for_update(skip_locked=True)
    )
    return found.mappings().all()


async def _set_aside(store: Store, row: Mapping[Any, Any], error: Exception) -> int:
    values = {"state": AnswerState.UNMATCHED, "matched_by": f"nothing: {type(error).__name__} in the hub"}
    async with store.write() as connection:
        await connection.execute(answers.update().where(answers.c.id == row["id"], _NEW).values(values))
        watch.matched(connection, [(row, None)])
    return 1


async def _process(
    connection: AsyncConnection,
    rows: Sequence[Mapping[Any, Any]],
    targets: Callable[[str], Sequence[str]],
    now: datetime,
) -> None:
    matches = await _match(connection, rows)
    await _store_matches(connection, rows, matches)
    for row in rows:
        if row["gateway"] != PAGE and read(row["text"]).opt_out:
            match = matches.get(row["id"])
            await _opt_out(connection, match.invitation if match and match.is_certain else None, row["sender"], now)
    await _mark_answered(connection, rows, matches)
    watch.matched(connection, [(row, matches[row["id"]].invitation if row["id"] in matches else None) for row in rows])
    answered = {match.invitation["id"]: match.invitation for match in matches.values()}
    await experience.revise(connection, list(answered.values()), targets, now)


@dataclass(frozen=True, slots=True)
class _Match:
    """The invitation that an answer belongs to, joined with its closure, and how that is known."""

    invitation: Mapping[Any, Any]
    by: str

    @property
    def is_certain(self) -> bool:
        """Whether it was written by the person who was asked; a forwarded survey names another sender."""
        return self.by != FROM_ANOTHER


async def _match(connection: AsyncConnection, rows: Sequence[Mapping[Any, Any]]) -> dict[int, _Match]:
    """What each answer belongs to, by its id: its own token is believed first, then who sent it."""
    tokens = [row["key"] for row in rows if row["key"]]
    named = await connection.execute(
        _JOINED.where(among(invitations.c.token, tokens), invitations.c.address.is_not(None))
    )
    by_token = {row["token"]: row for row in named.mappings()}
    matches = {row["id"]: _by_token(row, by_token[row["key"]]) for row in rows if row["key"] in by_token}
    rest = [row for row in rows if row["id"] not in matches]
    asked = await _asked(connection, rest)
    for row in rest:
        # without a token only the person who was asked can answer, over the same gateway, while the survey is open
        who = (addresses.identity(row["sender"]), row["gateway"])
        fitting = [invitation for invitation in asked.get(who, ()) if is_open(invitation, row["received_at"])]
        if fitting:
            matches[row["id"]] = _Match(fitting[-1], "sender")
    return matches


async def _asked(
    connection: AsyncConnection, rows: Sequence[Mapping[Any, Any]]
) -> Mapping[tuple[str, str], list[Mapping[Any, Any]]]:
    """The invitations of those who sent these answers, oldest first, by who was asked over which gateway."""
    asked: defaultdict[tuple[str, str], list[Mapping[Any, Any]]] = defaultdict(list)
    if rows:
        found = await connection.execute(
            _JOINED.where(
                among(invitations.c.identity, [addresses.identity(row["sender"]) for row in rows]),
                invitations.c.expires_at > min(row["received_at"] for row in rows),
            ).order_by(sa.func.coalesce(invitations.c.sent_at, invitations.c.due_at), invitations.c.id)
        )
        for invitation in found.mappings():
            asked[invitation["identity"], invitation["gateway"]].append(invitation)
    return asked


def _by_token(answer: Mapping[Any, Any], invitation: Mapping[Any, Any]) -> _Match:
    same = addresses.identity(answer["sender"]) == addresses.identity(invitation["address"])
    return _Match(invitation, "token" if same else FROM_ANOTHER)


async def _store_matches(
    connection: AsyncConnection, rows: Sequence[Mapping[Any, Any]], matches: Mapping[int, _Match]
) -> None:
    values = [
        {
            "answer": row["id"],
            "state": AnswerState.USED if row["id"] in matches else AnswerState.UNMATCHED,
            "invitation": matches[row["id"]].invitation["id"] if row["id"] in matches else None,
            "by": matches[row["id"]].by if row["id"] in matches else None,
        }
        for row in rows
    ]
    await connection.execute(_MATCHED, {"rows": values})


async def _mark_answered(
    connection: AsyncConnection, rows: Sequence[Mapping[Any, Any]], matches: Mapping[int, _Match]
) -> None:
    """An answer proves that the message arrived, whatever was known of it before."""
    first: dict[int, datetime] = {}
    for row in rows:
        if row["id"] in matches:
            first.setdefault(matches[row["id"]].invitation["id"], row["received_at"])
    if first:
        # in order of ids: see `outcome.store_outcomes`
        await connection.execute(_ANSWERED, {"rows": [{"invitation": id_, "at": first[id_]} for id_ in sorted(first)]})


async def _opt_out(
    connection: AsyncConnection, invitation: Mapping[Any, Any] | None, sender: str, now: datetime
) -> None:
    identities = {addresses.identity(sender)} | ({invitation["identity"]} if invitation else set())
    rows = [
        {"address": one, "opted_out_at": now} for one in sorted(identities) if len(one) <= addresses.LONGEST_ADDRESS
    ]
    if rows:
        statement = insert(connection, contacts).values(rows)
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=["address"],
                set_={"opted_out_at": sa.func.coalesce(contacts.c.opted_out_at, statement.excluded.opted_out_at)},
            )
        )
    if invitation:
        await note(connection, invitation["closure_id"], now, "the customer asked not to be surveyed again")
