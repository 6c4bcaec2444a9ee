"""What happens to each ticket: a plan drawn from a seed, so that a run can be repeated."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, cycle, islice

from sandbox import words
from sandbox.people import Person, strangers
from sandbox.words import Reply

STAFF = Person("Sari Salo", "sari.salo@acme.example")
MONITOR = Person("Monitoring", "noreply@monitor.example", "en")
FIRST = "service"
"""The question that the survey itself asks."""


class System(StrEnum):
    """What a desk works with."""

    MAILBOX = "mailbox"
    JIRA = "jira"
    SERVICENOW = "servicenow"


class Closing(StrEnum):
    """How the desk closes a ticket."""

    PLAIN = "plain"
    STEPWISE = "stepwise"  # mail by mail; resolved first, and closed for good later
    PASSED_ON = "passed_on"  # to another project or group before it is closed
    REOPENED = "reopened"  # the customer writes again before the survey leaves; closed again
    AGAIN = "again"  # the customer writes again after the survey; closed again
    MORE = "more"  # the same customer has more tickets, one of them on another desk
    STAFF = "staff"  # somebody of the own organisation asked
    AUTOMATIC = "automatic"  # a machine wrote
    HIDDEN = "hidden"  # the system shows no address of the customer
    OLD = "old"  # tickets of last year, closed in bulk


class Answer(StrEnum):
    """What the customer does with the survey."""

    DIGIT = "digit"
    WORDS = "words"  # a digit and words
    WORD = "word"  # a rating in one word
    EMOJI = "emoji"
    LATE = "late"
    TWICE = "twice"  # a digit first, words in a second message before reading what came back
    REPEATED = "repeated"  # one text; the gateway calls the webhook three times
    CHANGED = "changed"  # thinks again when all is said, and corrects the rating
    QUITS = "quits"  # answers the first question, and no more
    RUBBISH = "rubbish"  # no rating can be read from it
    STOP = "stop"  # wants no surveys
    RETURNS = "returns"  # stops, and starts again
    PAGE = "page"
    SCANNED = "scanned"  # a mail filter opens every link first; then the customer uses the page
    FILTERED = "filtered"  # only the mail filter opens links
    OUT_OF_OFFICE = "out_of_office"
    BOUNCE = "bounce"
    SILENT = "silent"
    BY_HAND = "by_hand"  # somebody at the terminal decides


@dataclass(frozen=True, slots=True)
class Story:
    """One ticket's plan."""

    number: int
    system: System
    person: Person
    closing: Closing
    answer: Answer
    subject: str
    replies: Mapping[str, Reply] = field(default_factory=dict)
    """What the customer says to each question, if asked."""
    second_thought: Reply | None = None
    """What they say to the first question some time later."""

    @property
    def surveyed(self) -> bool:
        """Whether the customer must get a survey."""
        return self.closing not in (Closing.STAFF, Closing.AUTOMATIC, Closing.HIDDEN, Closing.OLD)

    @property
    def by_sms(self) -> bool:
        """Whether the survey comes to a phone."""
        return self.person.phone is not None


# Desks take turns through a deck. No deck's length is a multiple of their number, so each comes to play every card.
SMS_DECK = (
    (Closing.PLAIN, Answer.WORDS),
    (Closing.PLAIN, Answer.WORD),
    (Closing.PLAIN, Answer.CHANGED),
    (Closing.PLAIN, Answer.REPEATED),
    (Closing.REOPENED, Answer.DIGIT),
    (Closing.PLAIN, Answer.STOP),
    (Closing.STEPWISE, Answer.WORDS),
    (Closing.PLAIN, Answer.EMOJI),
    (Closing.PLAIN, Answer.TWICE),
    (Closing.MORE, Answer.WORDS),
    (Closing.PLAIN, Answer.RETURNS),
    (Closing.PLAIN, Answer.RUBBISH),
    (Closing.PASSED_ON, Answer.WORDS),
    (Closing.AGAIN, Answer.WORDS),
    (Closing.PLAIN, Answer.LATE),
    (Closing.PLAIN, Answer.QUITS),
    (Closing.PLAIN, Answer.SILENT),
)
MAIL_DECK = (
    (Closing.PLAIN, Answer.WORDS),
    (Closing.PLAIN, Answer.PAGE),
    (Closing.STAFF, Answer.SILENT),
    (Closing.PLAIN, Answer.SCANNED),
    (Closing.HIDDEN, Answer.SILENT),
    (Closing.STEPWISE, Answer.DIGIT),
    (Closing.OLD, Answer.SILENT),
    (Closing.OLD, Answer.SILENT),
    (Closing.OLD, Answer.SILENT),
    (Closing.PLAIN, Answer.OUT_OF_OFFICE),
    (Closing.REOPENED, Answer.CHANGED),
    (Closing.PLAIN, Answer.BOUNCE),
    (Closing.AUTOMATIC, Answer.SILENT),
    (Closing.PLAIN, Answer.FILTERED),
    (Closing.PASSED_ON, Answer.PAGE),
    (Closing.PLAIN, Answer.STOP),
    (Closing.AGAIN, Answer.LATE),
    (Closing.PLAIN, Answer.SILENT),
    (Closing.MORE, Answer.SCANNED),
)
_BY_MAIL = {Closing.PASSED_ON: Closing.STEPWISE, Closing.HIDDEN: Closing.AUTOMATIC}
"""What a mailbox has in the place of what it does not know."""
_SILENT = (Answer.STOP, Answer.RETURNS, Answer.FILTERED, Answer.OUT_OF_OFFICE, Answer.BOUNCE, Answer.SILENT)

_SUBJECTS = {
    "fi": ("VPN ei yhdistä", "Tulostin ei tulosta", "Salasana vanhentunut", "Sähköposti ei aukea", "Uusi näyttö"),
    "sv": ("VPN fungerar inte", "Skrivaren står still", "Lösenordet har gått ut", "Ny bildskärm", "Kan inte logga in"),
    "en": ("VPN does not connect", "Printer is offline", "Password expired", "New monitor", "Cannot open my mail"),
}


def plan(tickets: int, people: Iterable[Person], draw: random.Random) -> list[Story]:
    """Draw as many stories as there are tickets to open.

    People with a phone and without take turns while the contacts file lasts; then come customers it does not know.
    """
    known = list(people)
    draw.shuffle(known)
    by_sms = iter([person for person in known if person.phone])
    by_mail = chain((person for person in known if not person.phone), strangers())
    decks = (_deal(by_sms, SMS_DECK, first=1), _deal(by_mail, MAIL_DECK, first=0))
    dealt = islice(_take_turns(*decks), tickets)
    return [_story(number, *hand, draw) for number, hand in enumerate(dealt, start=1001)]


def plan_by_hand(tickets: int, people: Iterable[Person], draw: random.Random) -> list[Story]:
    """Customers for somebody who plays them: with a phone and without, and of each language while there are any."""
    known = list(people)
    draw.shuffle(known)
    wanted = cycle((by_sms, language) for by_sms in (True, False) for language in _SUBJECTS)
    stories = []
    for number, system in zip(range(1001, 1001 + min(tickets, len(known))), cycle(System), strict=False):
        wish = next(wanted)
        person = next((one for one in known if (one.phone is not None, one.language) == wish), known[0])
        known.remove(person)
        subject = draw.choice(_SUBJECTS[person.language])
        stories.append(Story(number, system, person, Closing.PLAIN, Answer.BY_HAND, subject))
    return stories


_Hand = tuple[System, Person, Closing, Answer]


def _deal(people: Iterator[Person], deck: Sequence[tuple[Closing, Answer]], *, first: int) -> Iterator[_Hand]:
    desks = islice(cycle(System), first, None)
    for person, system, (closing, answer) in zip(people, desks, cycle(deck), strict=False):
        yield system, person, _BY_MAIL.get(closing, closing) if system is System.MAILBOX else closing, answer


def _take_turns(*iterators: Iterator[_Hand]) -> Iterator[_Hand]:
    waiting = list(iterators)
    while waiting:
        for iterator in tuple(waiting):
            try:
                yield next(iterator)
            except StopIteration:
                waiting.remove(iterator)


def _story(number: int, system: System, person: Person, closing: Closing, answer: Answer, draw: random.Random) -> Story:
    if closing in (Closing.STAFF, Closing.AUTOMATIC):
        person = STAFF if closing is Closing.STAFF else MONITOR
    replies: dict[str, Reply] = {}
    second_thought = None
    if answer not in _SILENT:
        rating = words.draw_rating(draw)
        opening = _opening(rating, answer, person, draw)
        replies = {FIRST: opening} | words.follow_ups(opening.value or rating, person.language, draw)
        if answer is Answer.CHANGED:
            second_thought = words.correction(rating - 1 or 2, person.language)
    subject = draw.choice(_SUBJECTS[person.language])
    return Story(number, system, person, closing, answer, subject, replies, second_thought)


def _opening(rating: int, answer: Answer, person: Person, draw: random.Random) -> Reply:
    """What the customer says to the first question."""
    match answer:
        case Answer.DIGIT | Answer.REPEATED | Answer.QUITS:
            return words.digit(rating, draw)
        case Answer.WORD:
            return words.word(person.language)
        case Answer.EMOJI:
            return words.emoji()
        case Answer.RUBBISH:
            return words.rubbish(person.language)
    return words.digit_and_words(rating, person.language, draw, separator=" " if person.phone else "\n")
