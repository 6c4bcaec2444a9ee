"""What can be tried by hand when the stories are over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from sandbox.customers import page_link
from sandbox.desk import Desk
from sandbox.ledger import Ledger
from sandbox.story import Answer, System

_UNANSWERED = (Answer.SILENT, Answer.FILTERED)


def invite(console: Console, ledger: Ledger, desks: Mapping[System, Desk[Any]], config: Path) -> None:
    """Print links to answer pages, commands that ask the hub, and ways to look at a ticket of each desk."""
    mails = [case.messages[0].mail for case in ledger.cases if case.messages and case.story.answer in _UNANSWERED]
    lines = [("answer a survey", page_link(mail)) for mail in mails if mail is not None][:3]
    lines.append(("ask the hub", f"hub status --config {config}"))
    for system, desk in desks.items():
        written = [case.tickets[0] for case in ledger.cases if case.written_back and case.story.system is system]
        for ticket in written[:1]:
            lines.append((f"a ticket on {system}", f"hub why {ticket.key} --config {config}"))
            lines += [("", way) for way in desk.how_to_look(ticket)]
    console.print("\nTry it by hand, until you press Ctrl-C:")
    for what, how in lines:
        console.print(f"  {what:<22} {how}", soft_wrap=True, markup=False)
