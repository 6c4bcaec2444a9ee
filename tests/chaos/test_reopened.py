"""Tickets that are opened again in a run: who does it, and how they are counted."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

import httpx
import pytest
from chaos import desks as chaos_desks
from chaos.desks import Desks
from chaos.judge import Decision, Records, Ticket, Verdict, judge
from chaos.people import JIRA, SERVICE, SERVICENOW, Customer, Reopening, Said, deal

FOUR = Said("w1n0", SERVICE, "4 w1n0", 4, "w1n0")
PHONE = "+358401000001"
RESULT = "Customer survey: SERVICE 4 on a scale of 1 to 5\n\n{quote}\nw1n0\n{quote}\n\nRef xabc.1"
WRITTEN = {"comment": "w1n0", "scores": [{"question": SERVICE, "value": 4}]}


def test_some_tickets_of_customers_who_can_be_asked_are_opened_again() -> None:
    usual, customers = deal(3, 2000, 1600), deal(3, 2000, 1600, 0.2)
    again = [one for one in customers if one.reopening]
    assert set(Counter(one.reopening for one in again).values()) <= set(range(60, 140))
    assert {one.reopening for one in again} == set(Reopening) - {Reopening.NONE}
    assert all(one.phone for one in again)
    assert [one for one in customers if not one.reopening] == [
        one for one in usual if not customers[one.number].reopening
    ]


def test_who_is_asked_about_a_second_closing_answers_on_the_page_which_names_the_survey() -> None:
    anew = [one for one in deal(3, 2000, 1600, 0.2) if one.reopening is Reopening.AFTER_ANEW]
    assert all(one.by_page and len(one.answers) <= 1 and not one.follow_ups for one in anew)


def _judged(surveys: int, asked: int, decision: Decision, *, answered: bool = False) -> Verdict:
    ticket = Ticket(
        1, "jira", "10001", "SUP-1", [("comment", RESULT)] * answered, WRITTEN if answered else None, surveys
    )
    messages = [(str(number) * 20, PHONE, SERVICE) for number in range(asked)]
    customer = Customer(1, JIRA, PHONE, (FOUR,) * answered)
    return judge(Records([customer], [ticket], messages, ["w1n0"] * answered, {("jira", "10001"): decision}))


REOPENED, DELIVERED = Decision("cancelled", "reopened"), Decision("delivered", "")


@pytest.mark.parametrize("decision", [REOPENED, Decision("skipped", "reopened"), Decision("missing", "")])
def test_nobody_need_be_asked_about_a_ticket_that_was_opened_again(decision: Decision) -> None:
    verdict = _judged(0, 0, decision)
    assert verdict.is_clean
    assert verdict.not_asked == {"open again": 1}


@pytest.mark.parametrize(("asked", "decision"), [(1, DELIVERED), (0, Decision("unknown", "worker_died"))])
def test_a_message_about_a_ticket_that_is_open_again_is_found(asked: int, decision: Decision) -> None:
    assert _judged(0, asked, decision).broken["asked_although_open"] == ["SUP-1"]


def test_each_of_two_closings_is_asked_about_once() -> None:
    assert _judged(2, 2, DELIVERED, answered=True).is_clean
    assert _judged(2, 1, DELIVERED, answered=True).broken["lost_invitations"] == ["SUP-1"]
    assert _judged(1, 0, Decision("skipped", "reopened")).broken["lost_invitations"] == ["SUP-1"]
    assert _judged(2, 3, DELIVERED, answered=True).broken["repeated_questions"] == ["SUP-1"]


def test_a_second_survey_may_be_in_doubt_although_the_first_was_answered() -> None:
    doubt = Decision("unknown", "worker_died")
    verdict = _judged(2, 1, doubt, answered=True)
    assert verdict.is_clean
    assert [one["gateway_acted"] for one in verdict.unknown] == [False]
    assert _judged(2, 2, doubt, answered=True).broken["unresolved"] == ["SUP-1"]


def test_the_account_shows_how_far_conversations_went() -> None:
    yes, no = Said("w1n1", "solved", "kyllä, w1n1", 1, "w1n1"), Said("w1again", SERVICE, "tarkoitin 2", 2)
    customer = Customer(1, JIRA, PHONE, (FOUR, no), follow_ups={"solved": yes})
    asked = [("a", PHONE, SERVICE), ("b", PHONE, "solved"), ("c", PHONE, "")]
    assert Records([customer], [], asked, ["w1n0", "w1again", "w1n1"], {}).conversations() == {
        "answered": 1,
        "corrected": 1,
        "asked_on": 1,
        "answered_on": 1,
        "thanked_or_stopped": 1,
        "stopped": 0,
        "questions": {SERVICE: 1, "solved": 1},
    }


# The agents


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos_desks, "_THINKS_S", (0.0, 0.001))
    monkeypatch.setattr(chaos_desks, "_LOOKS_EVERY_S", 0.001)


def _desks(reopening: Reopening) -> Desks:
    both = [Customer(number, desk, PHONE, (), reopening=reopening) for number, desk in enumerate((JIRA, SERVICENOW))]
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    return Desks(both, client, random.Random(1))


async def _until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not done():  # noqa: ASYNC110 - the desks tell nobody
            await asyncio.sleep(0.001)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("reopening", "surveys"), [(Reopening.BEFORE, 0), (Reopening.BEFORE_ANEW, 2)])
async def test_an_agent_opens_a_ticket_again_before_its_survey_is_due(reopening: Reopening, surveys: int) -> None:
    desks = _desks(reopening)
    desks.start_closing(0)
    await _until(lambda: desks.counts() == {"closed": 2, "at_work": 0, "surveys": surveys})
    assert desks.reopened == {reopening: 2}
    assert [one["surveys"] for one in desks.tickets()] == [surveys / 2] * 2
    await desks.stop()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("reopening", "surveys"), [(Reopening.AFTER, 2), (Reopening.AFTER_ANEW, 4)])
async def test_an_agent_opens_a_ticket_again_when_an_answer_stands_on_it(reopening: Reopening, surveys: int) -> None:
    desks = _desks(reopening)
    desks.start_closing(0)
    await _until(lambda: desks.closed == 2)
    assert not desks.reopened
    jira, servicenow = desks.tickets()
    issue = desks.site.issues.find(jira["id"])
    assert issue is not None
    desks.site.comment(issue, desks.site.account, RESULT, public=False)
    desks.instance.change(servicenow["id"], {"work_notes": RESULT}, by=desks.instance.account.username)
    await _until(lambda: desks.reopened == {reopening: 2})
    assert desks.counts() == {"closed": 2, "at_work": 0, "surveys": surveys}
    await desks.stop()
