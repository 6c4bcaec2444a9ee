"""What happens to each ticket: a plan drawn from a seed, so that a run can be repeated."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, cycle, islice

from sandbox.people import Person, strangers

STAFF = Person("Sari Salo", "sari.salo@acme.example")
MONITOR = Person("Monitoring", "noreply@monitor.example", "en")


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
    LATE = "late"
    TWICE = "twice"  # a digit first, words in a second message
    REPEATED = "repeated"  # one text; the gateway calls the webhook three times
    RUBBISH = "rubbish"  # no rating can be read from it
    STOP = "stop"  # wants no surveys
    PAGE = "page"
    SCANNED = "scanned"  # a mail filter opens every link first; then the customer uses the page
    FILTERED = "filtered"  # only the mail filter opens links
    OUT_OF_OFFICE = "out_of_office"
    BOUNCE = "bounce"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Said:
    """What a customer has said about a ticket, as it must arrive there."""

    rating: int | None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """One ticket's plan."""

    number: int
    system: System
    person: Person
    closing: Closing
    answer: Answer
    subject: str
    said: Said | None

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
    (Closing.PLAIN, Answer.DIGIT),
    (Closing.PLAIN, Answer.WORDS),
    (Closing.STEPWISE, Answer.WORDS),
    (Closing.PLAIN, Answer.REPEATED),
    (Closing.REOPENED, Answer.DIGIT),
    (Closing.PLAIN, Answer.STOP),
    (Closing.PLAIN, Answer.TWICE),
    (Closing.MORE, Answer.WORDS),
    (Closing.PLAIN, Answer.RUBBISH),
    (Closing.PASSED_ON, Answer.WORDS),
    (Closing.AGAIN, Answer.WORDS),
    (Closing.PLAIN, Answer.LATE),
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
    (Closing.REOPENED, Answer.PAGE),
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
_SAYING = frozenset(Answer) - {Answer.STOP, Answer.FILTERED, Answer.OUT_OF_OFFICE, Answer.BOUNCE, Answer.SILENT}
_WORDLESS = (Answer.DIGIT, Answer.REPEATED)

_SUBJECTS = {
    "fi": ("VPN ei yhdistä", "Tulostin ei tulosta", "Salasana vanhentunut", "Sähköposti ei aukea", "Uusi näyttö"),
    "sv": ("VPN fungerar inte", "Skrivaren står still", "Lösenordet har gått ut", "Ny bildskärm", "Kan inte logga in"),
    "en": ("VPN does not connect", "Printer is offline", "Password expired", "New monitor", "Cannot open my mail"),
}
_GOOD = {
    "fi": ("Kiitos, nopeaa ja ystävällistä palvelua!", "Hieno homma, kaikki toimii taas."),
    "sv": ("Tack, snabb och vänlig hjälp!", "Mycket bra, nu fungerar allt igen."),
    "en": ("Thank you, quick and friendly help!", "Great, everything works again."),
}
_BAD = {
    "fi": ("Odotin kolme päivää eikä kukaan kertonut missä mennään.", "Vika ei ole korjattu, lähetän uuden pyynnön."),
    "sv": ("Jag väntade i tre dagar utan besked.", "Felet är inte åtgärdat, jag hör av mig igen."),
    "en": ("I waited three days and nobody told me anything.", "This is not fixed, please call me."),
}
_RUBBISH = {"fi": "öööh mikä tämä on", "sv": "va är det här", "en": "who is this?"}


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
    said = None
    if answer in _SAYING:
        rating = draw.choices((1, 2, 3, 4, 5), weights=(2, 1, 2, 4, 6))[0]
        words = draw.choice((_GOOD if rating > 2 else _BAD)[person.language])
        said = Said(rating, "" if answer in _WORDLESS else words)
    if answer is Answer.RUBBISH:
        said = Said(None, _RUBBISH[person.language])
    return Story(number, system, person, closing, answer, draw.choice(_SUBJECTS[person.language]), said)
