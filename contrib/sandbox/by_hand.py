"""Play the customers yourself: surveys come to phones and mailboxes, what is typed goes back, the tickets show it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import indent
from typing import Any

from rich.console import Console
from rich.text import Text

from sandbox.customers import Customers
from sandbox.desk import Desk, Place
from sandbox.hub_process import HubProcess
from sandbox.keyboard import Keyboard, Screen
from sandbox.ledger import Case, Ledger
from sandbox.play import SURVEY_SECONDS
from sandbox.stage import Setting, set_up
from sandbox.story import Story, System
from sandbox.summary import conversation
from sandbox.transcript import print_conversation
from sandbox.view import View

REACTION_SECONDS = 6.0
"""How long to look out for what the hub does with a reply."""
_QUIET_SECONDS = 1.2
"""Without news for so long, the hub has done what it does for now."""
HELP = """\
  TEXT      write this from the phone or mailbox in your hand; try a digit, words, an emoji, STOP
  /2        take up number 2
  /2 TEXT   take it up and write
  /list     all phones and mailboxes
  /read     the whole conversation, mails with all their links
  /why      what the hub tells of this ticket
  /help     these lines
  Ctrl-D    the end"""


async def play_by_hand(setting: Setting, stories: Sequence[Story]) -> None:
    """Run everything for somebody at the terminal, until the input ends.

    :raises HubFailed: the hub ended by itself.
    """
    keyboard = Keyboard()
    console = Console(file=Screen(keyboard), highlight=False)
    try:
        async with set_up(setting, stories, console) as stage, stage.hub() as hub:
            world = stage.world
            game = ByHand(stage.ledger, world.desks, world.customers, hub, console, stage.view, keyboard)
            await game.play()
            console.print("\nWhat was said:")
            for case in stage.ledger.cases:
                print_conversation(console, conversation(case))
                _print_ticket(console, case)
    finally:
        keyboard.close()


def _print_ticket(console: Console, case: Case) -> None:
    """Show what people at the desk read on the ticket."""
    for place, result in case.on_the_ticket.items():
        if place is not Place.PROPERTY:
            console.print(Text(indent(result.words.strip(), " " * 11), style="green"), soft_wrap=True)


@dataclass(slots=True)
class ByHand:
    """Somebody at the terminal who is all customers at once."""

    ledger: Ledger
    desks: Mapping[System, Desk[Any]]
    customers: Customers
    hub: HubProcess
    console: Console
    view: View
    keyboard: Keyboard
    _in_hand: int = 0
    _told: set[tuple[str, str, str]] = field(default_factory=set)
    """What was shown of the hub's own story: ticket, time and words."""

    async def play(self) -> None:
        """Have all tickets closed, and pass on what is typed until the input ends."""
        async with asyncio.TaskGroup() as group:
            for case in self.ledger.cases:
                group.create_task(self._be_asked(case))
        self.list()
        self.console.print(f"\n{HELP}\n", markup=False, soft_wrap=True)
        while (line := await self.keyboard.line(self._prompt())) is not None:
            self.hub.check_alive()
            await self._obey(line.strip())

    def list(self) -> None:
        """Show who there is."""
        self.console.print("\nThese customers are yours:")
        for number, case in enumerate(self.ledger.cases, start=1):
            person = case.story.person
            reached = person.phone or person.email
            told = f"  {number:>2}  {person.name:<18} {reached:<30} {person.language}  {case.story.system}"
            self.console.print(f"{told} {case.tickets[0].key}", markup=False, soft_wrap=True)

    async def _be_asked(self, case: Case) -> None:
        """The ticket is opened, answered and closed, and the survey comes."""
        desk = self.desks[case.story.system]
        ticket = await desk.open(case.story)
        case.tickets.append(ticket)
        await desk.answer(ticket)
        await desk.close(ticket)
        self.view.tell(ticket, "closed")
        await case.next_message(SURVEY_SECONDS)

    async def _obey(self, line: str) -> None:
        command, _, rest = line.removeprefix("/").partition(" ")
        if not line.startswith("/"):
            await self._write(line)
        elif command.isdecimal() and 1 <= int(command) <= len(self.ledger.cases):
            self._in_hand = int(command) - 1
            await self._write(rest.strip())
        else:
            await self._tell(command)

    async def _tell(self, command: str) -> None:
        match command:
            case "list":
                self.list()
            case "read":
                self._read()
            case "why":
                await self._why(again=True)
            case _:
                self.console.print(HELP, markup=False, soft_wrap=True)

    async def _write(self, text: str) -> None:
        """Send it, and show what comes of it."""
        if not text:
            return
        case = self._case
        if not case.messages:
            self.console.print("  Nobody has asked this customer anything.")
            return
        if case.story.by_sms:
            await self.customers.text(case, text)
        else:
            await self.customers.mail(case, text)
        await self._quiet()
        await self._why()

    async def _quiet(self) -> None:
        """Return when the hub has reacted, and nothing more comes."""
        case, now = self._case, asyncio.get_running_loop().time
        seen, since = len(case.messages) + len(case.results), now()
        quiet_for = REACTION_SECONDS
        while now() - since < quiet_for:
            await asyncio.sleep(0.1)
            if (there := len(case.messages) + len(case.results)) != seen:
                seen, since, quiet_for = there, now(), _QUIET_SECONDS

    async def _why(self, *, again: bool = False) -> None:
        """What the hub tells of the ticket, unless `again` only what is new."""
        key = self._case.tickets[0].key
        for closure in await self.hub.why(key):
            for line in closure["lines"]:
                news = (key, line["at"], line["what"])
                if again or news not in self._told:
                    told = f"    hub why {key}: {line['what']}"
                    self.console.print(Text(told, style="dim"), soft_wrap=True)
                self._told.add(news)
            self.console.print(Text(f"    next: {closure['next_step']}", style="dim"), soft_wrap=True)

    def _read(self) -> None:
        for line in self._case.lines:
            self.console.print(Text(f"  {line.speaker}: {line.text}"), soft_wrap=True)
            if line.mail is not None and (body := line.mail.get_body(("plain",))):
                self.console.print(Text(body.get_content()), soft_wrap=True)

    @property
    def _case(self) -> Case:
        return self.ledger.cases[self._in_hand]

    def _prompt(self) -> str:
        return f"{self._in_hand + 1} {self._case.story.person.name}> "
