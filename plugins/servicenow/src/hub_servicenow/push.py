"""What a business rule sends when a ticket is closed: a hint. The ticket itself is read through the API."""

from __future__ import annotations

import json
import re
import secrets

from hub import Hint, Webhook, WebhookRefused
from hub_servicenow.config import ServiceNowConfig

SECRET_HEADER = "x-hub-secret"  # noqa: S105 - a name
_SYS_ID = re.compile(r"[0-9a-f]{32}")
_LONGEST_BODY = 4096


def read_hint(request: Webhook, config: ServiceNowConfig) -> Hint:
    """Read `{"table", "sys_id", "sys_mod_count"}`.

    A change is known by its record and `sys_mod_count`, so a repetition is recognised. Other tables concern nobody
    here: one rule may serve several sources.

    :raises WebhookRefused: no secret or another one, or a body that is something else.
    """
    _verify(request, config)
    if request.method != "POST":
        raise WebhookRefused("the business rule calls with POST", status=405)
    body = _body(request.body)
    table, sys_id, count = body.get("table"), body.get("sys_id"), body.get("sys_mod_count")
    if not isinstance(table, str) or not isinstance(sys_id, str) or not _SYS_ID.fullmatch(sys_id):
        raise WebhookRefused("the body names no table and sys_id", status=400)
    if table != config.table:
        return Hint(())
    return Hint((sys_id,), delivery_id=f"{sys_id}:{_whole_number(count)}")


def _verify(request: Webhook, config: ServiceNowConfig) -> None:
    if config.push_secret is None:
        raise WebhookRefused("this source has no 'push_secret', so nothing may be pushed to it")
    given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
    if not secrets.compare_digest(given, config.push_secret.get_secret_value().encode()):
        raise WebhookRefused("X-Hub-Secret is missing or is not 'push_secret'")


def _body(content: bytes) -> dict[str, object]:
    try:
        body = json.loads(content) if len(content) <= _LONGEST_BODY else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise WebhookRefused("the body is not a small JSON object", status=400)
    return body


def _whole_number(value: object) -> int:
    """Scripts send numbers as text as well."""
    if not re.fullmatch(r"[0-9]{1,9}", str(value)):
        raise WebhookRefused("the body names no sys_mod_count", status=400)
    return int(str(value))
