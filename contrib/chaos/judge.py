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

from sandbox.desk import scores_in

from chaos.people import JIRA, MESSAGES, SERVICE, Customer, Said

_REFERENCE = re.compile(r"(?:^Ref |^Survey answer )(?P<reference>[A-Za-z0-9.:_-]+\.[0-9]+):?", re.MULTILINE)
_REOPENED = "reopened"
"""No reason not to ask about a closing after which the ticket stayed closed."""
_WORD = re.compile(r"\bw[0-9]+n[0-9]+\b")
PROMISES = (
    "lost_invitations",
    "duplicate_messages",
    "repeated_questions",
    "messages_too_many",
    "messages_after_stop",
    "asked_although_open",
    "lost_answers",
    "lost_write_backs",
    "duplicate_write_backs",
    "other_values",
    "late_takeovers",
    "unresolved",
    "wrong",
    "left_over",
)
"""What must not occur. `asked_although_open`: the ticket was opened again before its survey left. `other_values`: the
record that was written last does not hold exactly the numbers that the customer gave, as corrected. `unresolved`: in
doubt although reports told the hub of it. `left_over`: what the hubs had not done when time was up."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A closed ticket as its desk has it.

    :param texts: what the hub wrote, each after where: `comment`, `note`, or `public` for what customers read.
    :param written: the issue property; None on a ticket without one.
    :param surveys: how many of its closings the customer is to be asked about.
    """

    number: int
    source: str
    id: str
    key: str
    texts: Sequence[Sequence[str]]
    written: Mapping[str, Any] | None = None
    surveys: int = 1


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
    """Token, number and question of each message that the gateway took."""
    taken: Iterable[str]
    """Ids of the replies that the hub said it had stored."""
    decisions: Mapping[tuple[str, str], Decision]
    """On each ticket's last closing, by source and id."""
    stopped: Mapping[str, int] = field(default_factory=dict)
    """How many messages a number had received when its owner wanted no more."""

    @property
    def asked(self) -> int:
        """How many phones a message has reached."""
        return len({phone for _, phone, _ in self.messages})

    def conversations(self) -> dict[str, Any]:
        """How far conversations went: customers by what they did and got, and messages by what they asked."""
        taken, corrections = set(self.taken), [one.answers[1:] for one in self.customers]
        return {
            "answered": sum(any(said.id in taken for said in one.answers) for one in self.customers),
            "corrected": sum(any(said.id in taken for said in later) for later in corrections),
            "asked_on": len({phone for _, phone, question in self.messages if question not in (SERVICE, "")}),
            "answered_on": sum(any(said.id in taken for said in one.follow_ups.values()) for one in self.customers),
            "thanked_or_stopped": len({phone for _, phone, question in self.messages if not question}),
            "stopped": len(self.stopped),
            "questions": dict(Counter(question for _, _, question in self.messages if question)),
        }


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
    received: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for token, phone, question in records.messages:
        received[phone].append((token, question))
    taken = set(records.taken)
    for ticket in records.tickets:
        customer = customers[ticket.number]
        messages = received.pop(customer.phone, [])
        decision = records.decisions.get((ticket.source, ticket.id), Decision("missing", ""))
        _judge_asking(verdict, ticket, messages, decision)
        _judge_conversation(verdict, ticket, messages, records.stopped.get(customer.phone))
        _judge_results(verdict, customer, ticket, [said for said in customer.all_replies if said.id in taken])
    verdict.broken["wrong"] += [
        f"a message to a stranger: {token}" for strangers in received.values() for token, _ in strangers
    ]
    return verdict


def _judge_conversation(
    verdict: Verdict, ticket: Ticket, messages: Sequence[tuple[str, str]], stopped: int | None
) -> None:
    """Each message once, each question once, no more than the survey has, and after a stop its confirmation alone.

    Another closing is another survey, in which customers here say nothing.
    """
    tokens = Counter(token for token, _ in messages)
    asked = Counter(question for question, _ in {(question, token) for token, question in messages} if question)
    confirmed = stopped is not None
    if any(count > 1 for count in tokens.values()):
        verdict.broken["duplicate_messages"].append(ticket.key)
    if any(count > (max(ticket.surveys, 1) if question == SERVICE else 1) for question, count in asked.items()):
        verdict.broken["repeated_questions"].append(ticket.key)
    if len(tokens) > MESSAGES * max(ticket.surveys, 1) + confirmed:
        verdict.broken["messages_too_many"].append(ticket.key)
    if stopped is not None and len(messages) > stopped + 1:
        verdict.broken["messages_after_stop"].append(ticket.key)


def _judge_asking(verdict: Verdict, ticket: Ticket, messages: Sequence[tuple[str, str]], decision: Decision) -> None:
    asked = len({token for token, question in messages if question == SERVICE})
    may_have_left = bool(messages) or decision.state == "unknown"
    if ticket.surveys == 0 and may_have_left:
        verdict.broken["asked_although_open"].append(ticket.key)
    elif ticket.surveys == 0:
        verdict.not_asked["open again"] += 1
    elif decision.state == "unknown":
        acted = asked >= ticket.surveys
        verdict.unknown.append(_in_doubt(ticket, decision, acted=acted))
        if acted:  # reports came for it until the hub took them
            verdict.broken["unresolved"].append(ticket.key)
    elif asked < ticket.surveys:
        if decision.state in ("skipped", "failed") and decision.reason not in ("", _REOPENED):
            verdict.not_asked[f"{decision.state}: {decision.reason}"] += 1
        else:
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


def _judge_results(verdict: Verdict, customer: Customer, ticket: Ticket, taken: Sequence[Said]) -> None:
    said = {one.word for one in customer.all_replies if one.word}
    found = {word for _, text in ticket.texts for word in _WORD.findall(text)}
    kept = _words_in(ticket.written)
    if not (found | kept) <= said or any(place == "public" for place, _ in ticket.texts):
        verdict.broken["wrong"].append(ticket.key)
    references = Counter(_reference(text) for _, text in ticket.texts)
    if any(count > 1 for count in references.values()):
        verdict.broken["duplicate_write_backs"].append(ticket.key)
    words = [one.word for one in taken if one.word]
    if lost := [word for word in words if word not in found | kept]:
        verdict.broken["lost_answers"] += [f"{ticket.key} {word}" for word in lost]
    elif any(word not in found or (ticket.source == JIRA and word not in kept) for word in words):
        verdict.broken["lost_write_backs"].append(ticket.key)
    given = {one.question: one.value for one in taken if one.value is not None}
    if _scores(ticket) not in ((given, given), (given, None)):
        verdict.broken["other_values"].append(f"{ticket.key} {_scores(ticket)}, not {given}")


def _words_in(written: Mapping[str, Any] | None) -> set[str]:
    return set(_WORD.findall(str(written.get("comment") or ""))) if written else set()


def _scores(ticket: Ticket) -> tuple[dict[str, int], dict[str, int] | None]:
    """The numbers in the text of the last revision, and in the issue property of a ticket that has one."""
    last = max((text for _, text in ticket.texts), key=_revision, default="")
    if ticket.source != JIRA:
        return scores_in(last), None
    written = ticket.written or {"scores": ()}
    return scores_in(last), {score["question"]: int(score["value"]) for score in written["scores"]}


def _revision(text: str) -> int:
    return int(_reference(text).rpartition(".")[2] or 0) if _REFERENCE.search(text) else 0


def _reference(text: str) -> str:
    """What names the revision in a text; the text itself when it names none."""
    found = _REFERENCE.findall(text)
    return found[-1] if found else text
