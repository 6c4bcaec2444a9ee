"""Encoded queries: `stateIN6,7^sys_updated_on>2026-03-04 00:00:07^ORDERBYsys_id`.

What cannot be understood is left out without a word, as the real platform does; a misspelt filter finds everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.servicenow.schema import Field, Kind, Row

Predicate = Callable[[Row], bool]
FindField = Callable[[str], Field | None]

_TERM = re.compile(
    r"(?P<path>[a-z0-9_.]+)"
    r"(?P<operator>!=|>=|<=|=|>|<|NOT IN|NOT LIKE|IN|LIKE|STARTSWITH|ENDSWITH|ISEMPTY|ISNOTEMPTY)"
    r"(?P<value>.*)",
    re.DOTALL,
)
_GENERATE = re.compile(r"javascript:gs\.dateGenerate\(\s*['\"]([^'\"]*)['\"]\s*,\s*['\"]([^'\"]*)['\"]\s*\)")
_LITERAL = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")
_CARET = "\x00"


@dataclass(frozen=True, slots=True)
class Order:
    """One `ORDERBY` or `ORDERBYDESC`."""

    field: Field
    descending: bool

    def key(self, row: Row) -> str | int:
        """What rows are sorted by."""
        value = self.field.read(row)
        return _whole_number(value) if self.field.column.kind is Kind.INTEGER else value


@dataclass(frozen=True, slots=True)
class Query:
    """An encoded query, understood as far as possible."""

    matches: Predicate
    orders: tuple[Order, ...]
    invalid: bool
    """Whether a part was left out."""

    @property
    def unique_order(self) -> bool:
        """Whether the order leaves no ties."""
        return any(order.field.path == "sys_id" for order in self.orders)


def compile_query(text: str, find: FindField, zone: ZoneInfo) -> Query:
    """Understand an encoded query.

    :param find: the field for a dot-walked path; None when it does not exist.
    :param zone: of the session's user, in which `gs.dateGenerate` reads its arguments.
    """
    groups, sort_terms = _parse(text)
    orders = [Order(field, descending) for path, descending in sort_terms if (field := find(path))]
    invalid = False
    compiled: list[list[list[Predicate]]] = []
    for group in groups:
        conditions = []
        for alternatives in group:
            understood = [test for term in alternatives if (test := _condition(term, find, zone))]
            invalid = invalid or len(understood) < len(alternatives)
            if understood:
                conditions.append(understood)
        compiled.append(conditions)
    return Query(_any_group(compiled), tuple(orders), invalid)


def _parse(text: str) -> tuple[list[list[list[str]]], list[tuple[str, bool]]]:
    """Split into groups (`^NQ`) of conditions of alternatives (`^OR`), and the order. `^^` is a caret in a value."""
    groups: list[list[list[str]]] = [[]]
    orders: list[tuple[str, bool]] = []
    for term in text.replace("^^", _CARET).split("^"):
        if term.startswith("ORDERBY"):
            orders.append((term.removeprefix("ORDERBYDESC").removeprefix("ORDERBY"), term.startswith("ORDERBYDESC")))
        elif term.startswith("NQ"):
            groups.append([[term[2:]]])
        elif term.startswith("OR") and groups[-1]:
            groups[-1][-1].append(term[2:])
        elif term and term != "EQ":
            groups[-1].append([term.removeprefix("OR")])
    return groups, orders


def _any_group(groups: list[list[list[Predicate]]]) -> Predicate:
    tests = [_all_conditions(conditions) for conditions in groups]
    return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)


def _all_conditions(conditions: list[list[Predicate]]) -> Predicate:
    tests = [_any_alternative(alternatives) for alternatives in conditions]
    return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)


def _any_alternative(tests: list[Predicate]) -> Predicate:
    return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)


def _condition(term: str, find: FindField, zone: ZoneInfo) -> Predicate | None:
    parts = _TERM.fullmatch(term.replace(_CARET, "^"))
    field = find(parts["path"]) if parts else None
    if parts is None or field is None:
        return None
    operator, value = parts["operator"], parts["value"]
    if operator in ("=", "!=", ">", ">=", "<", "<="):
        return _comparison(field, operator, value, zone)
    return _text_test(field, operator, value)


def _comparison(field: Field, operator: str, value: str, zone: ZoneInfo) -> Predicate | None:
    if value.startswith("javascript:") or (field.column.kind is Kind.DATE_TIME and value):
        moment = _moment(value, zone)
        if moment is None:
            return None
        value = moment
    read = field.read
    if operator == "=":
        return lambda row: read(row) == value
    if operator == "!=":
        return lambda row: read(row) != value
    convert: Callable[[str], Any] = _whole_number if field.column.kind is Kind.INTEGER else str
    bound = convert(value)
    orderings: dict[str, Predicate] = {
        ">": lambda row: (found := read(row)) != "" and convert(found) > bound,
        ">=": lambda row: (found := read(row)) != "" and convert(found) >= bound,
        "<": lambda row: (found := read(row)) != "" and convert(found) < bound,
        "<=": lambda row: (found := read(row)) != "" and convert(found) <= bound,
    }
    return orderings[operator]


def _text_test(field: Field, operator: str, value: str) -> Predicate:
    read = field.read
    listed = frozenset(value.split(","))
    tests: dict[str, Predicate] = {
        "IN": lambda row: read(row) in listed,
        "NOT IN": lambda row: read(row) not in listed,
        "LIKE": lambda row: value in read(row),
        "NOT LIKE": lambda row: value not in read(row),
        "STARTSWITH": lambda row: read(row).startswith(value),
        "ENDSWITH": lambda row: read(row).endswith(value),
        "ISEMPTY": lambda row: not read(row),
        "ISNOTEMPTY": lambda row: bool(read(row)),
    }
    return tests[operator]


def _moment(value: str, zone: ZoneInfo) -> str | None:
    """A date literal in UTC, or `gs.dateGenerate` in the user's zone; None for anything else."""
    generated = _GENERATE.fullmatch(value)
    literal = f"{generated[1]} {generated[2]}" if generated else value
    if not _LITERAL.fullmatch(literal):
        return None
    try:
        moment = datetime.fromisoformat(literal).replace(tzinfo=zone if generated else UTC)
    except ValueError:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _whole_number(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        return 0
