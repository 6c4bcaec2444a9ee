"""The Aggregate API, `/api/now/stats/{table}`, and the Batch API, `/api/now/v1/batch`."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.servicenow.exchange import INSUFFICIENT_RIGHTS, NOT_JSON, Call, Reply, as_json, failure, result
from sandbox.servicenow.state import Instance
from sandbox.servicenow.table_api import find


def stats(instance: Instance, call: Call, table: str) -> Reply:
    """Count what a query finds; rows that access rules hide are counted too."""
    if table not in instance.schema.tables:
        return failure(400, f"Invalid table {table}")
    if table in instance.access.denied_tables:
        return INSUFFICIENT_RIGHTS
    count = {"count": str(len(find(instance, table, call)))} if call.flag("sysparm_count") else {}
    return result({"stats": count})


def batch(call: Call, capacity: int, dispatch: Callable[[Call], Reply]) -> Reply:
    """Answer the requests inside a request.

    :param capacity: how many are served; the others are named and must be sent again.
    """
    try:
        order = json.loads(call.body)
        requests = [(str(item["id"]), _inner(item)) for item in order["rest_requests"]]
        name = str(order["batch_request_id"])
    except (ValueError, KeyError, TypeError):
        return NOT_JSON
    served = [_served(item, dispatch(inner)) for item, inner in requests[:capacity]]
    left = [item for item, _ in requests[capacity:]]
    return as_json({"batch_request_id": name, "serviced_requests": served, "unserviced_requests": left})


def _inner(item: dict[str, Any]) -> Call:
    url = urlsplit(item["url"])
    headers = {header["name"].lower(): header["value"] for header in item.get("headers", [])}
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    # An item needs no Accept: the batch's own answer is JSON already.
    accepting = {"accept": "application/json"} | headers
    return Call(item["method"], url.path, query, accepting, base64.b64decode(item.get("body", "")))


def _served(item: str, reply: Reply) -> dict[str, Any]:
    return {
        "id": item,
        "status_code": reply.status,
        "status_text": HTTPStatus(reply.status).phrase,
        "headers": [{"name": name, "value": value} for name, value in reply.headers.items()],
        "body": base64.b64encode(reply.body).decode(),
        "execution_time": 8,
    }
