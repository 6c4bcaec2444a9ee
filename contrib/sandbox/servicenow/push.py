"""A business rule that tells the hub of closed records: `sn_ws.RESTMessageV2` with a shared secret in a header."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from sandbox.servicenow.schema import Row
from sandbox.servicenow.state import Instance


@dataclass(slots=True)
class BusinessRule:
    """Runs after an update that brings a record into a resolved or closed state, and queues a hint.

    Nothing is sent until `deliver` is called, as with an asynchronous rule. A hint that is not taken is lost.
    """

    instance: Instance
    client: httpx.AsyncClient
    url: str
    secret: str
    header: str = "X-Hub-Secret"
    queued: list[dict[str, str]] = field(default_factory=list)
    lost: int = 0

    def __post_init__(self) -> None:
        self.instance.listeners.append(self._after)

    async def deliver(self, *, times: int = 1) -> None:
        """Send what is queued, oldest first; each hint so many times."""
        hints, self.queued = self.queued, []
        for hint in hints * times:
            try:
                answer = await self.client.post(self.url, json=hint, headers={self.header: self.secret})
                self.lost += not answer.is_success
            except httpx.TransportError:
                self.lost += 1

    def _after(self, table: str, before: Row, after: Row) -> None:
        model = self.instance.models.get(table)
        if model and after["state"] != before["state"] and after["state"] in model.done:
            hint = {"table": table, "sys_id": after["sys_id"], "sys_mod_count": after["sys_mod_count"]}
            self.queued.append(hint)
