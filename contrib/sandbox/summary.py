"""The outcome of a run: the sandbox's own account beside the hub's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox.ledger import Case, Ledger, problems
from sandbox.story import System

_WORDS = {
    "tickets": "tickets opened",
    "closings": "closings by agents",
    "invited": "surveys that reached a customer",
    "answered": "customers who answered",
    "written_back": "answers that are on their ticket",
    "duplicates": "asked or written twice",
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
        **_counts(cases),
        "strays": ledger.strays,
        "concerned": {name: _keys(concerned) for name, concerned in problems(cases).items() if concerned},
        "desks": {system.value: _counts(of_desk) for system, of_desk in desks.items()},
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


def _counts(cases: Sequence[Case]) -> dict[str, Any]:
    tickets = [ticket for case in cases for ticket in case.tickets]
    waits = [case.seconds_to_survey for case in cases if case.seconds_to_survey is not None]
    return {
        "tickets": len(tickets),
        "closings": sum(ticket.closings for ticket in tickets),
        "invited": sum(len(case.surveys) for case in cases),
        "answered": sum(case.said is not None for case in cases),
        "written_back": sum(case.written_back for case in cases),
        **{name: len(concerned) for name, concerned in problems(cases).items()},
        "seconds_to_survey": round(median(waits), 2) if waits else None,
    }


def _keys(cases: Iterable[Case]) -> list[str]:
    return [case.tickets[0].key for case in cases if case.tickets]
