"""The plugin keeps the hub's promises of a source, against the made-up desk of demo_server.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest
from hub.testing.contracts import SourceContract
from hub.testing.faults import FaultyTransport
from hub.testing.rigs import Draft, Fault, SourceRig

import hub_example
from demo_server import TOKEN, Desk


class ExampleRig(SourceRig):
    """The desk as the contract suite plays on it."""

    faults = frozenset(Fault)
    secrets = (TOKEN,)
    page_size = 2

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(self.clock.now)
        self._transport = FaultyTransport(httpx.MockTransport(self._answer), self.clock)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"url": "https://desk.acme.example", "token": TOKEN, "page_size": self.page_size}

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        return self._transport

    async def fail(self, fault: Fault | None) -> None:
        self._transport.fault = fault

    async def close_ticket(self, draft: Draft) -> str:
        customer = {"name": draft.customer.name, "email": draft.customer.email}
        return str(self.desk.close_new(draft.subject, customer))

    async def reopen(self, ticket_id: str) -> None:
        self.desk.change(int(ticket_id), status="open")

    async def close_again(self, ticket_id: str) -> None:
        self.desk.change(int(ticket_id), status="closed", closed_at=self.clock.now().isoformat())

    async def customer_writes(self, ticket_id: str, text: str) -> None:
        self.desk.customer_writes(int(ticket_id))

    async def remove_ticket(self, ticket_id: str) -> None:
        self.desk.remove(int(ticket_id))

    async def written(self, ticket_id: str) -> Sequence[str]:
        return [note["text"] for note in self.desk.notes[int(ticket_id)]]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        status, answer = self.desk.answer(request.method, str(request.url), request.headers, request.content)
        return httpx.Response(status, json=answer)


class TestContract(SourceContract):
    """The whole suite. A test that needs what the plugin does not offer is skipped and says why."""

    plugin = hub_example

    @pytest.fixture
    def rig(self) -> ExampleRig:
        return ExampleRig()
