"""A Jira site with closed tickets, for the clients that call it on loopback."""

from __future__ import annotations

from typing import Literal

from sandbox.jira import JiraSite

from hub.testing.clock import FakeClock

TICKETS = 7
"""How many closed tickets there are: all closed in the same second, so that order has to come from the key."""


def populated(kind: Literal["cloud", "dc"], clock: FakeClock) -> JiraSite:
    """A site with seven closed requests of a customer, SUP-1 to SUP-7, and an open one."""
    site = JiraSite(kind, clock=clock.now, context_path="" if kind == "cloud" else "/jira")
    desk = site.add_project("SUP", service_desk=True)
    fred = site.add_user("Fred F.", email="fred@example.org", account_type="customer")
    site.add_field("Rating", "number")
    for number in range(TICKETS):
        issue = site.open_issue(desk, f"Ticket {number}", fred)
        site.transition(issue, "Resolved", by=site.agent)
    site.open_issue(desk, "Still open", fred)
    return site


def calls(site: JiraSite, *paths: str) -> list[tuple[str, str, int]]:
    """Method, last part of the path and status of the requests whose path ends in one of these."""
    return [
        (each.method, each.path.rpartition("/")[2], each.status) for each in site.requests if each.path.endswith(paths)
    ]
