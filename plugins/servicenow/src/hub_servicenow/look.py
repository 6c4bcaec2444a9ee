"""Tickets before an answer is written onto them: many of them in one look, and one by itself where that fails."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hub import AuthFailed, Experience, RemoteError, Unexpected
from hub_servicenow import results
from hub_servicenow.answers import Forbidden
from hub_servicenow.client import ServiceNowClient
from hub_servicenow.config import ServiceNowConfig
from hub_servicenow.query import one_of
from hub_servicenow.targets.journal import Journal
from hub_servicenow.targets.target import Ticket

SYS_ID = re.compile(r"[0-9a-f]{32}")
IDS_AT_ONCE = 25  # longer queries make URLs that proxies refuse


class Look:
    """Looks at tickets and, when answers go into work notes, at the notes of the hub's that they have."""

    def __init__(self, client: ServiceNowClient, config: ServiceNowConfig) -> None:
        response = config.result_fields.get(results.RESPONSE)
        self._client = client
        self._table = config.table
        self._fields = ("sys_id", "number", *([response] if response else []))
        self._journal = Journal(client) if {"fields", "note"} & set(config.write_back) else None

    async def at(self, items: Sequence[Experience]) -> dict[str, Ticket]:
        """The tickets of a batch, by sys_id. What is missing must be looked at by itself, which tells why.

        :raises AuthFailed: the credentials are refused.
        """
        ids = [one for one in dict.fromkeys(item.ticket.id for item in items) if SYS_ID.fullmatch(one)]
        if len(ids) < 2:
            return {}
        found: dict[str, Ticket] = {}
        for start in range(0, len(ids), IDS_AT_ONCE):
            try:
                found |= await self._at_few(ids[start : start + IDS_AT_ONCE])
            except RemoteError as error:
                if isinstance(error, AuthFailed) and not isinstance(error, Forbidden):
                    raise
                break  # one row may spoil the answer for all
        return found

    async def at_one(self, item: Experience) -> Ticket | None:
        """One ticket; None when the instance says that it is gone or hidden."""
        row = await self._client.record(self._table, item.ticket.id, self._fields)
        if row is not None and not row.get("sys_id"):
            raise Unexpected(f"a record of {self._table} came without sys_id; may the account read it?")
        return Ticket(row) if row else None

    async def _at_few(self, ids: Sequence[str]) -> dict[str, Ticket]:
        found = await self._client.rows(self._table, query=one_of("sys_id", ids), fields=self._fields, limit=len(ids))
        notes = await self._journal.notes(ids) if self._journal else None
        rows = {row["sys_id"]: row for row in found.records if row["sys_id"] in ids}
        return {one: Ticket(row, notes[one] if notes is not None else None) for one, row in rows.items()}
