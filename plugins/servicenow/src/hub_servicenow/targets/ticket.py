"""Columns and work notes of the ticket itself."""

from __future__ import annotations

from collections.abc import Mapping

from hub import Experience, OutcomeUnknown, Rejected, RemoteError, Unexpected
from hub_servicenow import results
from hub_servicenow.answers import Forbidden
from hub_servicenow.client import Row, ServiceNowClient
from hub_servicenow.targets.columns import Proof
from hub_servicenow.targets.journal import Journal, Sight
from hub_servicenow.targets.memory import Memory
from hub_servicenow.targets.target import Held, Ticket, Unusable

WORK_NOTES = "work_notes"  # never `comments`: customers read those, and mostly get them by mail
_UNSEEN = Held("work note, sent before; it cannot be looked for, so it is not repeated", checked=False)


class FieldsTarget:
    """Columns of the ticket, with a work note in the same request.

    :param fields: columns by what they hold; "response" is among them.
    """

    def __init__(self, client: ServiceNowClient, table: str, fields: Mapping[str, str], memory: Memory) -> None:
        self._table = table
        self._fields = fields
        self._response = fields[results.RESPONSE]
        self._proof = Proof(client, table, fields)
        self._journal = Journal(client)
        self._notes = _Notes(client, table, self._response, self._journal, memory)

    async def write(self, item: Experience, ticket: Ticket) -> Held:
        """See `Target.write`."""
        if self._response not in ticket.row:
            raise Unusable(f"{self._table} has no column {self._response} that the account may read")
        await self._proof.demand()
        sight = await self._journal.sight(ticket, results.marker(item))
        if results.is_later(ticket.row[self._response], item):
            return await self._notes.add(item, ticket, {}, sight)
        return await self._notes.add(item, ticket, results.columns(item, self._fields), sight)


class NoteTarget:
    """A work note. Where the journal is not readable, the response id goes into its column as well.

    :param response: the column with the response id; None when none is configured.
    """

    def __init__(self, client: ServiceNowClient, table: str, response: str | None, memory: Memory) -> None:
        self._response = response
        self._proof = Proof(client, table, {results.RESPONSE: response} if response else {})
        self._journal = Journal(client)
        self._notes = _Notes(client, table, response, self._journal, memory)

    async def write(self, item: Experience, ticket: Ticket) -> Held:
        """See `Target.write`."""
        sight = await self._journal.sight(ticket, results.marker(item))
        columns: dict[str, str] = {}
        if sight is Sight.HIDDEN and self._response is not None and self._response in ticket.row:
            await self._proof.demand()
            if not results.is_later(ticket.row[self._response], item):
                columns = {self._response: results.reference(item)}
        return await self._notes.add(item, ticket, columns, sight)


class _Notes:
    """Adds a work note, perhaps with columns in the same request, and never twice.

    The journal tells whether it is there; where that is hidden, the column with the response id. Where neither shows
    it, what was sent once is taken for written: a customer's words must not stand there twice.
    """

    def __init__(
        self, client: ServiceNowClient, table: str, response: str | None, journal: Journal, memory: Memory
    ) -> None:
        self._client = client
        self._table = table
        self._response = response
        self._journal = journal
        self._memory = memory

    async def add(self, item: Experience, ticket: Ticket, columns: Mapping[str, str], sight: Sight) -> Held:
        """Write unless it is there. See `Target.write`."""
        what = "columns and work note" if columns else "work note"
        if sight is Sight.THERE or (sight is Sight.HIDDEN and self._in_column(item, ticket.row)):
            return Held(what)
        hidden = sight is Sight.HIDDEN
        if hidden and await self._memory.knows(item):
            return _UNSEEN
        if await self._memory.wait(item) and await self._is_there(item, ticket.sys_id):
            return Held(what)  # it came after the look
        lost: RemoteError | None = None
        stored: Row = {}
        try:
            stored = await self._send(item, ticket.sys_id, columns, blind=hidden)
        except (OutcomeUnknown, Unexpected) as error:
            lost = error
        if lost is None and columns and self._in_column(item, stored):
            return Held("; ".join([what, *results.ignored(columns, stored)]))
        remarks = [] if lost else results.ignored(columns, stored)
        return await self._confirmed(item, ticket.sys_id, what, remarks, lost)

    async def _send(self, item: Experience, sys_id: str, columns: Mapping[str, str], *, blind: bool) -> Row:
        body = {**columns, WORK_NOTES: results.note(item)}
        try:
            async with self._memory.sending(item, blind=blind):
                return await self._client.patch(self._table, sys_id, body, ("sys_id", *columns))
        except (Forbidden, Rejected) as error:
            raise Unusable(str(error)) from error

    async def _confirmed(
        self, item: Experience, sys_id: str, what: str, remarks: list[str], lost: RemoteError | None
    ) -> Held:
        """Look for what was sent.

        :raises OutcomeUnknown: nobody can say yet whether it is there.
        """
        try:
            there = await self._is_there(item, sys_id)
        except RemoteError as error:
            raise OutcomeUnknown(f"{lost}; then {error}" if lost else str(error)) from error
        if there:
            return Held("; ".join([what, *remarks]))
        if lost is not None:
            raise OutcomeUnknown(str(lost)) from lost
        await self._memory.keep(item)
        return Held("; ".join([f"{what}, not read back", *remarks]), checked=False)

    async def _is_there(self, item: Experience, sys_id: str) -> bool:
        sight = await self._journal.look(sys_id, results.marker(item))
        if sight is not Sight.HIDDEN or self._response is None:
            return sight is Sight.THERE
        return self._in_column(item, await self._client.record(self._table, sys_id, ("sys_id", self._response)) or {})

    def _in_column(self, item: Experience, ticket: Row) -> bool:
        return self._response is not None and ticket.get(self._response) == results.reference(item)
