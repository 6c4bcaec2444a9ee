"""`hub status` as a person reads it: a verdict, what needs them, and then the figures."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import wrap
from typing import Self
from zoneinfo import ZoneInfo

import typer

from hub.cli.attention import Concern, Facts, is_silent
from hub.cli.options import printable
from hub.journey.overview import Overview, by_state
from hub.store.components import ComponentState
from hub.store.workers import Worker

_RED, _YELLOW, _GREEN = typer.colors.RED, typer.colors.YELLOW, typer.colors.GREEN
_NARROWEST = 40
_LOAD = (
    ("sending", "{} sending"),
    ("writing", "{} writing"),
    ("sent_last_minute", "{} sent/min"),
    ("answers_last_minute", "{} answers/min"),
    ("written_last_minute", "{} written/min"),
    ("cpu_percent", "{} % CPU"),
    ("memory_mb", "{} MB"),
)


@dataclass(frozen=True, slots=True)
class Paper:
    """What the text is written on."""

    zone: ZoneInfo
    now: datetime
    columns: int | None
    """None for no end, as in a file."""
    is_coloured: bool

    @classmethod
    def of_terminal(cls, zone: str, now: datetime) -> Self:
        """Standard output. Colours only on a terminal, and not where NO_COLOR is set."""
        terminal = sys.stdout.isatty()
        columns = max(_NARROWEST, shutil.get_terminal_size().columns) if terminal else None
        return cls(ZoneInfo(zone), now, columns, terminal and not os.environ.get("NO_COLOR"))

    def paint(self, text: str, colour: str) -> str:
        """The text in a colour, where there are any."""
        return typer.style(text, fg=colour, bold=True) if self.is_coloured else text

    def time(self, value: datetime | None) -> str:
        """A time as people at the desk read it; today's without the date."""
        if value is None:
            return "never"
        local = value.astimezone(self.zone)
        same_day = local.date() == self.now.astimezone(self.zone).date()
        return f"{local:%H:%M:%S}" if same_day else f"{local:%Y-%m-%d %H:%M:%S}"

    def fold(self, text: str, *, first: int, others: int) -> list[str]:
        """The text as lines that fit, with so many blanks before the first one and before the others."""
        if self.columns is None:
            return [" " * first + text]
        return wrap(
            text,
            self.columns,
            initial_indent=" " * first,
            subsequent_indent=" " * others,
            break_long_words=False,
            break_on_hyphens=False,
        )


def lines(facts: Facts, found: Sequence[Concern], paper: Paper) -> Iterator[str]:
    """The whole text."""
    yield _verdict(found, paper)
    for concern in found:
        yield from ("", *_concern(concern, paper))
    yield from ("", paper.paint(f"since {paper.time(facts.overview.since)}", _GREEN))
    yield from _rows(_counts(facts.overview), paper)
    yield from ("", paper.paint("components", _GREEN))
    yield from _rows(_components(facts, paper), paper)
    if facts.workers:
        yield from ("", paper.paint("workers", _GREEN))
        for worker in facts.workers:
            yield worker.name
            yield from paper.fold(_worker(worker, paper), first=4, others=4)


def _verdict(found: Sequence[Concern], paper: Paper) -> str:
    urgent = sum(concern.needs_you for concern in found)
    notes = len(found) - urgent
    also = f" ({notes} {'note' if notes == 1 else 'notes'})" if notes else ""
    if urgent:
        return paper.paint(f"{urgent} thing{' needs' if urgent == 1 else 's need'} you{also}", _RED)
    return paper.paint(f"all well{also}", _GREEN)


def _concern(concern: Concern, paper: Paper) -> Iterator[str]:
    head, *rest = paper.fold(f"{concern.about}: {printable(concern.what)}", first=0, others=4)
    marked = paper.paint(concern.about, _RED if concern.needs_you else _YELLOW)
    yield marked + head.removeprefix(concern.about)
    yield from rest
    for text in filter(None, [_when(concern, paper), f"do: {concern.do}"]):
        yield from paper.fold(text, first=4, others=4)


def _when(concern: Concern, paper: Paper) -> str:
    parts = []
    if concern.since is not None:
        parts.append(f"since {paper.time(concern.since)}")
    if concern.kind == "failing":
        parts.append("once" if concern.count == 1 else f"{concern.count} times")
    if concern.until is not None:
        parts.append(f"{'until' if concern.kind == 'paused' else 'next try'} {paper.time(concern.until)}")
    return ", ".join(parts)


def _counts(overview: Overview) -> list[tuple[str, str]]:
    undecided, unread = overview.undecided.waiting, overview.unread.waiting
    return [
        ("closures", f"{sum(overview.closed.values()):,} ({undecided:,} not decided yet)"),
        ("invitations", _listed(by_state(overview.asked))),
        ("follow-ups", _listed(by_state(overview.follow_ups))),
        ("not asked", _listed(overview.skipped)),
        ("answered", f"{overview.answered:,}"),
        ("answers", _listed(by_state(overview.received)) + (f" ({unread:,} not read yet)" if unread else "")),
        ("experiences", f"{overview.experiences:,}"),
        ("write-backs", _listed(by_state(overview.written))),
    ]


def _components(facts: Facts, paper: Paper) -> list[tuple[str, str]]:
    """Each component that is at work: its health, and what it did."""
    loops: dict[str, list[ComponentState]] = {id_: [] for id_ in facts.enabled}
    for id_, state in facts.components.items():
        loops.setdefault(id_.partition(":")[0], []).append(state)
    return [
        (id_, "; ".join(filter(None, [_health(states, paper), *_done(id_, facts.overview)])))
        for id_, states in loops.items()
    ]


def _health(states: Sequence[ComponentState], paper: Paper) -> str:
    if not states:
        return paper.paint("has not run yet", _YELLOW)
    if any(state.error is not None for state in states):
        return paper.paint("FAILING", _RED)
    return f"ok, last at {paper.time(max(filter(None, (state.last_ok_at for state in states)), default=None))}"


def _done(id_: str, overview: Overview) -> Iterator[str]:
    kind, _, name = id_.partition(".")
    if kind == "sources" and name in overview.closed:
        yield f"{overview.closed[name]:,} closed"
    if kind == "gateways" and name in overview.asked:
        yield f"surveys: {_listed(overview.asked[name])}"
    if kind == "gateways" and name in overview.received:
        yield f"answers: {_listed(overview.received[name])}"
    if id_ in overview.written:
        yield f"results: {_listed(overview.written[id_])}"


def _worker(worker: Worker, paper: Paper) -> str:
    health = f"up since {paper.time(worker.started_at)}"
    if is_silent(worker, paper.now):
        health = paper.paint(f"not seen since {paper.time(worker.seen_at)}", _RED)
    load = [text.format(f"{value:.0f}") for name, text in _LOAD if (value := worker.load.get(name))]
    return "; ".join(filter(None, [health, f"version {worker.version}", ", ".join(worker.roles), ", ".join(load)]))


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()) if count) or "none"


def _rows(rows: Sequence[tuple[str, str]], paper: Paper) -> Iterator[str]:
    """A label and a text each, in two columns."""
    width = max((len(label) for label, _ in rows), default=0) + 2
    for label, text in rows:
        head, *rest = paper.fold(text, first=width, others=width)
        yield f"{label:<{width}}{head[width:]}"
        yield from rest
