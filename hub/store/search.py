"""Looks through every text that is stored, in every table, a little at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from hub.store.engine import Store
from hub.store.tables import Text, metadata

_CHUNK = 1000
Progress = Callable[[str, int], None]
"""Is told what is being looked through, and how many rows of it have been."""


def silently(_table: str, _rows: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One text of one row."""

    column: sa.Column[Any]
    key: tuple[Any, ...]
    """The row's primary key."""
    text: str = field(repr=False)

    @property
    def place(self) -> str:
        """Where it is, such as "answers.text"."""
        return f"{self.column.table.name}.{self.column.name}"

    @property
    def is_its_row(self) -> sa.ColumnElement[bool]:
        """The condition that only the row fulfils that it is in."""
        return sa.and_(*(one == value for one, value in zip(self.column.table.primary_key, self.key, strict=True)))


async def cells(
    store: Store,
    holds: Callable[[str], object],
    tables: Sequence[sa.Table] = metadata.sorted_tables,
    progress: Progress = silently,
) -> AsyncIterator[Sequence[Cell]]:
    """The cells whose text holds what is looked for, some at a time. Rows that come meanwhile may be missed."""
    for table in tables:
        columns = [column for column in table.c if isinstance(column.type, Text)]
        key = list(table.primary_key)
        query = sa.select(*key, *columns).order_by(*key).limit(_CHUNK)
        last: tuple[Any, ...] | None = None
        looked_at = 0
        while True:
            after = query if last is None else query.where(sa.tuple_(*key) > sa.tuple_(*map(sa.literal, last)))
            async with store.read() as connection:
                rows = (await connection.execute(after)).all()
            if not rows:
                break
            last, looked_at = tuple(rows[-1][: len(key)]), looked_at + len(rows)
            progress(table.name, looked_at)
            yield [
                Cell(column, tuple(row[: len(key)]), text)
                for row in rows
                for column, text in zip(columns, row[len(key) :], strict=True)
                if text and holds(text)
            ]
