"""One ServiceNow instance: its records, its rules, and what its people do."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hub import Clock
from sandbox.servicenow.access import AccessRules, Account
from sandbox.servicenow.auth import SignIn
from sandbox.servicenow.faults import Faults
from sandbox.servicenow.models import StateModel, base_models
from sandbox.servicenow.schema import Column, Kind, Row, Schema, Table
from sandbox.servicenow.store import WIRE_FORMAT, Store
from sandbox.servicenow.tables import base_tables
from sandbox.servicenow.transform import ON_TASK

ADMIN = "admin"
"""Who does what the play-book does."""

CUSTOMER_COLUMN = {
    "incident": "caller_id",
    "sc_req_item": "requested_for",
    "sc_request": "requested_for",
    "sn_customerservice_case": "contact",
}
"""The column that names the customer, by table."""

Listener = Callable[[str, Row, Row], None]
"""Called after each update with the table, the record before, and the record now."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request that reached the instance."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    status: int
    """0 when the answer was lost on purpose."""


@dataclass(slots=True)
class Watch:
    """What is counted and called while the instance is used."""

    requests: list[Recorded] = field(default_factory=list)
    pages: int = 0
    before_page: dict[int, Callable[[], None]] = field(default_factory=dict)

    def next_page(self) -> None:
        """Count a page of a list, and run what was planned before it."""
        self.pages += 1
        self.before_page.pop(self.pages, lambda: None)()


class Instance:
    """An instance with its tables, one account for the hub, and the play-book of what happens on it.

    :param clock: all timestamps, lags and expiries.
    :param base_url: without a slash at the end; links in answers begin with it.
    :param seed: of sys_ids and of every order that a query leaves open.
    """

    def __init__(self, clock: Clock, base_url: str = "https://acme.service-now.com", *, seed: int = 0) -> None:
        self.clock = clock
        self.base_url = base_url
        self.account = Account()
        self.access = AccessRules()
        self.invalid_query_returns_no_rows = False
        self.accept_required = True
        """Whether a request without an Accept header is refused, as the documentation has it."""
        self.lag = timedelta()
        """How long what the play-book does from now on stays unseen, although it bears its own time."""
        self.watch = Watch()
        self.listeners: list[Listener] = []
        self.sign_in = SignIn(self.account, clock)
        self.faults = Faults()
        self.batch_capacity = 1000
        """How many requests of one batch are served; the others must be sent again."""
        self.transform_maps = {"u_imp_experience": ON_TASK}
        """How import sets become records, by staging table."""
        self.models = base_models()
        self.store = Store(Schema(base_tables()), clock, random.Random(seed))
        self._labels: dict[tuple[str, str, str, str], str] = {}
        self._numbers: dict[str, int] = {}
        self._describe()

    @property
    def requests(self) -> list[Recorded]:
        """Every request so far, oldest first."""
        return self.watch.requests

    @property
    def schema(self) -> Schema:
        """The tables and columns."""
        return self.store.schema

    # What the administrator does

    def add_table(self, table: Table) -> None:
        """Create a table."""
        self.schema.add(table)
        self._describe_table(table.name)

    def add_column(self, table: str, column: Column) -> None:
        """Create a column."""
        self.schema.add_column(table, column)
        self._describe_column(table, column)

    def drop_column(self, table: str, name: str) -> None:
        """Delete a column, such as one of the `u_` fields on `task`."""
        self.schema.drop_column(table, name)
        for row in self.store.rows("sys_dictionary"):
            if (row["name"], row["element"]) == (table, name):
                self.store.remove(row["sys_id"])
        self.store.forget_results()

    def add_choice(
        self, table: str, element: str, value: str, label: str, *, language: str = "en", inactive: bool = False
    ) -> str:
        """Add a label to a value of a choice column; the sys_id of the sys_choice record."""
        self._labels[table, element, value, language] = label
        fields = {"name": table, "element": element, "value": value, "label": label, "language": language}
        return self.insert("sys_choice", fields | {"inactive": _flag(inactive)})

    def add_closed_state(self, table: str, value: str, label: str) -> None:
        """Add a state of the customer's own, in which a record is over."""
        model = self.models[table]
        self.models[table] = replace(model, labels=model.labels | {value: label}, inactive=model.inactive | {value})
        self.add_choice(table, "state", value, label)

    def label(self, table: str, element: str, value: str) -> str:
        """What the account's user reads for a value of a choice column; the value itself where there is no label."""
        for name in self.schema.lineage(table):
            for language in (self.account.language, "en"):
                if found := self._labels.get((name, element, value, language)):
                    return found
        return value

    def hide(self, sys_id: str) -> None:
        """Keep a record from the hub's user by a row rule."""
        self.access.hidden.add(sys_id)

    def hide_field(self, table: str, column: str, *, absent: bool = False) -> None:
        """Keep a field from the hub's user: it is empty, or its key is absent."""
        self.access.hidden_fields[table, column] = absent

    def protect_field(self, table: str, column: str) -> None:
        """Let the hub's user read a field but not write it; a write is ignored with status 200."""
        self.access.protected_fields.add((table, column))

    def deny_table(self, table: str) -> None:
        """Refuse a whole table with 403."""
        self.access.denied_tables.add(table)

    def lock_closed(self, *, locked: bool = True) -> None:
        """Refuse updates of records that are over with 403."""
        self.access.closed_locked = locked

    def before_page(self, number: int, callback: Callable[[], None]) -> None:
        """Run something just before the page of that number, counted from 1 from now on, is read from any list."""
        self.watch.before_page[self.watch.pages + number] = callback

    # What people do

    def add(self, table: str, *, at: datetime | None = None, **fields: str) -> str:
        """Insert a record; its sys_id."""
        return self.insert(table, fields, at=at)

    def update(self, sys_id: str, *, at: datetime | None = None, **fields: str) -> None:
        """Change a record. `sys_updated_on` and `sys_mod_count` move even when no field is given."""
        self.change(sys_id, fields, at=at)

    def add_user(
        self,
        email: str = "",
        mobile_phone: str = "",
        language: str = "en",
        *,
        first_name: str = "Mia",
        last_name: str = "Muster",
        table: str = "sys_user",
        **fields: str,
    ) -> str:
        """Add a user, or with another table a customer contact; its sys_id."""
        named = {"first_name": first_name, "last_name": last_name, "name": f"{first_name} {last_name}"}
        reached = {"email": email, "mobile_phone": mobile_phone, "preferred_language": language}
        return self.insert(table, {"active": "true"} | named | reached | fields)

    def open_record(
        self,
        table: str = "incident",
        caller: str = "",
        short_description: str = "",
        *,
        at: datetime | None = None,
        **fields: str,
    ) -> str:
        """Open a ticket for a customer, who is a record of sys_user, or of customer_contact for a case; its sys_id."""
        defaults = {"opened_at": self._time(at), CUSTOMER_COLUMN[table]: caller, "short_description": short_description}
        if table == "sc_req_item" and "request" not in fields:
            defaults["request"] = self.open_record("sc_request", caller, short_description, at=at)
        return self.insert(table, defaults | fields, at=at)

    def resolve(self, sys_id: str, *, at: datetime | None = None, **fields: str) -> None:
        """Resolve a ticket; close it on a table that knows no resolved state."""
        model = self._model(sys_id)
        self.change(sys_id, {"state": model.resolved or model.closed} | fields, at=at)

    def close(self, sys_id: str, *, at: datetime | None = None, **fields: str) -> None:
        """Close a ticket."""
        self.change(sys_id, {"state": self._model(sys_id).closed} | fields, at=at)

    def reopen(self, sys_id: str, *, at: datetime | None = None) -> None:
        """Reopen a ticket that was resolved or closed. `reopen_count` rises where the table has it."""
        self.update(sys_id, at=at, state=self._model(sys_id).reopened)

    def delete(self, sys_id: str) -> None:
        """Delete a record."""
        self.store.remove(sys_id)

    def record(self, sys_id: str) -> Row:
        """A record as last written.

        :raises KeyError: there is none.
        """
        return dict(self.store.latest(sys_id))

    def journal(self, sys_id: str, element: str) -> list[str]:
        """What was written into a journal field of a record, oldest first."""
        entries = [row for row in self.store.rows("sys_journal_field") if row["element_id"] == sys_id]
        return [row["value"] for row in entries if row["element"] == element]

    # Writing

    def insert(self, table: str, fields: Row, *, by: str = ADMIN, at: datetime | None = None) -> str:
        """Insert a record with system fields and, on a task, number and state.

        :returns: its sys_id.
        :raises ValueError: the table lacks a column.
        """
        stored, journal = self._split(table, fields)
        now, columns = self._time(at), self.schema.columns(table)
        row = dict.fromkeys((name for name, column in columns.items() if column.kind is not Kind.JOURNAL), "")
        row |= {"sys_id": self.store.new_id(), "sys_mod_count": "0"}
        row |= {"sys_created_on": now, "sys_created_by": by, "sys_updated_on": now, "sys_updated_by": by}
        row |= self._new_task(table, stored) | stored
        if "sys_class_name" in columns:
            row["sys_class_name"] = table
        self.store.put(table, row, self._lag_of(by))
        self._append_journal(table, row["sys_id"], journal, by, now)
        return row["sys_id"]

    def change(self, sys_id: str, fields: Row, *, by: str = ADMIN, at: datetime | None = None) -> bool:
        """Change a record: `sys_updated_on` and `sys_mod_count` move, and a new state has its consequences.

        The hub's user changes nothing by writing what is there already; the play-book's `admin` always does.

        :returns: whether anything changed.
        :raises KeyError: there is no such record.
        :raises ValueError: the table lacks a column.
        """
        before, table = self.store.latest(sys_id), self.store.table_of(sys_id)
        stored, journal = self._split(table, fields)
        changed = {name: value for name, value in stored.items() if before.get(name) != value}
        if not (changed or journal or by == ADMIN):
            return False
        now = self._time(at)
        if "state" in changed and table in self.models:
            changed = self._consequences(table, before, changed["state"], now) | changed
        if any(before.get(name) and changed.get(name) for name in ("assignment_group", "assigned_to")):
            changed = {"reassignment_count": str(int(before["reassignment_count"] or 0) + 1)} | changed
        moved = {"sys_updated_on": now, "sys_updated_by": by, "sys_mod_count": str(int(before["sys_mod_count"]) + 1)}
        after = before | changed | moved
        self.store.put(table, after, self._lag_of(by))
        self._append_journal(table, sys_id, journal, by, now)
        for listener in self.listeners:
            listener(table, before, after)
        return True

    def _split(self, table: str, fields: dict[str, str]) -> tuple[Row, Row]:
        """Part values to store, cut to their columns' lengths, from entries of journals."""
        columns = self.schema.columns(table)
        if unknown := fields.keys() - columns.keys():
            raise ValueError(f"{table} has no column {', '.join(sorted(unknown))}")
        journals = {name for name in fields if columns[name].kind is Kind.JOURNAL}
        stored = {name: value[: columns[name].max_length] for name, value in fields.items() if name not in journals}
        return stored, {name: fields[name] for name in sorted(journals) if fields[name]}

    def _append_journal(self, table: str, sys_id: str, entries: Row, by: str, now: str) -> None:
        for element, value in entries.items():
            row = {"sys_id": self.store.new_id(), "sys_mod_count": "0", "sys_created_on": now, "sys_created_by": by}
            row |= {"name": table, "element": element, "element_id": sys_id, "value": value}
            self.store.put("sys_journal_field", row | {"sys_updated_on": now, "sys_updated_by": by})

    def _new_task(self, table: str, stored: Row) -> Row:
        prefix = self.schema.tables[table].prefix
        if not prefix:
            return {}
        self._numbers[prefix] = self._numbers.get(prefix, 10000) + 1
        model = self.models[table]
        state = stored.get("state", model.opened)
        row = {"number": f"{prefix}{self._numbers[prefix]:07}", "state": state}
        row |= {"active": _flag(state not in model.inactive), "incident_state": state, "reopen_count": "0"}
        row["reassignment_count"] = "0"
        return {name: value for name, value in row.items() if name in self.schema.columns(table)}

    def _consequences(self, table: str, before: Row, state: str, now: str) -> Row:
        columns = self.schema.columns(table)
        changes = self.models[table].consequences(before, state, now)
        return {name: value for name, value in changes.items() if name in columns}

    def _lag_of(self, by: str) -> timedelta:
        return self.lag if by == ADMIN else timedelta()

    def _model(self, sys_id: str) -> StateModel:
        return self.models[self.store.table_of(sys_id)]

    def _time(self, at: datetime | None) -> str:
        return (at or self.clock.now()).astimezone(UTC).strftime(WIRE_FORMAT)

    def _describe(self) -> None:
        for name in self.schema.tables:
            self._describe_table(name)
        for table, model in self.models.items():
            for value, label in model.labels.items():
                self.add_choice(table, "state", value, label)

    def _describe_table(self, name: str) -> None:
        table = self.schema.tables[name]
        self.add(
            "sys_db_object", name=name, label=name.replace("_", " ").title(), super_class=self._class(table.parent)
        )
        for column in table.columns.values():
            self._describe_column(name, column)

    def _class(self, table: str) -> str:
        rows = self.store.rows("sys_db_object")
        return next((row["sys_id"] for row in rows if row["name"] == table), "")

    def _describe_column(self, table: str, column: Column) -> None:
        kind = {"internal_type": column.kind, "reference": column.reference, "max_length": str(column.max_length)}
        flags = {"active": "true", "read_only": _flag(column.read_only), "unique": _flag(column.unique)}
        self.insert("sys_dictionary", {"name": table, "element": column.name} | kind | flags)


def _flag(value: bool) -> str:
    return "true" if value else "false"
