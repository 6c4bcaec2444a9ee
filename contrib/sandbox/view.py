"""What a person sees in the terminal while the stories are played."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sandbox.desk import Ticket
from sandbox.ledger import Case, Ledger


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

    def say(self, text: str, style: str = "dim") -> None:
        """A line about no ticket in particular."""
        self._line("", text, style)

    def tell(self, ticket: Ticket, text: str, style: str = "") -> None:
        """A line about a ticket."""
        self._line(ticket.tag, text, style)

    def survey(self, case: Case) -> None:
        """A survey reached the customer."""
        how = "phone" if case.story.by_sms else "mailbox"
        self.tell(case.tickets[-1], f"survey on the customer's {how}", "cyan")

    def said(self, case: Case) -> None:
        """The customer has done what they wanted to."""
        said = case.said
        words = f"the customer: {case.story.answer.value.replace('_', ' ')}"
        if said is not None:
            words = f"the customer answers: {' '.join(part for part in (str(said.rating or ''), said.words) if part)}"
        self.tell(case.tickets[-1], words, "yellow")

    def result(self, case: Case) -> None:
        """A result is on the ticket."""
        self.tell(case.tickets[-1], "the ticket carries the answer", "green")

    def _line(self, tag: str, text: str, style: str) -> None:
        seconds = time.monotonic() - self._began
        self._console.print(
            Text.assemble((f"{seconds:5.1f} s  ", "dim"), (f"{tag:<8} ", "bold"), (text, style)), soft_wrap=True
        )

    def _sums(self) -> Table:
        cases = self._ledger.cases
        table = Table("closed", "asked", "answered", "on the ticket", title="so far", title_justify="left")
        table.add_row(
            str(sum(ticket.closings for case in cases for ticket in case.tickets)),
            str(sum(len(case.surveys) for case in cases)),
            str(sum(case.said is not None for case in cases)),
            str(sum(case.written_back for case in cases)),
        )
        return table
