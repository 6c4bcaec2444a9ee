"""What Jira's webhooks say: that a ticket may have changed.

Webhooks that an admin of the site has made are signed. Those of OAuth apps and of automation rules on Data Center are
not; they go to an address that ends in the secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any

from pydantic import SecretStr

from hub import Hint, Webhook, WebhookRefused

MAX_BODY_BYTES = 1024 * 1024
SIGNATURE = "x-hub-signature"
DELIVERY = "x-atlassian-webhook-identifier"

_ISSUE_ID = re.compile(r"[0-9]{1,18}")
_DELIVERY_ID = re.compile(r"[!-~]{1,200}")


def read(request: Webhook, secret: SecretStr | None) -> Hint:
    """Verify a request and say which ticket it names.

    :param secret: None when the source has none: then every request is refused.
    :raises WebhookRefused: it is not authentic, or not readable.
    """
    if secret is None:
        raise WebhookRefused("the source has no webhook_secret, so nobody can be believed")
    if len(request.body) > MAX_BODY_BYTES:
        raise WebhookRefused("the body is longer than a mebibyte", status=413)
    _verify(request, secret.get_secret_value().encode())
    if request.method != "POST":
        raise WebhookRefused("Jira calls with POST", status=405)
    delivery = request.headers.get(DELIVERY, "")
    return Hint(_issues(_parsed(request.body)), delivery if _DELIVERY_ID.fullmatch(delivery) else None)


def _verify(request: Webhook, secret: bytes) -> None:
    if request.path:
        if not hmac.compare_digest(request.path.encode("utf-8", "replace"), secret):
            raise WebhookRefused("the path does not end in the webhook_secret")
        return
    signature = request.headers.get(SIGNATURE)
    if signature is None:
        raise WebhookRefused("the request is not signed: give Jira the secret, or an address that ends in it")
    expected = "sha256=" + hmac.new(secret, request.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature.encode("utf-8", "replace").lower(), expected.encode()):
        raise WebhookRefused("the signature is not made with the webhook_secret")


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise WebhookRefused("the body is not a JSON object", status=400)
    return parsed


def _issues(event: dict[str, Any]) -> tuple[str, ...]:
    """The id of the issue; automation rules send the issue itself. None for events about something else."""
    match event:
        case {"issue": {"id": int() | str() as identity}} | {"key": str(), "id": int() | str() as identity}:
            return (str(identity),) if _ISSUE_ID.fullmatch(str(identity)) else ()
    return ()
