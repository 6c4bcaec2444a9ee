"""Records as answers show them: database values, display values, or both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.servicenow.exchange import Call
from sandbox.servicenow.schema import Field, Kind, Row
from sandbox.servicenow.state import Instance
from sandbox.servicenow.store import WIRE_FORMAT

Render = Callable[[Row], Any]


@dataclass(frozen=True, slots=True)
class View:
    """What a request wants to see of each record."""

    columns: tuple[tuple[str, Render], ...]

    def show(self, row: Row) -> dict[str, Any]:
        """One record: key to text, or to an object for references and for `all`."""
        return {key: render(row) for key, render in self.columns}


def view(instance: Instance, table: str, call: Call) -> View:
    """Prepare what `sysparm_fields`, `sysparm_display_value` and `sysparm_exclude_reference_link` ask for.

    Fields that do not exist are left out without a word, and those that the user may not read are empty or absent.
    """
    wanted = [path.strip() for path in call.query.get("sysparm_fields", "").split(",") if path.strip()]
    fields = (instance.store.field(table, path) for path in wanted or instance.schema.columns(table))
    return View(tuple(_columns(instance, call, (field for field in fields if field))))


def _columns(instance: Instance, call: Call, fields: Iterable[Field]) -> Iterable[tuple[str, Render]]:
    for field in fields:
        places = [(table, field.column.name) for table in instance.schema.lineage(field.table)]
        hidden = [absent for place in places if (absent := instance.access.hidden_fields.get(place)) is not None]
        if not hidden:
            yield field.path, _render(instance, call, field)
        elif not any(hidden):
            yield field.path, lambda row: ""


def _render(instance: Instance, call: Call, field: Field) -> Render:
    mode = call.query.get("sysparm_display_value", "false").lower()
    linked = field.column.kind is Kind.REFERENCE and not call.flag("sysparm_exclude_reference_link")
    read, display = field.read, _display(instance, field)
    if mode not in ("true", "all"):
        return (lambda row: _reference(instance, field, row)) if linked else read

    def show(row: Row) -> Any:
        shown = {"display_value": display(row)}
        if linked and read(row):
            shown["link"] = _link(instance, field, row)
        if mode == "all":
            return shown | {"value": read(row)}
        return shown if "link" in shown else shown["display_value"]

    return show


def _reference(instance: Instance, field: Field, row: Row) -> Any:
    value = field.read(row)
    return {"link": _link(instance, field, row), "value": value} if value else ""


def _link(instance: Instance, field: Field, row: Row) -> str:
    return f"{instance.base_url}/api/now/table/{field.column.reference}/{field.read(row)}"


def _display(instance: Instance, field: Field) -> Callable[[Row], str]:
    column = field.column
    if column.kind is Kind.REFERENCE:
        return lambda row: _display_name(instance, column.reference, field.read(row))
    if column.kind is Kind.DATE_TIME:
        return lambda row: _local_time(instance, field.read(row))
    if column.kind is Kind.JOURNAL:
        return lambda row: _history(instance, field, row)
    if column.choice:
        return lambda row: _label(instance, field, row)
    return field.read


def _display_name(instance: Instance, table: str, sys_id: str) -> str:
    row = instance.store.get(sys_id)
    return row.get(instance.schema.tables[table].display, "") if row else ""


def _local_time(instance: Instance, value: str) -> str:
    if not value:
        return ""
    moment = datetime.strptime(value, WIRE_FORMAT).replace(tzinfo=UTC)
    return moment.astimezone(instance.account.zone).strftime(instance.account.date_format)


def _history(instance: Instance, field: Field, row: Row) -> str:
    owner = field.owner(row)
    entries = instance.journal(owner["sys_id"], field.column.name) if owner else []
    return "\n\n".join(reversed(entries))


def _label(instance: Instance, field: Field, row: Row) -> str:
    owner = field.owner(row)
    table = instance.store.table_of(owner["sys_id"]) if owner else ""
    return instance.label(table, field.column.name, field.read(row)) if table else ""
