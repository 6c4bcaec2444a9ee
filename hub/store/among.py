"""Conditions on many values, as one parameter.

`column.in_(values)` makes a parameter of each value: another statement for each number of values, which SQLAlchemy and
the database would prepare anew each time. Here the statement stays the same, however many there are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine

from hub.store.tables import Text


def among(column: sa.ColumnElement[Any], values: Collection[Any] | str) -> sa.ColumnElement[bool]:
    """Whether a number or a text is one of some.

    :param values: them, or the name of the parameter that they will be given as.
    """
    kind = _Several(is_text=isinstance(column.type, Text))
    given: sa.BindParameter[Any]
    given = sa.bindparam(values, type_=kind) if isinstance(values, str) else sa.bindparam(None, values, type_=kind)
    return _Among(column, given)


class _Several(sa.TypeDecorator[Collection[Any]]):
    """Values that travel together: as an array, or as JSON to SQLite, which has none."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, *, is_text: bool) -> None:
        super().__init__()
        self.is_text = is_text

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return sa.Text()
        return sa.ARRAY(sa.Text() if self.is_text else sa.BigInteger())

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        write: Callable[[list[Any]], Any] = json.dumps if dialect.name == "sqlite" else list
        clean = Text().bind_processor(dialect) if self.is_text else None
        return lambda values: write(list(values if clean is None else map(clean, values)))


class _Among(FunctionElement[bool]):
    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> Self:
        """It stands in brackets. SQLAlchemy would compare it with 1 on SQLite, which then looks at all rows."""
        return self


@compiles(_Among, "sqlite")
def _in_json(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608 - a column and a placeholder


@compiles(_Among, "postgresql")
def _in_array(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} = ANY ({values}))"
