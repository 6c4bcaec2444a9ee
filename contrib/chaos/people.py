"""Who the customers are, what they will answer, and which of their tickets are opened again.

All processes of a run deal the same ones from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

JIRA, SERVICENOW = "jira", "servicenow"
SERVICE, SOLVED, IMPROVE, THREE, COMMENT = "service", "solved", "improve", "three", "comment"
QUESTIONS = (SERVICE, SOLVED, IMPROVE, THREE, COMMENT)
"""What the survey asks, in this order: `IMPROVE` only after a low rating, `COMMENT` on the page only."""
MESSAGES = 4
"""The most SMS in a conversation, thanks included."""
STOP = "STOP"
UNREACHABLE_EVERY = 100
"""One ticket in so many belongs to somebody without a phone."""
_PAGE_SHARE = 0.1
_SECOND_THOUGHTS_SHARE = 0.1
_SILENT_LATER_SHARE = 0.1
_STOP_SHARE = 0.05


class Reopening(StrEnum):
    """What an agent does to a closed ticket."""

    NONE = ""
    BEFORE = "before asking"
    """Opens it again before its survey is due, and leaves it open: nobody may be asked."""
    BEFORE_ANEW = "before asking, closed anew"
    """And closes it once more: the customer is asked about that closing alone."""
    AFTER = "after an answer"
    """Opens it again when an answer stands on it, and leaves it open: what else the customer says is written too."""
    AFTER_ANEW = "after an answer, closed anew"
    """And closes it once more: that is another closing, and another survey."""

    @property
    def is_before(self) -> bool:
        """Whether it happens while the survey waits."""
        return self in (Reopening.BEFORE, Reopening.BEFORE_ANEW)

    @property
    def is_closed_anew(self) -> bool:
        """Whether the ticket ends up closed."""
        return self in (Reopening.BEFORE_ANEW, Reopening.AFTER_ANEW)


@dataclass(frozen=True, slots=True)
class Said:
    """One reply, and a word in it that nobody else says."""

    id: str
    """Its own in the run."""
    question: str
    text: str
    value: int | None = None
    """What it answers, where that is a number: 1 or 0 for yes and no."""
    word: str = ""
    """Empty for a stop word and for a correction, in which words of their own would hide what is meant."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with one ticket."""

    number: int
    desk: str
    phone: str
    """Empty for somebody who cannot be reached."""
    answers: tuple[Said, ...]
    """What they answer if they are asked; some think again and correct themselves."""
    by_page: bool = False
    follow_ups: Mapping[str, Said] = field(default_factory=dict)
    """What they reply when asked on by SMS, by question. Some fall silent, some want no more surveys."""
    reopening: Reopening = Reopening.NONE

    @property
    def all_replies(self) -> tuple[Said, ...]:
        """Everything they would say, in this order."""
        return (*self.answers, *self.follow_ups.values())


def deal(seed: int, tickets: int, answers: int, reopened: float = 0.0) -> list[Customer]:
    """The customers of a run, half of them on each desk; exactly `answers` of those with a phone will answer if asked.

    :param reopened: of the tickets, how many are opened again, from 0 to 1.
    """
    chance = random.Random(f"people {seed}")
    reachable = [number for number in range(tickets) if number % UNREACHABLE_EVERY != UNREACHABLE_EVERY - 1]
    answering = set(chance.sample(reachable, min(answers, len(reachable))))
    customers = [_customer(number, chance, answers=number in answering) for number in range(tickets)]
    agents = random.Random(f"agents {seed}")
    return [_reopened(one, agents) if one.phone and agents.random() < reopened else one for one in customers]


def _reopened(customer: Customer, chance: random.Random) -> Customer:
    reopening = chance.choice([one for one in Reopening if one])
    if reopening is Reopening.AFTER_ANEW:  # a late SMS would name no survey, and could mean either
        customer = replace(customer, by_page=True, answers=customer.answers[:1], follow_ups={})
    return replace(customer, reopening=reopening)


def _customer(number: int, chance: random.Random, *, answers: bool) -> Customer:
    reachable = number % UNREACHABLE_EVERY != UNREACHABLE_EVERY - 1
    by_page = chance.random() < _PAGE_SHARE
    said = [_service(number, chance.randint(1, 5))]
    if chance.random() < _SECOND_THOUGHTS_SHARE and not by_page:
        rating = chance.randint(1, 5)
        said.append(Said(f"w{number}again", SERVICE, f"tarkoitin {rating}", rating))
    later = _follow_ups(number, chance)
    return Customer(
        number,
        JIRA if number % 2 else SERVICENOW,
        f"+358401{number:06}" if reachable else "",
        tuple(said) if answers else (),
        by_page,
        later if answers and not by_page else {},
    )


def _service(number: int, rating: int) -> Said:
    word = f"w{number}n0"
    return Said(word, SERVICE, f"{rating} {word}", rating, word)


def _follow_ups(number: int, chance: random.Random) -> dict[str, Said]:
    kind, solved = chance.random(), chance.random() < 0.5
    if kind < _STOP_SHARE:
        return {SOLVED: Said(f"w{number}stop", SOLVED, STOP)}
    if kind < _STOP_SHARE + _SILENT_LATER_SHARE:
        return {}
    words = [f"w{number}n{turn}" for turn in range(1, 4)]
    return {
        SOLVED: Said(words[0], SOLVED, f"{'kyllä' if solved else 'ei'}, {words[0]}", int(solved), words[0]),
        IMPROVE: Said(words[1], IMPROVE, f"{words[1]} soittakaa ensin", None, words[1]),
        THREE: Said(words[2], THREE, f"Tulostin on rikki {words[2]}.", None, words[2]),
    }
