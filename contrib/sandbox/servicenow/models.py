"""What the values of `state` mean on each table, and what follows when it changes.

State 7 is Closed on an incident, Closed Skipped on a request item and Cancelled on a case.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.servicenow.schema import Row


@dataclass(frozen=True, slots=True)
class StateModel:
    """The states of one table."""

    labels: dict[str, str]
    opened: str
    reopened: str
    closed: str
    inactive: frozenset[str]
    """States in which the record is over: `active` is false and `closed_at` is set."""
    resolved: str = ""
    """The state in which the customer may still object; empty on a table without one."""

    @property
    def done(self) -> frozenset[str]:
        """States that end the work: resolved and inactive ones."""
        return self.inactive | ({self.resolved} if self.resolved else set())

    def consequences(self, row: Row, state: str, now: str) -> Row:
        """What the business rules set when the state changes. Columns that the table lacks may be among it.

        :param now: the time of the change, as a database value.
        """
        changes = {"incident_state": state, "active": "false" if state in self.inactive else "true"}
        if state == self.resolved:
            changes["resolved_at"] = now
        if state in self.inactive:
            changes["closed_at"] = now
        if row.get("state") in self.done and state not in self.done:
            count = int(row.get("reopen_count") or 0) + 1
            changes |= {"resolved_at": "", "closed_at": "", "reopen_count": str(count)}
        return changes


INCIDENT = StateModel(
    {"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"},
    opened="1",
    reopened="2",
    resolved="6",
    closed="7",
    inactive=frozenset({"7", "8"}),
)

REQUEST_ITEM = StateModel(
    {
        "-5": "Pending",
        "1": "Open",
        "2": "Work in Progress",
        "3": "Closed Complete",
        "4": "Closed Incomplete",
        "7": "Closed Skipped",
    },
    opened="1",
    reopened="2",
    closed="3",
    inactive=frozenset({"3", "4", "7"}),
)

CASE = StateModel(
    {"1": "New", "10": "Open", "18": "Awaiting Info", "6": "Resolved", "3": "Closed", "7": "Cancelled"},
    opened="1",
    reopened="10",
    resolved="6",
    closed="3",
    inactive=frozenset({"3", "7"}),
)


def base_models() -> dict[str, StateModel]:
    """The models of a fresh instance, by table."""
    return {
        "incident": INCIDENT,
        "sc_req_item": REQUEST_ITEM,
        "sc_request": REQUEST_ITEM,
        "sn_customerservice_case": CASE,
    }
