"""What stands in the journal of a ticket, as far as the account may read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import Enum, auto

from hub_servicenow import results
from hub_servicenow.answers import Forbidden
from hub_servicenow.client import ServiceNowClient
from hub_servicenow.query import joined, one_of
from hub_servicenow.targets.target import Ticket

TABLE = "sys_journal_field"
_NOTES_EACH = 10
"""How many notes of the hub's a ticket has at most; where there are more, each ticket is looked at by itself."""
_FIELDS = ("sys_id", "element_id", "element", "value")


class Sight(Enum):
    """What a look into the journal showed."""

    THERE = auto()
    ABSENT = auto()
    HIDDEN = auto()
    """The account may not read the journal, so nobody can say."""


class Journal:
    """Work notes in `sys_journal_field`; the field itself always reads empty."""

    def __init__(self, client: ServiceNowClient) -> None:
        self._client = client

    async def sight(self, ticket: Ticket, marker: str) -> Sight:
        """Whether a work note of a ticket held the marker before anything was written."""
        if ticket.notes is None:
            return await self.look(ticket.sys_id, marker)
        return Sight.THERE if any(marker in note for note in ticket.notes) else Sight.ABSENT

    async def look(self, sys_id: str, marker: str) -> Sight:
        """Whether a work note of this ticket holds the marker."""
        query = joined(f"element_id={sys_id}", "element=work_notes", f"valueLIKE{marker}")
        try:
            found = await self._client.rows(TABLE, query=query, fields=_FIELDS, limit=20)
        except Forbidden:
            return Sight.HIDDEN
        if any(row.get("element_id") == sys_id and marker in row.get("value", "") for row in found.records):
            return Sight.THERE
        return Sight.HIDDEN if found.total else Sight.ABSENT

    async def notes(self, ids: Sequence[str]) -> Mapping[str, Sequence[str]] | None:
        """The hub's own work notes on some tickets, by sys_id; None when some of them cannot be seen.

        :raises RemoteError: as `ServiceNowClient`.
        """
        query = joined(one_of("element_id", ids), "element=work_notes", f"valueLIKE{results.MARK}")
        found = await self._client.rows(TABLE, query=query, fields=_FIELDS, limit=_NOTES_EACH * len(ids))
        if len(found.records) < found.total or any(results.MARK not in row.get("value", "") for row in found.records):
            return None
        notes: defaultdict[str, list[str]] = defaultdict(list)
        for row in found.records:
            notes[row.get("element_id", "")].append(row["value"])
        return {one: notes.get(one, []) for one in ids}
