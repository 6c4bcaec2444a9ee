"""Whether the columns of a table can take answers, as the instance's dictionary says."""

from __future__ import annotations

from collections.abc import Mapping

from hub_servicenow import results
from hub_servicenow.client import ServiceNowClient
from hub_servicenow.dictionary import Columns, table_columns
from hub_servicenow.targets.target import Unusable

SHORTEST_RESPONSE = 40
"""Characters that the column for the response id needs; a cut id would not be found again."""


def harm(table: str, fields: Mapping[str, str], columns: Columns) -> str:
    """Why nothing may be written into these columns; empty when it may.

    :param fields: columns by what they hold.
    """
    if journals := [name for name in fields.values() if name in columns and columns[name].is_journal]:
        return f"{', '.join(journals)} of {table} is a journal, which people read and get by mail"
    response = fields.get(results.RESPONSE)
    return f"{table} has no column {response}" if response and response not in columns else ""


def weakness(table: str, fields: Mapping[str, str], columns: Columns) -> str:
    """Why the column for the response id will not hold it; empty when it will."""
    name = fields.get(results.RESPONSE)
    if not name or name not in columns:
        return ""
    column = columns[name]
    if column.read_only:
        return f"{name} of {table} is read-only"
    if column.max_length is not None and column.max_length < SHORTEST_RESPONSE:
        return f"{name} of {table} holds {column.max_length} characters; make it {SHORTEST_RESPONSE} or longer"
    return ""


class Proof:
    """Looks into the dictionary before the first answer is written, and again as long as something is wrong."""

    def __init__(self, client: ServiceNowClient, table: str, fields: Mapping[str, str]) -> None:
        self._client = client
        self._table = table
        self._fields = fields
        self._proven = False

    async def demand(self) -> None:
        """Return when the columns may be used, or the account cannot read the dictionary.

        :raises Unusable: they may not.
        """
        if self._proven:
            return
        columns = await table_columns(self._client, self._table)
        if columns is not None and (problem := harm(self._table, self._fields, columns)):
            raise Unusable(problem)
        self._proven = True
