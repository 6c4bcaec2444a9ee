"""Which columns a table has, as the instance's own dictionary says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hub_servicenow.answers import Forbidden
from hub_servicenow.client import Row, ServiceNowClient

_PAGE = 1000
_DEEPEST = 8
_FIELDS = ("sys_id", "element", "reference", "internal_type", "max_length", "read_only")
# Tables that extend others on every instance, for accounts that may not read sys_db_object.
_PARENTS = MappingProxyType(
    {
        "incident": "task",
        "sc_req_item": "task",
        "sc_request": "task",
        "sn_customerservice_case": "task",
        "customer_contact": "sys_user",
        "cmdb_ci_service": "cmdb_ci",
        "cmdb_ci": "cmdb",
    }
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column, as far as the hub has to know it."""

    reference: str
    """The table that it refers to; "" when it is no reference."""
    type: str
    """Internal name of the type, such as "string" or "journal_input"."""
    max_length: int | None
    """In characters; None when the dictionary does not say."""
    read_only: bool

    @property
    def is_journal(self) -> bool:
        """Whether what is written is appended, and shown or mailed to people."""
        return self.type.startswith("journal")


Columns = Mapping[str, Column]
"""The columns of a table by their names."""


async def table_columns(client: ServiceNowClient, table: str) -> Columns | None:
    """The columns of a table and of those that it extends.

    :returns: None when the account cannot read the dictionary, or not all of it.
    """
    names = await _lineage(client, table)
    query = f"nameIN{','.join(names)}^elementISNOTEMPTY^ORDERBYsys_id"
    rows = await _all(client, "sys_dictionary", query, _FIELDS)
    if not rows or any(not row.get("element") for row in rows):
        return None
    return {row["element"]: _column(row) for row in rows}


def _column(row: Row) -> Column:
    length = row.get("max_length", "")
    return Column(
        reference=row.get("reference", ""),
        type=row.get("internal_type", ""),
        max_length=int(length) if length.isascii() and length.isdecimal() else None,
        read_only=row.get("read_only") == "true",
    )


async def _lineage(client: ServiceNowClient, table: str) -> list[str]:
    names: list[str] = []
    parent = table
    while parent and parent not in names and len(names) < _DEEPEST:
        names.append(parent)
        parent = await _parent(client, parent)
    return names


async def _parent(client: ServiceNowClient, table: str) -> str:
    rows = await _all(client, "sys_db_object", f"name={table}^ORDERBYsys_id", ("sys_id", "name", "super_class.name"))
    named = [row for row in rows or () if row.get("name") == table]
    return named[0].get("super_class.name", "") if named else _PARENTS.get(table, "")


async def _all(client: ServiceNowClient, table: str, query: str, fields: tuple[str, ...]) -> list[Row] | None:
    """All rows of a query; None when some are hidden."""
    found: list[Row] = []
    offset, total = 0, 1
    try:
        while offset < total:
            page = await client.rows(table, query=query, fields=fields, limit=_PAGE, offset=offset)
            found += page.records
            offset, total = offset + _PAGE, page.total
    except Forbidden:
        return None
    return found if len(found) == total else None
