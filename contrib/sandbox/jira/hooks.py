"""Endpoints that register webhooks."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sandbox.jira.times import epoch_millis
from sandbox.jira.webhooks import LIFE, Hook, check_filter
from sandbox.jira.wire import Call, Problem, empty, reply


def register_admin(call: Call) -> Response:
    """`POST /rest/webhooks/1.0/webhook`: for administrators."""
    if not call.caller.is_admin:
        raise Problem(403, "You do not have permission to manage webhooks.")
    given = call.members()
    jql = given.get("filters", {}).get("issue-related-events-section", "")
    hook = call.site.webhooks.register(
        given["url"], secret=given.get("secret"), events=given.get("events", []), jql_filter=jql
    )
    return reply(given | {"self": f"{call.site.url}/rest/webhooks/1.0/webhook/{hook.id}", "enabled": True}, 201)


def dynamic(call: Call) -> Response:
    """`/webhook`: lists, registers and ends the webhooks of an OAuth app."""
    _needs_app(call)
    if call.method == "POST":
        return _register(call)
    if call.method == "DELETE":
        wanted = call.members("webhookIds").get("webhookIds", [])
        call.site.webhooks.hooks = [hook for hook in _hooks(call) if not (hook.expires and hook.id in wanted)]
        return empty(202)
    shown = [
        {
            "id": hook.id,
            "jqlFilter": hook.filter,
            "events": list(hook.events),
            "expirationDate": epoch_millis(hook.expires),
            "url": hook.url,
        }
        for hook in _hooks(call)
        if hook.expires
    ]
    return reply({"startAt": 0, "maxResults": 100, "total": len(shown), "isLast": True, "values": shown})


def _register(call: Call) -> Response:
    given = call.members("url", "webhooks")
    results: list[dict[str, Any]] = []
    for wanted in given.get("webhooks", []):
        if errors := check_filter(call.site, wanted["jqlFilter"]):
            results.append({"errors": errors})
            continue
        hook = call.site.webhooks.register(
            given["url"], events=wanted["events"], jql_filter=wanted["jqlFilter"], dynamic=True
        )
        results.append({"createdWebhookId": hook.id})
    return reply({"webhookRegistrationResult": results})


def refresh(call: Call) -> Response:
    """`PUT /webhook/refresh`: another 30 days."""
    _needs_app(call)
    expires = call.site.now + LIFE
    wanted = call.members("webhookIds").get("webhookIds", [])
    for hook in _hooks(call):
        if hook.expires and hook.id in wanted:
            hook.expires = expires
    return reply({"expirationDate": epoch_millis(expires)})


def _hooks(call: Call) -> list[Hook]:
    return call.site.webhooks.hooks


def _needs_app(call: Call) -> None:
    if not (call.caller and call.is_app):
        raise Problem(403, "The caller is not an app.")
