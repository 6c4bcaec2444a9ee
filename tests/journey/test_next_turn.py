"""What comes next in a conversation, decided without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub import Channel
from hub.journey.converse import Turn, next_turn
from hub.journey.heard import OPERATOR, Heard, asked_last
from hub.survey.conversation import Gathered
from hub.survey.model import MessageKind
from tests.journey.world import surveys

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=2)
QUESTION, THANKS = MessageKind.QUESTION, MessageKind.THANKS


def step(number: int = 0, **values: Any) -> dict[str, Any]:
    kind = MessageKind.SURVEY if number == 0 else QUESTION
    row = {"id": 10 + number, "step": number, "kind": kind, "question": None, "state": "delivered", "created_at": NOW}
    return row | {"open_until": LATER if number == 0 else None} | values


def turn(*following: dict[str, Any], next_: str | None = "solved", messages: int = 3, **said: Any) -> Turn:
    """After a reply by SMS, unless something else is said."""
    first = step(open_until=said.pop("open_until", LATER))
    answers = said.pop("answers", [{"channel": Channel.SMS, "gateway": "sms", "received_at": NOW}])
    gathered = Gathered(
        values={}, remarks=(), next=next_, withdrawn=said.pop("withdrawn", False), said_anything=said.pop("said", True)
    )
    survey = surveys(messages)["closing"]
    invitation = {"expires_at": said.pop("expires_at", LATER)}
    return next_turn(Heard(invitation, survey, answers, gathered, [first, *following]), NOW)


def test_the_open_question_is_asked_once() -> None:
    assert turn() == Turn((QUESTION, "solved"), True)
    assert turn(step(1, question="solved", state="sent")) == Turn(None, True)


def test_a_question_that_was_not_sent_may_be_asked_later() -> None:
    assert turn(step(1, question="solved", state="cancelled")).say == (QUESTION, "solved")


def test_thanks_come_when_nothing_is_open_and_once() -> None:
    assert turn(next_=None) == Turn((THANKS, None), False)
    assert turn(step(1, kind=THANKS, state="sent"), next_=None) == Turn(None, False)


def test_nobody_is_thanked_for_nothing() -> None:
    assert turn(next_=None, said=False) == Turn(None, False)


@pytest.mark.parametrize(("messages", "say"), [(1, None), (2, (THANKS, None)), (3, (QUESTION, "solved"))])
def test_the_last_message_is_for_thanks(messages: int, say: tuple[str, str | None] | None) -> None:
    assert turn(messages=messages).say == say


def test_a_reminder_is_one_of_the_messages_and_a_confirmation_is_not() -> None:
    assert turn(step(1, kind=MessageKind.REMINDER)).say == (THANKS, None)
    assert turn(step(1, kind=MessageKind.STARTED)).say == (QUESTION, "solved")


@pytest.mark.parametrize(
    "over",
    [
        {"open_until": None},
        {"expires_at": NOW},
        {"withdrawn": True},
        {"answers": [{"channel": Channel.PAGE, "gateway": "page", "received_at": NOW}]},
    ],
)
def test_a_conversation_that_is_over_says_nothing_and_takes_back_what_waits(over: dict[str, Any]) -> None:
    waiting = step(1, question="solved", state="waiting")
    assert turn(waiting, **over) == Turn(None, False, drop=(11,))


def test_what_a_person_corrected_does_not_end_a_conversation() -> None:
    reply = {"channel": Channel.SMS, "gateway": "sms", "received_at": NOW}
    assert turn(answers=[reply, {"channel": Channel.PAGE, "gateway": OPERATOR, "received_at": LATER}]).goes_on


def test_a_question_that_was_answered_before_it_left_makes_room_for_the_next() -> None:
    waiting = step(1, question="solved", state="waiting")
    assert turn(waiting, next_="improve") == Turn((QUESTION, "improve"), True, drop=(11,))


def test_after_a_reply_a_reminder_is_not_sent_any_more() -> None:
    assert turn(step(1, kind=MessageKind.REMINDER, state="waiting")).drop == (11,)


def test_what_may_have_left_has_arrived_when_the_customer_writes() -> None:
    assert turn(step(1, question="solved", state="unknown")).arrived == (11,)


@pytest.mark.parametrize(
    ("state", "asked"),
    [("waiting", None), ("sending", "solved"), ("unknown", "solved"), ("sent", "solved"), ("failed", None)],
)
def test_only_what_may_have_left_was_asked(state: str, asked: str | None) -> None:
    assert asked_last([step(), step(1, question="solved", state=state)]) == asked
