"""What every simulated service desk can do, whatever it works with."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from sandbox.people import Person
from sandbox.story import Story, System
from sandbox.words import Said


class Place(StrEnum):
    """Where a result stands."""

    MESSAGE = "message"  # in the mailbox, in the ticket's conversation
    PROPERTY = "property"  # of the issue
    NOTE = "note"  # which agents see and customers do not
    PUBLIC = "public"  # where customers see it


PLACES = {
    System.MAILBOX: frozenset({Place.MESSAGE}),
    System.JIRA: frozenset({Place.PROPERTY, Place.NOTE}),
    System.SERVICENOW: frozenset({Place.NOTE}),
}
"""Where the hub must write an answer: in all of these."""


@dataclass(slots=True, kw_only=True)
class Ticket(ABC):
    """One matter of one customer."""

    system: System
    person: Person
    closings: int = 0
    """How often it was closed so far."""
    closed_at: float = 0.0
    """When it was closed last, on the monotonic clock."""

    def note_closing(self) -> None:
        """It was closed now."""
        self.closings += 1
        self.closed_at = time.monotonic()

    @property
    @abstractmethod
    def key(self) -> str:
        """What people at the desk call it, and `hub why` too."""


TicketT = TypeVar("TicketT", bound=Ticket)


@dataclass(frozen=True, slots=True)
class Result:
    """An answer, or a new version of it, that the hub has written."""

    ticket: Ticket | None
    """None when it is on no ticket of this desk."""
    place: Place
    scores: Mapping[str, int]
    """By question."""
    words: str
    """The whole text; the customer's words are somewhere in it."""
    items: Sequence[tuple[str, str]] | None = None
    """Kind and words of each thing to act on; None where the place does not hold them."""

    def says(self, said: Said) -> bool:
        """Whether the customer's scores are there and no others, with all their words, and what is to be done."""
        here = " ".join(self.words.split())
        if self.scores != said.scores or not all(" ".join(words.split()) in here for words in said.words):
            return False
        return self.items is None or all(self._holds(*item) for item in said.items.items())

    def _holds(self, part: str, words: str) -> bool:
        return any(kind.startswith(part) and text == words for kind, text in self.items or ())


_SCORE = re.compile(r"\b([A-Za-z_]+) (?:about )?(?:(\d+)(?:/\d| on a scale of )|(yes|no)\b)")


def scores_in(text: str) -> dict[str, int]:
    """The scores that the first line of a text names, by question; 1 and 0 for yes and no."""
    found = _SCORE.findall(text.partition("\n")[0])
    return {question.lower(): int(number or word == "yes") for question, number, word in found}


class Desk(ABC, Generic[TicketT]):
    """A desk: its system, its agents, and customers who turn to it."""

    system: ClassVar[System]

    @abstractmethod
    async def open(self, story: Story) -> TicketT:
        """The customer turns to the desk."""

    @abstractmethod
    async def open_old(self, story: Story, at: datetime) -> TicketT:
        """A ticket of long ago that was answered then, and that nobody has put away."""

    @abstractmethod
    async def hear(self, ticket: TicketT) -> None:
        """The customer writes again, which opens a closed ticket again."""

    @abstractmethod
    async def answer(self, ticket: TicketT) -> None:
        """An agent answers."""

    @abstractmethod
    async def close(self, *tickets: TicketT) -> None:
        """Close tickets, or put away those that are closed, in one go."""

    @abstractmethod
    async def close_stepwise(self, ticket: TicketT) -> None:
        """Close a ticket in several steps with time between them. That is one closing."""

    async def pass_on(self, ticket: TicketT) -> None:
        """Let others take over, where the system knows others."""

    @abstractmethod
    async def new_results(self) -> list[Result]:
        """What the hub has written since the last call."""

    @abstractmethod
    def how_to_look(self, ticket: TicketT) -> list[str]:
        """How a person can look at a ticket and what the hub wrote onto it, line by line."""


def more(person: Person) -> str:
    """What a customer adds to their request."""
    return _MORE[person.language]


def matter(story: Story) -> str:
    """What a customer asks for."""
    return _MATTER[story.person.language].format(subject=story.subject)


def reply(person: Person) -> str:
    """What an agent answers."""
    return _REPLY[person.language]


STEP_SECONDS = 1.2
"""Time between the steps of a stepwise closing."""

AGENTS = ("Mika Mäki", "Laura Leino", "Johan Ek")
_MATTER = {
    "fi": "Hei, tarvitsen apua: {subject}. Voitteko katsoa?",
    "sv": "Hej, jag behöver hjälp: {subject}. Kan ni titta på det?",
    "en": "Hello, I need help: {subject}. Could you have a look?",
}
_MORE = {"fi": "Lisätietona vielä: alkoi aamulla.", "sv": "En sak till: det började i morse.", "en": "It began today."}
_REPLY = {
    "fi": "Hei,\n\nasia on nyt kunnossa. Suljen tukipyynnön.",
    "sv": "Hej,\n\närendet är åtgärdat. Jag stänger det nu.",
    "en": "Hello,\n\nthis is fixed now. I am closing the request.",
}
