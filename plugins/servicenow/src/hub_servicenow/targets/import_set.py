"""An import set: the instance's own transform map decides where an answer goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub import Experience, Rejected, Unexpected
from hub_servicenow import results
from hub_servicenow.answers import Forbidden
from hub_servicenow.client import ServiceNowClient
from hub_servicenow.targets.memory import Memory
from hub_servicenow.targets.own_table import TASK
from hub_servicenow.targets.target import Held, Ticket, Unusable, once

_IGNORED = "ignored"  # the same values were there, or the transform map did not want them
_WRITTEN = frozenset({"inserted", "updated", _IGNORED})
_FAILED = frozenset({"error", "skipped", "cancelled"})
_STATE = "sys_import_state"


class ImportSetTarget:
    """One staging row per answer, transformed at once. The transform map must coalesce on the response id.

    :param fields: columns of the staging table by what they hold; "response" is among them.
    """

    def __init__(self, client: ServiceNowClient, table: str, fields: Mapping[str, str], memory: Memory) -> None:
        self._client = client
        self._table = table
        self._fields = fields
        self._response = fields[results.RESPONSE]
        self._memory = memory

    async def write(self, item: Experience, ticket: Ticket) -> Held:
        """See `Target.write`."""
        if not ticket.row.get("number"):
            raise Unusable("the ticket came without its number; may the account read this field?")
        values = results.columns(item, self._fields) | {TASK: ticket.row["number"]}
        sent_before = await self._memory.knows(item)
        if held := await self._look(values, sent_before=sent_before):
            return held
        held = await once(
            lambda: self._send(item, values, sent_before=sent_before),
            lambda: self._look(values, sent_before=sent_before),
        )
        return held or Held(f"import set {self._table}, not read back", checked=False)

    async def _look(self, values: Mapping[str, str], *, sent_before: bool) -> Held | None:
        """Staging rows stay a few days. Where they are not readable, coalescing keeps an answer from doubling."""
        wanted = values[self._response]
        fields = ("sys_id", self._response, _STATE)
        try:
            found = await self._client.rows(self._table, query=f"{self._response}={wanted}", fields=fields, limit=20)
        except (Forbidden, Rejected):
            return None
        rows = [row for row in found.records if row.get(self._response) == wanted]
        done = [row.get(_STATE, "") for row in rows if row.get(_STATE) in _WRITTEN]
        return self._held(done, sent_before=sent_before) if done else None

    async def _send(self, item: Experience, values: Mapping[str, str], *, sent_before: bool) -> Held | None:
        try:
            async with self._memory.sending(item):
                body = await self._client.post(f"api/now/import/{self._table}", values)
        except (Forbidden, Rejected) as error:
            raise Unusable(str(error)) from error
        statuses = [] if body is None else _statuses(body)
        if statuses and set(statuses) <= _WRITTEN:
            held = self._held(statuses, sent_before=sent_before)
            if held.checked:
                await self._memory.keep(item)
            return held
        if set(statuses) & _FAILED:
            raise Unusable(f"the transform map of {self._table} answered {', '.join(sorted(set(statuses)))}")
        return None

    def _held(self, statuses: Sequence[str], *, sent_before: bool) -> Held:
        """What the statuses of one answer mean. "Ignored" alone proves nothing, unless the same was sent before."""
        written = [status for status in statuses if status != _IGNORED]
        if written or sent_before:
            return Held(f"import set {self._table} ({(written or statuses)[0]})")
        return Held(f"import set {self._table}: the transform map ignored the answer", checked=False)


def _statuses(body: Any) -> list[str]:
    """What became of the row, one status for each transform map. HTTP says 201 in any case."""
    result = body.get("result") if isinstance(body, dict) else None
    if not isinstance(result, list) or not all(isinstance(row, dict) for row in result):
        raise Unexpected("the answer of the import set has no 'result' as the Import Set API gives it")
    return [str(row.get("status", ""))[:20].lower() for row in result]
