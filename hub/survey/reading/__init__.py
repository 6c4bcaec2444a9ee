"""Reads what a customer wrote back, by SMS or mail: an answer, their own words, a wish to be left in peace.

A number counts only where one is expected, at the very start. One from elsewhere in the text would sooner or later be a
date, a ticket number or "5 days", and a false answer hurts more than a comment that a person must read. For the same
reason words count as an answer only when all of them are understood: "ok" is one, "ok, but slow" is a comment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hub.api.records import QuestionKind
from hub.config.questions import Question
from hub.survey.model import Value
from hub.survey.reading.common import Asked, Found, Said, Wish, first_line, say, split, wishes, without_wishes
from hub.survey.reading.degrees import read_degree, read_label
from hub.survey.reading.lost_time import read_lost_time
from hub.survey.reading.numbers import read_number
from hub.survey.reading.options import read_choice, read_factors
from hub.survey.reading.parts import is_nothing, read_parts
from hub.survey.reading.yes_no import read_yes_no

__all__ = ["Reading", "Wish", "first_line", "is_nothing", "read", "wishes", "without_wishes"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says. Together the parts cover all of it."""

    value: Value | None = field(default=None, repr=False)
    """The answer, as `hub.survey.model` has it for the kind of question; None when none is certain."""
    comment: str | None = field(default=None, repr=False)
    """The customer's own words as written, without the answer and the words of a wish; None when there are none."""
    literal: bool = True
    """Whether the answer is what was written. Otherwise it was understood from words or signs, such as "👍" for 4 of 5,
    and the comment holds them too."""
    opt_out: bool = False
    opt_in: bool = False


def _everything(said: Said, _: Asked) -> Found:
    return Found(said.text.strip(), "")


_READERS: Mapping[QuestionKind, Sequence[Callable[[Said, Asked], Found | None]]] = {
    QuestionKind.RATING: (read_number, read_label, read_degree),
    QuestionKind.NPS: (read_number, read_label),
    QuestionKind.CES: (read_number, read_label),
    QuestionKind.YES_NO: (read_label, read_yes_no),
    QuestionKind.CHOICE: (read_choice,),
    QuestionKind.FACTORS: (read_factors,),
    QuestionKind.LOST_TIME: (read_lost_time,),
    QuestionKind.ITEMS: (read_parts,),
    QuestionKind.TEXT: (_everything,),
}
_ON_A_SCALE = (QuestionKind.RATING, QuestionKind.NPS, QuestionKind.CES)


def read(text: str, question: Question, language: str) -> Reading:
    """Read a reply to a question. Any text gives a reading; where no answer is certain, all of it is the comment.

    :param language: the one the question was asked in.
    """
    if len(text) == 1 and text in "0123456789" and question.kind in _ON_A_SCALE:  # nearly every reply
        if question.minimum <= (number := int(text)) <= question.maximum:
            return Reading(number)
        return Reading(comment=text)
    lines, wish = split(text)
    said = say(lines)
    if not said.head:
        return Reading(opt_out=wish is Wish.STOP, opt_in=wish is Wish.START)
    asked = Asked(question, language)
    found = next(filter(None, (reader(said, asked) for reader in _READERS[question.kind])), None)
    comment = (found.words if found else said.text).strip()
    return Reading(
        value=found.value if found else None,
        comment=comment or None,
        literal=found is None or found.literal,
        opt_out=wish is Wish.STOP,
        opt_in=wish is Wish.START,
    )
