"""The tables that hold tickets: what "closed" means in each, and where each keeps its customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class TaskTable:
    """One table that extends `task`."""

    name: str
    closed_states: tuple[str, ...]
    """Values of `state` that mean "done" for a customer, unless hub.toml says otherwise."""
    closing_times: tuple[str, ...]
    """Fields that say when a ticket was closed, the one that the customer notices first."""
    counts_reopenings: bool
    """Whether `reopen_count` tells one closing from the next; otherwise the time of closing does."""
    customer: str
    """The reference to the person who asked."""
    organisation: str
    type: str
    """The field that says what kind of ticket it is."""
    close_code: str


INCIDENT = TaskTable(
    name="incident",
    closed_states=("6", "7"),
    closing_times=("resolved_at", "closed_at"),
    counts_reopenings=True,
    customer="caller_id",
    organisation="company.name",
    type="category",
    close_code="close_code",
)
REQUESTED_ITEM = TaskTable(
    name="sc_req_item",
    closed_states=("3", "4"),
    closing_times=("closed_at",),
    counts_reopenings=False,
    customer="request.requested_for",
    organisation="company.name",
    type="cat_item.name",
    close_code="close_code",
)
CASE = TaskTable(
    name="sn_customerservice_case",
    closed_states=("6", "3"),
    closing_times=("resolved_at", "closed_at"),
    counts_reopenings=True,
    customer="contact",
    organisation="account.name",
    type="category",
    close_code="resolution_code",
)
# 7 is "Closed" on an incident, "Closed Skipped" on a requested item and "Cancelled" on a case: nothing is shared.
TABLES: Mapping[str, TaskTable] = MappingProxyType({table.name: table for table in (INCIDENT, REQUESTED_ITEM, CASE)})
