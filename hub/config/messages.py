"""What is wrong with a configuration, in words for the admin who wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import durationpy
from pydantic_core import ErrorDetails

from hub.api.errors import ConfigError

NEXT_STEP = "Correct the file, then run: hub config check"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct. `line` is None when it concerns the file as a whole, `path` is empty likewise."""

    line: int | None
    path: str
    text: str


class ConfigProblems(ConfigError):
    """Everything that is wrong with one file, sorted by line. The message lists all of it and the next step."""

    def __init__(self, file: Path, problems: Iterable[Problem], *, next_step: str = NEXT_STEP) -> None:
        self.file = file
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        super().__init__("\n".join([*map(self._line, self.problems), f"{self._count()}. {next_step}"]))

    def _line(self, problem: Problem) -> str:
        place = f"{self.file}:{problem.line}" if problem.line else f"{self.file}"
        return ": ".join(part for part in (place, problem.path, problem.text) if part)

    def _count(self) -> str:
        return "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"


def duration_text(value: timedelta) -> str:
    """A duration as it is written in hub.toml: `30d`, `1h30m`."""
    if value and value % timedelta(days=1) == timedelta():
        return f"{value.days}d"
    return "0s" if not value else str(durationpy.to_str(value))


def sentence(text: str) -> str:
    """The text with a full stop at its end, unless it ends otherwise."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


_TEXTS = {
    "missing": "required setting is missing.",
    "string_type": "must be text in quotes.",
    "int_type": "must be a whole number.",
    "int_parsing": "must be a whole number.",
    "int_parsing_size": "must be a smaller number.",
    "int_from_float": "must be a whole number.",
    "float_type": "must be a number.",
    "float_parsing": "must be a number.",
    "finite_number": "must be a finite number.",
    "bool_type": "must be true or false.",
    "bool_parsing": "must be true or false.",
    "list_type": 'must be a list, such as ["a", "b"].',
    "tuple_type": 'must be a list, such as ["a", "b"].',
    "set_type": 'must be a list, such as ["a", "b"].',
    "frozen_set_type": 'must be a list, such as ["a", "b"].',
    "dict_type": 'must be a table, such as {{ name = "value" }}.',
    "model_type": 'must be a table, such as {{ name = "value" }}.',
    "model_attributes_type": 'must be a table, such as {{ name = "value" }}.',
    "path_type": "must be a path in quotes.",
    "path_not_file": "there is no such file.",
    "path_not_directory": "there is no such folder.",
    "url_type": 'must be a URL in quotes, such as "https://desk.example.org".',
    "url_parsing": 'must be a URL, such as "https://desk.example.org".',
    "url_scheme": "must be a URL that starts with {expected_schemes}.",
    "literal_error": "must be {expected}.",
    "enum": "must be {expected}.",
    "greater_than": "must be more than {gt}.",
    "greater_than_equal": "must be {ge} or more.",
    "less_than": "must be less than {lt}.",
    "less_than_equal": "must be {le} or less.",
    "multiple_of": "must be a multiple of {multiple_of}.",
    "string_too_short": "must have at least {min_length} characters.",
    "string_too_long": "must have at most {max_length} characters.",
    "string_pattern_mismatch": "must match the pattern {pattern}.",
    "too_short": "must have at least {min_length} entries.",
    "too_long": "must have at most {max_length} entries.",
    "value_error": "{error}",
    "assertion_error": "{error}",
}


def explain(error: ErrorDetails) -> str:
    """One validation error in plain words. The rejected value is never part of it."""
    context: Mapping[str, Any] = error.get("ctx", {})
    if error["type"] in ("string_too_short", "too_short") and context.get("min_length") == 1:
        return "must not be empty."
    known = _TEXTS.get(error["type"])
    if known is None:
        return sentence(re.sub(r"^Input should (be|have) ", r"must \1 ", error["msg"]))
    return sentence(known.format_map({name: _written(value) for name, value in context.items()}))


def _written(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return duration_text(value) if isinstance(value, timedelta) else str(value)
