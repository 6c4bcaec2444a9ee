"""A plugin's settings in the words of someone who writes hub.toml."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Literal

from pydantic import AnyUrl, BaseModel, SecretStr
from pydantic.fields import FieldInfo

from hub.api.component import RateLimit
from hub.config.effective import written

_WORDS: dict[type[Any], str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    timedelta: "duration",
    RateLimit: "rate",
    Path: "path",
    AnyUrl: "URL",
    SecretStr: "secret",
    IPv4Network: "network",
    IPv6Network: "network",
    str: "text",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a settings table. `default` is written as in hub.toml, and empty when there is none."""

    name: str
    type: str
    required: bool
    secret: bool
    default: str
    description: str


def describe(model: type[BaseModel], prefix: str = "") -> Iterator[Setting]:
    """The settings of a model in its own order; those of a table inside it have dotted names."""
    for attribute, field in model.model_fields.items():
        name = f"{prefix}{field.alias or attribute}"
        table = _table_model(field.annotation)
        if table is not None:
            yield from describe(table, f"{name}.")
            continue
        words = type_words(field.annotation)
        yield Setting(
            name=name,
            type=words,
            required=field.is_required(),
            secret="secret" in words,
            default=_default(field),
            description=field.description or "",
        )


def type_words(annotation: Any) -> str:
    """A type as people say it: 'duration', 'list of text', '"starttls" or "tls"'."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return type_words(arguments[0])
    if origin is Literal:
        return " or ".join(_text(choice) for choice in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(type_words(one) for one in arguments if one is not type(None)))
    kind = origin or annotation
    return _class_words(kind, arguments) if isinstance(kind, type) and kind is not Any else "any value"


def _class_words(kind: type[Any], arguments: tuple[Any, ...]) -> str:
    if issubclass(kind, Enum):
        return " or ".join(_text(member.value) for member in kind)
    if issubclass(kind, Mapping | BaseModel):
        return "table"
    for known, words in _WORDS.items():
        if issubclass(kind, known):
            return words
    if issubclass(kind, Collection) and arguments:
        return f"list of {type_words(arguments[0])}"
    return kind.__name__


def _table_model(annotation: Any) -> type[BaseModel] | None:
    """The model behind a table: the annotation itself, or the only part beside None."""
    parts = [part for part in typing.get_args(annotation) if part is not type(None)] or [annotation]
    if len(parts) == 1 and isinstance(parts[0], type) and issubclass(parts[0], BaseModel):
        return parts[0]
    return None


def _default(field: FieldInfo) -> str:
    if field.is_required() or field.default_factory_takes_validated_data:
        return ""
    value = field.get_default(call_default_factory=True)
    return "" if value is None or isinstance(value, SecretStr) else _text(value)


def _text(value: Any) -> str:
    # For texts, numbers and lists of them JSON and TOML are the same.
    return json.dumps(written(value), ensure_ascii=False)
