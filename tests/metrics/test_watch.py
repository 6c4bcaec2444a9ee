"""What is told to the metrics, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub import metrics, watch
from hub.api.records import Channel, DeliveryStatus
from hub.journey.policy import Reason
from hub.store.tables import AnswerState, InvitationState
from tests.metrics.exposed import forget_everything

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Connection:
    """A transaction."""


@dataclass(frozen=True)
class Attempt:
    gateway: str = "sms"
    started_at: datetime = NOW
    ended_at: datetime = NOW + timedelta(seconds=2)
    step: int = 0

    @property
    def row(self) -> dict[str, Any]:
        return {"closure_id": 1, "closed_at": NOW - 10 * MINUTE, "step": self.step}


def answer(**values: Any) -> dict[str, Any]:
    return {"gateway": "sms", "channel": Channel.SMS, "received_at": NOW, "state": AnswerState.NEW} | values


def invitation(**values: Any) -> dict[str, Any]:
    asked = {"id": 7, "closure_id": 1, "gateway": "sms", "state": InvitationState.SENT}
    return asked | {"sent_at": NOW - 5 * MINUTE, "answered_at": None} | values


def test_nothing_is_counted_before_the_commit() -> None:
    connection = Connection()
    watch.moved(connection, InvitationState.CANCELLED, Reason.REOPENED)
    assert metrics.INVITATIONS.values == {}
    watch.committed(connection, 0.0)
    assert metrics.INVITATIONS.values == {("cancelled", "reopened"): 1}


def test_a_transaction_that_is_rolled_back_counts_nothing() -> None:
    first, again = Connection(), Connection()
    for connection in (first, again):  # the work of a transaction may run twice
        watch.sent(connection, Attempt(), InvitationState.SENT)
    del first
    watch.committed(again, 0.0)
    assert metrics.SENDS.values == {("gateways.sms", "sent"): 1}


def test_a_connection_that_is_used_again_forgets_what_did_not_commit() -> None:
    connection = Connection()
    watch.moved(connection, InvitationState.CANCELLED)
    watch.forget(connection)
    watch.committed(connection, 0.0)
    assert metrics.INVITATIONS.values == {}


def test_every_commit_is_timed() -> None:
    watch.committed(Connection(), 0.0)
    assert sum(metrics.TRANSACTION_SECONDS.counts[()]) == 1


def test_a_survey_that_left_is_timed_from_the_closing() -> None:
    connection = Connection()
    watch.sent(connection, Attempt(), InvitationState.SENT)
    watch.committed(connection, 0.0)
    assert metrics.ASKED_SECONDS.sums["gateways.sms",] == 602
    assert metrics.SEND_SECONDS.sums["gateways.sms",] == 2


def test_a_survey_that_did_not_leave_is_not() -> None:
    connection = Connection()
    watch.sent(connection, Attempt(), InvitationState.WAITING)
    watch.sent(connection, Attempt(), InvitationState.FAILED, "number_denied")
    watch.committed(connection, 0.0)
    assert metrics.SENDS.values == {("gateways.sms", "again"): 1, ("gateways.sms", "refused"): 1}
    assert metrics.ASKED_SECONDS.counts == {}


def test_what_follows_a_survey_is_no_survey() -> None:
    connection = Connection()
    watch.sent(connection, Attempt(step=1), InvitationState.SENT)
    watch.committed(connection, 0.0)
    assert metrics.SENDS.values == {("gateways.sms", "sent"): 1}
    assert (metrics.INVITATIONS.values, metrics.ASKED_SECONDS.counts) == ({}, {})


def test_what_a_machine_may_have_written_is_counted_as_such_from_the_start() -> None:
    connection = Connection()
    watch.received(connection, [answer(gateway="page", channel=Channel.PAGE, state=AnswerState.QUARANTINED)])
    watch.committed(connection, 0.0)
    assert metrics.ANSWERS.values == {("page", "quarantined"): 1}


def test_only_the_first_answer_of_a_customer_is_timed() -> None:
    connection = Connection()
    again = answer(received_at=NOW + MINUTE)
    used, unmatched = AnswerState.USED, AnswerState.UNMATCHED
    judged = [(answer(), invitation(), used), (again, invitation(), used), (answer(), None, unmatched)]
    watch.matched(connection, judged)
    watch.committed(connection, 0.0)
    assert metrics.ANSWERED_SECONDS.sums == {("gateways.sms",): 300}
    assert sum(metrics.ANSWERED_SECONDS.counts["gateways.sms",]) == 1
    assert metrics.ANSWERS.values == {("sms", "used"): 2, ("sms", "unmatched"): 1}


def test_an_answer_to_an_answered_survey_is_not_timed_again() -> None:
    connection = Connection()
    before = invitation(answered_at=NOW, state=InvitationState.DELIVERED)
    watch.matched(connection, [(answer(), before, AnswerState.USED)])
    watch.committed(connection, 0.0)
    assert metrics.ANSWERED_SECONDS.counts == {}
    assert metrics.INVITATIONS.values == {}


def test_machine_mail_is_counted_as_such() -> None:
    connection = Connection()
    watch.received(connection, [answer(channel=Channel.EMAIL, state=AnswerState.AUTOMATIC), answer(gateway="page")])
    watch.committed(connection, 0.0)
    assert metrics.ANSWERS.values == {("email", "automatic"): 1}
    assert metrics.RECEIVED.values == {("gateways.sms",): 1, ("page",): 1}


def test_a_result_is_timed_when_it_is_written() -> None:
    connection = Connection()
    row = {"closure_id": 1, "claimed_at": NOW, "answered_at": NOW - MINUTE}
    watch.written(connection, "sources.desk", [(row, "done"), (row, "pending"), (row, "failed")], NOW)
    watch.committed(connection, 0.0)
    assert {labels[1]: n for labels, n in metrics.WRITE_BACKS.values.items()} == {"done": 1, "again": 1, "failed": 1}
    assert metrics.WRITTEN_SECONDS.sums == {("sources.desk",): 60}


def test_a_number_that_cannot_be_made_does_not_fail_what_is_durable() -> None:
    connection = Connection()
    watch.matched(connection, [({}, None, AnswerState.UNMATCHED)])
    watch.moved(connection, InvitationState.SENT)
    watch.committed(connection, 0.0)
    assert metrics.INVITATIONS.values == {("sent", ""): 1}


def test_the_fixed_sets_hold_every_word_of_the_hub() -> None:
    assert set(Reason) <= set(metrics.REASONS)
    assert set(InvitationState) - {InvitationState.SENDING} == set(metrics.STATES)
    assert set(Channel) == set(metrics.CHANNELS)
    assert set(DeliveryStatus) == set(metrics.REPORT_STATES)
    assert set(AnswerState) - {AnswerState.NEW} == set(metrics.ANSWER_STATES)


@given(st.lists(st.text() | st.sampled_from(["http_404", "smtp_550_5.1.1", "bounce", "gone"]), max_size=30))
def test_reasons_of_plugins_make_no_labels_of_their_own(reasons: list[str]) -> None:
    forget_everything()
    connection = Connection()
    for reason in reasons:
        watch.moved(connection, InvitationState.FAILED, reason)
    watch.committed(connection, 0.0)
    known = {"", metrics.OTHER, *metrics.REASONS, *metrics.REASON_FAMILIES}
    assert {reason for _, reason in metrics.INVITATIONS.values} <= known
    assert sum(metrics.INVITATIONS.values.values()) == len(reasons)


@given(st.lists(st.none() | st.integers(-1000, 10_000)))
def test_statuses_of_services_make_no_labels_of_their_own(statuses: list[int | None]) -> None:
    forget_everything()
    for status in statuses:
        metrics.http_request("sources.desk", status, 0.1)
    assert {outcome for _, outcome in metrics.REQUESTS.values} <= {*metrics.REQUEST_OUTCOMES, metrics.OTHER}


@given(st.lists(st.floats(-1e6, 1e9), max_size=20))
def test_a_duration_falls_into_one_bucket(durations: list[float]) -> None:
    histogram = metrics.Histogram("h", "", (), (1.0, 10.0))
    for seconds in durations:
        histogram.observe((), seconds)
    counts = histogram.counts.get((), [0, 0, 0])
    assert sum(counts) == len(durations)
    assert counts[2] == sum(seconds > 10 for seconds in durations)


def test_a_loop_has_the_labels_of_its_component() -> None:
    metrics.loop_failed("sources.desk:write")
    metrics.loop_failed("hub")
    assert metrics.FAILURES.values == {("sources.desk", "write"): 1, ("hub", "main"): 1}
