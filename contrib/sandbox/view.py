"""What a person sees in the terminal while the stories are played."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sandbox.customers import page_link
from sandbox.desk import Place, Result, Ticket
from sandbox.ledger import Case, Ledger
from sandbox.story import Answer, System

COLOURS = {System.MAILBOX: "magenta", System.JIRA: "bright_blue", System.SERVICENOW: "bright_green"}
"""One for each desk."""
_WHERE = {"sms": "phone ", "mail": "mail  ", "page": "page  "}


def in_words(result: Result) -> str:
    """What a result says, in one line."""
    scores = ", ".join(f"{question} {value}" for question, value in result.scores.items())
    return scores or "the customer's words"


class View:
    """One line for each thing that happens; on a terminal also the sums so far, below the lines."""

    def __init__(self, console: Console, ledger: Ledger) -> None:
        self._console = console
        self._ledger = ledger
        self._began = time.monotonic()
        self._live = Live(console=console, get_renderable=self._sums, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live.is_started:
            self._live.stop()

    def say(self, text: str, system: System | None = None) -> None:
        """A line about no ticket in particular."""
        self._line(system, "", text, "dim")

    def tell(self, ticket: Ticket, text: str, style: str = "") -> None:
        """A line about a ticket."""
        self._line(ticket.system, ticket.key, text, style)

    def message(self, case: Case) -> None:
        """The hub has said something to the customer."""
        line = case.messages[-1]
        self.tell(case.tickets[0], f"{_WHERE[line.by]} < {line.text}", "cyan")
        if line.mail is not None and case.story.answer is Answer.BY_HAND:
            self.tell(case.tickets[0], f"         answer at {page_link(line.mail)}", "cyan")

    def said(self, case: Case) -> None:
        """The customer has said something."""
        line = case.lines[-1]
        self.tell(case.tickets[0], f"{_WHERE[line.by]} > {' '.join(line.text.split())}", "yellow")

    def result(self, case: Case, result: Result) -> None:
        """The hub has written onto a ticket."""
        if result.ticket is not None and result.place is not Place.PROPERTY:
            all_of_it = ", all the customer has said" if case.written_back else ""
            self.tell(result.ticket, f"ticket < {in_words(result)}{all_of_it}", "green")

    def _line(self, system: System | None, key: str, text: str, style: str) -> None:
        seconds = time.monotonic() - self._began
        desk = (f"{system or '':<11}", COLOURS[system] if system else "")
        self._console.print(
            Text.assemble((f"{seconds:5.1f} s  ", "dim"), desk, (f"{key:<11} ", "bold"), (text, style)), soft_wrap=True
        )

    def _sums(self) -> Table:
        table = Table("", "closed", "asked", "answered", "on the ticket", title="so far", title_justify="left")
        for system in System:
            cases = [case for case in self._ledger.cases if case.story.system is system]
            table.add_row(
                Text(system, COLOURS[system]),
                str(sum(ticket.closings for case in cases for ticket in case.tickets)),
                str(sum(len(case.surveys) for case in cases)),
                str(sum(case.said is not None for case in cases)),
                str(sum(case.written_back for case in cases)),
            )
        return table
