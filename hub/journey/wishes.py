"""Customers who want no more surveys, or want them again. It holds at once, for all addresses of the person.

What waits to be sent to them is not looked for here: whoever is about to send looks whether its receiver has stopped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Channel
from hub.journey import addresses, conversations, converse
from hub.journey.events import note
from hub.journey.people import addresses_of
from hub.journey.policy import Plan
from hub.journey.recognise import PAGE, Match
from hub.store.among import among
from hub.store.given import insert_new
from hub.store.tables import contacts, stops
from hub.survey.model import MessageKind
from hub.survey.reading import Wish
from hub.survey.reading import wishes as read_wish

Row = Mapping[Any, Any]
ASKED_TO_STOP = "the customer asked not to be surveyed again"
_ASKED_TO_START = "the customer asked to be surveyed again"
_LOCKED = (
    sa.select(contacts.c.address, contacts.c.opted_out_at, contacts.c.consent)
    .where(among(contacts.c.address, "addresses"))
    .order_by(contacts.c.address)
    .with_for_update()
)
_THESE = contacts.update().where(among(contacts.c.address, "addresses"))
_STOPPED = _THESE.where(contacts.c.opted_out_at.is_(None)).values(
    opted_out_at=sa.bindparam("now", type_=contacts.c.opted_out_at.type), consent=None
)
_STARTED = _THESE.values(opted_out_at=None)
_REACHABLE = _THESE.values(unusable_at=None, unusable_reason=None)  # whoever writes START from there has it
_REMEMBERED = stops.delete().where(among(stops.c.entry, "entries"))  # of those whose wish outlived their erasure


async def obey(
    connection: AsyncConnection, rows: Sequence[Row], matches: Mapping[int, Match], plan: Plan, now: datetime
) -> None:
    """Do what these answers want, in the order they came, and confirm by SMS what is new.

    The surveys that they belong to are locked already.
    """
    for row in rows:
        wish = _wish(row)
        if wish is None:
            continue
        match = matches.get(row["id"])
        if await _obey(connection, wish, row, match, plan, now=now) and _can_confirm(row, match):
            assert match is not None
            kind = MessageKind.STOPPED if wish is Wish.STOP else MessageKind.STARTED
            await converse.confirm(connection, match.invitation, kind, now)


def _wish(answer: Row) -> Wish | None:
    if answer["gateway"] == PAGE:
        return None
    return Wish.STOP if answer["opts_out"] else read_wish(answer["text"])


async def _obey(
    connection: AsyncConnection, wish: Wish, answer: Row, match: Match | None, plan: Plan, *, now: datetime
) -> bool:
    """Whether anything is different for the sender now."""
    sender = addresses.identity(answer["sender"])
    if wish is Wish.START:
        changed = await start(connection, sender, Channel(answer["channel"]), plan)
    else:
        asked = {match.invitation["identity"]} if match and match.is_certain else set()
        changed = sender in await stop(connection, {sender} | asked, now)
    if match is None:
        event = "customer.started" if wish is Wish.START else "customer.stopped"
        structlog.get_logger().info(event, gateway=answer["gateway"], hint="they were never asked over this gateway")
    elif changed:
        what = _ASKED_TO_START if wish is Wish.START else ASKED_TO_STOP
        await note(connection, match.invitation["closure_id"], now, what)
    return changed


def _can_confirm(answer: Row, match: Match | None) -> bool:
    if match is None or not match.is_certain or answer["channel"] != Channel.SMS:
        return False
    return bool(match.invitation["channel"] == Channel.SMS and match.invitation["gateway"] == answer["gateway"])


async def stop(connection: AsyncConnection, identities: Collection[str], now: datetime) -> set[str]:
    """Never ask the persons with these addresses again. A recorded consent is withdrawn with it.

    :returns: those of the addresses that had not been stopped before.
    """
    known = await _lock(connection, identities)
    await connection.execute(_STOPPED, {"addresses": list(known), "now": now})
    await conversations.close_with(connection, list(known))
    return {identity for identity in identities if identity in known and known[identity].opted_out_at is None}


async def stop_as_told(connection: AsyncConnection, message: Row, now: datetime) -> None:
    """Never ask the receiver of a message again: the gateway's service says that this is their wish.

    :param message: its `address` and `closure_id`.
    """
    if await stop(connection, [addresses.identity(message["address"])], now):
        await note(connection, message["closure_id"], now, ASKED_TO_STOP)


async def start(connection: AsyncConnection, identity: str, channel: Channel, plan: Plan) -> bool:
    """Let the person with this address be asked again. It is a consent to the channel too, where one is needed.

    :returns: whether they had stopped, or had not consented.
    """
    known = await _lock(connection, [identity])
    await connection.execute(_STARTED, {"addresses": list(known)})
    await connection.execute(_REACHABLE, {"addresses": [identity]})
    await connection.execute(_REMEMBERED, {"entries": [addresses.hashed(one) for one in known]})
    changed = any(row.opted_out_at for row in known.values())
    if identity in known and plan.survey.legal_basis.needs_consent(channel):
        consent = {*filter(None, (known[identity].consent or "").split(","))}
        changed = changed or channel not in consent
        this = contacts.update().where(contacts.c.address == identity)
        await connection.execute(this.values(consent=",".join(sorted({*consent, channel}))))
    return changed


async def _lock(connection: AsyncConnection, identities: Collection[str]) -> dict[str, Any]:
    """The contacts of these persons, by address, made where they are missing."""
    found = (await addresses_of(connection, identities)).values()
    everyone = sorted(one for one in set().union(*found) if len(one) <= addresses.LONGEST_ADDRESS)
    if not everyone:
        return {}
    await connection.execute(
        insert_new(connection, contacts.c.address), {"rows": [{"address": one} for one in everyone]}
    )
    return {row.address: row for row in await connection.execute(_LOCKED, {"addresses": everyone})}
