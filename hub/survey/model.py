"""What a survey asks, resolved from the configuration: immutable, with a version that its content gives.

Values that customers give are kept by question id, as JSON has them: a number for a scale and for lost minutes, 1 or 0
for yes and no, an option's id for a choice, a list of them for factors, a text, and for an items question a table of
texts with some of the keys "service", "problem" and "feedback".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from enum import StrEnum
from itertools import takewhile

from hub.api.records import QuestionKind
from hub.config.models import HubConfig
from hub.config.questions import SCALES, Question
from hub.config.survey import Language, Tone
from hub.config.values import Section
from hub.survey.scale import Scale

Value = int | str | list[str] | dict[str, str]
Values = Mapping[str, Value]
"""What a customer answered, by question id."""


class MessageKind(StrEnum):
    """What a message of the hub, a row of `invitations`, says to the customer."""

    SURVEY = "survey"  # the first message, step 0: there is exactly one for each closure
    REMINDER = "reminder"
    QUESTION = "question"  # the next question of a conversation
    THANKS = "thanks"
    STOPPED = "stopped"  # confirms that no more surveys come
    STARTED = "started"  # confirms that they come again


class Survey(Section):
    """A survey as it is asked. Stored as JSON under its version when it is first used."""

    name: str
    version: str
    languages: tuple[Language, ...]
    tone: Tone
    messages: int
    """The most SMS in a conversation, the first one and the thanks included."""
    texts: dict[Language, dict[str, str]]
    questions: dict[str, Question]
    """By id, in the order they are asked."""

    @property
    def first(self) -> str:
        """The id of the question that the message itself asks."""
        return next(iter(self.questions))

    def applies(self, id_: str, values: Values) -> bool:
        """Whether a question is asked after what has been answered so far."""
        wanted = self.questions[id_].ask_if
        return all(bool(set(words) & _words(self.questions[earlier], values.get(earlier)))
                   for earlier, words in wanted.items() if earlier in self.questions)  # fmt: skip

    def next_question(self, values: Values, passed: Collection[str] = ()) -> str | None:
        """The first question that applies and is neither answered nor passed over."""
        open_ = (id_ for id_ in self.questions if id_ not in values and id_ not in passed)
        return next((id_ for id_ in open_ if self.applies(id_, values)), None)

    def offered(self, id_: str, values: Values) -> tuple[str, ...]:
        """Ids of a question's options that fit what was answered before it, in the order of the configuration.

        What counts is the last score on a scale of numbers before the question; without one, the last yes or no. Where
        nothing was answered, or no option fits, all are offered.
        """
        options = self.questions[id_].options
        band = self._band_before(id_, values)
        fitting = tuple(name for name, option in options.items() if not option.when or band in option.when)
        return fitting if band and fitting else tuple(options)

    def _band_before(self, before: str, values: Values) -> str | None:
        bands: dict[bool, str] = {}
        for id_ in takewhile(lambda one: one != before, self.questions):
            question, value = self.questions[id_], values.get(id_)
            scale = scale_of(question)
            if scale and isinstance(value, int) and scale.minimum <= value <= scale.maximum:
                bands[question.kind is QuestionKind.YES_NO] = scale.band(value)
        return bands.get(False) or bands.get(True)


def scale_of(question: Question) -> Scale | None:
    """The scale of a question that has one."""
    if question.kind not in SCALES:
        return None
    return Scale(question.minimum, question.maximum, question.better == "higher")


def _words(question: Question, value: Value | None) -> set[str]:
    """What conditions can call an answer."""
    if value is None:
        return set()
    if isinstance(value, list):
        return set(value)
    if question.kind is QuestionKind.YES_NO:
        return {"yes" if value else "no"}
    scale = scale_of(question)
    if scale is None or not isinstance(value, int):
        return {str(value)}
    return {str(value), scale.band(value)}


def surveys_of(config: HubConfig) -> dict[str, Survey]:
    """All surveys of a configuration, by name."""
    found = {}
    for name, definition in config.surveys.items():
        questions = {id_: config.questions[id_] for id_ in definition.questions}
        found[name] = Survey(
            name=name,
            version=_version(questions),
            languages=definition.languages,
            tone=definition.tone,
            messages=definition.messages,
            texts=definition.texts,
            questions=questions,
        )
    return found


def _version(questions: Mapping[str, Question]) -> str:
    """A short hash of what is asked and on which scale: it changes when an answer would mean something else."""
    # What is as it is by default is left out: a new kind of setting makes no new version. The order of options is part
    # of it, as customers answer with their numbers.
    content = [
        [id_, question.model_dump(mode="json", exclude_defaults=True), *question.options]
        for id_, question in questions.items()
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
