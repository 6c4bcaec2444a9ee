"""A simulated ServiceNow instance in this process, and the plugin in front of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import httpx
import pytest
from hub_servicenow.config import ServiceNowConfig
from hub_servicenow.source import ServiceNowSource
from sandbox.servicenow import Instance, build_app
from sandbox.servicenow.schema import Column

from hub import Milestone, Webhook
from hub.testing.clock import FakeClock
from hub.testing.fakes import FakeContext
from hub.testing.faults import FaultyTransport
from hub.testing.rigs import Draft, Fault, SourceRig

URL = "https://acme.service-now.com"
USER, PASSWORD = "xm.hub", "correct-horse"
PUSH_SECRET = "secret-of-the-business-rule"


class ServiceNowRig(SourceRig):
    """One table of a simulated instance."""

    faults = frozenset(Fault)
    secrets = (PASSWORD, PUSH_SECRET, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
    table: ClassVar[str] = "incident"
    people: ClassVar[str] = "sys_user"

    def __init__(self) -> None:
        super().__init__()
        self.instance = Instance(self.clock, URL)
        self._transport = FaultyTransport(httpx.ASGITransport(build_app(self.instance)), self.clock)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {
            "url": URL,
            "username": USER,
            "password": PASSWORD,
            "table": self.table,
            "page_size": self.page_size,
            "push_secret": PUSH_SECRET,
            "milestones": ["handed_over", "waiting"],
        }

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        return self._transport

    async def fail(self, fault: Fault | None) -> None:
        self._transport.fault = fault

    async def close_ticket(self, draft: Draft) -> str:
        ticket_id = self._open(draft, draft.closed_at)
        self.instance.resolve(ticket_id, at=draft.closed_at)
        return ticket_id

    def _open(self, draft: Draft, at: datetime, **fields: str) -> str:
        name = draft.customer.name or ""
        caller = self.instance.add_user(
            draft.customer.email or "", table=self.people, first_name="", last_name="", name=name
        )
        return self.instance.open_record(self.table, caller, draft.subject, at=at, **fields)

    async def reach(self, milestone: Milestone, draft: Draft) -> str:
        if milestone is Milestone.WAITING:
            return self._open(draft, draft.closed_at - timedelta(days=2))
        first, second = (self.instance.insert("sys_user_group", {"name": name}) for name in ("Desk", "Network"))
        ticket_id = self._open(draft, draft.closed_at - timedelta(hours=1), assignment_group=first)
        self.instance.change(ticket_id, {"assignment_group": second}, at=draft.closed_at)
        return ticket_id

    async def reopen(self, ticket_id: str) -> None:
        self.instance.reopen(ticket_id)

    async def close_again(self, ticket_id: str) -> None:
        self.instance.resolve(ticket_id)

    async def remove_ticket(self, ticket_id: str) -> None:
        self.instance.delete(ticket_id)

    async def pushes(self, ticket_id: str) -> Sequence[Webhook]:
        count = self.instance.record(ticket_id)["sys_mod_count"]
        body = json.dumps({"table": self.table, "sys_id": ticket_id, "sys_mod_count": count}).encode()
        return [Webhook(method="POST", path="", headers={"x-hub-secret": PUSH_SECRET}, body=body)]

    def forged(self, request: Webhook) -> Webhook:
        return replace(request, headers={"x-hub-secret": "a-guess-of-the-secret"})

    async def written(self, ticket_id: str) -> Sequence[str]:
        return self.instance.journal(ticket_id, "work_notes")


class ItemRig(ServiceNowRig):
    """Requested items."""

    table = "sc_req_item"


class CaseRig(ServiceNowRig):
    """Customer service cases."""

    table = "sn_customerservice_case"
    people = "customer_contact"


class Desk:
    """An instance and sources in front of it, for tests that look closer than the contract does."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.instance = Instance(self.clock, URL)
        self.transport = httpx.ASGITransport(build_app(self.instance))
        self.context = FakeContext(transport=self.transport, clock=self.clock)

    def config(self, **settings: Any) -> ServiceNowConfig:
        """The settings, with HTTP Basic unless another way to sign in is among them."""
        basic = {} if {"oauth", "api_key"} & settings.keys() else {"username": USER, "password": PASSWORD}
        return ServiceNowConfig.model_validate({"url": URL, **basic, **settings})

    def column(self, name: str) -> Column:
        """A further column of text, for `instance.add_column`."""
        return Column(name)

    def source(self, **settings: Any) -> ServiceNowSource:
        """A new instance of the plugin: what a restart of the hub makes. Its log is that of `context`."""
        return ServiceNowSource(self.config(**settings), self.context)

    def resolved(self, count: int = 1, *, at: datetime | None = None, table: str = "incident") -> list[str]:
        """So many tickets of one customer, resolved at the present time or another; their sys_ids."""
        people = "customer_contact" if table == "sn_customerservice_case" else "sys_user"
        caller = self.instance.add_user("mia@example.com", "+43 660 1234567", "de", table=people)
        ids = [self.instance.open_record(table, caller, "VPN drops", at=at) for _ in range(count)]
        for one in ids:
            self.instance.resolve(one, at=at)
        return ids


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture(scope="session")
def new_desk() -> type[Desk]:
    """Makes desks, for tests with many examples."""
    return Desk


@pytest.fixture(scope="session")
def desk_config() -> ServiceNowConfig:
    """The settings of a plain source."""
    return Desk().config()


@pytest.fixture
def rig_types() -> Mapping[str, type[ServiceNowRig]]:
    """The rigs, by table."""
    return {rig.table: rig for rig in (ServiceNowRig, ItemRig, CaseRig)}
