"""Columns and work notes of the ticket itself."""

from __future__ import annotations

from collections.abc import Mapping

from hub import Experience, OutcomeUnknown, Rejected, Unexpected, Vault
from hub_servicenow import results
from hub_servicenow.answers import Forbidden
from hub_servicenow.client import Row, ServiceNowClient
from hub_servicenow.targets.journal import Journal, Sight
from hub_servicenow.targets.target import Held, Unusable, once

WORK_NOTES = "work_notes"  # never `comments`: customers read those, and mostly get them by mail


class FieldsTarget:
    """Columns of the ticket, with a work note in the same request.

    The column with the response id tells whether an answer is there.

    :param fields: columns by what they hold; "response" is among them.
    """

    def __init__(self, client: ServiceNowClient, table: str, fields: Mapping[str, str]) -> None:
        self._client = client
        self._table = table
        self._fields = fields
        self._response = fields[results.RESPONSE]

    async def write(self, item: Experience, ticket: Row) -> Held:
        """See `Target.write`."""
        if self._response not in ticket:
            raise Unusable(f"{self._table} has no column {self._response} that the account may read")
        if held := self._held(item, ticket):
            return held
        sys_id = ticket["sys_id"]
        held = await once(lambda: self._send(item, sys_id), lambda: self._look(item, sys_id))
        assert held is not None
        return held

    async def _look(self, item: Experience, sys_id: str) -> Held | None:
        ticket = await self._client.record(self._table, sys_id, ("sys_id", self._response))
        return self._held(item, ticket or {})

    def _held(self, item: Experience, ticket: Row) -> Held | None:
        there = ticket.get(self._response) == results.reference(item)
        return Held("columns and work note") if there else None

    async def _send(self, item: Experience, sys_id: str) -> Held:
        values = results.columns(item, self._fields)
        stored = await patch(self._client, self._table, sys_id, values | {WORK_NOTES: results.note(item)}, values)
        remarks = results.ignored(values, stored)
        if stored.get(self._response) != values[self._response]:
            return Held("; ".join(["work note, not read back", *remarks]), checked=False)
        return Held("; ".join(["columns and work note", *remarks]))


class NoteTarget:
    """A work note. The journal tells whether it is there; where that is not readable, the column with the response id;
    and without either a note whose answer was lost is not repeated.

    :param response: the column with the response id; None when none is configured.
    """

    def __init__(self, client: ServiceNowClient, table: str, response: str | None, vault: Vault) -> None:
        self._client = client
        self._table = table
        self._response = response
        self._vault = vault
        self._journal = Journal(client)

    async def write(self, item: Experience, ticket: Row) -> Held:
        """See `Target.write`."""
        sys_id = ticket["sys_id"]
        sight = await self._journal.look(sys_id, results.marker(item))
        if sight is Sight.THERE:
            return _NOTE
        if sight is Sight.ABSENT:
            return await once(lambda: self._send(item, sys_id), lambda: self._look(item, sys_id)) or _NOT_READ_BACK
        await self._refuse_to_repeat(item)
        if self._response is not None and self._response in ticket:
            fields = {results.RESPONSE: self._response}
            return await FieldsTarget(self._client, self._table, fields).write(item, ticket)
        return await self._write_blindly(item, sys_id)

    async def _look(self, item: Experience, sys_id: str) -> Held | None:
        sight = await self._journal.look(sys_id, results.marker(item))
        if sight is Sight.HIDDEN:
            await self._remember(item)
        return _NOTE if sight is Sight.THERE else None

    async def _send(self, item: Experience, sys_id: str) -> None:
        await patch(self._client, self._table, sys_id, {WORK_NOTES: results.note(item)}, ())

    async def _write_blindly(self, item: Experience, sys_id: str) -> Held:
        try:
            await self._send(item, sys_id)
        except (OutcomeUnknown, Unexpected) as error:
            await self._remember(item)
            raise OutcomeUnknown(str(error)) from error
        return _NOT_READ_BACK

    async def _remember(self, item: Experience) -> None:
        await self._vault.save(_memory(item), "unknown")

    async def _refuse_to_repeat(self, item: Experience) -> None:
        if await self._vault.load(_memory(item)) is not None:
            raise OutcomeUnknown("a work note got no answer and cannot be looked for, so it is not repeated")


_NOTE = Held("work note")
_NOT_READ_BACK = Held("work note, not read back", checked=False)


async def patch(
    client: ServiceNowClient, table: str, sys_id: str, body: Mapping[str, str], fields: Mapping[str, str] | tuple[()]
) -> Row:
    """Change the ticket.

    :raises Unusable: an access rule, a data policy or a business rule refused.
    """
    try:
        return await client.patch(table, sys_id, body, ("sys_id", *fields))
    except (Forbidden, Rejected) as error:
        raise Unusable(str(error)) from error


def _memory(item: Experience) -> str:
    return f"note:{results.reference(item)}"
