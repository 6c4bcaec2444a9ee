"""Open tickets that were handed over or wait: which are told of, and under which key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hub_jira.reached import hand_overs
from hypothesis import given
from hypothesis import strategies as st

from hub import Milestone, Ticket


async def told(rig: Any, **settings: Any) -> list[Ticket]:
    """What a source tells of the last day."""
    source = rig.source(**settings)
    since = rig.clock.now() - timedelta(days=1)
    return [ticket async for page in source.milestones(since) for ticket in page]


def agent(rig: Any, name: str) -> Any:
    return rig.site.add_user(name, is_agent=True)


async def test_a_source_without_the_setting_asks_jira_nothing(any_rig: Any) -> None:
    any_rig.site.assign(any_rig.open(assignee=any_rig.site.agent), agent(any_rig, "Bert"))
    assert await told(any_rig, milestones=[]) == []
    assert any_rig.site.requests == []


async def test_a_hand_over_names_who_has_the_ticket_now(any_rig: Any) -> None:
    issue = any_rig.open(assignee=any_rig.site.agent)
    change = any_rig.site.assign(issue, agent(any_rig, "Bert Agent"))
    [ticket] = await told(any_rig, milestones=["handed_over"])
    assert (ticket.milestone, ticket.closure_key) == (Milestone.HANDED_OVER, f"handed_over:{change.id}")
    assert (ticket.closed_at, ticket.opened_at) == (change.at, issue.created)
    assert (ticket.agent, ticket.customer.email) == ("Bert Agent", "fred@customer.example")


async def test_each_hand_over_is_told_of(any_rig: Any) -> None:
    """The hub sees to it that the customer is not asked each time."""
    issue = any_rig.open(assignee=any_rig.site.agent)
    changes = []
    for name in ("Bert", "Carl"):
        any_rig.advance(hours=1)
        changes.append(any_rig.site.assign(issue, agent(any_rig, name)))
    keys = [ticket.closure_key for ticket in await told(any_rig, milestones=["handed_over"])]
    assert keys == [f"handed_over:{change.id}" for change in changes]


async def test_taking_a_ticket_and_laying_it_down_is_no_hand_over(any_rig: Any) -> None:
    issue = any_rig.open()
    any_rig.site.assign(issue, any_rig.site.agent)
    any_rig.site.assign(issue, None)
    any_rig.site.assign(issue, any_rig.site.agent)
    assert await told(any_rig, milestones=["handed_over"]) == []
    any_rig.site.assign(issue, None)
    any_rig.site.assign(issue, agent(any_rig, "Bert"))
    assert len(await told(any_rig, milestones=["handed_over"])) == 1


async def test_a_hand_over_of_long_ago_is_not_told_of(any_rig: Any) -> None:
    """Also when the ticket was handed over again since."""
    issue = any_rig.open(assignee=any_rig.site.agent)
    any_rig.site.assign(issue, agent(any_rig, "Bert"))
    any_rig.advance(days=2)
    latest = any_rig.site.assign(issue, any_rig.site.agent)
    keys = [ticket.closure_key for ticket in await told(any_rig, milestones=["handed_over"])]
    assert keys == [f"handed_over:{latest.id}"]


async def test_a_change_of_team_is_a_hand_over_where_a_field_names_the_team(any_rig: Any) -> None:
    """Search knows nothing of it; Data Center's history calls the field by its name."""
    team = any_rig.site.add_field("Team")
    issue = any_rig.open(custom={team.id: "Desk"})
    change = any_rig.site.fill(issue, team, "Network")
    assert await told(any_rig, milestones=["handed_over"]) == []
    [ticket] = await told(any_rig, milestones=["handed_over"], team_field=team.id)
    assert (ticket.closure_key, ticket.team) == (f"handed_over:{change.id}", "Network")


async def test_a_ticket_waits_once_it_has_been_open_for_long(any_rig: Any) -> None:
    issue = any_rig.open(custom={})
    started = any_rig.clock.now()
    settings = {"milestones": ["waiting"], "waiting_after": "4h"}
    any_rig.advance(hours=3, minutes=59)
    assert await told(any_rig, **settings) == []
    any_rig.advance(minutes=1)
    [ticket] = await told(any_rig, **settings)
    assert (ticket.id, ticket.milestone) == (issue.id, Milestone.WAITING)
    assert ticket.closed_at == started + timedelta(hours=4)
    any_rig.site.assign(issue, any_rig.site.agent)
    assert [again.closure_key for again in await told(any_rig, **settings)] == [ticket.closure_key]
    any_rig.advance(days=1, minutes=1)
    assert await told(any_rig, **settings) == [], "it began to wait more than a day ago"


async def test_all_pages_are_read_and_other_projects_left_alone(any_rig: Any) -> None:
    """A page holds two tickets."""
    issues = [any_rig.open(f"Nr {number}") for number in range(5)]
    any_rig.site.open_issue(any_rig.site.add_project("HR"), "Not ours", any_rig.customer())
    any_rig.advance(days=2)
    found = await told(any_rig, milestones=["waiting"])
    assert {ticket.id for ticket in found} == {issue.id for issue in issues}


async def test_histories_are_read_a_page_at_a_time(cloud: Any) -> None:
    """As few requests as a pull makes."""
    bert = agent(cloud, "Bert")
    for _ in range(3):
        cloud.site.assign(cloud.open(assignee=cloud.site.agent), bert)
    assert len(await told(cloud, milestones=["handed_over"], page_size=100)) == 3
    assert (cloud.asked("/search/jql"), cloud.asked("/changelog/bulkfetch")) == (1, 1)


people = st.sampled_from(["anna", "bert", "carl", None])
entries = st.lists(st.tuples(people, people), max_size=8)


@given(entries)
def test_any_history_gives_each_entry_at_most_once(steps: list[tuple[str | None, str | None]]) -> None:
    histories = [
        {
            "id": str(number),
            "created": 1_772_360_000_000 + number,
            "items": [{"field": "assignee", "from": before, "to": after, "fromString": None, "toString": None}],
        }
        for number, (before, after) in enumerate(steps)
    ]
    found = [reached.mark for reached in hand_overs(histories[::-1], {"assignee"})]
    assert found == sorted(set(found), key=int)
    assert all(steps[int(mark)][1] for mark in found), "somebody has it afterwards"
