"""The records of an instance: what is written, and what of it can be seen already."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hub import Clock
from sandbox.servicenow.query import Query, compile_query
from sandbox.servicenow.schema import Field, Row, Schema

WIRE_FORMAT = "%Y-%m-%d %H:%M:%S"


class Store:
    """Records by sys_id. They are never changed in place: each write puts a new one in the place of the old.

    A write with a lag is seen only later, as with a transaction that commits after its timestamp was taken.
    """

    def __init__(self, schema: Schema, clock: Clock, rng: random.Random) -> None:
        self.schema = schema
        self._clock = clock
        self._rng = rng
        self._tables: dict[str, dict[str, Row]] = {}
        self._table_of: dict[str, str] = {}
        self._seen: dict[str, Row] = {}
        self._pending: dict[str, list[tuple[datetime, Row]]] = {}
        self._sorted: dict[tuple[str, str], list[Row]] = {}
        self._found: dict[tuple[str, str, str], tuple[Query, list[Row]]] = {}

    def new_id(self) -> str:
        """A sys_id: 32 hexadecimal digits, the same ones in each run."""
        return f"{self._rng.getrandbits(128):032x}"

    def put(self, table: str, row: Row, lag: timedelta = timedelta()) -> None:
        """Write a record; it is seen after the lag."""
        sys_id = row["sys_id"]
        self._table_of[sys_id] = table
        if lag:
            self._pending.setdefault(sys_id, []).append((self._clock.now() + lag, row))
        else:
            self._pending.pop(sys_id, None)
            self._show(row)

    def remove(self, sys_id: str) -> None:
        """Delete a record."""
        self._pending.pop(sys_id, None)
        self._seen.pop(sys_id, None)
        self._tables.get(self._table_of.pop(sys_id, ""), {}).pop(sys_id, None)
        self.forget_results()

    def get(self, sys_id: str) -> Row | None:
        """A record as it can be seen now."""
        self._settle()
        return self._seen.get(sys_id)

    def latest(self, sys_id: str) -> Row:
        """A record as last written, seen or not.

        :raises KeyError: there is none.
        """
        pending = self._pending.get(sys_id)
        return pending[-1][1] if pending else self._seen[sys_id]

    def table_of(self, sys_id: str) -> str:
        """The table of a record, the most specific one; empty for a record that does not exist."""
        return self._table_of.get(sys_id, "")

    def rows(self, table: str) -> list[Row]:
        """The visible records of a table and of those that extend it, in no particular order."""
        self._settle()
        return [row for name in self.schema.family(table) for row in self._tables.get(name, {}).values()]

    def field(self, table: str, path: str) -> Field | None:
        """A column by its dot-walked path; None when it does not exist."""
        return self.schema.field(table, path, self._seen.get)

    def find(self, table: str, text: str, zone: ZoneInfo) -> tuple[Query, list[Row]]:
        """The records that match an encoded query. What its order leaves open changes from call to call.

        :returns: the query as understood, and all records before any access rule.
        """
        self._settle()
        key = table, text, zone.key
        if key not in self._found:
            query = compile_query(text, lambda path: self.field(table, path), zone)
            self._found[key] = query, [row for row in self._in_order(table, query) if query.matches(row)]
        query, found = self._found[key]
        return query, found if query.unique_order else self._shuffled(query, found)

    def forget_results(self) -> None:
        """Drop what was sorted and filtered; needed after anything that a query depends on has changed."""
        self._sorted.clear()
        self._found.clear()

    def _show(self, row: Row) -> None:
        sys_id = row["sys_id"]
        self._seen[sys_id] = row
        self._tables.setdefault(self._table_of[sys_id], {})[sys_id] = row
        self.forget_results()

    def _settle(self) -> None:
        """Show what has become visible."""
        now = self._clock.now()
        for sys_id in list(self._pending):
            due = [row for when, row in self._pending[sys_id] if when <= now]
            if due:
                self._pending[sys_id] = [(when, row) for when, row in self._pending[sys_id] if when > now]
                self._show(max(due, key=lambda row: int(row["sys_mod_count"])))
            if not self._pending[sys_id]:
                del self._pending[sys_id]

    def _in_order(self, table: str, query: Query) -> list[Row]:
        if not query.unique_order:
            return self.rows(table)
        key = table, ",".join(f"{order.field.path} {order.descending}" for order in query.orders)
        if key not in self._sorted:
            self._sorted[key] = _sort(self.rows(table), query)
        return self._sorted[key]

    def _shuffled(self, query: Query, found: list[Row]) -> list[Row]:
        rows = found.copy()
        self._rng.shuffle(rows)
        return _sort(rows, query)


def _sort(rows: list[Row], query: Query) -> list[Row]:
    for order in reversed(query.orders):
        rows.sort(key=order.key, reverse=order.descending)
    return rows
