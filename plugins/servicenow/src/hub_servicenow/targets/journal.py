"""What stands in the journal of a ticket, as far as the account may read it."""

from __future__ import annotations

from enum import Enum, auto

from hub_servicenow.answers import Forbidden
from hub_servicenow.client import ServiceNowClient
from hub_servicenow.query import joined

TABLE = "sys_journal_field"
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
