"""Tables and columns, as `sys_db_object` and `sys_dictionary` describe them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

Row = dict[str, str]
"""One record: column to database value. Every value is text; dates are UTC, `2026-03-04 00:00:07`."""

Lookup = Callable[[str], Row | None]
"""Finds a record by its sys_id."""


class Kind(StrEnum):
    """The type of a column, by its internal name."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE_TIME = "glide_date_time"
    REFERENCE = "reference"
    JOURNAL = "journal_input"
    GUID = "GUID"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Values longer than `max_length` characters are cut off without a word."""

    name: str
    kind: Kind = Kind.STRING
    reference: str = ""
    """The table that a reference points into."""
    max_length: int = 40
    choice: bool = False
    """Whether `sys_choice` has labels for its values."""
    read_only: bool = False
    unique: bool = False


@dataclass(slots=True)
class Table:
    """One table: its own columns only; those of its parents come on top."""

    name: str
    parent: str = ""
    display: str = "sys_id"
    """The column that stands for a record where a reference is displayed."""
    prefix: str = ""
    """Begins the numbers of new records, such as `INC`; none without it."""
    columns: dict[str, Column] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Field:
    """A column reached from a table, perhaps over references: `caller_id.email`."""

    path: str
    column: Column
    table: str
    """The table that the column was reached on."""
    references: tuple[str, ...]
    lookup: Lookup

    def owner(self, row: Row) -> Row | None:
        """The record that holds the column; None where a reference on the way is empty or dangling."""
        found: Row | None = row
        for name in self.references:
            found = self.lookup(found.get(name, "")) if found else None
        return found

    def read(self, row: Row) -> str:
        """The database value; empty where there is none."""
        if not self.references:
            return row.get(self.column.name, "")
        owner = self.owner(row)
        return owner.get(self.column.name, "") if owner else ""


class Schema:
    """All tables of an instance."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self.tables = {table.name: table for table in tables}
        self._columns: dict[str, dict[str, Column]] = {}

    def add(self, table: Table) -> None:
        """Create a table."""
        self.tables[table.name] = table

    def add_column(self, table: str, column: Column) -> None:
        """Create or replace a column."""
        self.tables[table].columns[column.name] = column
        self._columns.clear()

    def drop_column(self, table: str, name: str) -> None:
        """Delete a column; nothing happens when it does not exist."""
        self.tables[table].columns.pop(name, None)
        self._columns.clear()

    def lineage(self, table: str) -> list[str]:
        """The table, its parent, and so on up."""
        names = []
        while table:
            names.append(table)
            table = self.tables[table].parent
        return names

    def family(self, table: str) -> list[str]:
        """The table and every table that extends it."""
        return [name for name in self.tables if table in self.lineage(name)]

    def columns(self, table: str) -> dict[str, Column]:
        """The columns of a table, inherited ones first."""
        if table not in self._columns:
            merged: dict[str, Column] = {}
            for name in reversed(self.lineage(table)):
                merged |= self.tables[name].columns
            self._columns[table] = merged
        return self._columns[table]

    def field(self, table: str, path: str, lookup: Lookup) -> Field | None:
        """Follow a dot-walked path from a table; None when any part of it does not exist."""
        *references, name = path.split(".")
        for reference in references:
            column = self.columns(table).get(reference)
            if column is None or column.reference not in self.tables:
                return None
            table = column.reference
        found = self.columns(table).get(name)
        return Field(path, found, table, tuple(references), lookup) if found else None
