"""What customers do on the page of a survey, as the store sees it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest
import sqlalchemy as sa

from hub.journey import page, stamp
from hub.journey.page import MOST_VISITS, Stage
from hub.journey.submission import Outcome, PageRules, Submission
from hub.journey.suspicion import Patterns
from hub.store.engine import Store
from hub.store.tables import AnswerState, InvitationState, answers, events, visits
from tests.journey.asked import LATER, MAIL, OTHER, RULES, SENT_AT, SURVEYS, TOKEN, Sent
from tests.surveys import surveys

CLIENT = "203.0.113.77"


@pytest.fixture
async def sent(store: Store) -> Sent:
    """A survey that was sent by mail half an hour ago, once on each database."""
    sent = Sent(store)
    await sent.send()
    return sent


async def test_looking_changes_nothing_and_shows_what_can_be_done(sent: Sent) -> None:
    for _ in range(2):
        opened = await sent.look()
        assert (opened.stage, opened.survey, opened.said.values) == (Stage.OPEN, SURVEYS["closing"], {})
    assert await sent.answers() == []
    assert await page.open_page(sent.store, OTHER, RULES, sent.now) is None


async def test_an_answer_is_stored_as_values_and_shown_at_once(sent: Sent) -> None:
    assert await sent.press(service=4, solved=1, comment="Nopea apu ❤") is Outcome.STORED
    [row] = await sent.answers()
    assert (row["state"], row["gateway"], row["channel"], row["key"]) == (AnswerState.NEW, "page", "page", TOKEN)
    assert json.loads(row["given"]) == {"service": 4, "solved": 1, "comment": "Nopea apu ❤"}
    assert (row["text"], row["raw"], row["suspicion"], row["sender"]) == ("", "", None, MAIL)
    opened = await sent.look()
    assert (opened.stage, opened.change_until) == (Stage.ANSWERED, sent.now + timedelta(days=7))
    sent.pass_time(minutes=2)
    await sent.press(service=5, factors=["friendly"])
    assert (await sent.look()).said.values == {
        "service": 5, "solved": 1, "comment": "Nopea apu ❤", "factors": ["friendly"],
    }  # fmt: skip
    assert len(await sent.answers()) == 2


async def test_a_later_message_of_the_conversation_leads_to_the_same_page(sent: Sent) -> None:
    await sent.follow()
    assert (await sent.look(LATER)).invitation["token"] == TOKEN
    assert await sent.press(LATER, service=2) is Outcome.STORED
    [row] = await sent.answers()
    opened = await sent.look()
    assert (row["key"], row["invitation_id"]) == (TOKEN, opened.invitation["id"])
    assert opened.stage is Stage.ANSWERED


async def test_a_survey_that_is_over_takes_nothing(sent: Sent) -> None:
    await sent.change(state=InvitationState.CANCELLED, attempts=0)
    assert (await sent.look()).stage is Stage.CANCELLED
    assert await sent.press(service=4) is Outcome.CLOSED
    await sent.change(state=InvitationState.FAILED, attempts=1)
    assert (await sent.look()).stage is Stage.OPEN, "it may have arrived whatever the gateway says"
    sent.pass_time(days=15)
    assert (await sent.look()).stage is Stage.EXPIRED
    assert await sent.press(service=4) is Outcome.CLOSED
    await sent.change(state=InvitationState.SKIPPED, address=None, identity=None)
    assert await page.open_page(sent.store, TOKEN, RULES, sent.now) is None
    assert await sent.answers() == []


async def test_an_answer_can_be_changed_within_the_time_and_completed_for_an_hour_at_least(sent: Sent) -> None:
    sent.pass_time(days=13)
    await sent.press(service=2)
    sent.pass_time(days=6)
    assert await sent.press(service=3) is Outcome.STORED, "the survey has expired, the time for changes has not"
    sent.pass_time(days=2)
    assert (await sent.look()).stage is Stage.SETTLED
    assert await sent.press(service=5) is Outcome.CLOSED
    assert await sent.press(withdraws=True) is Outcome.CLOSED


async def test_without_time_for_changes_only_what_is_missing_is_taken(sent: Sent) -> None:
    sent.rules = replace(sent.rules, change_within=timedelta())
    await sent.press(service=2)
    assert (await sent.look()).stage is Stage.SETTLED
    assert await sent.press(service=5, improve="Vastatkaa") is Outcome.STORED
    assert (await sent.look()).said.values == {"service": 2, "improve": "Vastatkaa"}
    assert await sent.press(service=5) is Outcome.CLOSED
    sent.pass_time(hours=1)
    assert await sent.press(lost_time=30) is Outcome.CLOSED


async def test_an_answer_can_be_withdrawn_and_given_anew(sent: Sent) -> None:
    assert await sent.press(withdraws=True) is Outcome.CLOSED, "there is none yet"
    await sent.press(service=2, comment="Hidasta")
    sent.pass_time(minutes=1)
    assert await sent.press(withdraws=True) is Outcome.STORED
    opened = await sent.look()
    assert (opened.stage, opened.said.withdrawn, opened.said.values) == (Stage.ANSWERED, True, {})
    assert [row["withdraws"] for row in await sent.answers()] == [False, True], "nothing is deleted"
    sent.pass_time(minutes=1)
    await sent.press(service=4)
    opened = await sent.look()
    assert (opened.said.withdrawn, opened.said.values) == (False, {"service": 4})


async def test_an_answer_is_read_with_the_survey_that_was_sent(store: Store) -> None:
    old = surveys("""
        [questions.service]
        maximum = 3
        labels = { fi = ["a", "b", "c"], sv = ["a", "b", "c"], en = ["a", "b", "c"] }
        """)["closing"]
    sent = Sent(store)
    await sent.send(survey=old)
    opened = await sent.look()
    assert (opened.survey.version, opened.survey.questions["service"].maximum) == (old.version, 3)


async def test_a_form_without_a_genuine_stamp_is_held(sent: Sent) -> None:
    for stamped in ("", "0-0-0", "forged\n", stamp.make(b"another key", TOKEN, sent.now, "0" * 16)):
        submission = Submission(values={"service": 1}, stamp=stamped, hand="pointer")
        assert await page.submit(sent.store, TOKEN, submission, sent.rules, sent.now) is Outcome.HELD
    for subject in (OTHER, "places.lobby"):
        assert await sent.press(subject=subject, hand="pointer", service=1) is Outcome.HELD
    rows = await sent.answers()
    assert {(row["state"], row["suspicion"]) for row in rows} == {(AnswerState.QUARANTINED, "no_form")}


async def test_what_is_held_counts_for_nothing_until_a_person_answers(sent: Sent) -> None:
    assert await sent.press(service=1, trap_filled=True, address=CLIENT) is Outcome.HELD
    opened = await sent.look()
    assert (opened.stage, opened.said.values) == (Stage.OPEN, {}), "the customer finds an open survey"
    assert opened.held is not None
    assert opened.held.values == {"service": 1}
    async with sent.store.read() as connection:
        [note] = (await connection.scalars(sa.select(events.c.what))).all()
    assert "looks like a machine's (trap)" in note
    sent.pass_time(minutes=1)
    assert await sent.press(service=5) is Outcome.STORED
    opened = await sent.look()
    assert (opened.stage, opened.said.values, opened.held) == (Stage.ANSWERED, {"service": 5}, None)
    assert [(row["state"], row["suspicion"]) for row in await sent.answers()] == [
        (AnswerState.REFUSED, "trap"),
        (AnswerState.NEW, None),
    ]


async def test_who_goes_on_after_an_answer_that_is_held_has_to_show_a_hand(sent: Sent) -> None:
    await sent.press(service=1, shown=0.2)
    again = {"service": 1, "improve": "x", "follows_held": True}
    assert await sent.press(**again) is Outcome.HELD
    assert [row["suspicion"] for row in await sent.answers()] == ["too_fast", "unconfirmed"]
    assert await sent.press(**again, hand="touch") is Outcome.STORED
    assert (await sent.look()).said.values == {"service": 1, "improve": "x"}


async def test_a_word_that_is_no_hand_is_none(sent: Sent) -> None:
    assert await sent.press(service=1, shown=0.2, hand="robot") is Outcome.HELD


async def test_visits_are_kept_up_to_a_bound_and_show_a_scanner(sent: Sent) -> None:
    for rating in (1, 2, 3, 4, 5) * 5:
        await page.note_visit(sent.store, TOKEN, rating, sent.now)
        sent.pass_time(milliseconds=100)
    await page.note_visit(sent.store, OTHER, 1, sent.now)
    async with sent.store.read() as connection:
        kept = (await connection.scalars(sa.select(visits.c.rating).order_by(visits.c.id))).all()
    assert kept == [1, 2, 3, 4, 5] * (MOST_VISITS // 5)
    assert await sent.press(service=5, shown=0.5, hand="pointer") is Outcome.HELD
    assert (await sent.answers())[0]["suspicion"] == "all_ratings_visited"


async def test_the_message_that_was_opened_tells_whether_it_was_just_delivered(sent: Sent) -> None:
    await sent.follow(sent_at=sent.now - timedelta(seconds=4))
    assert await sent.press(TOKEN, service=3) is Outcome.STORED
    assert await sent.press(LATER, service=3) is Outcome.HELD
    await sent.change(state=InvitationState.SENDING, sent_at=None)
    assert await sent.press(TOKEN, service=3) is Outcome.HELD, "its outcome is not stored yet"
    assert [row["suspicion"] for row in await sent.answers()] == [None, "just_delivered", "just_delivered"]


async def test_known_scanners_are_held_and_no_address_is_stored(sent: Sent) -> None:
    patterns = Patterns(scanner_networks=(ip_network("203.0.113.0/24"),))
    sent.rules = replace(sent.rules, patterns=patterns)
    assert await sent.press(service=1, address="198.51.100.9") is Outcome.STORED
    assert await sent.press(service=1, address=CLIENT) is Outcome.HELD
    stored = "".join(str(dict(row)) for row in await sent.answers())
    assert CLIENT not in stored
    assert "198.51.100.9" not in stored


async def test_one_link_stores_only_so_much(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_SUBMISSIONS", 3)
    outcomes = [await sent.press(service=2, trap_filled=number == 0) for number in range(4)]
    assert outcomes == [Outcome.HELD, Outcome.STORED, Outcome.STORED, Outcome.TOO_MANY]
    assert len(await sent.answers()) == 3


async def test_the_same_form_sent_twice_is_kept_twice_and_counts_once(sent: Sent) -> None:
    submission = Submission(values={"service": 2}, hand="key")
    rules: PageRules = sent.rules
    outcomes = {await page.submit(sent.store, TOKEN, submission, rules, sent.now) for _ in range(2)}
    assert outcomes == {Outcome.HELD}
    await sent.press(service=2)
    async with sent.store.read() as connection:
        states = (await connection.scalars(sa.select(answers.c.state).order_by(answers.c.id))).all()
    assert states == [AnswerState.REFUSED, AnswerState.REFUSED, AnswerState.NEW]


async def test_an_answer_by_sms_can_be_completed_on_the_page(sent: Sent) -> None:
    row = {
        "gateway": "sms", "provider_id": "1", "channel": "sms", "state": AnswerState.USED, "sender": "+358401234567",
        "invitation_id": (await sent.look()).invitation["id"], "text": "2 hidasta", "matched_by": "sender",
        "received_at": SENT_AT + timedelta(minutes=5), "stored_at": SENT_AT + timedelta(minutes=5),
    }  # fmt: skip
    async with sent.store.write() as connection:
        await connection.execute(answers.insert(), [row])
    await sent.change(answered_at=row["received_at"])
    opened = await sent.look()
    assert (opened.stage, opened.said.values, opened.said.remarks) == (
        Stage.ANSWERED,
        {"service": 2},
        (("service", "hidasta"),),
    )
    await sent.press(lost_time=30)
    assert (await sent.look()).said.values == {"service": 2, "lost_time": 30}
