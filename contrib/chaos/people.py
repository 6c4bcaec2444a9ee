"""Who the customers are and what they will answer. All processes of a run deal the same ones from the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

JIRA, SERVICENOW = "jira", "servicenow"
UNREACHABLE_EVERY = 100
"""One ticket in so many belongs to somebody without a phone."""
_PAGE_SHARE = 0.1
_SECOND_THOUGHTS_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: a rating, and a word that nobody else says."""

    rating: int
    word: str

    @property
    def text(self) -> str:
        """The answer as an SMS."""
        return f"{self.rating} {self.word}"


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with one ticket."""

    number: int
    desk: str
    phone: str
    """Empty for somebody who cannot be reached."""
    answers: tuple[Said, ...]
    """What they answer if they are asked; some think again and answer twice."""
    by_page: bool


def deal(seed: int, tickets: int, answers: int) -> list[Customer]:
    """The customers of a run, half of them on each desk; exactly `answers` of those with a phone will answer."""
    chance = random.Random(f"people {seed}")
    reachable = [number for number in range(tickets) if number % UNREACHABLE_EVERY != UNREACHABLE_EVERY - 1]
    answering = set(chance.sample(reachable, min(answers, len(reachable))))
    return [_customer(number, chance, answers=number in answering) for number in range(tickets)]


def _customer(number: int, chance: random.Random, *, answers: bool) -> Customer:
    reachable = number % UNREACHABLE_EVERY != UNREACHABLE_EVERY - 1
    by_page = chance.random() < _PAGE_SHARE
    twice = chance.random() < _SECOND_THOUGHTS_SHARE and not by_page
    said = tuple(Said(chance.randint(1, 5), f"w{number}n{turn}") for turn in range(1 + twice))
    return Customer(
        number,
        JIRA if number % 2 else SERVICENOW,
        f"+358401{number:06}" if reachable else "",
        said if answers else (),
        by_page,
    )
