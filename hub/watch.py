"""What happens to tickets, told to `hub.metrics` and `hub.tracing` once it is durable.

Call these inside the transaction that stores it, with its connection. They are told when it has committed, and never
when it is rolled back, also when the work of a transaction runs twice. They wait for nothing and fail for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from time import perf_counter
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import structlog

from hub import metrics, tracing

Row = Mapping[Any, Any]

_waiting: WeakKeyDictionary[Any, list[tuple[Callable[..., None], tuple[Any, ...]]]] = WeakKeyDictionary()
_OUTCOMES = {"sent": "sent", "delivered": "sent", "failed": "refused", "waiting": "again", "unknown": "unknown"}
_WRITTEN = {"done": "done", "failed": "failed", "pending": "again"}


class Attempt(Protocol):
    """An attempt to send an invitation; see `hub.journey.outcome.Attempt`."""

    @property
    def gateway(self) -> str: ...
    @property
    def row(self) -> Row: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime: ...


def committed(connection: object, begun: float) -> None:
    """The transaction has committed: tell what waited for it.

    :param begun: `time.perf_counter()` when it began.
    """
    metrics.TRANSACTION_SECONDS.observe((), perf_counter() - begun)
    for tell, values in _waiting.pop(connection, ()):
        try:
            tell(*values)
        except Exception as error:  # noqa: BLE001 - what is durable must not fail for want of a number
            _say_once(tell.__name__, type(error).__name__)


@cache
def _say_once(at: str, error: str) -> None:
    structlog.get_logger().error(
        "watch.failed", at=at, error=error, hint="this is a fault in the hub; figures are wrong"
    )


def forget(connection: object) -> None:
    """The transaction was rolled back, and another one follows: what the first would have told never happened."""
    _waiting.pop(connection, None)


def _later(connection: object, tell: Callable[..., None], *values: Any) -> None:
    _waiting.setdefault(connection, []).append((tell, values))


def closed(connection: object, source: str, new: Sequence[Any], since: datetime) -> None:
    """Closings were stored for the first time.

    :param new: rows with `id` and `closed_at`.
    :param since: when the source was asked.
    """
    if new:
        _later(connection, _closed, f"sources.{source}", new, since)


def _closed(component: str, new: Sequence[Any], since: datetime) -> None:
    metrics.CLOSURES.add((component,), len(new))
    if tracing.is_on():
        until = datetime.now(UTC)
        tracing.begun([(row.id, row.closed_at) for row in new], until)
        tracing.stage("intake", [(row.id, {"component": component}) for row in new], since, until)


def decided(connection: object, new: Sequence[Row], since: datetime) -> None:
    """It was decided whether to ask about closings: rows of `invitations` as they were inserted."""
    if new:
        _later(connection, _decided, new, since)


def _decided(new: Sequence[Row], since: datetime) -> None:
    for row in new:
        _count(row["state"], row["reason"])
    if tracing.is_on():
        tickets = [(row["closure_id"], _state(row["state"], row["reason"])) for row in new]
        tracing.stage("decide", tickets, since, datetime.now(UTC))


def moved(connection: object, state: str, reason: str | None = None, number: int = 1) -> None:
    """So many surveys entered a state: taken back, reported, left by a dead worker."""
    if number:
        _later(connection, _count, state, reason, number)


def _count(state: str, reason: str | None, number: int = 1) -> None:
    word = metrics.reason_of(reason)
    metrics.INVITATIONS.add((metrics.one_of(state, metrics.STATES), word), number)


def sent(connection: object, attempt: Attempt, state: str, reason: str | None = None) -> None:
    """An attempt to send a message has ended, and left it in that state.

    `attempt.row` has its closure beside it, and `taken_at`: when a worker took it to look at its ticket once more.
    """
    _later(connection, _sent, attempt, state, reason)


def _sent(attempt: Attempt, state: str, reason: str | None) -> None:
    row, labels = attempt.row, (f"gateways.{attempt.gateway}",)
    outcome = _OUTCOMES.get(state, metrics.OTHER)
    metrics.SENDS.add((*labels, outcome))
    metrics.SEND_SECONDS.observe(labels, (attempt.ended_at - attempt.started_at).total_seconds())
    if row["step"] > 0:  # what follows a survey
        return
    _count(state, reason)
    if outcome == "sent":
        metrics.ASKED_SECONDS.observe(labels, (attempt.ended_at - row["closed_at"]).total_seconds())
    if tracing.is_on():
        attributes = {"component": labels[0], "outcome": outcome, **_state(state, reason)}
        if "taken_at" in row:
            tracing.stage(
                "reread", [(row["closure_id"], {"component": labels[0]})], row["taken_at"], attempt.started_at
            )
        tracing.stage("send", [(row["closure_id"], attributes)], attempt.started_at, attempt.ended_at)


def received(connection: object, replies: Sequence[Row]) -> None:
    """Replies were stored: rows of `answers`, those that were there before among them."""
    if replies:
        _later(connection, _received, replies)


def _received(replies: Sequence[Row]) -> None:
    for row in replies:
        metrics.RECEIVED.add((_answered_over(row["gateway"]),))
        if row["state"] != "new":  # nobody will look at it: a machine wrote it, or may have
            state = metrics.one_of(row["state"], metrics.ANSWER_STATES)
            metrics.ANSWERS.add((metrics.one_of(row["channel"], metrics.CHANNELS), state))


def _answered_over(gateway: str) -> str:
    return gateway if gateway == "page" else f"gateways.{gateway}"


def reported(connection: object, reports: Sequence[Row]) -> None:
    """Delivery reports were stored: rows of `reports`."""
    if reports:
        _later(connection, _reported, reports)


def _reported(reports: Sequence[Row]) -> None:
    for row in reports:
        status = metrics.one_of(row["status"], metrics.REPORT_STATES)
        metrics.REPORTS.add((f"gateways.{row['gateway']}", status))


def matched(connection: object, judged: Iterable[tuple[Row, Row | None, str]]) -> None:
    """Answers were looked at.

    :param judged: rows of `answers`, each with the invitation that it answers, as it was before, or None, and with the
        state it is left in.
    """
    _later(connection, _matched, list(judged))


def _matched(judged: Sequence[tuple[Row, Row | None, str]]) -> None:
    answered: dict[int, tuple[Row, Row]] = {}
    for answer, invitation, state in judged:
        channel = metrics.one_of(answer["channel"], metrics.CHANNELS)
        metrics.ANSWERS.add((channel, metrics.one_of(state, metrics.ANSWER_STATES)))
        if invitation is not None:
            answered.setdefault(invitation["id"], (answer, invitation))
    for answer, invitation in answered.values():
        _answered(answer, invitation)


def _answered(answer: Row, invitation: Row) -> None:
    if invitation["answered_at"] is None:
        took = answer["received_at"] - (invitation["sent_at"] or answer["received_at"])
        metrics.ANSWERED_SECONDS.observe((f"gateways.{invitation['gateway']}",), took.total_seconds())
    if invitation["state"] != "delivered":
        _count("delivered", None)
    if tracing.is_on():
        attributes = {"component": _answered_over(answer["gateway"]), "channel": answer["channel"]}
        tracing.stage("answer", [(invitation["closure_id"], attributes)], answer["received_at"], datetime.now(UTC))


def revised(connection: object, records: Sequence[tuple[int, str]], since: datetime) -> None:
    """Records were made of answers: for each the number of its closing, and the name of its source."""
    if records:
        _later(connection, _revised, records, since)


def _revised(records: Sequence[tuple[int, str]], since: datetime) -> None:
    for _, source in records:
        metrics.EXPERIENCES.add((f"sources.{source}",))
    if tracing.is_on():
        tickets = [(closure_id, {"component": f"sources.{source}"}) for closure_id, source in records]
        tracing.stage("experience", tickets, since, datetime.now(UTC))


def written(connection: object, target: str, ended: Iterable[tuple[Row, str]], until: datetime) -> None:
    """Attempts to write results have ended.

    :param target: the component's id.
    :param ended: the claimed rows, each with the state that it is left in. A row has `closure_id`, `claimed_at`, and
        `answered_at`: when what it says was answered.
    """
    _later(connection, _written, target, list(ended), until)


def _written(target: str, ended: Sequence[tuple[Row, str]], until: datetime) -> None:
    for row, state in ended:
        metrics.WRITE_BACKS.add((target, _WRITTEN.get(state, metrics.OTHER)))
        if state == "done":
            metrics.WRITTEN_SECONDS.observe((target,), (until - row["answered_at"]).total_seconds())
    if tracing.is_on() and ended:
        tickets = [
            (row["closure_id"], {"component": target, "outcome": _WRITTEN.get(state, metrics.OTHER)})
            for row, state in ended
        ]
        tracing.stage("write_back", tickets, ended[0][0]["claimed_at"], until)


def buried(connection: object, number: int) -> None:
    """So many workers were declared dead."""
    _later(connection, metrics.BURIED.add, (), number)


def _state(state: str, reason: str | None) -> dict[str, str]:
    return {"state": str(state), "reason": metrics.reason_of(reason)}
