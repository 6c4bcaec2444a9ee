"""What is asked: `[questions.ID]` and `[surveys.NAME]`. The built-in ones are in builtin.toml."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from hub.api.records import QuestionKind
from hub.config.survey import Language, Tone
from hub.config.values import Name, Section

Band = Literal["low", "middle", "high"]
BANDS: tuple[Band, ...] = get_args(Band)


def _without_placeholders(words: dict[Language, str]) -> dict[Language, str]:
    if any(re.search(r"\{\w*\}", text) for text in words.values()):
        raise ValueError("has no placeholders. The texts around questions have: surveys.NAME.texts")
    return words


Words = Annotated[dict[Language, Name], AfterValidator(_without_placeholders)]
"""A text by language."""

SCALES = {
    QuestionKind.RATING: (1, 5),
    QuestionKind.NPS: (0, 10),
    QuestionKind.CES: (1, 7),
    QuestionKind.YES_NO: (0, 1),
}
"""The scale of a kind, lowest and highest; only a rating can have another one."""


class Option(Section):
    """One thing to choose from."""

    text: Words
    """What the customer reads."""
    when: tuple[Band, ...] = ()
    """Only offered after such a score; always when empty."""
    process: bool = False
    """Whether the process is at fault rather than a person: "the process said no"."""


class Question(Section):
    """A question: `[questions.ID]`."""

    kind: QuestionKind
    """What an answer to it is."""
    text: Words
    """As it is asked. How to answer is added to it."""
    informal: Words = Field(default_factory=dict)
    """The same for surveys whose tone is informal, where that differs."""
    sms: Words = Field(default_factory=dict)
    """In fewer words, for SMS; without it the text above."""
    hint: Words = Field(default_factory=dict)
    """A few words below it on the page."""
    minimum: Annotated[int, Field(ge=0, le=10)] = 1
    """The lowest value of a rating, 0 or more."""
    maximum: Annotated[int, Field(ge=0, le=10)] = 5
    """The highest value of a rating, 10 or less."""
    better: Literal["higher", "lower"] = "higher"
    """Which end of the scale is the good one."""
    labels: dict[Language, tuple[Name, ...]] = Field(default_factory=dict)
    """What the values of a scale are called, the lowest first: all of them, or the two ends. Or the three parts of an
    items question: to order, does not work, to tell."""
    options: dict[str, Option] = Field(default_factory=dict)
    """What can be chosen, for the kinds "choice" and "factors"."""
    shuffle: bool = False
    """Whether options stand in another order for each customer."""
    ask_if: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Ask only after such answers to earlier questions: a band ("low", "middle", "high"), a value, "yes" or "no"."""

    @model_validator(mode="before")
    @classmethod
    def _scale_of_kind(cls, values: object) -> object:
        if isinstance(values, dict) and values.get("kind") in SCALES:
            lowest, highest = SCALES[QuestionKind(values["kind"])]
            return {"minimum": lowest, "maximum": highest, **values}
        return values

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.minimum >= self.maximum:
            raise ValueError("minimum must be less than maximum")
        scale = SCALES.get(self.kind)
        if scale and self.kind is not QuestionKind.RATING and (self.minimum, self.maximum) != scale:
            raise ValueError(f"a question of the kind {self.kind} goes from {scale[0]} to {scale[1]}")
        if self.kind in (QuestionKind.CHOICE, QuestionKind.FACTORS) and not self.options:
            raise ValueError(f"a question of the kind {self.kind} needs options")
        for labels in self.labels.values():
            if len(labels) not in self._label_counts:
                wanted = " or ".join(map(str, self._label_counts)) or "no"
                raise ValueError(f"a question of the kind {self.kind} has {wanted} labels")
        return self

    @property
    def _label_counts(self) -> tuple[int, ...]:
        if self.kind is QuestionKind.ITEMS:
            return (3,)
        return tuple(sorted({2, self.maximum - self.minimum + 1})) if self.kind in SCALES else ()


class SurveyDefinition(Section):
    """A survey: `[surveys.NAME]`."""

    questions: Annotated[tuple[str, ...], Field(min_length=1)]
    """Ids of questions, in the order they are asked. The first one stands in the message."""
    languages: Annotated[tuple[Language, ...], Field(min_length=1)] = ("fi", "sv", "en")
    """What it speaks. Customers with another language get the first one."""
    tone: Tone = "formal"
    """How customers are addressed, where their language tells."""
    messages: Annotated[int, Field(ge=1, le=10)] = 3
    """The most SMS one customer gets in a conversation, the survey itself and the thanks included."""
    texts: dict[Language, dict[str, str]] = Field(default_factory=dict)
    """Texts in other words than the built-in ones. `hub surveys show NAME` lists them."""
