"""What really happened, noted from the customers' and the desk's side, to hold against what the hub made of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.message import EmailMessage

from sandbox.desk import PLACES, Place, Result, Ticket
from sandbox.story import Answer, Said, Story


@dataclass(frozen=True, slots=True)
class Survey:
    """A survey as it reached the customer."""

    text: str
    mail: EmailMessage | None = None


@dataclass(slots=True)
class Case:
    """One story with what has come of it so far."""

    story: Story
    tickets: list[Ticket] = field(default_factory=list)
    """The first one is on the story's desk."""
    surveys: list[Survey] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    said: Said | None = None
    """What the customer has sent off, and the hub must have."""
    done: bool = False
    """Nobody does anything any more in this story."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    seconds_to_survey: float | None = None
    """How long after the closing the first survey came."""

    @property
    def written_back(self) -> bool:
        """Whether the ticket carries what the customer said, everywhere it should."""
        said = self.said
        return said is not None and PLACES[self.story.system] <= {r.place for r in self.results if r.says(said)}

    @property
    def settled(self) -> bool:
        """Whether the hub owes nothing to this story."""
        return self.done and (self.said is None or self.written_back)


class Ledger:
    """All cases of a run."""

    def __init__(self, stories: Iterable[Story]) -> None:
        self.cases = [Case(story) for story in stories]
        self._by_address: dict[str, Case] = {}
        for case in self.cases:
            for address in filter(None, (case.story.person.email, case.story.person.phone)):
                self._by_address[address] = case
        self.strays = 0
        """Messages to nobody the sandbox knows, and results on tickets it does not know."""

    def note_survey(self, address: str, survey: Survey) -> Case | None:
        """A survey reached somebody."""
        case = self._by_address.get(address)
        if case is None:
            self.strays += 1
            return None
        case.surveys.append(survey)
        if not case.asked.is_set():
            case.seconds_to_survey = time.monotonic() - case.tickets[0].closed_at
        case.asked.set()
        return case

    def note_result(self, result: Result) -> Case | None:
        """The hub has written a result."""
        for case in self.cases:
            if any(ticket is result.ticket for ticket in case.tickets):
                case.results.append(result)
                return case
        self.strays += 1
        return None


def problems(cases: Iterable[Case]) -> dict[str, list[Case]]:
    """What must not happen, and to whom it did."""
    found: dict[str, list[Case]] = {name: [] for name in _WRONG}
    for case in cases:
        for name, times in _WRONG.items():
            found[name] += [case] * times(case)
    return found


def _duplicates(case: Case) -> int:
    """Surveys and results too many. Nobody is asked twice within the contact interval, however many tickets they have;
    one result in each place says it all, and a second message of the customer makes a second one.
    """
    results = 2 if case.story.answer is Answer.TWICE else 1
    written = Counter(result.place for result in case.results if result.place is not Place.PROPERTY)
    return max(0, len(case.surveys) - 1) + sum(max(0, times - results) for times in written.values())


_WRONG: dict[str, Callable[[Case], int]] = {
    "duplicates": _duplicates,
    "lost": lambda case: case.said is not None and not case.written_back,
    "invented": lambda case: bool(case.results) and case.done and case.said is None,
    "exposed": lambda case: any(result.place is Place.PUBLIC for result in case.results),
    "missing": lambda case: case.story.surveyed and not case.surveys,
    "unwanted": lambda case: bool(case.surveys) and not case.story.surveyed,
}
