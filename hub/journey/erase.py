"""Removes a person from the store, and proves it by looking through every text of every table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.errors import HubError
from hub.api.records import Ticket
from hub.journey.addresses import hashed
from hub.journey.events import note
from hub.journey.forget import blank_answers, blank_records, forget
from hub.journey.person import Person
from hub.store.among import among
from hub.store.engine import Store
from hub.store.given import insert_new
from hub.store.search import Progress, cells, silently
from hub.store.tables import (
    InvitationState,
    WriteBackState,
    answers,
    closures,
    components,
    contacts,
    events,
    experiences,
    invitations,
    pauses,
    reports,
    stops,
    write_backs,
)

_BATCH = 100
_GONE = "[erased]"
_SHORTEST_PROOF = 12
"""Shorter words, such as "kiitos", prove nothing: everybody writes them."""
_WORDS = frozenset((
    closures.c.ticket, invitations.c.reason, invitations.c.provider_id, answers.c.text, answers.c.raw, answers.c.given,
    answers.c.sender, answers.c.recipient, answers.c.provider_id, reports.c.reason, reports.c.provider_id,
    experiences.c.record, write_backs.c.reason, write_backs.c.provider_id, events.c.what, components.c.error,
    components.c.warning, pauses.c.reason, stops.c.reason,
))  # fmt: skip
"""Where an address can be taken out of what is said of others. Elsewhere it would be part of a name or of a cursor."""


@dataclass(frozen=True, slots=True)
class Theirs:
    """What there is of a person."""

    closures: Sequence[int] = ()
    invitations: Sequence[int] = ()
    answers: Sequence[int] = ()
    """Those to their surveys, and those that they sent."""
    answered_for_others: Sequence[int] = ()
    """Invitations of others that they answered, as somebody does who got a survey forwarded."""
    experiences: Sequence[int] = ()
    contacts: int = 0
    on_tickets: tuple[tuple[str, str], ...] = ()
    """Tickets and sinks that hold, or may hold, what they answered: the component's id and the ticket's key."""
    words: frozenset[str] = field(default=frozenset(), repr=False)

    def counts(self) -> dict[str, int]:
        """How much there is, by table."""
        found = {name: len(getattr(self, name)) for name in ("closures", "invitations", "answers", "experiences")}
        return found | {"contacts": self.contacts}


@dataclass(frozen=True, slots=True)
class Erased:
    """What was removed, and what a look through the whole store found afterwards."""

    removed: Mapping[str, int]
    redacted: int
    """Texts of others that named an address of the person."""
    left: Mapping[str, int]
    """Where something of the person is left, by table and column. Empty is the proof."""
    on_tickets: tuple[tuple[str, str], ...]
    wants_no_surveys: bool
    """Whether they had said stop. It goes on to hold, by a keyed hash."""


class Busy(HubError):
    """Something of the person is on its way out at this moment."""


async def look(store: Store, person: Person, progress: Progress = silently) -> Theirs:
    """What there is of a person."""
    closure_ids, answer_ids = set(), set()
    async for found in cells(store, person.pattern.search, (closures, answers), progress):
        closure_ids |= {cell.key[0] for cell in found if cell.column is closures.c.ticket and _is_of(person, cell.text)}
        answer_ids |= {cell.key[0] for cell in found if cell.column is answers.c.sender}
    async with store.read() as connection:
        asked = await _ids(connection, invitations.c.closure_id, among(invitations.c.identity, list(person.identities)))
        closure_ids.update(asked)
        own = await _ids(connection, invitations.c.id, among(invitations.c.closure_id, sorted(closure_ids)))
        foreign = await _ids(connection, answers.c.invitation_id, among(answers.c.id, sorted(answer_ids)))
        answer_ids.update(await _ids(connection, answers.c.id, among(answers.c.invitation_id, own)))
        others = sorted({id_ for id_ in foreign if id_ is not None} - set(own))
        records = await _ids(connection, experiences.c.id, among(experiences.c.invitation_id, own + others))
        known = await _ids(connection, contacts.c.address, among(contacts.c.address, list(person.identities)))
        return Theirs(
            closures=sorted(closure_ids),
            invitations=own,
            answers=sorted(answer_ids),
            answered_for_others=others,
            experiences=records,
            contacts=len(known),
            on_tickets=await _written(connection, records),
            words=await _words(connection, sorted(answer_ids)),
        )


async def erase(store: Store, person: Person, now: datetime, progress: Progress = silently) -> Erased:
    """Remove a person, and look whether anything is left. To do it again, after an interruption say, is safe.

    Closures stay, without their customers, so that none of them is surveyed again; so do numbers.

    :raises Busy: a message to them, or an answer of theirs, is on its way at this moment. Try again.
    """
    theirs = await look(store, person, progress)
    for start in range(0, len(theirs.closures), _BATCH):
        async with store.write() as connection:
            some = theirs.closures[start : start + _BATCH]
            await _require_still(connection, some)
            await forget(connection, some)
            for closure_id in some:
                await note(connection, closure_id, now, "the customer was erased by the operator")
    async with store.write() as connection:
        await blank_answers(connection, among(answers.c.id, theirs.answers))
        await blank_records(connection, theirs.answered_for_others)
    wants_none = await _forget_addresses(store, person, now)
    redacted = await _redact(store, person, progress)
    return Erased(
        removed=theirs.counts(),
        redacted=redacted,
        left=await prove(store, person, theirs, progress),
        on_tickets=theirs.on_tickets,
        wants_no_surveys=wants_none,
    )


async def prove(store: Store, person: Person, theirs: Theirs, progress: Progress = silently) -> dict[str, int]:
    """Count the texts that hold an address of the person, or words of theirs in rows that were theirs, by place."""
    forms = {form for text in theirs.words for form in _forms(text)}

    def holds(text: str) -> bool:
        return person.pattern.search(text) is not None or any(form in text for form in forms)

    own = {closures: set(theirs.closures), answers: set(theirs.answers), experiences: set(theirs.experiences)}
    left: Counter[str] = Counter()
    async for found in cells(store, holds, progress=progress):
        for cell in found:
            is_own = cell.key[0] in own.get(cell.column.table, (cell.key[0],))  # others may have said the same
            left[cell.place] += is_own or person.pattern.search(cell.text) is not None
    return dict(+left)


async def _ids(connection: AsyncConnection, column: sa.Column[Any], condition: sa.ColumnElement[bool]) -> list[Any]:
    return list((await connection.execute(sa.select(column).where(condition).order_by(column))).scalars())


def _is_of(person: Person, ticket: str) -> bool:
    """Whether a ticket's customer is this person; the ticket may only speak of them."""
    customer = Ticket.model_validate_json(ticket).customer
    return person.pattern.search(customer.model_dump_json()) is not None


async def _written(connection: AsyncConnection, records: Sequence[int]) -> tuple[tuple[str, str], ...]:
    began = sa.or_(write_backs.c.attempts > 0, write_backs.c.state == WriteBackState.DONE)
    query = (
        sa.select(write_backs.c.target, closures.c.ticket_key)
        .select_from(write_backs)
        .join(experiences)
        .join(invitations, invitations.c.id == experiences.c.invitation_id)
        .join(closures, closures.c.id == invitations.c.closure_id)
        .where(among(experiences.c.id, records), began)
        .distinct()
        .order_by(write_backs.c.target, closures.c.ticket_key)
    )
    return tuple((row.target, row.ticket_key) for row in await connection.execute(query))


async def _words(connection: AsyncConnection, answer_ids: Sequence[int]) -> frozenset[str]:
    """What the person wrote, as far as it is long enough to be told from what others write."""
    found: set[str] = set()
    query = sa.select(answers.c.text, answers.c.raw, answers.c.given).where(among(answers.c.id, answer_ids))
    for row in await connection.execute(query):
        found |= {row.text, row.raw} | set(_texts(json.loads(row.given) if row.given else {}))
    return frozenset(text for text in found if len(text) >= _SHORTEST_PROOF)


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _texts(each)]
    return [value] if isinstance(value, str) else []


def _forms(text: str) -> Collection[str]:
    """A text as it is, and as it stands in JSON."""
    return {text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]}


async def _require_still(connection: AsyncConnection, closure_ids: Sequence[int]) -> None:
    """Lock what could leave, and see that nothing is leaving."""
    sending = await connection.execute(
        sa.select(invitations.c.state).where(among(invitations.c.closure_id, closure_ids)).with_for_update()
    )
    if InvitationState.SENDING in sending.scalars().all():
        raise Busy("a message to this person is being sent at this moment; run the command again in a minute")
    of_these = sa.select(experiences.c.id).join(invitations).where(among(invitations.c.closure_id, closure_ids))
    writing = await connection.execute(
        sa.select(write_backs.c.state).where(write_backs.c.experience_id.in_(of_these)).with_for_update()
    )
    if WriteBackState.WRITING in writing.scalars().all():
        raise Busy("an answer of this person is being written onto a ticket at this moment; run the command again soon")


async def _forget_addresses(store: Store, person: Person, now: datetime) -> bool:
    """Delete the addresses, and keep in another way that they are not to be asked.

    :returns: whether they are not.
    """
    identities = sorted(person.identities)
    hashes = [hashed(one) for one in identities]
    async with store.write() as connection:
        stopped = sa.and_(among(contacts.c.address, identities), contacts.c.opted_out_at.is_not(None))
        said_stop = await _ids(connection, contacts.c.address, stopped)
        listed = await _ids(connection, stops.c.entry, among(stops.c.entry, [*identities, *hashes]))
        if wants_none := bool(said_stop or listed):
            rows = [{"entry": one, "added_at": now, "reason": "erased"} for one in hashes]
            columns = (stops.c.entry, stops.c.added_at, stops.c.reason)
            await connection.execute(insert_new(connection, *columns), {"rows": rows})
        await connection.execute(stops.delete().where(among(stops.c.entry, identities)))
        await connection.execute(contacts.delete().where(among(contacts.c.address, identities)))
    return wants_none


async def _redact(store: Store, person: Person, progress: Progress) -> int:
    """Take the addresses out of what is said of others, such as "ask maija@acme.example" in a ticket's subject."""
    redacted = 0
    async for found in cells(store, person.pattern.search, progress=progress):
        these = [cell for cell in found if cell.column in _WORDS]
        if not these:
            continue
        async with store.write() as connection:
            for cell in these:
                text = person.pattern.sub(_GONE, cell.text)
                # only what was looked at: the hub may have changed it meanwhile
                unchanged = sa.and_(cell.is_its_row, cell.column == cell.text)
                done = await connection.execute(cell.column.table.update().where(unchanged).values({cell.column: text}))
                redacted += done.rowcount
    return redacted
