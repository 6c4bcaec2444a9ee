"""Endpoints that only Data Center has: the search by offset."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sandbox.jira import render
from sandbox.jira.wire import Call, Problem, reply


def search_get(call: Call) -> Response:
    """`GET /search`."""
    return _search(
        call,
        {
            "jql": call.query.get("jql", ""),
            "startAt": call.number("startAt", 0),
            "maxResults": call.number("maxResults", 50),
            "fields": call.many("fields"),
            "expand": call.many("expand"),
        },
    )


def search_post(call: Call) -> Response:
    """`POST /search`: fields and expand are lists."""
    return _search(call, call.members("jql", "startAt", "maxResults", "fields", "expand", "validateQuery"))


def _search(call: Call, given: dict[str, Any]) -> Response:
    if not (isinstance(given.get("fields", []), list) and isinstance(given.get("expand", []), list)):
        raise Problem(400, "Can not deserialize instance of java.util.ArrayList out of VALUE_STRING token")
    start, asked = given.get("startAt", 0), given.get("maxResults", 50)
    limits = call.site.limits
    size = min(asked, limits.page_cap or limits.server_page_cap)
    found, total = call.site.issues.window(given.get("jql", ""), call.user, start, size) if call.user else ([], 0)
    names = render.field_names(call, given.get("fields", []), "*navigable")
    issues = [render.issue(call, each, names, expand=given.get("expand", [])) for each in found]
    return reply({"expand": "names,schema", "startAt": start, "maxResults": size, "total": total, "issues": issues})


def list_projects(call: Call) -> Response:
    """`GET /project`."""
    return reply([render.project(call, each) for each in call.site.projects.values() if call.caller])
