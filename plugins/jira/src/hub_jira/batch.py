"""A batch of experiences: which are written when, how many at the same time, and when it is no use to go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from hub import AuthFailed, Experience, OutcomeUnknown, RemoteError, Unavailable
from hub_jira.job import Job, Outcome, Refused, again
from hub_jira.site import Site
from hub_jira.tickets import Shown

MOST_IN_TROUBLE = 2
"""One ticket may be to blame itself; when so many cannot be written to, the others would meet the same."""


class Writer(Protocol):
    """Writes one experience to its ticket, in two steps."""

    async def show(self, ids: Sequence[str], site: Site) -> Mapping[str, Shown]:
        """Tickets by their ids, as many as can be read at once.

        :raises RemoteError: reading each by itself would meet the same.
        """
        ...

    async def put(self, item: Experience, site: Site, shown: Shown | None) -> Outcome | Job:
        """Write. A job has to be judged yet.

        :param shown: the ticket before; None when it must be read by itself.
        """
        ...

    async def judge(self, job: Job, shown: Shown | None) -> Outcome:
        """Read back what was written.

        :param shown: the ticket afterwards; None when it must be read by itself.
        """
        ...


class Batch:
    """Several tickets at once; what concerns one ticket in order.

    :param at_once: how many tickets are written to at the same time.
    """

    def __init__(self, writer: Writer, items: Sequence[Experience], site: Site, at_once: int) -> None:
        self._writer = writer
        self._items = items
        self._site = site
        self._at_once = at_once
        self._outcomes: dict[int, Outcome] = {}
        self._jobs: dict[int, Job] = {}
        self._failed: dict[str, RemoteError] = {}
        self._in_trouble = 0
        self._stopped: RemoteError | None = None

    async def run(self) -> list[Outcome]:
        """The outcome of each item, in order."""
        for numbers in self._rounds():
            await self._round(numbers)
        return [self._outcomes[number] for number in range(len(self._items))]

    def _rounds(self) -> list[list[int]]:
        """The items by turns: each ticket is in a round at most once, with its results in order."""
        rounds: list[list[int]] = []
        turns: dict[str, int] = {}
        for number, item in enumerate(self._items):
            turn = turns.get(item.ticket.id, 0)
            turns[item.ticket.id] = turn + 1
            if turn == len(rounds):
                rounds.append([])
            rounds[turn].append(number)
        return rounds

    async def _round(self, numbers: Sequence[int]) -> None:
        """Look at all tickets, write to some at a time, and read all of them back."""
        before = await self._show([number for number in numbers if not self._trouble_of(self._ticket(number))])
        await self._work_off(numbers, lambda number: self._put(number, before))
        written = [number for number in numbers if number in self._jobs]
        stopped = self._stopped
        if not isinstance(stopped, AuthFailed):  # what cannot be written may still be read
            self._stopped, self._in_trouble = None, 0
        after = await self._show(written)
        await self._work_off(written, lambda number: self._judge(number, after))
        self._stopped = self._stopped or stopped

    async def _show(self, numbers: Sequence[int]) -> Mapping[str, Shown]:
        try:
            return await self._writer.show([self._ticket(number) for number in numbers], self._site)
        except RemoteError as error:
            self._stopped = error
            return {}

    async def _work_off(self, numbers: Sequence[int], work: Callable[[int], Awaitable[None]]) -> None:
        waiting = iter(numbers)

        async def work_on() -> None:
            for number in waiting:
                await work(number)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(self._at_once, len(numbers))):
                tasks.create_task(work_on())

    async def _put(self, number: int, before: Mapping[str, Shown]) -> None:
        ticket = self._ticket(number)
        outcome: Outcome | Job | None = self._trouble_of(ticket)
        if outcome is None:
            outcome = await self._writer.put(self._items[number], self._site, before.get(ticket))
        if isinstance(outcome, Job):
            self._jobs[number] = outcome
            return
        self._outcomes[number] = outcome
        if ticket not in self._failed and isinstance(outcome, RemoteError):
            self._note(ticket, outcome)

    async def _judge(self, number: int, after: Mapping[str, Shown]) -> None:
        job, ticket = self._jobs[number], self._ticket(number)
        shown = after.get(ticket)
        outcome: Outcome | None = None if shown else self._stopped
        if outcome is None:
            outcome = await self._writer.judge(job, shown)
        if isinstance(outcome, RemoteError):
            self._note(ticket, outcome)
            outcome = again(job.item, outcome, job.written)
        self._outcomes[number] = outcome

    def _ticket(self, number: int) -> str:
        return self._items[number].ticket.id

    def _trouble_of(self, ticket: str) -> RemoteError | None:
        return self._stopped or self._failed.get(ticket)

    def _note(self, ticket: str, error: RemoteError) -> None:
        """Go on with other tickets only, and stop when they would meet the same and each would wait for it."""
        if not isinstance(error, AuthFailed | Unavailable | OutcomeUnknown):
            return
        self._failed[ticket] = error
        if isinstance(error, Refused):
            return
        self._in_trouble += 1
        if isinstance(error, AuthFailed) or self._in_trouble >= MOST_IN_TROUBLE:
            self._stopped = error
