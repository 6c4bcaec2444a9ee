"""The Table API: `/api/now[/v1|/v2]/table/{table}[/{sys_id}]`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from sandbox.servicenow.exchange import (
    ACL_REFUSED_UPDATE,
    INSUFFICIENT_RIGHTS,
    NO_RECORD,
    NOT_JSON,
    UNIQUE_VIOLATED,
    Call,
    Reply,
    failure,
    result,
)
from sandbox.servicenow.render import view
from sandbox.servicenow.schema import Column, Kind, Row
from sandbox.servicenow.state import Instance
from sandbox.servicenow.store import WIRE_FORMAT

DEFAULT_LIMIT = 10_000


def answer(instance: Instance, call: Call, version: str, table: str, sys_id: str) -> Reply:
    """Answer one call.

    :param version: `v1`, `v2`, or empty for the latest.
    :param sys_id: empty when the call is about the table.
    """
    if table not in instance.schema.tables:
        return failure(400, f"Invalid table {table}")
    if table in instance.access.denied_tables:
        return INSUFFICIENT_RIGHTS
    if call.method == "GET":
        return _get(instance, call, table, sys_id) if sys_id else _list(instance, call, version, table)
    if call.method == "DELETE":
        return _delete(instance, table, sys_id)
    if (call.method == "POST") == bool(sys_id):
        return failure(405, "Method not supported")
    return _write(instance, call, table, sys_id)


def find(instance: Instance, table: str, call: Call) -> list[Row]:
    """The records that a call's query finds, before any row rule, in the order of the query."""
    query, rows = instance.store.find(table, _query_text(call), instance.account.zone)
    return [] if query.invalid and instance.invalid_query_returns_no_rows else rows


def _query_text(call: Call) -> str:
    """`sysparm_query`, or without it all other parameters as conditions: a mistyped parameter becomes a filter."""
    if "sysparm_query" in call.query:
        return call.query["sysparm_query"]
    return "^".join(f"{name}={value}" for name, value in call.query.items() if not name.startswith("sysparm_"))


def _list(instance: Instance, call: Call, version: str, table: str) -> Reply:
    limit, offset = _number(call, "sysparm_limit", DEFAULT_LIMIT), _number(call, "sysparm_offset", 0)
    if limit is None or offset is None:
        return failure(400, "Invalid paging parameters")
    instance.watch.next_page()
    found = find(instance, table, call)
    page = [row for row in found[offset : offset + limit] if row["sys_id"] not in instance.access.hidden]
    headers = {} if call.flag("sysparm_no_count") else {"X-Total-Count": str(len(found))}
    if not page and version == "v1":
        return Reply(NO_RECORD.status, NO_RECORD.body, NO_RECORD.headers | headers)
    if not call.flag("sysparm_suppress_pagination_header") and (link := _links(instance, call, limit, len(found))):
        headers["Link"] = link
    shown = view(instance, table, call)
    return result([shown.show(row) for row in page], headers=headers)


def _number(call: Call, name: str, default: int) -> int | None:
    text = call.query.get(name) or str(default)
    return int(text) if text.isascii() and text.isdigit() else None


def _links(instance: Instance, call: Call, limit: int, total: int) -> str:
    offset = int(call.query.get("sysparm_offset") or 0)
    if total <= limit or not limit:
        return ""
    offsets = {"first": 0, "next": offset + limit, "prev": offset - limit, "last": (total - 1) // limit * limit}
    places = {name: start for name, start in offsets.items() if 0 <= start < total}
    return ",".join(f'<{_url(instance, call, limit, start)}>;rel="{name}"' for name, start in places.items())


def _url(instance: Instance, call: Call, limit: int, offset: int) -> str:
    kept = {name: value for name, value in call.query.items() if name not in ("sysparm_limit", "sysparm_offset")}
    query = urlencode(kept | {"sysparm_offset": offset, "sysparm_limit": limit})
    return f"{instance.base_url}{call.path}?{query}"


def _visible(instance: Instance, table: str, sys_id: str) -> Row | None:
    row = instance.store.get(sys_id)
    reachable = instance.store.table_of(sys_id) in instance.schema.family(table)
    return row if reachable and sys_id not in instance.access.hidden else None


def _get(instance: Instance, call: Call, table: str, sys_id: str) -> Reply:
    row = _visible(instance, table, sys_id)
    return NO_RECORD if row is None else result(view(instance, table, call).show(row))


def _delete(instance: Instance, table: str, sys_id: str) -> Reply:
    if _visible(instance, table, sys_id) is None:
        return NO_RECORD
    instance.delete(sys_id)
    return Reply(204)


def _write(instance: Instance, call: Call, table: str, sys_id: str) -> Reply:
    try:
        body = json.loads(call.body)
    except ValueError:
        return NOT_JSON
    if not isinstance(body, dict):
        return NOT_JSON
    row = _visible(instance, table, sys_id) if sys_id else None
    if sys_id and row is None:
        return NO_RECORD
    if row and instance.access.closed_locked and row.get("active") == "false":
        return ACL_REFUSED_UPDATE
    real_table = instance.store.table_of(sys_id) or table
    fields = _accepted(instance, call, real_table, body)
    if _repeats_unique(instance, real_table, fields, sys_id):
        return UNIQUE_VIOLATED
    return _store(instance, call, table, sys_id, fields)


def _store(instance: Instance, call: Call, table: str, sys_id: str, fields: Row) -> Reply:
    by = instance.account.username
    if sys_id:
        instance.change(sys_id, fields, by=by)
        return result(view(instance, table, call).show(instance.record(sys_id)))
    sys_id = instance.insert(table, fields, by=by)
    link = f"{instance.base_url}{call.path}/{sys_id}"
    return result(view(instance, table, call).show(instance.record(sys_id)), 201, {"Location": link})


def _accepted(instance: Instance, call: Call, table: str, body: dict[str, Any]) -> Row:
    """What of a body is written: columns that exist and may be written, as text. The rest is ignored."""
    columns, lineage = instance.schema.columns(table), instance.schema.lineage(table)
    fields: Row = {}
    for name, value in body.items():
        column = columns.get(name)
        protected = any((place, name) in instance.access.protected_fields for place in lineage)
        if column and not column.read_only and not protected:
            text = _text(value)
            shown = call.flag("sysparm_input_display_value")
            fields[name] = _from_display(instance, table, column, text) if shown else text
    return fields


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return _text(value.get("value", value.get("display_value")))
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _from_display(instance: Instance, table: str, column: Column, text: str) -> str:
    """The database value of what a person would type: local time, label or name. The text itself where none fits."""
    if column.kind is Kind.DATE_TIME:
        try:
            local = datetime.strptime(text, instance.account.date_format)  # noqa: DTZ007 - the zone comes next
        except ValueError:
            return text
        return local.replace(tzinfo=instance.account.zone).astimezone(UTC).strftime(WIRE_FORMAT)
    if column.choice:
        values = {row["value"] for row in instance.store.rows("sys_choice") if row["element"] == column.name}
        return next((value for value in values if instance.label(table, column.name, value) == text), text)
    if column.kind is Kind.REFERENCE:
        shown = instance.schema.tables[column.reference].display
        rows = instance.store.rows(column.reference)
        return next((row["sys_id"] for row in rows if row.get(shown) == text), text)
    return text


def _repeats_unique(instance: Instance, table: str, fields: Row, sys_id: str) -> bool:
    unique = [name for name, column in instance.schema.columns(table).items() if column.unique and fields.get(name)]
    others = [row for row in instance.store.rows(table) if row["sys_id"] != sys_id] if unique else []
    return any(row.get(name) == fields[name] for name in unique for row in others)
