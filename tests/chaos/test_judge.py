"""Who the customers of a chaos run are, and what is counted of it: each broken promise is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import phonenumbers
import pytest
from chaos.judge import PROMISES, Decision, Records, Ticket, judge
from chaos.people import SERVICE, SOLVED, STOP, Said, deal
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.asked import ASKED, FOUR, QUIET, TOKEN


def test_as_many_answer_as_was_asked_for_and_the_seed_decides_who() -> None:
    customers = deal(3, 1000, 800)
    assert sum(bool(customer.answers) for customer in customers) == 800
    assert sum(not customer.phone for customer in customers) == 10
    assert customers == deal(3, 1000, 800)
    assert customers != deal(4, 1000, 800)


@given(st.integers(0, 9_999))
def test_customers_have_numbers_that_a_gateway_takes(number: int) -> None:
    phone = deal(1, number + 1, 0)[number].phone
    assert not phone or phonenumbers.is_valid_number(phonenumbers.parse(phone))


def test_customers_words_are_their_own() -> None:
    replies = [said for customer in deal(1, 500, 400) for said in customer.all_replies]
    words = [said.word for said in replies if said.word]
    assert len(words) == len(set(words)) > 1000
    assert len({said.id for said in replies}) == len(replies)
    assert {said.text for said in replies if not said.word} >= {STOP, "tarkoitin 5"}


FIRST = "Customer survey: SERVICE 4 on a scale of 1 to 5\n\n{quote}\nw1n0\n{quote}\n\nRef xabc.1"
LAST = (
    FIRST.replace("w1n0", "w1n0\nw1n1").replace("5\n", "5, SOLVED 1 on a scale of 0 to 1\n").replace("abc.1", "abc.2")
)
WRITTEN = {"comment": "w1n0\nw1n1", "scores": [{"question": SERVICE, "value": 4}, {"question": SOLVED, "value": 1}]}
MESSAGES = [(TOKEN, ASKED.phone, SERVICE), ("q" * 20, ASKED.phone, SOLVED), ("t" * 20, ASKED.phone, "")]


def _clean() -> Records:
    return Records(
        customers=[ASKED, QUIET],
        tickets=[
            Ticket(1, "jira", "10001", "SUP-1", [("comment", FIRST), ("comment", LAST)], WRITTEN),
            Ticket(2, "servicenow", "ab12", "INC1", []),
        ],
        messages=[*MESSAGES, ("b" * 20, QUIET.phone, SERVICE)],
        taken=["w1n0", "w1n1"],
        decisions={("jira", "10001"): Decision("delivered", ""), ("servicenow", "ab12"): Decision("delivered", "")},
    )


def _on_ticket(records: Records, **changes: Any) -> Records:
    return replace(records, tickets=[replace(records.tickets[0], **changes), *records.tickets[1:]])


BREAKING: dict[str, tuple[str, Callable[[Records], Records]]] = {
    "a customer without a message": (
        "lost_invitations",
        lambda seen: replace(seen, messages=seen.messages[:3], decisions={}),
    ),
    "a message that is still to be sent": (
        "lost_invitations",
        lambda seen: replace(
            seen, messages=seen.messages[:3], decisions={("servicenow", "ab12"): Decision("waiting", "")}
        ),
    ),
    "the same message twice": ("duplicate_messages", lambda seen: replace(seen, messages=[*seen.messages] * 2)),
    "two surveys for one closing": (
        "repeated_questions",
        lambda seen: replace(seen, messages=[*seen.messages, ("c" * 20, ASKED.phone, SERVICE)]),
    ),
    "a question asked again": (
        "repeated_questions",
        lambda seen: replace(seen, messages=[*seen.messages, ("c" * 20, ASKED.phone, SOLVED)]),
    ),
    "more messages than the survey has": (
        "messages_too_many",
        lambda seen: replace(seen, messages=[*seen.messages, *((str(n) * 20, ASKED.phone, "") for n in (1, 2))]),
    ),
    "a question after a stop word": (
        "messages_after_stop",
        lambda seen: replace(seen, stopped={ASKED.phone: 1}),
    ),
    "an answer that is nowhere": ("lost_answers", lambda seen: _on_ticket(seen, texts=[], written=None)),
    "an answer without its comment": ("lost_write_backs", lambda seen: _on_ticket(seen, texts=[])),
    "an answer without its property": ("lost_write_backs", lambda seen: _on_ticket(seen, written=None)),
    "a revision written twice": (
        "duplicate_write_backs",
        lambda seen: _on_ticket(seen, texts=[("comment", LAST)] * 2),
    ),
    "a doubt that reports have settled": (
        "unresolved",
        lambda seen: replace(seen, decisions={("jira", "10001"): Decision("unknown", "worker_died")}),
    ),
    "an answer that nobody gave": ("wrong", lambda seen: _on_ticket(seen, texts=[("comment", "w2n0\nRef xabc.1")])),
    "a rating that nobody gave": (
        "other_values",
        lambda seen: _on_ticket(seen, written=WRITTEN | {"scores": [{"question": SERVICE, "value": 1}]}),
    ),
    "a follow-up that no score tells of": (
        "other_values",
        lambda seen: _on_ticket(seen, texts=[("comment", FIRST + "\nw1n1\nRef xabc.2")]),
    ),
    "an answer that customers can read": ("wrong", lambda seen: _on_ticket(seen, texts=[("public", LAST)])),
    "a message to a stranger": (
        "wrong",
        lambda seen: replace(seen, messages=[*seen.messages, ("d" * 20, "+358401999999", SERVICE)]),
    ),
}


def test_a_run_in_which_all_went_well_is_clean() -> None:
    verdict = judge(_clean())
    assert verdict.is_clean
    assert verdict.unknown == []


@pytest.mark.parametrize("what", BREAKING)
def test_each_broken_promise_is_found(what: str) -> None:
    promise, change = BREAKING[what]
    verdict = judge(change(_clean()))
    assert verdict.broken[promise]
    assert not verdict.is_clean
    assert set(verdict.broken) == set(PROMISES)


def test_the_last_correction_is_what_counts() -> None:
    again = Said("w1again", SERVICE, "tarkoitin 2", 2)
    seen = replace(_clean(), customers=[replace(ASKED, answers=(FOUR, again)), QUIET])
    assert judge(seen).is_clean, "as long as the hub has not stored it"
    assert judge(replace(seen, taken=["w1n0", "w1again", "w1n1"])).broken["other_values"]


def test_the_confirmation_of_a_stop_word_is_no_message_too_many() -> None:
    seen = _clean()
    assert judge(replace(seen, stopped={ASKED.phone: 2})).is_clean


def test_what_is_in_doubt_is_listed_with_its_reason_and_breaks_no_promise() -> None:
    seen = _clean()
    doubt = {("servicenow", "ab12"): Decision("unknown", "worker_died")}
    verdict = judge(replace(seen, messages=seen.messages[:3], decisions={**seen.decisions, **doubt}))
    assert verdict.is_clean
    (listed,) = verdict.unknown
    assert (listed["ticket"], listed["reason"], listed["gateway_acted"]) == ("INC1", "worker_died", False)


def test_a_customer_who_was_left_out_for_a_reason_is_no_lost_invitation() -> None:
    seen = _clean()
    left_out = {("servicenow", "ab12"): Decision("skipped", "no_contact")}
    verdict = judge(replace(seen, messages=seen.messages[:3], decisions={**seen.decisions, **left_out}))
    assert verdict.is_clean
    assert verdict.not_asked == {"skipped: no_contact": 1}
