"""Encoded queries: reading the admin's filter, and telling whether a row satisfies it.

An instance silently drops a part of a query that it does not understand and returns what the rest finds. So the hub
checks the names before it asks, and each row after.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_CONDITION = re.compile(
    r"(?P<field>[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)"
    r"(?P<operator>ISNOTEMPTY|ISEMPTY|NOT IN|NOT LIKE|IN(?!STANCEOF)|LIKE|STARTSWITH|ENDSWITH|!=|>=|<=|=|>|<)"
    r"(?P<value>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison, such as `priority<=2`."""

    field: str
    operator: str
    value: str

    def holds(self, row: Mapping[str, str]) -> bool:
        """Whether a row satisfies it. A field that is missing counts as empty; letter case does not matter, as
        databases differ in it."""
        return _OPERATORS[self.operator](row.get(self.field, "").casefold(), self.value.casefold())


@dataclass(frozen=True, slots=True)
class Filter:
    """Groups of conditions: in each group at least one must hold."""

    groups: tuple[tuple[Condition, ...], ...] = ()

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it names."""
        return frozenset(condition.field for group in self.groups for condition in group)

    def holds(self, row: Mapping[str, str]) -> bool:
        """Whether a row satisfies it. The row must hold all `fields`."""
        return not self._failing(row)

    def cannot_tell(self, row: Mapping[str, str]) -> bool:
        """Whether a row that does not satisfy it may do so nevertheless: what it fails by is empty, or was hidden."""
        return all(any(not row.get(condition.field) for condition in group) for group in self._failing(row))

    def _failing(self, row: Mapping[str, str]) -> list[tuple[Condition, ...]]:
        return [group for group in self.groups if not any(condition.holds(row) for condition in group)]


def parse_filter(text: str) -> Filter:
    """Read an encoded query.

    :raises ValueError: it holds something that this reader does not know, or that would lead past other conditions.
    """
    groups: list[tuple[Condition, ...]] = []
    for number, part in enumerate(text.split("^") if text else ()):
        if part.startswith("NQ"):
            raise ValueError("^NQ begins a query of its own, which no other condition restricts; use ^OR")
        if number and part.startswith("OR") and not part.startswith("ORDERBY"):
            groups[-1] = (*groups[-1], _condition(part.removeprefix("OR")))
        else:
            groups.append((_condition(part),))
    return Filter(tuple(groups))


def joined(*parts: str) -> str:
    """Conditions that must all hold; empty ones are left out."""
    return "^".join(part for part in parts if part)


def one_of(field: str, values: Sequence[str]) -> str:
    """The condition that a field has one of these values."""
    return f"{field}IN{','.join(values)}"


def _condition(text: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ValueError(
            f"cannot read {text!r}; write FIELD, then one of = != > >= < <= IN, NOT IN, LIKE, NOT LIKE, STARTSWITH, "
            "ENDSWITH, ISEMPTY, ISNOTEMPTY, then the value, and ^ or ^OR between conditions"
        )
    condition = Condition(**match.groupdict())
    if condition.value.lower().startswith("javascript:"):
        raise ValueError("a value cannot be a script: it would depend on the time zone of the hub's user; write it out")
    if bool(condition.value) == condition.operator.endswith("EMPTY"):
        raise ValueError(f"{condition.field}{condition.operator} has a value that does not belong there, or none")
    return condition


def _compare(one: str, other: str) -> int:
    try:
        left, right = float(one), float(other)
    except ValueError:
        return (one > other) - (one < other)
    return (left > right) - (left < right)


def _listed(value: str, values: str) -> bool:
    return value in values.split(",")


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "=": lambda value, wanted: value == wanted,
    "!=": lambda value, wanted: value != wanted,
    ">": lambda value, wanted: bool(value) and _compare(value, wanted) > 0,
    ">=": lambda value, wanted: bool(value) and _compare(value, wanted) >= 0,
    "<": lambda value, wanted: bool(value) and _compare(value, wanted) < 0,
    "<=": lambda value, wanted: bool(value) and _compare(value, wanted) <= 0,
    "IN": _listed,
    "NOT IN": lambda value, wanted: not _listed(value, wanted),
    "LIKE": lambda value, wanted: wanted in value,
    "NOT LIKE": lambda value, wanted: wanted not in value,
    "STARTSWITH": lambda value, wanted: value.startswith(wanted),
    "ENDSWITH": lambda value, wanted: value.endswith(wanted),
    "ISEMPTY": lambda value, _: not value,
    "ISNOTEMPTY": lambda value, _: bool(value),
}
