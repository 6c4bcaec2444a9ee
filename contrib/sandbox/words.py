"""What customers write, in three languages."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

CONFIDENT, HAPPY = 5, 3
"""Above the second rating customers have good things to say; a single word is the best rating."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a customer says to one question, and what must come of it."""

    text: str
    """As they write it."""
    value: int | None = None
    """The answer, as a number: 1 or 0 for yes and no."""
    words: tuple[str, ...] = ()
    """Their own words in it."""
    items: Mapping[str, str] = field(default_factory=dict)
    """The words that somebody at the desk can act on: "service" to order, "problem" to solve."""


@dataclass(frozen=True, slots=True)
class Said:
    """All that a customer has said about a ticket, as it must stand there."""

    scores: Mapping[str, int] = field(default_factory=dict)
    """By question."""
    words: tuple[str, ...] = ()
    items: Mapping[str, str] = field(default_factory=dict)
    """See `Reply.items`."""

    def plus(self, question: str, reply: Reply) -> Said:
        """With one more reply; a new rating replaces the one before."""
        scores = self.scores if reply.value is None else {**self.scores, question: reply.value}
        return Said(scores, (*self.words, *reply.words), {**self.items, **reply.items})


def draw_rating(draw: random.Random) -> int:
    """How content a customer is, from 1 to 5. More are than are not."""
    return draw.choices((1, 2, 3, 4, 5), weights=(2, 1, 2, 4, 6))[0]


def digit(rating: int, draw: random.Random) -> Reply:
    """The rating alone."""
    return Reply(draw.choice((str(rating), str(rating), f"{rating}/5")), rating)


def digit_and_words(rating: int, language: str, draw: random.Random, *, separator: str = " ") -> Reply:
    """The rating, and what they think."""
    words = draw.choice((_GOOD if rating >= HAPPY else _BAD)[language])
    return Reply(f"{rating}{separator}{words}", rating, (words,))


def word(language: str) -> Reply:
    """The best rating in one word."""
    return Reply(_BEST[language], CONFIDENT)


def emoji() -> Reply:
    """A sign that the hub has to interpret; it stays among the customer's words."""
    return Reply("👍", 4, ("👍",))


def rubbish(language: str) -> Reply:
    """Nothing that can be read as a rating."""
    return Reply(_RUBBISH[language], None, (_RUBBISH[language],))


def follow_ups(rating: int, language: str, draw: random.Random) -> dict[str, Reply]:
    """What the customer says when asked on, by the question."""
    solved = draw.choice(_YES[language]) if rating >= HAPPY else _no(draw.choice(_NO[language]))
    improve = draw.choice(_IMPROVE[language])
    return {
        "solved": solved if isinstance(solved, Reply) else Reply(solved, 1),
        "improve": Reply(improve, None, (improve,)),
        "three": _three(draw.choice(_THREE[language])),
    }


def correction(rating: int, language: str) -> Reply:
    """A better thought about the first question, some time later."""
    text = _CORRECTION[language].format(rating=rating)
    return Reply(text, rating, (text,))


def _no(written: tuple[str, str]) -> Reply:
    no, words = written
    return Reply(f"{no}, {words}" if words else no, 0, (words,) if words else ())


def _three(parts: Mapping[str, str]) -> Reply:
    items = {part: words for part, words in parts.items() if part != "feedback"}
    return Reply(" ".join(parts.values()), None, tuple(parts.values()), items)


STOP = {"fi": "LOPETA", "sv": "STOPP", "en": "STOP"}
START = "START"
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
_BEST = {"fi": "Erinomaista", "sv": "Utmärkt", "en": "Excellent"}
_RUBBISH = {"fi": "öööh mikä tämä on", "sv": "va är det här", "en": "who is this?"}
_YES = {"fi": ("kyllä", "K", "joo"), "sv": ("ja", "J", "japp"), "en": ("yes", "Y", "yep")}
_NO = {
    "fi": (("ei", ""), ("Ei", "sama vika tuli takaisin")),
    "sv": (("nej", ""), ("Nej", "felet är kvar")),
    "en": (("no", ""), ("No", "the file is still missing")),
}
_IMPROVE = {
    "fi": ("Kertokaa, missä mennään.", "Soittakaa ennen kuin suljette pyynnön."),
    "sv": ("Berätta hur det går.", "Ring innan ni stänger ärendet."),
    "en": ("Tell me how it is going.", "Call me before you close a request."),
}
_THREE: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "fi": (
        {"service": "Tilaisin uuden näytön.", "problem": "Tulostin ei toimi.", "feedback": "Kiitos avusta!"},
        {"problem": "Neuvotteluhuoneen kamera on rikki."},
        {"feedback": "Kiitokset koko porukalle."},
    ),
    "sv": (
        {"service": "Jag vill beställa en ny mus.", "problem": "Skrivaren fungerar inte.", "feedback": "Tack!"},
        {"service": "Jag skulle behöva en större bildskärm."},
        {"feedback": "Ni är alltid lika vänliga."},
    ),
    "en": (
        {"service": "I would like to order a headset.", "problem": "The printer does not work.", "feedback": "Thanks!"},
        {"problem": "The camera in meeting room 2 is broken."},
        {"feedback": "You are always a pleasure to deal with."},
    ),
}
_CORRECTION = {
    "fi": "anteeksi, tarkoitin {rating}",
    "sv": "förlåt, jag menade {rating}",
    "en": "sorry, I meant {rating}",
}
