"""What really happened, noted from the customers' and the desk's side, to hold against what the hub made of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.message import EmailMessage

from sandbox.desk import Ticket
from sandbox.story import Answer, Said, Story


@dataclass(frozen=True, slots=True)
class Survey:
    """A survey as it reached the customer."""

    text: str
    mail: EmailMessage | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A message in the desk's folder of survey results."""

    thread: frozenset[str]
    """Message-IDs it refers to."""
    text: str

    def says(self, said: Said) -> bool:
        """Whether rating and words of the customer are all there."""
        rating = f"{said.rating}/5" in self.text if said.rating else "/5" not in self.text
        return rating and " ".join(said.words.split()) in self.text


@dataclass(slots=True)
class Case:
    """One story with what has come of it so far."""

    story: Story
    tickets: list[Ticket] = field(default_factory=list)
    surveys: list[Survey] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    said: Said | None = None
    """What the customer has sent off, and the hub must have."""
    done: bool = False
    """Nobody does anything any more in this story."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def written_back(self) -> bool:
        """Whether the ticket carries what the customer said."""
        return self.said is not None and any(result.says(self.said) for result in self.results)

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
        case.asked.set()
        return case

    def note_result(self, message: EmailMessage) -> Case | None:
        """A message came into the folder of survey results."""
        result = read_result(message)
        for case in self.cases:
            if any(not result.thread.isdisjoint(ticket.thread) for ticket in case.tickets):
                case.results.append(result)
                return case
        self.strays += 1
        return None

    def missing(self) -> list[Case]:
        """Customers who should have been asked, and were not."""
        return [case for case in self.cases if case.story.surveyed and not case.surveys]

    def unwanted(self) -> list[Case]:
        """Those who should not have been asked, and were."""
        return [case for case in self.cases if case.surveys and not case.story.surveyed]

    def lost(self) -> list[Case]:
        """Customers whose words did not come onto their ticket."""
        return [case for case in self.cases if case.said and not case.written_back]

    def invented(self) -> list[Case]:
        """Tickets that carry an answer which no customer gave."""
        return [case for case in self.cases if case.results and case.done and not case.said]

    def duplicates(self) -> list[Case]:
        """One case for each survey and each result too many."""
        return [case for case in self.cases for _ in range(_surplus(case))]


def _surplus(case: Case) -> int:
    """Nobody is asked twice within the contact interval, however many tickets they have; one result says it all, and a
    second message of the customer makes a second one."""
    results = 2 if case.story.answer is Answer.TWICE else 1
    return max(0, len(case.surveys) - 1) + max(0, len(case.results) - results)


def read_result(message: EmailMessage) -> Result:
    """Read a message of the results folder."""
    header = f"{message.get('References', '')} {message.get('In-Reply-To', '')}"
    body = message.get_body(("plain",))
    text = f"{message['Subject']}\n{body.get_content() if body else ''}"
    return Result(frozenset(header.split()), " ".join(text.split()))
