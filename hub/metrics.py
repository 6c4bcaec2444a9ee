"""What this process has counted and timed since it started, for `/metrics`.

Plain numbers in memory: counting costs less than a microsecond, never waits and never fails, and no library is loaded
for it. `hub.web.metrics` shows them. Count from the event loop only.

Labels hold names of components from hub.toml, and words of fixed sets. Never tickets, tokens, addresses or texts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

OTHER = "other"
"""Stands for any word that is not in the fixed set of its label: plugins choose some of these words."""
REASONS = (
    *("too_old", "excluded", "desk", "on_stop_list", "opted_out", "no_rule", "rule", "not_sampled", "asked_recently"),
    *("no_contact", "no_gateway", "unusable_address", "no_consent", "reopened", "closed_meanwhile", "gone"),
    *("operator", "fault", "outcome_unknown", "worker_died", "looked_up"),
    *("cannot_compose", "rejected", "not_delivered"),
)
"""Why a survey did not leave, or may not have: the hub's own words."""
REASON_FAMILIES = ("http", "smtp", "bounce")
"""Plugins make reasons such as `smtp_550_5.1.1` of the answers of other systems."""
STATES = ("waiting", "sent", "delivered", "failed", "unknown", "skipped", "cancelled")
OUTCOMES = ("sent", "refused", "again", "unknown")
CHANNELS = ("sms", "email", "page")
ANSWER_STATES = ("used", "unmatched", "automatic", "quarantined", "refused")
REPORT_STATES = ("queued", "sent", "delivered", "failed", "rejected", "unknown")
WRITTEN = ("done", "failed", "again")
REQUEST_OUTCOMES = ("2xx", "3xx", "4xx", "429", "5xx", "no_answer")

_REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_JOURNEY_S = (
    *(0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30),
    *(_MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 3 * _DAY, 7 * _DAY, 14 * _DAY),
)

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Counter:
    """A number that only grows, for each combination of labels."""

    name: str
    """As it is exposed, without `_total`."""
    help: str
    labels: Labels = ()
    values: dict[Labels, float] = field(default_factory=dict)

    def add(self, labels: Labels = (), number: float = 1) -> None:
        """Count `number` more."""
        self.values[labels] = self.values.get(labels, 0) + number


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Durations in seconds, counted by upper bounds."""

    name: str
    help: str
    labels: Labels
    bounds: Sequence[float]
    counts: dict[Labels, list[int]] = field(default_factory=dict)
    """How many fell below each bound and above the one before; the last number is for those above all bounds."""
    sums: dict[Labels, float] = field(default_factory=dict)

    def observe(self, labels: Labels, seconds: float) -> None:
        """Count one duration; a negative one, as of two clocks that disagree, is none."""
        seconds = max(seconds, 0.0)
        if labels not in self.counts:
            self.expect(labels)
        self.counts[labels][bisect_left(self.bounds, seconds)] += 1
        self.sums[labels] += seconds

    def expect(self, labels: Labels) -> None:
        """Show this combination of labels from now on, at zero until it is counted."""
        self.counts.setdefault(labels, [0] * (len(self.bounds) + 1))
        self.sums.setdefault(labels, 0.0)


CLOSURES = Counter("hub_closures", "Closings of tickets that were stored, each once.", ("component",))
INVITATIONS = Counter(
    "hub_invitations", "Surveys that entered a state: decided, sent, reported, taken back.", ("state", "reason")
)
SENDS = Counter(
    "hub_sends", "Attempts to send a message, a survey or what follows it, by how they ended.", ("component", "outcome")
)
RECEIVED = Counter(
    "hub_replies_received", "Replies that were brought by a gateway or a page, repetitions too.", ("component",)
)
REPORTS = Counter("hub_delivery_reports", "Delivery reports that a gateway brought.", ("component", "status"))
ANSWERS = Counter("hub_answers", "Answers, by what became of them.", ("channel", "state"))
EXPERIENCES = Counter("hub_experiences", "Records made of answers, each revision counted.", ("component",))
WRITE_BACKS = Counter("hub_write_backs", "Attempts to write a result, by how they ended.", ("component", "outcome"))
REQUESTS = Counter("hub_http_requests", "Requests to other systems, each attempt counted.", ("component", "outcome"))
RETRIES = Counter("hub_http_retries", "Requests that were repeated.", ("component",))
PAUSES = Counter("hub_http_pauses", "Pauses that a service asked for.", ("component",))
WEBHOOKS = Counter("hub_webhooks", "Calls by other systems, by how they were answered.", ("component", "outcome"))
FAILURES = Counter("hub_component_failures", "Steps that failed and made a pause.", ("component", "loop"))
BURIED = Counter("hub_workers_buried", "Workers that this one declared dead.")

SEND_SECONDS = Histogram("hub_send_seconds", "How long it took to hand one message over.", ("component",), _REQUEST_S)
REQUEST_SECONDS = Histogram(
    "hub_http_request_seconds", "How long one attempt took, waiting for its turn left out.", ("component",), _REQUEST_S
)
WEBHOOK_SECONDS = Histogram(
    "hub_webhook_seconds", "How long a webhook took until what it brought was durable.", ("component",), _REQUEST_S
)
TRANSACTION_SECONDS = Histogram(
    "hub_store_transaction_seconds", "How long transactions that write took; their number is that of commits.", (),
    _REQUEST_S,
)  # fmt: skip
ASKED_SECONDS = Histogram(
    "hub_closed_to_asked_seconds", "From the closing of a ticket until its survey left.", ("component",), _JOURNEY_S
)
ANSWERED_SECONDS = Histogram(
    "hub_asked_to_answered_seconds", "From sending a survey to its first answer.", ("component",), _JOURNEY_S
)
WRITTEN_SECONDS = Histogram(
    "hub_answered_to_written_seconds", "From an answer until its result was written.", ("component",), _JOURNEY_S
)

COUNTERS = (
    *(CLOSURES, INVITATIONS, SENDS, RECEIVED, REPORTS, ANSWERS, EXPERIENCES, WRITE_BACKS),
    *(REQUESTS, RETRIES, PAUSES, WEBHOOKS, FAILURES, BURIED),
)
HISTOGRAMS = (
    *(SEND_SECONDS, REQUEST_SECONDS, WEBHOOK_SECONDS, TRANSACTION_SECONDS),
    *(ASKED_SECONDS, ANSWERED_SECONDS, WRITTEN_SECONDS),
)


def one_of(word: str | None, known: Iterable[str]) -> str:
    """The word if it is known, "" for none, else "other"."""
    if not word:
        return ""
    return str(word) if word in known else OTHER


@lru_cache(maxsize=1024)
def reason_of(word: str | None) -> str:
    """The label for a reason: the hub's own word, the family of a plugin's, "other", or "" for none.

    A name behind a colon, which hub.toml gave, is left out.
    """
    word = word and word.partition(":")[0]
    family = (word or "").partition("_")[0]
    return family if family in REASON_FAMILIES else one_of(word, REASONS)


def http_request(component: str, status: int | None, seconds: float) -> None:
    """One attempt of a request has ended, with a status or (None) without an answer."""
    REQUESTS.add((component, _request_outcome(status)))
    REQUEST_SECONDS.observe((component,), seconds)


@lru_cache(maxsize=1024)
def _request_outcome(status: int | None) -> str:
    if status is None:
        return "no_answer"
    return "429" if status == 429 else one_of(f"{status // 100}xx", REQUEST_OUTCOMES)


def http_retry(component: str) -> None:
    """A request is about to be repeated."""
    RETRIES.add((component,))


def http_pause(component: str) -> None:
    """A service has asked for a pause."""
    PAUSES.add((component,))


def webhook(component: str, status: int, seconds: float) -> None:
    """A webhook of a running component was answered."""
    WEBHOOKS.add((component, _request_outcome(status)))
    WEBHOOK_SECONDS.observe((component,), seconds)


def loop_failed(loop_id: str) -> None:
    """A step of a loop failed; `sources.desk:write` is the loop `write` of `sources.desk`."""
    FAILURES.add(component_and_loop(loop_id))


def component_and_loop(loop_id: str) -> tuple[str, str]:
    """The labels of a loop: its component, and what it does there."""
    component, _, loop = loop_id.partition(":")
    return component, loop or "main"


def expect(sources: Iterable[str], gateways: Iterable[str], sinks: Iterable[str]) -> None:
    """Show these components at zero, so that the first of a kind is seen as a growth. Takes ids: `gateways.sms`."""
    sources, gateways = list(sources), list(gateways)
    targets = [*sources, *sinks]
    _expect(CLOSURES, sources)
    _expect(EXPERIENCES, sources)
    _expect(SENDS, gateways, OUTCOMES)
    _expect(RECEIVED, [*gateways, "page"])
    _expect(WRITE_BACKS, targets, WRITTEN)
    _expect(RETRIES, [*targets, *gateways])
    _expect(PAUSES, [*targets, *gateways])
    _expect(ANSWERS, CHANNELS, ANSWER_STATES)
    _expect(BURIED)
    for component in gateways:
        ASKED_SECONDS.expect((component,))
        ANSWERED_SECONDS.expect((component,))
    for component in targets:
        WRITTEN_SECONDS.expect((component,))


def _expect(counter: Counter, *words: Iterable[str]) -> None:
    for labels in product(*words):
        counter.values.setdefault(labels, 0)
