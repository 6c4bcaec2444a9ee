"""`hub why`: what happened, which rule decided, and what can be done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub import Customer, Milestone
from hub.journey.policy import Reason
from hub.journey.story import NEXT, Story, stories
from hub.store.tables import answers, invitations
from tests.journey.world import MAIL, ON_SQLITE, PHONE, World, plan, ticket

pytestmark = ON_SQLITE


async def story(world: World, key: str = "T") -> Story:
    async with world.store.read() as connection:
        return (await stories(connection, key))[-1]


def told(one: Story) -> str:
    return " | ".join(line.what for line in one.lines)


async def test_the_rule_that_asked_is_named(world: World) -> None:
    world.plan = plan(rules=[{"name": "sap", "service": ["SAP"], "survey": "progress"}])
    await world.close(ticket(world.now, key="T", service="SAP"))
    one = await story(world)
    assert "to be asked over sms in fi: the rule 'sap', the survey 'progress'" in told(one)
    assert (one.rule, one.survey, one.state) == ("sap", "progress", "waiting")


@pytest.mark.parametrize(
    ("rules", "values", "what", "next_step"),
    [
        ({}, {"reporter_is_agent": True}, "the exclusion 'agent' fits this ticket", "change [exclusions.agent] in"),
        ({"share": 0}, {}, "(not_sampled); the rule 'default' is for it", "the share of the rule 'default' says"),
        ({"rules": [{"name": "x", "ask": False}]}, {}, "(rule); the rule 'x' is for it", "change the rule 'x' in"),
        ({}, {"milestone": Milestone.WAITING}, "(no_rule)", "add [[rules]] with their milestone"),
        ({}, {"customer": Customer()}, "(no_contact); the rule 'default'", "complete the ticket system or"),
    ],
)
async def test_why_not_is_told_with_what_can_be_done(
    world: World, rules: dict, values: dict, what: str, next_step: str
) -> None:
    world.plan = plan(exclusions={"agent": {"reporter_is_agent": True}}, **rules)
    await world.close(ticket(world.now, key="T", **values))
    one = await story(world)
    assert f"not asked: {what}" in told(one) or what in told(one)
    assert next_step in one.next_step


async def test_a_milestone_is_told_as_what_it_was(world: World) -> None:
    for milestone, what in ((Milestone.HANDED_OVER, "handed over"), (Milestone.WAITING, "waiting for long")):
        await world.close(ticket(world.now, key="T", milestone=milestone))
        one = await story(world)
        assert what in one.lines[0].what
        assert one.milestone == milestone


async def test_what_was_taken_back_says_why(world: World) -> None:
    world.plan = plan(delay="1h")
    closed = ticket(world.now, key="T")
    await world.close(closed)
    await world.close(reopened=(closed.id,))
    one = await story(world)
    assert one.next_step.startswith("taken back: the ticket was reopened")
    assert one.next_step.endswith("the next closing counts again")


async def test_messages_that_follow_the_survey_and_answers_that_do_not_count_are_told(world: World) -> None:
    await world.close(ticket(world.now, key="T", customer=Customer(phone=PHONE, email=MAIL)))
    await world.deliver()
    [asked] = await world.invitations()
    follow = {name: asked[name] for name in ("closure_id", "gateway", "channel", "address", "identity", "language")}
    follow |= {"created_at": world.now, "due_at": world.now, "expires_at": world.now}
    rows = [
        {"step": 1, "kind": "question", "token": "a", "state": "sent", "sent_at": world.now, "reason": None},
        {"step": 2, "kind": "reminder", "token": "b", "state": "waiting", "sent_at": None, "reason": None},
        {"step": 3, "kind": "thanks", "token": "c", "state": "cancelled", "sent_at": None, "reason": "opted_out"},
        {"step": 4, "kind": "thanks", "token": "d", "state": "failed", "sent_at": None, "reason": "http_400"},
    ]
    said = {"gateway": "page", "channel": "page", "sender": MAIL, "text": "", "received_at": world.now}
    said |= {"stored_at": world.now, "invitation_id": asked["id"], "raw": ""}
    came = [
        {"provider_id": "1", "state": "quarantined", "suspicion": "all_ratings", "withdraws": False},
        {"provider_id": "2", "state": "refused", "suspicion": "desk", "withdraws": False},
        {"provider_id": "3", "state": "used", "suspicion": None, "withdraws": True},
        {"provider_id": "4", "state": "used", "suspicion": None, "withdraws": False},
    ]
    async with world.store.write() as connection:
        rows = [{**follow, **row, "attempts": 1, "question": "solved" if row["step"] == 1 else None} for row in rows]
        await connection.execute(invitations.insert(), rows)
        await connection.execute(answers.insert(), [{**said, **row, "matched_by": "token"} for row in came])
    words = told(await story(world))
    for what in (
        "the survey left over sms",
        "the question 'solved' left over sms",
        "the reminder is due",
        "the thanks did not leave: the customer asked not to be surveyed",
        "the thanks was not delivered (http_400)",
        "an answer by page is held back: it looks like a machine's (all_ratings)",
        "an answer by page does not count (desk)",
        "the customer took the answer back by page",
        "the customer answered by page (matched by token)",
    ):
        assert what in words
    assert (await story(world)).state == "sent"


async def test_a_ticket_that_was_asked_about_twice_has_two_stories(world: World) -> None:
    world.plan = plan(rules=[{"name": "early", "milestone": ["handed_over"], "survey": "progress"}])
    early = ticket(world.now - timedelta(hours=1), key="T", milestone=Milestone.HANDED_OVER)
    await world.close(early)
    await world.deliver()
    closed = {"closure_key": "closed", "milestone": Milestone.CLOSED, "closed_at": world.now}
    await world.close(early.model_copy(update=closed))
    async with world.store.read() as connection:
        assert [one.survey for one in await stories(connection, "T")] == ["progress", "closing"]


async def test_every_reason_says_what_can_be_done(world: World) -> None:
    assert set(NEXT) == set(Reason)
