"""What really happened, noted from the customers' and the desk's side, to hold against what the hub made of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal

from sandbox.desk import PLACES, Place, Result, Ticket
from sandbox.story import Answer, Story
from sandbox.words import Reply, Said

By = Literal["sms", "mail", "page"]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was said between the hub and a customer."""

    speaker: Literal["hub", "customer"]
    by: By
    text: str
    """Of a mail of the hub the subject."""
    question: str | None = None
    """Which one the hub asks."""
    mail: EmailMessage | None = None
    at: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Case:
    """One story with what has come of it so far."""

    story: Story
    tickets: list[Ticket] = field(default_factory=list)
    """The first one is on the story's desk."""
    lines: list[Line] = field(default_factory=list)
    """The conversation, in the order it was held."""
    results: list[Result] = field(default_factory=list)
    said: Said | None = None
    """What the customer has sent off, and the hub must have."""
    wishes: int = 0
    """How often the customer sent a word to stop or to start; each is confirmed."""
    let_down: bool = False
    """The hub owed the customer a message, and none came."""
    done: bool = False
    """Nobody does anything any more in this story."""
    seconds_to_survey: float | None = None
    """How long after the closing the first survey came."""
    _incoming: asyncio.Queue[Line] = field(default_factory=asyncio.Queue)

    def hear(self, line: Line) -> None:
        """The hub says something to the customer."""
        if not self.lines:
            self.seconds_to_survey = time.monotonic() - self.tickets[0].closed_at
        self.lines.append(line)
        self._incoming.put_nowait(line)

    async def next_message(self, seconds: float) -> Line | None:
        """The next thing the hub says; None when it says nothing for so long."""
        try:
            return await asyncio.wait_for(self._incoming.get(), seconds)
        except TimeoutError:
            return None

    def say(self, by: By, text: str) -> None:
        """The customer says something."""
        self.lines.append(Line("customer", by, text))

    def mean(self, question: str, reply: Reply) -> None:
        """What the customer said means this, as the answer to a question."""
        self.said = (self.said or Said()).plus(question, reply)

    @property
    def messages(self) -> list[Line]:
        """What the hub said."""
        return [line for line in self.lines if line.speaker == "hub"]

    @property
    def surveys(self) -> list[Line]:
        """The messages that began a conversation."""
        first = self.messages[:1]
        return [line for line in self.messages if line.mail or line.question == first[0].question]

    @property
    def on_the_ticket(self) -> Mapping[Place, Result]:
        """What stands in each place now."""
        return {result.place: result for result in self.results}

    @property
    def written_back(self) -> bool:
        """Whether the ticket carries what the customer said, everywhere it should."""
        said, there = self.said, self.on_the_ticket
        return said is not None and all(
            place in there and there[place].says(said) for place in PLACES[self.story.system]
        )

    @property
    def settled(self) -> bool:
        """Whether the hub owes nothing to this story."""
        return self.done and (self.said is None or self.written_back)


class Ledger:
    """All cases of a run."""

    def __init__(self, stories: Iterable[Story], messages: int = 4) -> None:
        self.cases = [Case(story) for story in stories]
        self.messages = messages
        """The most SMS in a conversation."""
        self._by_address: dict[str, Case] = {}
        for case in self.cases:
            for address in filter(None, (case.story.person.email, case.story.person.phone)):
                self._by_address[address] = case
        self.strays = 0
        """Messages to nobody the sandbox knows, and results on tickets it does not know."""

    def note_message(self, address: str, line: Line) -> Case | None:
        """A message of the hub reached somebody."""
        case = self._by_address.get(address)
        if case is None:
            self.strays += 1
            return None
        case.hear(line)
        return case

    def note_result(self, result: Result) -> Case | None:
        """The hub has written a result."""
        for case in self.cases:
            if any(ticket is result.ticket for ticket in case.tickets):
                case.results.append(result)
                return case
        self.strays += 1
        return None

    def problems(self, cases: Iterable[Case]) -> dict[str, list[Case]]:
        """What must not happen, and to whom it did."""
        found: dict[str, list[Case]] = {name: [] for name in (*_WRONG, "nagged")}
        for case in cases:
            for name, times in _WRONG.items():
                found[name] += [case] * times(case)
            found["nagged"] += [case] * self._too_many(case)
        return found

    def _too_many(self, case: Case) -> int:
        """Questions asked again, and messages above the most that a conversation may have."""
        asked = Counter(line.question for line in case.messages if line.question)
        again = sum(times - 1 for question, times in asked.items() if question != case.messages[0].question)
        return again + max(0, len(case.messages) - self.messages - case.wishes)


def _duplicates(case: Case) -> int:
    """Surveys, messages and results too many. Nobody is asked twice within the contact interval, however many tickets
    they have; a result that says the same as the one before it says nothing.
    """
    again = Counter(line.text for line in case.messages)
    notes = Counter((result.place, result.words) for result in case.results if result.place is not Place.PROPERTY)
    repeated = sum(times - 1 for times in (*again.values(), *notes.values()))
    return max(repeated, len(case.surveys) - 1, 0)


def _unwanted(case: Case) -> int:
    """Messages to those who must not be asked, and after a stop word more than its confirmation."""
    if not case.story.surveyed:
        return len(case.messages)
    if case.story.answer is not Answer.STOP or not case.wishes:
        return 0
    stopped = next(place for place, line in enumerate(case.lines) if line.speaker == "customer")
    return max(0, sum(line.speaker == "hub" for line in case.lines[stopped:]) - 1)


_WRONG: dict[str, Callable[[Case], int]] = {
    "duplicates": _duplicates,
    "lost": lambda case: case.said is not None and not case.written_back,
    "invented": lambda case: bool(case.results) and case.done and case.said is None,
    "exposed": lambda case: any(result.place is Place.PUBLIC for result in case.results),
    "missing": lambda case: case.story.surveyed and not case.messages,
    "unwanted": _unwanted,
    "let_down": lambda case: case.let_down,
}
