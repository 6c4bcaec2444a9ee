"""A table of the customer's own: one row per answer, with a reference to the task."""

from __future__ import annotations

from collections.abc import Mapping

from hub import Experience, Rejected
from hub_servicenow import results
from hub_servicenow.answers import Forbidden
from hub_servicenow.client import ServiceNowClient
from hub_servicenow.targets.columns import Proof
from hub_servicenow.targets.memory import Memory
from hub_servicenow.targets.target import Held, Ticket, Unusable, once

TASK = "u_task"
"""The column that refers to the ticket."""


class OwnTableTarget:
    """Rows of their own are never locked with the ticket.

    :param fields: columns by what they hold; "response" is among them.
    """

    def __init__(self, client: ServiceNowClient, table: str, fields: Mapping[str, str], memory: Memory) -> None:
        self._client = client
        self._table = table
        self._fields = fields
        self._response = fields[results.RESPONSE]
        self._memory = memory
        self._proof = Proof(client, table, fields)
        self._forgets = False
        """Whether a row came back without its response id. Where the dictionary is hidden only that shows it."""

    async def write(self, item: Experience, ticket: Ticket) -> Held:
        """See `Target.write`."""
        values = results.columns(item, self._fields) | {TASK: ticket.sys_id}
        try:
            held = await self._look(values)
        except (Forbidden, Rejected) as error:
            raise Unusable(str(error)) from error
        if held is None:
            await self._proof.demand()
            if self._forgets:
                raise self._has_no_column()
            await self._memory.wait(item)
            held = await once(lambda: self._send(item, values), lambda: self._look(values))
        return held or Held(f"row in {self._table}, not read back", checked=False)

    async def _look(self, values: Mapping[str, str]) -> Held | None:
        wanted = values[self._response]
        query = f"{self._response}={wanted}"
        found = await self._client.rows(self._table, query=query, fields=("sys_id", *values), limit=2)
        for row in found.records:
            if row.get(self._response) != wanted:
                raise self._has_no_column()
            return Held("; ".join([f"row in {self._table}", *results.ignored(values, row)]), row["sys_id"])
        if found.total:
            raise Unusable(f"the account may not read the rows of {self._table}")
        return None

    async def _send(self, item: Experience, values: Mapping[str, str]) -> Held | None:
        fields = {"sysparm_fields": f"sys_id,{self._response}"}
        try:
            async with self._memory.sending(item):
                body = await self._client.post(f"api/now/table/{self._table}", values, params=fields)
        except (Forbidden, Rejected) as error:
            if held := await self._look(values):  # a unique column refuses what a lost request wrote after all
                return held
            raise Unusable(str(error)) from error
        row = body.get("result") if isinstance(body, dict) else None
        if not isinstance(row, dict) or row.get(self._response) == values[self._response]:
            return None
        self._forgets = True
        return Held(f"row in {self._table}; {self._response} was ignored", checked=False)

    def _has_no_column(self) -> Unusable:
        return Unusable(f"{self._table} has no column {self._response} that the account may read")
