"""Plays the stories: customers write, agents answer and close, surveys come, customers react."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sandbox.customers import Customers
from sandbox.desk import Desk, Ticket
from sandbox.ledger import Case, Ledger
from sandbox.story import Answer, Closing
from sandbox.view import View

OPENING_SECONDS = 8.0
"""All tickets are opened within this time, few of them sooner."""

OLD_TICKETS = 10
"""How many tickets of last year lie in the inbox for each story about old mail."""

SURVEY_SECONDS = 20.0
"""How long after the last closing a survey may take before a story is given up."""

_MATTER = {
    "fi": "Hei, tarvitsen apua: {subject}. Voitteko katsoa?",
    "sv": "Hej, jag behöver hjälp: {subject}. Kan ni titta på det?",
    "en": "Hello, I need help: {subject}. Could you have a look?",
}
_MORE = {"fi": "Lisätietona vielä: alkoi aamulla.", "sv": "En sak till: det började i morse.", "en": "It began today."}


class Play:
    """One run of all stories."""

    def __init__(self, ledger: Ledger, desk: Desk, customers: Customers, view: View, seed: int) -> None:
        self._ledger = ledger
        self._desk = desk
        self._customers = customers
        self._view = view
        self._seed = seed
        self._old = [case for case in ledger.cases if case.story.closing is Closing.OLD]

    async def prepare(self) -> None:
        """Fill the inbox with last year's mail, before the hub starts."""
        for case in self._old:
            for number in range(OLD_TICKETS):
                last_year = datetime.now(UTC) - timedelta(days=400 + number)
                ticket = await self._open(case, at=last_year)
                await self._desk.answer(ticket, at=last_year + timedelta(hours=2))

    async def run(self) -> None:
        """Play everything, and return when nobody has anything left to do."""
        new = [case for case in self._ledger.cases if case not in self._old]
        pause = min(0.4, OPENING_SECONDS / max(1, len(new)))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tidy_up())
            for case in new:
                group.create_task(self._story(case))
                await asyncio.sleep(pause)

    async def _tidy_up(self) -> None:
        """Somebody cleans the inbox: all of last year's mail goes to the closed folder at once."""
        await asyncio.sleep(OPENING_SECONDS / 2)
        await self._desk.close(*(ticket for case in self._old for ticket in case.tickets))
        for case in self._old:
            self._view.say(f"somebody moves {OLD_TICKETS} tickets of last year to the closed folder")
            case.done = True

    async def _story(self, case: Case) -> None:
        draw = random.Random(f"{self._seed}:{case.story.person.email}:{case.story.number}")
        ticket = await self._open(case)
        await asyncio.sleep(draw.uniform(0.1, 0.5))
        await self._desk.answer(ticket)
        await self._finish(case, ticket)
        if case.story.surveyed and await self._asked(case):
            await self._customers.react(case, draw)
            self._view.said(case)
            await self._afterwards(case, ticket)
        case.done = True

    async def _asked(self, case: Case) -> bool:
        try:
            await asyncio.wait_for(case.asked.wait(), SURVEY_SECONDS)
        except TimeoutError:
            return False
        return True

    async def _finish(self, case: Case, ticket: Ticket) -> None:
        match case.story.closing:
            case Closing.PIECEMEAL:
                await self._close_piecemeal(case, ticket)
            case Closing.REOPENED:
                await self._close_and_reopen(case, ticket)
            case Closing.MORE:
                await self._close_more(case, ticket)
            case _:
                await self._close([ticket])

    async def _close_piecemeal(self, case: Case, ticket: Ticket) -> None:
        await self._desk.hear(ticket, _MORE[case.story.person.language])
        await asyncio.sleep(1.5)
        await self._desk.close(ticket, mails=1)
        await asyncio.sleep(1.2)
        await self._close([ticket])

    async def _close_and_reopen(self, case: Case, ticket: Ticket) -> None:
        await self._close([ticket])
        await asyncio.sleep(1.5)
        self._view.tell(ticket, "the customer writes again before the survey leaves")
        await self._desk.hear(ticket, _MORE[case.story.person.language])
        await asyncio.sleep(1.5)
        await self._close([ticket])

    async def _close_more(self, case: Case, ticket: Ticket) -> None:
        await self._close([ticket])
        for _ in range(2):
            another = await self._open(case)
            await self._close([another])

    async def _afterwards(self, case: Case, ticket: Ticket) -> None:
        """Some customers come back after the survey, and must not be asked again."""
        if case.story.closing is Closing.AGAIN:
            await self._desk.hear(ticket, _MORE[case.story.person.language])
            await asyncio.sleep(0.5)
            await self._close([ticket])
        if case.story.answer is Answer.STOP:
            await asyncio.sleep(1.0)
            await self._close([await self._open(case)])

    async def _open(self, case: Case, at: datetime | None = None) -> Ticket:
        story = case.story
        ticket = self._desk.new_ticket(story.person, story.subject)
        case.tickets.append(ticket)
        text = _MATTER[story.person.language].format(subject=story.subject)
        await self._desk.hear(ticket, text, at=at, automatic=story.closing is Closing.AUTOMATIC)
        return ticket

    async def _close(self, tickets: Sequence[Ticket]) -> None:
        await self._desk.close(*tickets)
        for ticket in tickets:
            self._view.tell(ticket, "closed again" if ticket.closings > 1 else "closed")
