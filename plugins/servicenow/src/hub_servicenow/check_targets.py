"""Whether the places for answers are there. Whether the account may write to them shows only with the first answer."""

from __future__ import annotations

from collections.abc import Sequence

from hub import CheckResult, Rejected, RemoteError
from hub_servicenow import results
from hub_servicenow.answers import Forbidden
from hub_servicenow.client import ServiceNowClient
from hub_servicenow.config import ServiceNowConfig
from hub_servicenow.dictionary import Columns, table_columns
from hub_servicenow.query import joined, one_of
from hub_servicenow.targets import journal
from hub_servicenow.targets.columns import harm, weakness
from hub_servicenow.targets.own_table import TASK

_NOBODY = ("0" * 32,)
_AT_FIRST_ANSWER = "whether the account may write them shows with the first answer"


async def check_target(
    name: str, client: ServiceNowClient, config: ServiceNowConfig, tickets: Sequence[str]
) -> CheckResult:
    """Look at one target of `write_back`.

    :param tickets: sys_ids of some closed tickets.
    """
    what = f"write back: {name}"
    try:
        if name == "note":
            return CheckResult(what, ok=True, detail=await _note(client, config, tickets))
        problem, found = await _columns(name, client, config, tickets)
    except RemoteError as error:
        return CheckResult(what, ok=False, detail=str(error))
    return CheckResult(what, ok=not problem, detail=problem or found)


async def _note(client: ServiceNowClient, config: ServiceNowConfig, tickets: Sequence[str]) -> str:
    if await _journal_readable(client, tickets):
        return "a work note, looked for in sys_journal_field before it is written"
    hidden = "a work note; the account cannot read sys_journal_field"
    response = config.result_fields.get(results.RESPONSE)
    columns = await table_columns(client, config.table)
    weak = weakness(config.table, config.result_fields, columns or {})
    if response and not weak and response in (columns or await _keys(client, config.table, (response,), tickets)):
        return f"{hidden}, so {response} tells whether it is there"
    return (
        f"{hidden}{f', and {weak}' if weak else ''}, so a note whose answer was lost is not repeated and may be "
        "missing; let the account read sys_journal_field"
    )


async def _journal_readable(client: ServiceNowClient, tickets: Sequence[str]) -> bool:
    """Only some tickets are looked at: to count a whole journal takes an instance minutes."""
    query = joined(one_of("element_id", tickets or _NOBODY), "element=work_notes", "ORDERBYsys_id")
    try:
        found = await client.rows(journal.TABLE, query=query, fields=("sys_id",), limit=20)
    except Forbidden:
        return False
    return bool(found.records) or not found.total


async def _columns(
    name: str, client: ServiceNowClient, config: ServiceNowConfig, tickets: Sequence[str]
) -> tuple[str, str]:
    """What is wrong with the columns of a target, and what is right."""
    table = {"fields": config.table, "table": config.result_table, "import": config.import_table}[name]
    if name != "fields" and (problem := await _unreadable(client, table, may_be_hidden=name == "import")):
        return problem, ""
    needed = [*config.result_fields.values(), *([] if name == "fields" else [TASK])]
    known = await table_columns(client, table)
    if known is None and name != "fields":
        return "", f"{table} is there; its columns cannot be shown: sys_dictionary is not readable"
    if known is None and not tickets:
        return "", f"whether {table} has the columns shows with the first ticket: sys_dictionary is not readable"
    there = known if known is not None else await _keys(client, table, needed, tickets)
    if missing := [column for column in needed if column not in there]:
        return f"{table} has no column {', '.join(missing)}; create it, or correct 'result_fields'", ""
    if known is not None and (problem := _wrong_column(name, table, config, known)):
        return problem, ""
    return "", f"columns {', '.join(needed)} of {table}; {_AT_FIRST_ANSWER}"


def _wrong_column(name: str, table: str, config: ServiceNowConfig, columns: Columns) -> str:
    """What is wrong with a column that is there; empty when nothing is."""
    if name == "table" and columns[TASK].reference not in ("task", str(config.table)):
        return f"{TASK} of {table} does not refer to task"
    return harm(table, config.result_fields, columns) or weakness(table, config.result_fields, columns)


async def _unreadable(client: ServiceNowClient, table: str, *, may_be_hidden: bool) -> str:
    """Why a table cannot be used; empty when it can."""
    try:
        found = await client.rows(table, query="ORDERBYsys_id", fields=("sys_id",), limit=1)
    except Rejected:
        return f"there is no table {table}, or the account may not see it"
    except Forbidden as error:
        return "" if may_be_hidden else str(error)
    if found.total and not found.records and not may_be_hidden:
        return f"the account may not read the rows of {table}, so answers could not be looked for"
    return ""


async def _keys(client: ServiceNowClient, table: str, columns: Sequence[str], tickets: Sequence[str]) -> frozenset[str]:
    """Which columns the rows of a table have: a row leaves out those that do not exist."""
    if not tickets:
        return frozenset()
    found = await client.rows(table, query=one_of("sys_id", tickets), fields=("sys_id", *columns), limit=1)
    return frozenset(name for row in found.records for name in row)
