"""Endpoints that only Cloud has: the token search, bulk reads and the history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from sandbox.jira import render
from sandbox.jira.faults import Answer
from sandbox.jira.model import Change, Issue
from sandbox.jira.search import Page
from sandbox.jira.wire import Call, Problem, reply, split

CEILING = 5000
MANY_FIELDS = 25
GONE = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline "
    "is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)


def removed_search(call: Call) -> Response:
    """`/search`: gone."""
    raise Problem(410, GONE)


def search_get(call: Call) -> Response:
    """`GET /search/jql`. Unknown parameters, such as startAt, are passed over."""
    given: dict[str, Any] = {
        "jql": call.query.get("jql", ""),
        "fields": call.many("fields"),
        "properties": call.many("properties"),
        "expand": call.query.get("expand", ""),
        "reconcileIssues": call.many("reconcileIssues"),
        "maxResults": call.number("maxResults", 50),
    }
    if token := call.query.get("nextPageToken"):
        given["nextPageToken"] = token
    return _search(call, given)


def search_post(call: Call) -> Response:
    """`POST /search/jql`. Unknown members are refused, null ones are not there."""
    return _search(
        call,
        call.members(
            "jql", "fields", "properties", "expand", "reconcileIssues", "maxResults", "nextPageToken", "fieldsByKeys"
        ),
    )


def _search(call: Call, given: dict[str, Any]) -> Response:
    asked, properties = given.get("fields", []), given.get("properties", [])
    if not (isinstance(asked, list) and isinstance(given.get("expand", ""), str)):
        raise Problem(400, "Invalid request payload. Refer to the REST API documentation and try again.")
    if len(properties) > 5:
        raise Problem(400, "The number of properties cannot exceed 5.")
    if call.user is None:
        return reply({"issues": [], "isLast": True})
    bare = not set(asked) - {"id"}
    names = [] if bare else render.field_names(call, asked, "id")
    page = _page(call, given, _page_size(call, given, len(names)))
    expand = split([given.get("expand", "")])
    issues = [
        render.issue(call, each, names, expand=expand, properties=properties, bare=bare and not properties)
        for each in page.issues
    ]
    document: dict[str, Any] = {"issues": issues, "isLast": page.token is None}
    if "names" in expand:
        document["names"] = {name: render.field_name(call, name) for name in names}
    if page.token:
        document["nextPageToken"] = page.token
    return reply(document)


def _page(call: Call, given: dict[str, Any], size: int) -> Page:
    named = [str(each) for each in given.get("reconcileIssues", [])]
    if len(named) > 50 or not all(each.isdecimal() for each in named):
        raise Problem(400, "reconcileIssues takes at most 50 numeric issue ids.")
    return call.site.issues.page(given.get("jql", ""), call.caller, size, given.get("nextPageToken"), named)


def _page_size(call: Call, given: dict[str, Any], fields: int) -> int:
    """How many issues Jira gives: the more fields, the fewer."""
    asked = given.get("maxResults", 50)
    if not isinstance(asked, int) or asked < 0:
        raise Problem(400, "The value of 'maxResults' is not valid.")
    ceiling = CEILING if fields == 0 else 100
    if (
        fields > MANY_FIELDS
        or {"*all", "*navigable"} & set(given.get("fields", []))
        or "changelog" in given.get("expand", "")
    ):
        ceiling = 50
    ceiling = min(ceiling, call.site.limits.page_cap or ceiling)
    return min(asked or 50, ceiling)


def approximate_count(call: Call) -> Response:
    """`POST /search/approximate-count`."""
    jql = call.members("jql").get("jql", "")
    return reply({"count": call.site.issues.count(jql, call.user) if call.user else 0})


def search_projects(call: Call) -> Response:
    """`GET /project/search`."""
    start, limit = call.number("startAt", 0), min(call.number("maxResults", 50), 100)
    wanted = call.many("keys")
    found = [each for each in call.site.projects.values() if call.caller and (not wanted or each.key in wanted)]
    shown = [render.project(call, each) for each in found[start : start + limit]]
    return reply(_bean(start, limit, len(found), shown))


def bulk_fetch(call: Call) -> Response:
    """`POST /issue/bulkfetch`: in ascending order of ids; what is missing is left out without a word.

    So is what cannot be read by itself either; where that may pass, its id is named.
    """
    given = call.members("issueIdsOrKeys", "fields", "properties", "expand", "fieldsByKeys")
    wanted = _wanted(given, most=100)
    if not isinstance(given.get("expand", []), list):
        raise Problem(400, "Invalid request payload. Refer to the REST API documentation and try again.")
    names = render.field_names(call, given.get("fields", []), "*navigable")
    found = [
        (each, call.site.faults.waiting("GET", f"/rest/api/3/issue/{each.id}")) for each in _find_all(call, wanted)
    ]
    issues = [
        render.issue(call, each, names, expand=given.get("expand", []), properties=given.get("properties", []))
        for each, fault in found
        if fault is None
    ]
    errors = [
        {"id": each.id, "errorMessage": "The issue could not be read."}
        for each, fault in found
        if isinstance(fault, Answer) and fault.status >= 500
    ]
    return reply({"issues": issues, "issueErrors": errors})


def changelog(call: Call) -> Response:
    """`GET .../changelog`: oldest first."""
    issue = call.issue()
    start, limit = call.number("startAt", 0), min(call.number("maxResults", 100), 100)
    shown = [render.change(call, each) for each in issue.history[start : start + limit]]
    return reply(_bean(start, limit, len(issue.history), shown))


def bulk_changelog(call: Call) -> Response:
    """`POST /changelog/bulkfetch`: the histories of many issues, with times in epoch milliseconds."""
    given = call.members("issueIdsOrKeys", "fieldIds", "maxResults", "nextPageToken")
    fields = given.get("fieldIds", [])
    if len(fields) > 10:
        raise Problem(400, "The number of field ids cannot exceed 10.")
    entries = [
        (issue, change)
        for issue in _find_all(call, _wanted(given, most=1000))
        for change in issue.history
        if not fields or any(item.field in fields for item in change.items)
    ]
    start, limit = int(given.get("nextPageToken", "0")), min(given.get("maxResults", 1000), 10_000)
    shown: dict[str, list[Any]] = {}
    for issue, change in entries[start : start + limit]:
        shown.setdefault(issue.id, []).append(_bulk_change(call, change, fields))
    logs = [{"issueId": issue_id, "changeHistories": changes} for issue_id, changes in shown.items()]
    further = {"nextPageToken": str(start + limit)} if start + limit < len(entries) else {}
    return reply({"issueChangeLogs": logs} | further)


def _bulk_change(call: Call, change: Change, fields: Sequence[str]) -> render.Json:
    document = render.change(call, change)
    document["created"] = round(change.at.timestamp() * 1000)
    document["items"] = [item for item in document["items"] if not fields or item["fieldId"] in fields]
    return document


def _wanted(given: dict[str, Any], *, most: int) -> list[str]:
    wanted = given.get("issueIdsOrKeys")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= most:
        raise Problem(400, f"The number of issueIdsOrKeys must be between 1 and {most}.")
    return [str(each) for each in wanted]


def _find_all(call: Call, wanted: Sequence[str]) -> list[Issue]:
    found = {issue.id: issue for each in wanted if call.user and (issue := call.site.issues.find(each))}
    return sorted(found.values(), key=lambda issue: int(issue.id))


def _bean(start: int, limit: int, total: int, values: list[Any]) -> render.Json:
    last = start + len(values) >= total
    return {"startAt": start, "maxResults": limit, "total": total, "isLast": last, "values": values}
