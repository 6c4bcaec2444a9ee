"""Reads what a form brings. Nothing in it is trusted: only what the survey asks and offers becomes a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qsl

from hub.api.records import QuestionKind
from hub.config.questions import Question
from hub.survey.model import Survey, Value, Values, scale_of
from hub.survey.texts import LOST_MINUTES
from hub.survey.wording import ITEM_PARTS
from hub.web.questions import MAX_CHARACTERS, Entered, Problem, field_name, part_name

TRAP = "more"
"""The name of the field that no person sees."""
HELD = "held"
"""The name of the field that marks a form with values of an answer that is held."""
SHOW = "show"
"""The name of the buttons that only show the form anew, with what was entered: in another language, with more time."""
_TOKEN = re.compile(r"[a-z2-7]{20}")
_MOST_FIELDS = 300
_LONGEST_NUMBER = 9

Form = Mapping[str, Sequence[str]]
"""The values of each field, in the order they came."""


def is_token(text: str) -> bool:
    """Whether this can be the token of a survey."""
    return _TOKEN.fullmatch(text) is not None


def parse(body: bytes) -> Form:
    """The fields of a submitted form. What is none has no fields, and the page asks again."""
    fields: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return fields
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def one(form: Form, name: str) -> str:
    """The last value of a field; empty when there is none."""
    return form[name][-1] if name in form else ""


def read(survey: Survey, form: Form, *, complete: bool) -> Entered:
    """What was entered, and what keeps it from being stored.

    :param complete: whether the first question must be answered.
    """
    values: dict[str, Value] = {}
    problems: dict[str, Problem] = {}
    for id_, question in survey.questions.items():
        value = _read(id_, question, form)
        if value is not None:
            values[id_] = value
        if complete and id_ == survey.first and value is None:
            problems[id_] = "missing"
        elif any(len(text) > MAX_CHARACTERS for text in _texts(question, value)):
            problems[id_] = "too_long"
    return Entered(values=values, problems=problems)


def tapped(survey: Survey, text: str) -> Value | None:
    """The answer to the first question that the customer chose in the message, None if it is none."""
    return _chosen(survey.questions[survey.first], text)


def hidden(values: Values) -> Iterator[tuple[str, str]]:
    """Values as fields of a form, to be sent once more."""
    for id_, value in values.items():
        if isinstance(value, dict):
            yield from ((part_name(id_, part), text) for part, text in value.items())
        else:
            yield from ((field_name(id_), str(each)) for each in (value if isinstance(value, list) else [value]))


def _read(id_: str, question: Question, form: Form) -> Value | None:
    match question.kind:
        case QuestionKind.TEXT:
            return _words(one(form, field_name(id_))) or None
        case QuestionKind.ITEMS:
            parts = {part: _words(one(form, part_name(id_, part))) for part in ITEM_PARTS}
            return {part: text for part, text in parts.items() if text} or None
        case QuestionKind.FACTORS:
            chosen = form.get(field_name(id_), ())
            return [option for option in question.options if option in chosen] or None
    return _chosen(question, one(form, field_name(id_)))


def _chosen(question: Question, text: str) -> Value | None:
    """One thing of those that can be chosen."""
    if question.kind is QuestionKind.CHOICE:
        return text if text in question.options else None
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER) or str(int(text)) != text:
        return None
    number, scale = int(text), scale_of(question)
    if question.kind is QuestionKind.LOST_TIME:
        return number if number in LOST_MINUTES else None
    return number if scale and scale.minimum <= number <= scale.maximum else None


def _words(text: str) -> str:
    """The words with the line ends of the customer's own keyboard; PostgreSQL takes no NUL."""
    return text.replace("\r\n", "\n").replace("\x00", "").strip()


def _texts(question: Question, value: Value | None) -> Sequence[str]:
    if isinstance(value, dict):
        return list(value.values())
    return [value] if question.kind is QuestionKind.TEXT and isinstance(value, str) else []
