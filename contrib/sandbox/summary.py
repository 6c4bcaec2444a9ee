"""The outcome of a run: the sandbox's own account beside the hub's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox.ledger import Case, Ledger

_WORDS = {
    "tickets": "tickets opened",
    "closures": "closings the hub saw",
    "invited": "surveys that reached a customer",
    "answered": "customers who answered",
    "written_back": "answers that are on their ticket",
    "duplicates": "asked or written twice",
    "lost": "answers that are not on their ticket",
    "invented": "tickets with an answer that nobody gave",
    "missing": "customers who should have been asked and were not",
    "unwanted": "customers who should not have been asked and were",
}


def summarise(ledger: Ledger, status: Mapping[str, Any], *, seed: int, seconds: float) -> dict[str, Any]:
    """Count what happened. Only `closures` and `skipped` are the hub's own word; the rest was seen from outside."""
    cases = ledger.cases
    problems = {
        "duplicates": ledger.duplicates(),
        "lost": ledger.lost(),
        "invented": ledger.invented(),
        "missing": ledger.missing(),
        "unwanted": ledger.unwanted(),
    }
    return {
        "tickets": sum(len(case.tickets) for case in cases),
        "closures": status["closures"],
        "invited": sum(len(case.surveys) for case in cases),
        "skipped": status["skipped"],
        "answered": sum(case.said is not None for case in cases),
        "written_back": sum(case.written_back for case in cases),
        **{name: len(concerned) for name, concerned in problems.items()},
        "strays": ledger.strays,
        "concerned": {name: _numbers(concerned) for name, concerned in problems.items() if concerned},
        "seed": seed,
        "seconds": round(seconds, 1),
    }


def is_clean(summary: Mapping[str, Any]) -> bool:
    """Whether everybody was treated as promised."""
    return not (summary["concerned"] or summary["strays"])


def print_summary(console: Console, summary: Mapping[str, Any]) -> None:
    """Show the outcome to a person."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, words in _WORDS.items():
        numbers = ", ".join(f"#{number}" for number in summary["concerned"].get(name, ()))
        table.add_row(str(summary[name]), words, numbers)
        if name == "invited":
            for reason, times in sorted(summary["skipped"].items()):
                table.add_row("", f"{times} not asked: {reason.replace('_', ' ')}", style="dim")
    console.print(f"\nAfter {summary['seconds']} s (seed {summary['seed']}):", highlight=False)
    console.print(table)
    verdict = ("All as promised.", "green") if is_clean(summary) else ("Not as promised; see above.", "bold red")
    console.print(verdict[0], style=verdict[1])


def _numbers(cases: Iterable[Case]) -> list[int]:
    return [case.tickets[0].number for case in cases if case.tickets]
