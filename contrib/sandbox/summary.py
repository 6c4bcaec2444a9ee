"""The outcome of a run: the sandbox's own account beside the hub's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from hub.survey.figures import Figure, csat, response_rate
from hub.survey.scale import Scale
from sandbox.ledger import Case, Ledger
from sandbox.story import FIRST, System
from sandbox.words import Said

_WORDS = {
    "tickets": "tickets opened",
    "closings": "closings by agents",
    "invited": "surveys that reached a customer",
    "answered": "customers who answered",
    "written_back": "answers that are on their ticket",
    "messages": "messages to customers, all in all",
    "replies": "texts, mails and pages from them",
    "response_rate": "response rate, %",
    "csat": "CSAT: service 4 or 5 of 5, %",
    "solved": "solved, as customers say, %",
    "items": "things to order or to repair",
    "duplicates": "asked or written twice",
    "nagged": "asked more than the survey says",
    "let_down": "waited for the hub in vain",
    "lost": "answers not on their ticket",
    "invented": "answers that nobody gave",
    "exposed": "answers shown to customers",
    "missing": "not asked, but should have been",
    "unwanted": "asked, but should not have been",
    "seconds_to_survey": "median seconds until asked",
}


def summarise(ledger: Ledger, status: Mapping[str, Any], *, seed: int, seconds: float) -> dict[str, Any]:
    """Count what happened. Only `closures` and `skipped` are the hub's own word; the rest was seen from outside."""
    cases = ledger.cases
    desks = {system: [case for case in cases if case.story.system is system] for system in System}
    return {
        "closures": status["closures"],
        "skipped": status["skipped"],
        **_counts(ledger, cases),
        "strays": ledger.strays,
        "concerned": {name: _keys(concerned) for name, concerned in ledger.problems(cases).items() if concerned},
        "desks": {system.value: _counts(ledger, of_desk) for system, of_desk in desks.items()},
        "conversations": [conversation(case) for case in cases if case.lines],
        "seed": seed,
        "seconds": round(seconds, 1),
    }


def is_clean(summary: Mapping[str, Any]) -> bool:
    """Whether everybody was treated as promised."""
    return not (summary["concerned"] or summary["strays"])


def print_summary(console: Console, summary: Mapping[str, Any]) -> None:
    """Show the outcome to a person."""
    table = Table("", "all", *System, box=None, padding=(0, 2), header_style="bold")
    for name, words in _WORDS.items():
        parts = (summary, *summary["desks"].values())
        table.add_row(words, *(str(part[name]) if part[name] is not None else "" for part in parts))
    console.print(f"\nAfter {summary['seconds']} s (seed {summary['seed']}):", highlight=False)
    console.print(table)
    skipped = ", ".join(f"{times} {reason.replace('_', ' ')}" for reason, times in sorted(summary["skipped"].items()))
    console.print(
        f"  The hub saw {summary['closures']} closings. Not asked: {skipped or 'nobody'}.", style="dim", soft_wrap=True
    )
    for name, keys in summary["concerned"].items():
        console.print(f"  {_WORDS[name]}: {', '.join(keys)}", style="red", soft_wrap=True)
    verdict = ("All as promised.", "green") if is_clean(summary) else ("Not as promised; see above.", "bold red")
    console.print(verdict[0], style=verdict[1])


def _counts(ledger: Ledger, cases: Sequence[Case]) -> dict[str, Any]:
    tickets = [ticket for case in cases for ticket in case.tickets]
    waits = [case.seconds_to_survey for case in cases if case.seconds_to_survey is not None]
    found = [said for case in cases if (said := _on_the_ticket(case))]
    invited, answered = sum(len(case.surveys) for case in cases), sum(case.said is not None for case in cases)
    return {
        "tickets": len(tickets),
        "closings": sum(ticket.closings for ticket in tickets),
        "invited": invited,
        "answered": answered,
        "written_back": sum(case.written_back for case in cases),
        "messages": sum(len(case.messages) for case in cases),
        "replies": sum(len(case.lines) - len(case.messages) for case in cases),
        "response_rate": _rounded(response_rate(answered, max(answered, invited))),
        "csat": _rounded(csat(_scores(found, FIRST), Scale(1, 5))),
        "solved": _rounded(csat(_scores(found, "solved"), Scale(0, 1))),
        "items": sum(len(said.items) for said in found),
        **{name: len(concerned) for name, concerned in ledger.problems(cases).items()},
        "seconds_to_survey": round(median(waits), 2) if waits else None,
    }


def _on_the_ticket(case: Case) -> Said | None:
    """What the customer said, where the ticket has it: what it does not have counts for nothing."""
    return case.said if case.written_back else None


def _scores(found: Iterable[Said], question: str) -> Iterator[int]:
    return (said.scores[question] for said in found if question in said.scores)


def _rounded(figure: Figure) -> int | None:
    """None where there are too few answers to say anything."""
    return None if figure.value is None else round(figure.value)


def conversation(case: Case) -> dict[str, Any]:
    """Who said what and when, and what stands on the ticket."""
    began = case.lines[0].at
    said, there = _on_the_ticket(case), [*case.on_the_ticket.values()]
    return {
        "ticket": case.tickets[0].key,
        "desk": case.story.system.value,
        "customer": case.story.person.name,
        "language": case.story.person.language,
        "kind": case.story.answer.value,
        "lines": [
            {"seconds": round(line.at - began, 1), "from": line.speaker, "by": line.by, "text": line.text}
            for line in case.lines
        ],
        "scores": dict(there[-1].scores) if there else {},
        "words": list(said.words) if said else [],
        "items": dict(said.items) if said else {},
    }


def _keys(cases: Iterable[Case]) -> list[str]:
    return [case.tickets[0].key for case in cases if case.tickets]
