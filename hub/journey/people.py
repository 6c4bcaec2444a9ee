"""Which addresses belong to one person, and how rarely that person is asked.

A ticket, completed by the contacts file, may show a mail address and a number together. A number belongs to the first
mail address that it was shown with; a mail address may have several numbers. So a person is one mail address and at
most seven numbers. A number that is shown with a second mail address is one that people share, a duty phone say: it
joins nobody to anybody, and two persons never become one.

What is stored of one address counts for all addresses of its person: asked, opted out, consent. Only a dead address is
a matter of its own.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Milestone
from hub.journey.addresses import StopList, entries_of
from hub.journey.policy import Contact, Plan, Reachable, too_old
from hub.store.among import among
from hub.store.given import given, insert_new
from hub.store.tables import InvitationState, Text, UtcDateTime, closures, contacts, invitations, stops

MOST_ADDRESSES = 8
"""Of one person. With more it is a mailbox that many write from."""

_mine, _others = contacts.alias("mine"), contacts.alias("others")
_WANTED = sa.union(
    sa.select(_mine.c.address).where(among(_mine.c.address, "identities")),
    sa.select(_others.c.address)
    .join(_mine, _mine.c.person == _others.c.person)
    .where(among(_mine.c.address, "identities"), _others.c.person.is_not(None)),
)
"""The addresses of these persons: they themselves, and those that were joined with them."""
_LOAD = (
    sa.select(
        *(contacts.c[name] for name in ("address", "person", "consent", "asked_at", "asked_for")),
        *(contacts.c[name] for name in ("opted_out_at", "unusable_at")),
        invitations.c.state,
        invitations.c.sent_at,
        closures.c.source,
        closures.c.ticket_id,
        closures.c.milestone,
    )
    .outerjoin(invitations, sa.and_(invitations.c.closure_id == contacts.c.asked_for, invitations.c.step == 0))
    .outerjoin(closures, closures.c.id == contacts.c.asked_for)
    .where(contacts.c.address.in_(_WANTED))
    .order_by(contacts.c.address)
)
_LOAD_LOCKED = _LOAD.with_for_update(of=contacts)
_MEMBERS = sa.select(contacts.c.address).where(among(contacts.c.person, "persons"))
_STOPS = sa.select(stops.c.entry).where(among(stops.c.entry, "entries"))
_known = given(address=contacts.c.address.type, person=Text(), at=UtcDateTime(), closure=closures.c.id.type).c
_STORE = (
    contacts.update()
    .where(contacts.c.address == _known.address)
    .values(person=_known.person, asked_at=_known.at, asked_for=_known.closure)
)
_ON_THEIR_WAY = (InvitationState.WAITING, InvitationState.SENDING)


_NOTHING: dict[str, Any] = dict.fromkeys(
    ("person", "consent", "asked_at", "asked_for", "opted_out_at", "unusable_at", "state", "sent_at", "milestone")
)


_NONE = frozenset[str]()


class Changed(Exception):
    """While these rows were waited for, another worker has joined them with others, or erased them. Begin anew."""


class People:
    """The customers of a batch: what is known of their addresses, and what is to be stored of them."""

    def __init__(self, rows: Iterable[Mapping[Any, Any]], stopped: StopList, plan: Plan, now: datetime) -> None:
        self._rows = {row["address"]: dict(row) for row in rows}
        self._members: defaultdict[str, list[str]] = defaultdict(list)
        for address, row in self._rows.items():
            row["is_stopped"] = stopped.covers(address)
            row["counts_from"] = _counts_from(row, plan, now)
            row["progress_of"] = _progress_of(row)
            if row["person"]:
                self._members[row["person"]].append(address)
        self._changed: set[str] = set()

    def known(self, who: Reachable) -> dict[str, Contact]:
        """What is known of a customer's addresses."""
        return {one: self._contact(row) for one in who.identities if (row := self._rows.get(one))}

    def join(self, who: Reachable) -> None:
        """Take note that a mail address and a number were shown together."""
        if len(who.identities) < 2:
            return
        mail, number = (self._rows[one] for one in who.identities)
        if number["person"]:
            return  # of this mail address already, or of another one: then people share it
        person = mail["person"] or uuid.uuid4().hex
        for row in (mail, number):
            if row["address"] not in self._members[person]:
                if len(self._members[person]) == MOST_ADDRESSES:
                    return
                self._members[person].append(row["address"])
                row["person"] = person
                self._changed.add(row["address"])

    def reserve(self, who: Reachable, at: datetime, closure_id: int, progress_of: tuple[str, str] | None) -> None:
        """Count a customer as asked at that time for a closure, under all their addresses.

        :param progress_of: see `Contact.progress_of`.
        """
        asked = {"asked_at": at, "asked_for": closure_id, "counts_from": at, "progress_of": progress_of}
        for one in {each for own in who.identities for each in self._of_person(self._rows[own])}:
            self._rows[one] |= asked
            self._changed.add(one)

    async def store(self, connection: AsyncConnection) -> None:
        """Store what was joined and reserved. The rows must be locked."""
        changed = [self._rows[address] for address in sorted(self._changed)]
        values = [
            {"address": row["address"], "person": row["person"], "at": row["asked_at"], "closure": row["asked_for"]}
            for row in changed
        ]
        if values:
            await connection.execute(_STORE, {"rows": values})

    def _of_person(self, row: Mapping[str, Any]) -> Sequence[str]:
        return self._members[row["person"]] if row["person"] else (row["address"],)

    def _contact(self, row: Mapping[str, Any]) -> Contact:
        own = Contact(
            asked_at=row["counts_from"],
            progress_of=row["progress_of"],
            opted_out_at=row["opted_out_at"],
            unusable_at=row["unusable_at"],
            consent=_channels(row),
            is_stopped=row["is_stopped"],
        )
        if not row["person"]:
            return own
        all_ = [self._rows[address] for address in self._members[row["person"]]]
        asked_about = {one["progress_of"] for one in all_ if one["counts_from"]}
        return Contact(
            asked_at=max((one["counts_from"] for one in all_ if one["counts_from"]), default=None),
            progress_of=asked_about.pop() if len(asked_about) == 1 else None,
            opted_out_at=next((one["opted_out_at"] for one in all_ if one["opted_out_at"]), None),
            unusable_at=own.unusable_at,
            consent=own.consent.union(*map(_channels, all_)),
            is_stopped=any(one["is_stopped"] for one in all_),
        )


def _channels(row: Mapping[Any, Any]) -> frozenset[str]:
    return frozenset(row["consent"].split(",")) if row["consent"] else _NONE


def _counts_from(row: Mapping[Any, Any], plan: Plan, now: datetime) -> datetime | None:
    """When the last survey was due, or when it left later than that, or now when it may still leave."""
    at: datetime | None = row["asked_at"]
    if at is None:
        return None
    if row["state"] in _ON_THEIR_WAY:
        return at if too_old(at, plan, now) else max(at, now)
    return max(at, row["sent_at"] or at)


def _progress_of(row: Mapping[Any, Any]) -> tuple[str, str] | None:
    return None if row["milestone"] in (None, Milestone.CLOSED) else (row["source"], row["ticket_id"])


async def load_people(
    connection: AsyncConnection, customers: Collection[Reachable], plan: Plan, now: datetime, *, lock: bool = False
) -> People:
    """What is known of these customers.

    With `lock`, the rows of all their addresses are made and locked, in one order for all workers, so that two workers
    cannot both ask a person.

    :raises Changed: with `lock`, when another worker came between; the transaction is to be begun anew.
    """
    identities = sorted({identity for who in customers for identity in who.identities})
    if not identities:
        return People((), StopList(), plan, now)
    if lock:
        rows = [{"address": identity} for identity in identities]
        await connection.execute(insert_new(connection, contacts.c.address), {"rows": rows})
    loaded = await connection.execute(_LOAD_LOCKED if lock else _LOAD, {"identities": identities})
    found: dict[str, Mapping[Any, Any]] = {row["address"]: row for row in loaded.mappings()}
    if lock:
        await _require_all(connection, identities, found)
    for one in identities:
        found.setdefault(one, _NOTHING | {"address": one})
    entries = {entry for address in found for entry in entries_of(address)}
    stopped = await connection.execute(_STOPS, {"entries": sorted(entries)})
    return People(found.values(), StopList(plan.stop_list.entries.union(stopped.scalars())), plan, now)


async def _require_all(
    connection: AsyncConnection, identities: Iterable[str], found: Mapping[str, Mapping[Any, Any]]
) -> None:
    """See whether all addresses of these persons are locked. A row that was waited for may have got a person since."""
    persons = {row["person"] for row in found.values() if row["person"]}
    members = (await connection.execute(_MEMBERS, {"persons": sorted(persons)})).scalars() if persons else ()
    if not found.keys() >= {*identities, *members}:
        raise Changed


async def addresses_of(connection: AsyncConnection, identities: Collection[str]) -> dict[str, set[str]]:
    """All addresses of the persons behind these, by identity; each itself among them, also when nothing is known."""
    rows = (await connection.execute(_LOAD, {"identities": sorted(identities)})).mappings().all()
    persons = {row["address"]: row["person"] for row in rows}
    members: defaultdict[str, set[str]] = defaultdict(set)
    for address, person in persons.items():
        members[person].add(address)
    return {one: {one} | (members[person] if (person := persons.get(one)) else set()) for one in identities}
