"""The Import Set API: `/api/now/import/{staging_table}`. An error in a row still comes with 201."""

from __future__ import annotations

import json

from sandbox.servicenow.exchange import NO_RECORD, NOT_JSON, Call, Reply, as_json, failure, result
from sandbox.servicenow.schema import Row
from sandbox.servicenow.state import Instance
from sandbox.servicenow.transform import TransformMap


def answer(instance: Instance, call: Call, staging: str, sys_id: str) -> Reply:
    """Answer one call.

    :param sys_id: of a staging row to read; empty to import one.
    """
    maps = instance.transform_maps
    if staging not in maps:
        return failure(400, f"Invalid table {staging}")
    if call.method == "GET":
        return _read(instance, staging, sys_id)
    if call.method != "POST" or sys_id:
        return failure(405, "Method not supported")
    try:
        values = json.loads(call.body)
    except ValueError:
        return NOT_JSON
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        return failure(400, "Invalid import row", "Values must be strings")
    return _import(instance, maps[staging], staging, values)


def _read(instance: Instance, staging: str, sys_id: str) -> Reply:
    row = instance.store.get(sys_id)
    if row is None or instance.store.table_of(sys_id) != staging:
        return NO_RECORD
    return result([{"status": row["sys_import_state"], "sys_id": row["sys_target_sys_id"]}])


def _import(instance: Instance, transform: TransformMap, staging: str, values: dict[str, str]) -> Reply:
    known = instance.schema.columns(staging)
    row = {name: value for name, value in values.items() if name in known and not known[name].read_only}
    outcome = _transform(instance, transform, row)
    state = {"sys_import_state": outcome["status"], "sys_target_sys_id": outcome.get("sys_id", "")}
    instance.insert(staging, row | state, by=instance.account.username)
    number = f"ISET{10000 + len(instance.store.rows(staging)):07}"
    return as_json({"import_set": number, "staging_table": staging, "result": [outcome]}, 201)


def _transform(instance: Instance, transform: TransformMap, row: Row) -> Row:
    fields = {transform.columns[name]: value for name, value in row.items() if name in transform.columns}
    key = transform.columns[transform.coalesce]
    if not fields.get(key):
        return _outcome(transform, "error", "No coalesce value")
    for name, value in fields.items():
        found = _resolve(instance, transform.target, name, value)
        if found is None:
            return _outcome(transform, "error", f"No match for reference field {name}")
        fields[name] = found
    rows = instance.store.rows(transform.target)
    return _apply(instance, transform, fields, next((old for old in rows if old[key] == fields[key]), None))


def _resolve(instance: Instance, table: str, name: str, value: str) -> str | None:
    """The value as stored: a sys_id in place of what a referenced record displays; None when there is none."""
    reference = instance.schema.columns(table)[name].reference
    if not reference or not value:
        return value
    shown = instance.schema.tables[reference].display
    return next((row["sys_id"] for row in instance.store.rows(reference) if row.get(shown) == value), None)


def _apply(instance: Instance, transform: TransformMap, fields: Row, old: Row | None) -> Row:
    by = instance.account.username
    if old:
        status = "updated" if instance.change(old["sys_id"], fields, by=by) else "ignored"
        return _outcome(transform, status) | _place(instance, old["sys_id"])
    if not transform.inserts:
        return _outcome(transform, "error", "Target record not found")
    return _outcome(transform, "inserted") | _place(instance, instance.insert(transform.target, fields, by=by))


def _outcome(transform: TransformMap, status: str, error: str = "") -> Row:
    row = {"transform_map": transform.name, "table": transform.target, "status": status}
    return row | ({"error_message": error} if error else {})


def _place(instance: Instance, sys_id: str) -> Row:
    table = instance.store.table_of(sys_id)
    shown = instance.schema.tables[table].display
    link = f"{instance.base_url}/api/now/table/{table}/{sys_id}"
    display = {"display_name": shown, "display_value": instance.record(sys_id).get(shown, "")}
    return {"table": table, "record_link": link, "sys_id": sys_id} | display
