"""Which questions a page asks, and how each stands in its form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from hub.api.records import QuestionKind
from hub.config.questions import SCALES, Question
from hub.survey.model import Survey, Value, Values
from hub.survey.texts import Texts
from hub.survey.wording import Choice, choices, hint, is_labelled, items, question_text

MAX_CHARACTERS = 2000
"""The longest text that one field takes."""
Problem = Literal["missing", "too_long"]
Widget = Literal["list", "row", "checks", "text", "parts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One thing to press."""

    id: str
    value: str
    number: str
    """Stands before the label, or alone; empty for what is no scale."""
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A field to write in."""

    id: str
    name: str
    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question in a form."""

    id: str
    """Of its element; others begin with it."""
    name: str
    """Of its fields."""
    widget: Widget
    text: str
    hint: str
    ends: str
    """What the ends of its scale mean, where only they have words."""
    required: bool
    controls: tuple[Control, ...] = ()
    areas: tuple[Area, ...] = ()
    problem: Problem | None = None

    @property
    def target(self) -> str:
        """The id of its first field, for links that lead there."""
        return self.controls[0].id if self.controls else self.areas[0].id


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What a form holds: nothing at first, what was entered when it has to be shown again."""

    values: Values = field(default_factory=dict, repr=False)
    problems: Mapping[str, Problem] = field(default_factory=dict)
    """What keeps it from being stored, by question id."""


def field_name(id_: str) -> str:
    """The name of the fields that answer a question; the form's own fields have no dot."""
    return f"q.{id_}"


def part_name(id_: str, part: str) -> str:
    """The name of the field for one part of an items question."""
    return f"q.{id_}.{part}"


def first_page(survey: Survey) -> list[str]:
    """The questions to begin with: the first one, and of those that are always asked what takes one press or words."""
    kinds = (*SCALES, QuestionKind.TEXT)
    rest = (id_ for id_, question in survey.questions.items() if question.kind in kinds and not question.ask_if)
    return list(dict.fromkeys([survey.first, *rest]))


def follow_ups(survey: Survey, values: Values, token: str) -> list[str]:
    """The questions that apply after these answers and are not answered yet."""
    begun_with = first_page(survey)
    return [
        id_
        for id_ in survey.questions
        if id_ not in begun_with and survey.applies(id_, values) and _is_left(survey, id_, values, token)
    ]


def _is_left(survey: Survey, id_: str, values: Values, token: str) -> bool:
    """Whether there is still something to ask. Factors are asked again when the score has become another one."""
    if not survey.questions[id_].options:
        return id_ not in values
    given, now = values.get(id_, []), offered(survey, id_, values, token)
    return bool(now) and not set(given if isinstance(given, list) else [given]) & set(now)


def offered(survey: Survey, id_: str, values: Values, token: str) -> list[str]:
    """The options of a question that fit the score, in the order in which this customer sees them each time."""
    found = list(survey.offered(id_, values))
    if survey.questions[id_].shuffle:
        Random(f"{token} {id_}").shuffle(found)  # noqa: S311 - no secret
    return found


def in_form(
    survey: Survey, ids: Sequence[str], texts: Texts, entered: Entered, *, values: Values, token: str
) -> list[Asked]:
    """These questions as they stand in a form.

    :param values: what was answered before; options depend on it.
    """
    return [
        _asked(survey, id_, texts, entered, f"q{place}", offered(survey, id_, values, token))
        for place, id_ in enumerate(ids)
    ]


def _asked(survey: Survey, id_: str, texts: Texts, entered: Entered, place: str, options: Sequence[str]) -> Asked:  # noqa: PLR0917
    question, value = survey.questions[id_], entered.values.get(id_)
    widget = _widget(question, texts)
    return Asked(
        id=place,
        name=field_name(id_),
        widget=widget,
        text=question_text(question, texts.code, texts.tone),
        hint=hint(question, texts.code) or (texts.choose_any if widget == "checks" else ""),
        ends=_ends(question, texts),
        required=id_ == survey.first,
        controls=tuple(_controls(question, texts, value, place, options)),
        areas=tuple(_areas(question, texts, id_, value, place)),
        problem=entered.problems.get(id_),
    )


def _widget(question: Question, texts: Texts) -> Widget:
    match question.kind:
        case QuestionKind.TEXT:
            return "text"
        case QuestionKind.ITEMS:
            return "parts"
        case QuestionKind.FACTORS:
            return "checks"
        case QuestionKind.CHOICE:
            return "list"
        case QuestionKind.YES_NO | QuestionKind.LOST_TIME:
            return "row"
    return "list" if is_labelled(question, texts) else "row"


def _ends(question: Question, texts: Texts) -> str:
    if question.kind not in SCALES or is_labelled(question, texts):
        return ""
    return ", ".join(f"{one.value} = {one.label}" for one in choices(question, texts) if one.label)


def _controls(
    question: Question, texts: Texts, value: Value | None, place: str, options: Sequence[str]
) -> Iterator[Control]:
    chosen = {str(one) for one in value} if isinstance(value, list) else {str(value)}
    for number, one in enumerate(_choices(question, texts, options)):
        yield Control(
            id=f"{place}-{number}",
            value=str(one.value),
            number=str(one.value) if question.kind in SCALES and question.kind is not QuestionKind.YES_NO else "",
            label=one.label if not _ends(question, texts) else "",
            chosen=str(one.value) in chosen,
        )


def _choices(question: Question, texts: Texts, options: Sequence[str]) -> list[Choice]:
    found = choices(question, texts) if question.kind not in (QuestionKind.TEXT, QuestionKind.ITEMS) else ()
    if not question.options:
        return list(found)
    by_id = {one.value: one for one in found}
    return [by_id[id_] for id_ in options]


def _areas(question: Question, texts: Texts, id_: str, value: Value | None, place: str) -> Iterator[Area]:
    if question.kind is QuestionKind.TEXT:
        yield Area(id=f"{place}-0", name=field_name(id_), label="", text=str(value or ""))
    if question.kind is QuestionKind.ITEMS:
        written = value if isinstance(value, dict) else {}
        for number, (part, label) in enumerate(items(question, texts)):
            yield Area(id=f"{place}-{number}", name=part_name(id_, part), label=label, text=written.get(part, ""))


def in_words(
    survey: Survey, values: Values, remarks: Sequence[tuple[str, str]], texts: Texts
) -> list[tuple[str, list[str]]]:
    """What was answered, question by question, as the customer reads it."""
    found = []
    for id_, question in survey.questions.items():
        said = [words for of, words in remarks if of == id_]
        if id_ in values:
            said = [*_said(question, values[id_], texts), *(words for words in said if words != values[id_])]
        if said:
            found.append((question_text(question, texts.code, texts.tone), said))
    return found


def _said(question: Question, value: Value, texts: Texts) -> list[str]:
    if isinstance(value, dict):
        return [f"{label}: {value[part]}" for part, label in items(question, texts) if part in value]
    labels = {str(one.value): one.label for one in _choices(question, texts, list(question.options))}
    words = []
    for one in map(str, value if isinstance(value, list) else [value]):
        number = one if question.kind in SCALES and question.kind is not QuestionKind.YES_NO else ""
        words.append(" – ".join(filter(None, (number, labels.get(one, "")))) or one)
    return words
