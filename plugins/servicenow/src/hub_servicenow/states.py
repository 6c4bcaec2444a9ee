"""The values of `state` and what this instance calls them."""

from __future__ import annotations

from hub import Unexpected
from hub_servicenow.answers import Forbidden
from hub_servicenow.client import Row, ServiceNowClient

_MOST = 1000


async def state_labels(client: ServiceNowClient, table: str) -> dict[str, str] | None:
    """The labels of a table's states by value, in English where there is English.

    :returns: None when the account cannot read them.
    """
    query = f"nameIN{table},task^element=state^inactive=false^ORDERBYsys_id"
    try:
        found = await client.rows(
            "sys_choice", query=query, fields=("sys_id", "name", "value", "label", "language"), limit=_MOST
        )
    except Forbidden:
        return None
    if found.total > len(found.records):
        return None  # some are hidden: what is missing here may well exist
    own = [row for row in found.records if row.get("name") == table]
    return _labels(own or [row for row in found.records if row.get("name") == "task"])


def _labels(choices: list[Row]) -> dict[str, str] | None:
    labels: dict[str, str] = {}
    for choice in sorted(choices, key=lambda row: row.get("language") == "en"):
        if not choice.get("value"):
            raise Unexpected("a row of sys_choice came without its value; may the account read this field?")
        labels[choice["value"]] = choice.get("label", "")
    return labels or None
