"""What was promised against what the other side saw. Pure: records in, verdict out.

The desks' tickets, the gateway's ledger and the customers' answers decide. Of the hub's own tables only the reasons
count with which it did not ask, or does not know whether it did.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.people import JIRA, Customer

_REFERENCE = re.compile(r"(?:^Ref |^Survey answer )(?P<reference>[A-Za-z0-9.:_-]+\.[0-9]+):?", re.MULTILINE)
_WORD = re.compile(r"\bw[0-9]+n[0-9]+\b")
PROMISES = (
    "lost_invitations",
    "duplicate_messages",
    "lost_answers",
    "lost_write_backs",
    "duplicate_write_backs",
    "late_takeovers",
    "unresolved",
    "wrong",
    "left_over",
)
"""What must not occur. `unresolved`: in doubt although reports told the hub of it. `left_over`: what the
hubs had not done when time was up."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A closed ticket as its desk has it.

    :param texts: what the hub wrote, each after where: `comment`, `note`, or `public` for what customers read.
    :param written: the issue property; None on a ticket without one.
    """

    number: int
    source: str
    id: str
    key: str
    texts: Sequence[Sequence[str]]
    written: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the hub itself says of a survey."""

    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Records:
    """Everything that was seen."""

    customers: Sequence[Customer]
    tickets: Sequence[Ticket]
    messages: Sequence[Sequence[str]]
    """Token and number of each message that the gateway took."""
    taken: Iterable[str]
    """Words of the answers that the hub said it had stored."""
    decisions: Mapping[tuple[str, str], Decision]
    """By source and id of the ticket."""


@dataclass(slots=True)
class Verdict:
    """What was broken, with the keys of the tickets concerned."""

    broken: dict[str, list[str]] = field(default_factory=lambda: {promise: [] for promise in PROMISES})
    unknown: list[dict[str, Any]] = field(default_factory=list)
    not_asked: Counter[str] = field(default_factory=Counter)
    """Customers who were not asked, by the reason that the hub gives."""

    @property
    def is_clean(self) -> bool:
        """Whether every promise was kept."""
        return not any(self.broken.values())

    def as_json(self) -> dict[str, Any]:
        """Counts of everything; of what was broken also the tickets."""
        concerned = {promise: keys[:20] for promise, keys in self.broken.items() if keys}
        counts = {promise: len(keys) for promise, keys in self.broken.items()}
        return counts | {"unknown": self.unknown, "not_asked": dict(self.not_asked), "concerned": concerned}


def judge(records: Records) -> Verdict:
    """Compare."""
    verdict = Verdict()
    customers = {customer.number: customer for customer in records.customers}
    tokens: defaultdict[str, list[str]] = defaultdict(list)
    for token, phone in records.messages:
        tokens[phone].append(token)
    taken = set(records.taken)
    for ticket in records.tickets:
        customer = customers[ticket.number]
        decision = records.decisions.get((ticket.source, ticket.id), Decision("missing", ""))
        _judge_asking(verdict, customer, ticket, tokens.pop(customer.phone, []), decision)
        _judge_results(verdict, customer, ticket, [said.word for said in customer.answers if said.word in taken])
    verdict.broken["wrong"] += [
        f"a message to a stranger: {token}" for strangers in tokens.values() for token in strangers
    ]
    return verdict


def _judge_asking(
    verdict: Verdict, customer: Customer, ticket: Ticket, tokens: Sequence[str], decision: Decision
) -> None:
    if len(tokens) > 1:
        verdict.broken["duplicate_messages"].append(ticket.key)
    if decision.state == "unknown":
        verdict.unknown.append(_in_doubt(ticket, decision, acted=bool(tokens)))
        if tokens:  # reports came for it until the hub took them
            verdict.broken["unresolved"].append(ticket.key)
    elif not tokens and decision.state in ("skipped", "failed"):
        verdict.not_asked[f"{decision.state}: {decision.reason}"] += 1
        if not decision.reason:
            verdict.broken["lost_invitations"].append(ticket.key)
    elif not tokens:
        verdict.broken["lost_invitations"].append(ticket.key)


def _in_doubt(ticket: Ticket, decision: Decision, *, acted: bool) -> dict[str, Any]:
    why = {
        "worker_died": "the worker was killed between its claim and the gateway's answer",
        "outcome_unknown": "the gateway's answer was lost, late, or none of the gateway's own",
    }
    return {
        "ticket": ticket.key,
        "reason": decision.reason,
        "gateway_acted": acted,
        "why": why.get(decision.reason, "not foreseen"),
    }


def _judge_results(verdict: Verdict, customer: Customer, ticket: Ticket, taken: Sequence[str]) -> None:
    said = {one.word for one in customer.answers}
    found = {word for _, text in ticket.texts for word in _WORD.findall(text)}
    kept = _words_in(ticket.written)
    strange = not (found | kept) <= said or not _ratings_in(ticket.written) <= {one.rating for one in customer.answers}
    if strange or any(place == "public" for place, _ in ticket.texts):
        verdict.broken["wrong"].append(ticket.key)
    references = Counter(_reference(text) for _, text in ticket.texts)
    if any(count > 1 for count in references.values()):
        verdict.broken["duplicate_write_backs"].append(ticket.key)
    if lost := [word for word in taken if word not in found | kept]:
        verdict.broken["lost_answers"] += [f"{ticket.key} {word}" for word in lost]
    elif any(word not in found or (ticket.source == JIRA and word not in kept) for word in taken):
        verdict.broken["lost_write_backs"].append(ticket.key)


def _words_in(written: Mapping[str, Any] | None) -> set[str]:
    return set(_WORD.findall(str(written.get("comment") or ""))) if written else set()


def _ratings_in(written: Mapping[str, Any] | None) -> set[Any]:
    return {score.get("value") for score in written.get("scores", ())} if written else set()


def _reference(text: str) -> str:
    """What names the revision in a text; the text itself when it names none."""
    found = _REFERENCE.findall(text)
    return found[-1] if found else text
