"""A question in words: what is asked, what can be chosen, and what the ends of its scale are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from hub.api.records import QuestionKind
from hub.config.questions import Question
from hub.config.survey import Language, Tone
from hub.survey.model import scale_of
from hub.survey.texts import Texts

ItemPart = Literal["service", "problem", "feedback"]
ITEM_PARTS: tuple[ItemPart, ...] = get_args(ItemPart)


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose. `value` is what is stored; `label` is empty inside a scale whose ends only have words."""

    value: int | str
    label: str


def question_text(question: Question, language: Language, tone: Tone) -> str:
    """What mails and pages ask."""
    return _spoken(question, language, tone)


def sms_text(question: Question, language: Language, tone: Tone) -> str:
    """What an SMS asks, without how to answer."""
    return question.sms.get(language) or _spoken(question, language, tone)


def hint(question: Question, language: Language) -> str:
    """A few words below the question; empty when there are none."""
    return question.hint.get(language, "")


def choices(question: Question, texts: Texts) -> tuple[Choice, ...]:
    """What can be chosen, in the order it is shown; nothing where customers write.

    A scale whose values all have words begins with the best one; yes stands before no. Any other scale begins with its
    lowest value, and only its ends have words. Options come in the order of hub.toml, whatever score they are for.
    """
    if question.kind is QuestionKind.LOST_TIME:
        return tuple(Choice(minutes, label) for minutes, label in texts.lost_time())
    if scale_of(question) is None:
        return tuple(Choice(id_, option.text[texts.code]) for id_, option in question.options.items())
    labels = _labels(question, texts)
    values = [Choice(value, labels.get(value, "")) for value in range(question.minimum, question.maximum + 1)]
    is_best_last = question.better == "higher" or question.kind is QuestionKind.YES_NO
    if is_best_last and is_labelled(question, texts):
        values.reverse()
    return tuple(values)


def items(question: Question, texts: Texts) -> tuple[tuple[ItemPart, str], ...]:
    """The three parts of an items question: the key that an answer has in it, and what the customer reads."""
    usual = texts.item_service, texts.item_problem, texts.item_feedback
    return tuple(zip(ITEM_PARTS, question.labels.get(texts.code) or usual, strict=True))


def is_labelled(question: Question, texts: Texts) -> bool:
    """Whether every value of the question's scale has words of its own."""
    return len(_labels(question, texts)) == question.maximum - question.minimum + 1


def best_of(question: Question, texts: Texts, *, equals: Literal["=", " = "]) -> str:
    """The good end of a scale in words: "5=excellent"."""
    value = question.maximum if question.better == "higher" else question.minimum
    return f"{value}{equals}{_inside_a_sentence(_labels(question, texts)[value])}"


def _spoken(question: Question, language: Language, tone: Tone) -> str:
    informal = question.informal.get(language) if tone == "informal" else None
    return informal or question.text[language]


def _labels(question: Question, texts: Texts) -> dict[int, str]:
    """The words of a scale by value: of all values, or of both ends."""
    labels = question.labels.get(texts.code) or _usual_ends(question, texts)
    lowest, highest = question.minimum, question.maximum
    if len(labels) == 2:
        return {lowest: labels[0], highest: labels[1]}
    return dict(zip(range(lowest, highest + 1), labels, strict=True))


def _usual_ends(question: Question, texts: Texts) -> tuple[str, str]:
    usual = {
        QuestionKind.YES_NO: (texts.no, texts.yes),
        QuestionKind.NPS: (texts.nps_lowest, texts.nps_highest),
        QuestionKind.CES: (texts.ces_lowest, texts.ces_highest),
    }
    others = (texts.worst, texts.best) if question.better == "higher" else (texts.best, texts.worst)
    return usual.get(question.kind, others)


def _inside_a_sentence(label: str) -> str:
    """With a small first letter, unless it begins with capitals as "IT" does."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]
