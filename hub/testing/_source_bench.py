"""Closes tickets on a rig and pulls them through the plugin."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from hub import (
    Channel,
    Choice,
    Cursor,
    Customer,
    Experience,
    Item,
    ItemKind,
    Milestone,
    Page,
    QuestionKind,
    Remark,
    Score,
    Source,
    Ticket,
    TicketSnapshot,
)
from hub.testing._bench import Bench
from hub.testing.rigs import Draft, SourceRig


@dataclass(frozen=True, slots=True)
class Closed:
    """A ticket that the rig closed, or let reach another milestone, and what was asked for."""

    id: str
    draft: Draft


class SourceBench(Bench[Source[Any], SourceRig]):
    """The bench of a source."""

    _count = 0

    async def close_ticket(self) -> Closed:
        """Close one new ticket; no time passes."""
        draft = self._draft()
        return Closed(await self.rig.close_ticket(draft), draft)

    async def reach(self, milestone: Milestone) -> Closed:
        """Let one new ticket reach a milestone and stay open."""
        draft = self._draft()
        return Closed(await self.rig.reach(milestone, draft), draft)

    async def close_tickets(self, count: int, *, together: bool = False) -> list[Closed]:
        """Close so many new tickets, a minute apart or all at the same moment; then let a minute pass."""
        closed = []
        for _ in range(count):
            closed.append(await self.close_ticket())
            if not together:
                self.advance(minutes=1)
        if together:
            self.advance(minutes=1)
        return closed

    async def started(self) -> tuple[Source[Any], Cursor]:
        """A source after its first pull, and the cursor that this gave."""
        source = self.new()
        pages = await pull(source, None)
        assert pages, "pull(None) yielded no page; yield one empty page with the cursor to start from"
        self.advance(minutes=1)
        return source, pages[-1].cursor

    def _draft(self) -> Draft:
        type(self)._count += 1  # noqa: SLF001 - numbers differ between tests too: a real server may keep old mail
        number = self._count
        customer = Customer(name=f"Päivi Öhman {number}", email=f"paivi.ohman.{number}@customer.example")
        subject = f"Tulostin ei toimi – Åsa Öberg 🖨 {number}"
        self.made_up |= {subject, customer.name or "", customer.email or ""}
        return Draft(subject=subject, customer=customer, closed_at=self.rig.clock.now())


async def pull(source: Source[Any], cursor: Cursor | None, *, pages: int | None = None) -> list[Page]:
    """All pages from a cursor on, or the first few; then the pull is given up as the hub gives it up."""
    walked: list[Page] = []
    async with aclosing(cast("AsyncGenerator[Page, None]", source.pull(cursor))) as walk:
        async for page in walk:
            assert isinstance(page, Page), f"pull() yielded {type(page).__name__}, expected Page"
            assert isinstance(page.cursor, str), f"a Page's cursor is {type(page.cursor).__name__}, expected text"
            walked.append(page)
            if len(walked) == pages:
                break
    return walked


def tickets(pages: Iterable[Page]) -> list[Ticket]:
    """The tickets of some pages, in order."""
    return [ticket for page in pages for ticket in page.tickets]


def closures(pages: Iterable[Page]) -> dict[str, set[str]]:
    """The closure keys seen for each ticket id."""
    found: dict[str, set[str]] = {}
    for ticket in tickets(pages):
        found.setdefault(ticket.id, set()).add(ticket.closure_key)
    return found


def assert_found(pages: Iterable[Page], expected: Sequence[Closed], when: str) -> None:
    """Fail if a ticket is missing; the same one twice is allowed."""
    found = closures(pages)
    missed = [closed.id for closed in expected if closed.id not in found]
    assert not missed, (
        f"{when} skipped ticket {', '.join(missed)} of {len(expected)}; its customer would never be asked. "
        "Yield every page up to the present, and let no cursor go beyond what was yielded"
    )


def assert_same_closures(before: dict[str, set[str]], after: dict[str, set[str]], when: str) -> None:
    """Fail if a ticket comes back under another closure key."""
    for ticket_id, keys in after.items():
        known = before.get(ticket_id)
        assert known is not None, (
            f"{when} yielded ticket {ticket_id}, which was not closed since; its customer would be asked of old matters"
        )
        assert keys <= known, (
            f"{when} yielded ticket {ticket_id} again with another closure_key; it would be asked twice. "
            "Make the key of the closing, such as its time or its history entry, not of the last change"
        )


def experience(ticket: Ticket, *, revision: int = 1, comment: str) -> Experience:
    """What a customer said of this ticket."""
    snapshot = TicketSnapshot(
        source="test", id=ticket.id, key=ticket.key, closure_key=ticket.closure_key, subject=ticket.subject,
        agent=ticket.agent, team=ticket.team, closed_at=ticket.closed_at,
    )  # fmt: skip
    return Experience(
        id=f"exp-{ticket.closure_key}-{ticket.id}",
        revision=revision,
        ticket=snapshot,
        survey="csat",
        survey_version="1",
        channel=Channel.SMS,
        language="fi",
        scores=(Score(question="rating", value=2 + revision, minimum=1, maximum=5),),
        comment=comment,
        answered_at=ticket.closed_at,
    )


def rich_experience(ticket: Ticket, words: Sequence[str]) -> Experience:
    """What a customer said who answered everything, and wrote these three things."""
    kinds = ((ItemKind.PROBLEM_FAULT, "rule"), (ItemKind.SERVICE, "customer"), (ItemKind.IDEA, "person"))
    return experience(ticket, comment="\n".join(words)).model_copy(
        update={
            "scores": (
                Score(question="service", value=2, minimum=1, maximum=5, approximate=True),
                Score(question="solved", kind=QuestionKind.YES_NO, value=0, minimum=0, maximum=1),
                Score(question="effort", kind=QuestionKind.CES, value=3, minimum=1, maximum=7),
            ),
            "choices": (Choice(question="factors", options=("slow", "process_no"), process=True),),
            "lost_minutes": 90,
            "remarks": tuple(Remark(question="three", text=text) for text in words),
            "items": tuple(
                Item(kind=kind, text=text, question="three", by=by)
                for (kind, by), text in zip(kinds, words, strict=True)
            ),
        }
    )


def withdrawn(item: Experience) -> Experience:
    """The next revision of an experience, by which the customer takes everything back."""
    nothing: dict[str, Any] = dict.fromkeys(("scores", "choices", "remarks", "items"), ())
    nothing |= {"comment": None, "lost_minutes": None, "withdrawn": True, "revision": item.revision + 1}
    return item.model_copy(update=nothing)
