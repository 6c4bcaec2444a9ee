"""Rows that a statement is given as one parameter.

A statement that is run once for each row costs SQLAlchemy, the driver and its thread several times what the database
needs for it. Here the rows travel together, as JSON, and one statement reads all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from hub.store.dialect import insert_on

Rows = Sequence[Mapping[str, Any]]
InsertT = TypeVar("InsertT", bound=sa.Insert)


def given(**types: TypeEngine[Any]) -> sa.Subquery:
    """A table that a statement can read from; its rows are the statement's parameter `rows`, as mappings.

    :param types: of its columns: texts, whole numbers, truth values and times.
    """
    row = _Elements(sa.bindparam("rows", type_=_Json(types))).table_valued("value", name="one").c.value
    return sa.select(
        *(
            _As(_Item(row, sa.literal_column(str(place))), kind).label(name)
            for place, (name, kind) in enumerate(types.items())
        )
    ).subquery("given")


def insert_new(
    connection: AsyncConnection, *columns: sa.Column[Any], returning: tuple[sa.Column[Any], ...] = ()
) -> sa.Executable:
    """As `insert_given`, leaving out rows that are there already.

    :param returning: what the statement gives of the others.
    """
    return _insert_new(connection.dialect.name, columns, returning)


@cache
def _insert_new(
    dialect_name: str, columns: tuple[sa.Column[Any], ...], returning: tuple[sa.Column[Any], ...]
) -> sa.Executable:
    insertion = insert_given(insert_on(dialect_name, columns[0].table), *columns).on_conflict_do_nothing()
    return insertion.returning(*returning) if returning else insertion


def insert_given(insertion: InsertT, *columns: sa.Column[Any]) -> InsertT:
    """An INSERT into these columns of the rows that are its parameter `rows`."""
    rows = given(**{column.name: column.type for column in columns})
    # the condition lets SQLite tell ON CONFLICT from a join
    return insertion.from_select([column.name for column in columns], sa.select(rows).where(sa.true()))


class _Json(sa.TypeDecorator[Rows]):
    """Rows as an array of arrays."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, types: Mapping[str, TypeEngine[Any]]) -> None:
        super().__init__()
        self.types = tuple(types.items())

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """How rows are written: each value as a column of its type would be."""
        fields = [(name, kind.dialect_impl(dialect).bind_processor(dialect) or _as_it_is) for name, kind in self.types]

        def write(rows: Any) -> str:
            return json.dumps([[process(row[name]) for name, process in fields] for row in rows], default=_time)

        return write


def _as_it_is(value: Any) -> Any:
    return value


def _time(value: Any) -> str:
    return str(value.isoformat())


class _Elements(FunctionElement[Any]):
    inherit_cache = True


class _Item(FunctionElement[str]):
    """What stands at a place of an array."""

    type = sa.Text()
    inherit_cache = True


class _As(sa.Cast[Any]):
    """What is read from JSON, as the type it had. SQLite's JSON has the types that its columns have."""

    inherit_cache = True


@compiles(_Elements, "sqlite")
def _elements_on_sqlite(element: _Elements, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Elements, "postgresql")
def _elements_on_postgresql(element: _Elements, compiler: SQLCompiler, **options: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **options)} AS jsonb))"


@compiles(_Item, "sqlite")  # it knows ->> only since 3.38
def _item_on_sqlite(element: _Item, compiler: SQLCompiler, **options: Any) -> str:
    row, place = (compiler.process(each, **options) for each in element.clauses)
    return f"json_extract({row}, '$[{place}]')"


@compiles(_Item, "postgresql")
def _item_on_postgresql(element: _Item, compiler: SQLCompiler, **options: Any) -> str:
    row, place = (compiler.process(each, **options) for each in element.clauses)
    return f"({row} ->> {place})"


@compiles(_As, "sqlite")
def _as_on_sqlite(element: _As, compiler: SQLCompiler, **options: Any) -> str:
    return str(compiler.process(element.clause, **options))
