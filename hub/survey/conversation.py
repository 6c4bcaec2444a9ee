"""What a customer has said so far to one survey, and what a conversation by SMS would ask next. Pure.

There is no state but the replies themselves: they are read again from the first one, so that reading them twice, in
another process or years later gives the same. Words are only ever added; see `gather`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hub.api.records import Channel, QuestionKind
from hub.survey.model import Survey, Value, Values
from hub.survey.reading import Reading, Wish, first_line, is_nothing, read, wishes, without_wishes
from hub.survey.words import BESIDE_CORRECTION, CORRECTING, DECLINES, REGRETTING, SMALL_TALK, key, keys

_IN_OWN_WORDS = (QuestionKind.TEXT, QuestionKind.ITEMS)
_NUMBERS = (QuestionKind.RATING, QuestionKind.NPS, QuestionKind.CES)
_WITHOUT_NUMBERS = (QuestionKind.YES_NO, *_IN_OWN_WORDS)
_LONGEST_DECLINE = 60
_MOST_WORDS = 12
"""A longer text is neither small talk nor a correction."""


@dataclass(frozen=True, slots=True)
class Given:
    """One raw answer."""

    channel: Channel
    text: str = field(repr=False)
    """The own words of an SMS or a mail; empty for a page."""
    values: Values | None = field(default=None, repr=False)
    """What a page submitted. An empty text, list or table takes an earlier answer back."""
    withdraws: bool = False
    asked: str | None = None
    """The question that the last message sent before this reply asked. Where that is not known, the reply is taken to
    answer the open question, as if it had been sent at once: so a conversation needs it, a mail or a page does not."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a customer has said, all answers together."""

    values: Values = field(repr=False)
    """The last value of each question. Each is one that its question can have."""
    remarks: tuple[tuple[str, str], ...] = field(repr=False)
    """Own words that are no value: the id of the question they were written to and the words, in order, each once."""
    next: str | None
    """The question that is open in a conversation by SMS; None when the conversation is over. It may have been asked
    already: thanks alone answer nothing, and leave it open."""
    withdrawn: bool
    """The customer took everything back, and has said nothing since."""
    said_anything: bool
    """Whether there is a value or a remark."""
    approximate: frozenset[str] = frozenset()
    """Questions whose value was understood from words or signs: "ok" for 3 of 5. The words are among the remarks."""


def gather(survey: Survey, given: Sequence[Given], language: str | None = None) -> Gathered:
    """Put together what a customer has said, the oldest first.

    By SMS, a reply answers the open question, which at first is the survey's first one, and its other words are a
    remark. A reply that does not answer is a remark, and the question is passed over: nobody is asked twice. Nothing
    but thanks or a greeting leaves it open. After the end, and before the next question was sent, a bare number
    corrects the score given last; so does one beside a word that says so, "tarkoitin 5", at any time. Other words are
    remarks. While a question is open a bare number never corrects an earlier one: "1" to "was it solved?" may be a yes.

    A mail answers the first question. A page answers everything: its values replace earlier ones. Either ends the
    conversation by SMS, as does a wish to stop or "no thanks". Who withdraws has said nothing, and what is said later
    counts anew.

    Adding an answer never changes earlier remarks, unless it withdraws.

    :param language: the language the questions were asked in; without it the first one of the survey.
    """
    heard = _Heard(survey, language or survey.languages[0])
    for one in given:
        heard.take(one)
    return heard.gathered()


class _Heard:
    """One reading of a customer's answers."""

    def __init__(self, survey: Survey, language: str) -> None:
        self._survey = survey
        self._language = language
        self._over = False
        self._last_text = ""
        self._forget()

    def _forget(self) -> None:
        self._values: dict[str, Value] = {}
        self._remarks: dict[str, str] = {}  # the question by the words, so that these stand there once
        self._passed: set[str] = set()
        self._approximate: set[str] = set()
        self._written: set[str] = set()  # questions whose value is words from a reply
        self._last_number = self._at = self._survey.first
        self._withdrawn = False

    def gathered(self) -> Gathered:
        return Gathered(
            values=dict(self._values),
            remarks=tuple((id_, words) for words, id_ in self._remarks.items()),
            next=self._open(),
            withdrawn=self._withdrawn,
            said_anything=bool(self._values or self._remarks),
            approximate=frozenset(self._approximate),
        )

    def take(self, given: Given) -> None:
        """Take the next answer into account."""
        if given.withdraws:
            self._forget()
            self._withdrawn = self._over = True
        elif given.channel is Channel.PAGE:
            self._page(given)
        elif given.channel is Channel.EMAIL:
            self._mail(given.text)
        else:
            self._sms(given)
        self._last_text = given.text.strip()
        self._withdrawn = self._withdrawn and not (self._values or self._remarks)

    def _page(self, given: Given) -> None:
        for id_, value in (given.values or {}).items():
            self._keep_words(id_, value)
            self._values.pop(id_, None)
            self._approximate.discard(id_)
            if value not in ("", [], {}):
                self._values[id_] = value
        self._remark(self._survey.first, given.text.strip())
        self._over = True

    def _keep_words(self, id_: str, value: Value) -> None:
        """Make a remark of what was written in a reply where a page now says something else."""
        before = self._values.get(id_)
        if id_ in self._written and before != value:
            for words in before.values() if isinstance(before, dict) else (str(before),):
                self._remark(id_, words)
        self._written.discard(id_)

    def _mail(self, text: str) -> None:
        first = self._survey.first
        if first in self._values:
            self._correct(text, first)
        else:
            self._answer(first, text)
        self._over = True

    def _sms(self, given: Given) -> None:
        text, open_ = given.text, self._open()
        asked = given.asked if given.asked in self._survey.questions else open_
        if correction := self._correction(text, asked):
            self._set(self._last_number, correction)
            self._remark(self._last_number, without_wishes(text))
        elif asked is None or asked in self._values:
            self._correct(text, *self._correctable(asked or self._at))
        elif asked == open_:
            self._answer(asked, text)
        else:
            self._answer_late(asked, text)
        self._over = self._over or wishes(text) is Wish.STOP or _declines(text)

    def _answer(self, id_: str, text: str) -> None:
        """Take a reply to the open question."""
        reading = self._read(id_, text)
        if reading.value is not None:
            self._set(id_, reading)
            self._remark(id_, reading.comment)
        elif score := self._score_instead(id_, text):
            self._set(self._last_number, score)
            self._remark(self._last_number, score.comment)
            self._passed.add(id_)
        elif reading.comment and (text.strip() != self._last_text or is_nothing(text)):  # not the same text sent twice
            self._remark(id_, reading.comment)
            if not _is_small_talk(reading.comment):
                self._passed.add(id_)

    def _score_instead(self, id_: str, text: str) -> Reading | None:
        """A bare number to a question that takes none, where a score was asked before and not given.

        "1" is left alone: it may be a yes.
        """
        last = self._last_number
        takes_none = self._survey.questions[id_].kind in _WITHOUT_NUMBERS
        if last in self._values or not (self._is_number(last) and takes_none):
            return None
        reading = self._bare(last, text)
        return reading if reading and reading.value not in (0, 1) else None

    def _answer_late(self, id_: str, text: str) -> None:
        """Take a reply to a question that was passed over or that the conversation did not come to."""
        reading = self._read(id_, text)
        if reading.value is not None and reading.literal:
            self._set(id_, reading)
            self._remark(id_, reading.comment)
        else:
            self._remark(id_, without_wishes(text))

    def _correct(self, text: str, *ids: str) -> None:
        """Take a reply that answers no open question: a bare value replaces that of the first question it fits."""
        for id_ in ids:
            if reading := self._bare(id_, text):
                self._set(id_, reading)
                self._remark(id_, reading.comment)
                return
        self._remark(self._at, without_wishes(text))

    def _correctable(self, asked: str) -> tuple[str, ...]:
        """The questions that a bare value may be meant for when this one was asked last and is answered.

        After the end a yes may only be polite, and one more number may add to the factors that were named.
        """
        kind = self._survey.questions[asked].kind
        if kind is QuestionKind.FACTORS:
            return ()
        if kind in (QuestionKind.CHOICE, QuestionKind.LOST_TIME):
            return (asked,)
        numbers = (self._last_number,) if self._is_number(self._last_number) else ()
        return numbers if self._open() is None else (asked, *numbers)

    def _bare(self, id_: str, text: str) -> Reading | None:
        """A value with nothing but small talk on its line."""
        reading = self._read(id_, text)
        if reading.value is None or not reading.literal or self._survey.questions[id_].kind in _IN_OWN_WORDS:
            return None
        return reading if _is_small_talk(self._read(id_, first_line(text)).comment) else None

    def _correction(self, text: str, asked: str | None) -> Reading | None:
        """A number with words that say it corrects the last one: "tarkoitin 5".

        It may have overtaken the reply that it corrects, which then changes nothing.
        """
        if not self._is_number(self._last_number):
            return None
        open_ = self._survey.questions[asked].kind if asked and asked not in self._values else QuestionKind.TEXT
        number = _number_in(text, CORRECTING | REGRETTING if open_ in _WITHOUT_NUMBERS else CORRECTING)
        reading = self._read(self._last_number, number) if number else None
        return reading if reading and reading.value is not None and reading.literal else None

    def _is_number(self, id_: str) -> bool:
        return self._survey.questions[id_].kind in _NUMBERS

    def _read(self, id_: str, text: str) -> Reading:
        return read(text, self._survey.questions[id_], self._language)

    def _set(self, id_: str, reading: Reading) -> None:
        assert reading.value is not None
        self._values[id_] = reading.value
        self._passed.discard(id_)
        (self._approximate.discard if reading.literal else self._approximate.add)(id_)
        if self._survey.questions[id_].kind in _IN_OWN_WORDS:
            self._written.add(id_)
        if self._is_number(id_):
            self._last_number = id_
        self._at = id_

    def _remark(self, id_: str, words: str | None) -> None:
        if words:
            self._remarks.setdefault(words, id_)

    def _open(self) -> str | None:
        return None if self._over else self._survey.next_question(self._values, self._passed)


def _declines(text: str) -> bool:
    """Whether a reply says no more than that its writer does not want to answer."""
    return len(text) <= _LONGEST_DECLINE and keys(text) in DECLINES


def _is_small_talk(words: str | None) -> bool:
    """Whether words say nothing but thanks or a greeting, or are only signs."""
    folded = [key(word) for word in (words or "").split(maxsplit=_MOST_WORDS)]
    return len(folded) <= _MOST_WORDS and all(not word or word in SMALL_TALK for word in folded)


def _number_in(text: str, correcting: frozenset[str]) -> str:
    """The number in a reply that corrects one; empty where it does not say so, or says more."""
    words = text.split(maxsplit=_MOST_WORDS)
    folded = [key(word) for word in words]
    others = [word for word in folded if word and word not in BESIDE_CORRECTION]
    says_so = not correcting.isdisjoint(folded) or text.strip().startswith("*")
    return others[0] if says_so and len(others) == 1 and len(words) <= _MOST_WORDS else ""
