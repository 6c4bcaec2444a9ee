"""Plays the stories: customers write, agents answer and close, surveys come, customers react."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.customers import Customers
from sandbox.desk import Desk, Ticket
from sandbox.ledger import Case, Ledger
from sandbox.story import Answer, Closing, System
from sandbox.view import View

OPENING_SECONDS = 8.0
"""All tickets are opened within this time, few of them sooner."""

OLD_TICKETS = 10
"""How many tickets of last year there are for each story about old ones."""

SURVEY_SECONDS = 20.0
"""How long after the last closing a survey may take before a story is given up."""


class Play:
    """One run of all stories."""

    def __init__(
        self, ledger: Ledger, desks: Mapping[System, Desk[Any]], customers: Customers, view: View, seed: int
    ) -> None:
        self._ledger = ledger
        self._desks = desks
        self._customers = customers
        self._view = view
        self._seed = seed
        self._old = [case for case in ledger.cases if case.story.closing is Closing.OLD]

    async def prepare(self) -> None:
        """Fill the desks with last year's tickets, before the hub starts."""
        for case in self._old:
            for number in range(OLD_TICKETS):
                last_year = datetime.now(UTC) - timedelta(days=400 + number)
                case.tickets.append(await self._desk(case).open_old(case.story, last_year))

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
        """Somebody puts all of last year's tickets away at once."""
        await asyncio.sleep(OPENING_SECONDS / 2)
        for case in self._old:
            await self._desk(case).close(*case.tickets)
            self._view.say(f"somebody puts away {OLD_TICKETS} tickets of last year", case.story.system)
            case.done = True

    async def _story(self, case: Case) -> None:
        draw = random.Random(f"{self._seed}:{case.story.person.email}:{case.story.number}")
        ticket = await self._open(case)
        await asyncio.sleep(draw.uniform(0.1, 0.5))
        await self._desk(case).answer(ticket)
        await self._finish(case, ticket)
        if case.story.surveyed and await self._asked(case):
            await self._customers.react(case, draw)
            await self._afterwards(case, ticket)
        case.done = True

    async def _asked(self, case: Case) -> bool:
        return await case.next_message(SURVEY_SECONDS) is not None

    async def _finish(self, case: Case, ticket: Ticket) -> None:
        match case.story.closing:
            case Closing.STEPWISE:
                await self._desk(case).close_stepwise(ticket)
                self._view.tell(ticket, "closed in steps")
            case Closing.PASSED_ON:
                self._view.tell(ticket, "passed on to others")
                await self._desk(case).pass_on(ticket)
                await self._close(ticket)
            case Closing.REOPENED:
                await self._close_and_reopen(case, ticket)
            case Closing.MORE:
                await self._close(ticket)
                await self._close(await self._open(case))
            case _:
                await self._close(ticket)

    async def _close_and_reopen(self, case: Case, ticket: Ticket) -> None:
        await self._close(ticket)
        await asyncio.sleep(1.5)
        self._view.tell(ticket, "the customer writes again before the survey leaves")
        await self._desk(case).hear(ticket)
        await asyncio.sleep(1.5)
        await self._close(ticket)

    async def _afterwards(self, case: Case, ticket: Ticket) -> None:
        """Some customers come back after the survey, also to another desk, and must not be asked again."""
        if case.story.closing is Closing.AGAIN:
            await self._desk(case).hear(ticket)
            await asyncio.sleep(0.5)
            await self._close(ticket)
        if case.story.closing is Closing.MORE or case.story.answer is Answer.STOP:
            await asyncio.sleep(1.0)
            await self._close(await self._open(case, elsewhere=True))

    async def _open(self, case: Case, *, elsewhere: bool = False) -> Ticket:
        """Another ticket of the story's customer."""
        systems = list(System)
        system = systems[(systems.index(case.story.system) + elsewhere) % len(systems)]
        ticket: Ticket = await self._desks[system].open(case.story)
        case.tickets.append(ticket)
        return ticket

    async def _close(self, ticket: Ticket) -> None:
        await self._desks[ticket.system].close(ticket)
        self._view.tell(ticket, "closed again" if ticket.closings > 1 else "closed")

    def _desk(self, case: Case) -> Desk[Any]:
        return self._desks[case.story.system]
