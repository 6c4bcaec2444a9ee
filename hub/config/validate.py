"""Validates one table against a pydantic model and says what is wrong in plain words, at the right key."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hub.config.locate import KeyPath
from hub.config.messages import explain
from hub.registry import did_you_mean

ModelT = TypeVar("ModelT", bound=BaseModel)
Finding = tuple[KeyPath, str]
"""A key path within the table, and what is wrong there."""

_OWN_WORDS = ("value_error", "assertion_error")
"""Errors whose text a validator wrote; a plugin's could repeat what it was given."""


def validate(
    model: type[ModelT],
    table: Mapping[str, Any],
    *,
    folder: Path,
    known: Collection[str] = (),
    scrub: Callable[[str], str] = str,
) -> ModelT | list[Finding]:
    """The table as the model's instance, or all that is wrong with it.

    :param folder: what relative paths in the table are relative to.
    :param known: further settings that may stand in the table, for suggestions.
    :param scrub: removes secrets from a text.
    """
    try:
        return model.model_validate(table, context={"folder": folder})
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    except Exception as error:  # noqa: BLE001  # a bug in a plugin's validator must not hide the other problems
        return [((), f"the plugin failed to read these settings ({type(error).__name__}). Report it to its author.")]
    return list(_findings(model, table, details, known, scrub))


def keys_of(model: type[BaseModel]) -> list[str]:
    """The names of a model's settings as they are written in the file."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _findings(
    model: type[BaseModel],
    table: Mapping[str, Any],
    details: list[ErrorDetails],
    known: Collection[str],
    scrub: Callable[[str], str],
) -> Iterator[Finding]:
    misspelt = set[KeyPath]()
    for error in details:
        if error["type"] == "extra_forbidden":
            path = _place(table, error)
            word, names = str(path[-1]), _keys_at(model, path[:-1]) or [*keys_of(model), *known]
            misspelt.update((*path[:-1], near) for near in difflib.get_close_matches(word, names, n=1))
            yield path, f"unknown setting.{did_you_mean(word, names)}"
    for error in details:
        if error["type"] == "extra_forbidden":
            continue
        if error["type"] == "missing" and _place(table, error) in misspelt:
            continue  # it was misspelt, which is reported
        text = explain(error)
        yield _place(table, error), scrub(text) if error["type"] in _OWN_WORDS else text


def _keys_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The settings that a table within the model's table may have; none for the model's own table."""
    table: type[BaseModel] | None = None
    for part in path:
        fields = (table or model).model_fields
        parts = [field.annotation for name, field in fields.items() if part in (name, field.alias)]
        choices = [choice for one in parts for choice in (one, *get_args(one))]
        table = next((c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if table is None:
            break
    return keys_of(table) if table else []


def _place(table: Mapping[str, Any], error: ErrorDetails) -> KeyPath:
    """The part of an error's location that is in the file: pydantic adds names of types and union branches."""
    path: KeyPath = ()
    level: Any = table
    for part in error["loc"]:
        keys = level.keys() if isinstance(level, dict) else range(len(level)) if isinstance(level, list) else ()
        if part not in keys:
            return (*path, error["loc"][-1]) if error["type"] == "missing" else path
        path, level = (*path, part), level[part]
    return path
