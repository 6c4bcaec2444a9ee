"""Endpoints of the platform API that Cloud and Data Center share."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from sandbox.jira import render
from sandbox.jira.comments import from_body
from sandbox.jira.documents import as_text, is_document
from sandbox.jira.model import ChangeItem, Field, Issue
from sandbox.jira.times import stamp
from sandbox.jira.wire import Call, Problem, empty, reply, split

NOT_ON_SCREEN = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."


def server_info(call: Call) -> Response:
    """`GET /serverInfo`: also for anonymous callers."""
    site = call.site
    cloud = site.kind == "cloud"
    document = {
        "baseUrl": site.url,
        "version": "1001.0.0-SNAPSHOT" if cloud else "10.3.24",
        "versionNumbers": [1001, 0, 0] if cloud else [10, 3, 24],
        "deploymentType": "Cloud" if cloud else "Server",
        "buildNumber": 100287 if cloud else 10030024,
        "buildDate": "2026-02-20T00:00:00.000+0000",
        "serverTime": stamp(site.now + site.clock_skew, "UTC"),
        "scmInfo": "0a1b2c3d",
        "serverTitle": "Jira",
    }
    return reply(document | ({"serverTimeZone": "Etc/UTC"} if cloud else {}))


def myself(call: Call) -> Response:
    """`GET /myself`."""
    shown = render.person(call, call.caller) or {}
    return reply(shown | {"locale": "en_US", "expand": "groups,applicationRoles"})


def get_user(call: Call) -> Response:
    """`GET /user`, by accountId or, on Data Center, by username or key."""
    wanted = call.query.get("accountId") or call.query.get("username") or call.query.get("key")
    if call.caller and not wanted:
        raise Problem(400, "Either the accountId, username or key must be given.")
    for user in call.site.users:
        if wanted in {user.account_id, user.login if call.site.kind == "dc" else None}:
            return reply(render.person(call, user))
    raise Problem(404, f"Specified user does not exist or you do not have required permissions. '{wanted}'")


def list_fields(call: Call) -> Response:
    """`GET /field`."""
    return reply(render.fields(call))


def list_statuses(call: Call) -> Response:
    """`GET /status`."""
    return reply([render.status(call, status) for status in call.site.statuses.values()] if call.caller else [])


def my_permissions(call: Call) -> Response:
    """`GET /mypermissions`: on Cloud only the permissions asked for."""
    granted = {
        "BROWSE_PROJECTS": True,
        "EDIT_ISSUES": call.caller.can_edit_issues,
        "ADD_COMMENTS": call.caller.can_comment,
        "SERVICEDESK_AGENT": call.caller.is_agent,
        "ADMINISTER": call.caller.is_admin,
    }
    wanted = split(call.query.getlist("permissions"))
    if call.site.kind == "cloud" and not wanted:
        raise Problem(400, "The 'permissions' query parameter is required.")
    if unknown := [name for name in wanted if name not in granted]:
        raise Problem(400, f"Unrecognized permissions: {', '.join(unknown)}")
    names = list(granted)
    shown = {name: _permission(name, names.index(name) + 10, granted[name]) for name in wanted or granted}
    return reply({"permissions": shown})


def _permission(name: str, number: int, granted: bool) -> dict[str, Any]:
    return {
        "id": str(number),
        "key": name,
        "name": name.replace("_", " ").capitalize(),
        "type": "GLOBAL" if name == "ADMINISTER" else "PROJECT",
        "description": "",
        "havePermission": granted,
    }


def get_project(call: Call) -> Response:
    """`GET /project/{projectIdOrKey}`."""
    wanted = call.params["project"]
    for project in call.site.projects.values():
        if call.caller and wanted in {project.id, project.key}:
            return reply(render.project(call, project))
    raise Problem(404, f"No project could be found with key '{wanted}'.")


def get_issue(call: Call) -> Response:
    """`GET /issue/{issueIdOrKey}`: the issue as it is now, whatever search says."""
    issue = call.issue()
    names = render.field_names(call, call.many("fields"), "*all")
    properties = call.many("properties")
    if "*all" in properties:
        properties = list(issue.properties)
    return reply(render.issue(call, issue, names, expand=call.many("expand"), properties=properties))


def edit_issue(call: Call) -> Response:
    """`PUT /issue/{issueIdOrKey}`: sets fields, labels, properties and comments; never the status."""
    issue = call.editable_issue()
    given = call.members()
    wanted = dict(given.get("fields", {}))
    operations = given.get("update", {})
    for name, steps in operations.items():
        if name != "comment":
            wanted[name] = _apply(issue, name, steps)
    if errors := {name: error for name, value in wanted.items() if (error := _fault(call, issue, name, value))}:
        raise Problem(400, errors=errors)
    items = [_set(call, issue, name, value) for name, value in wanted.items()]
    for step in operations.get("comment", []):
        from_body(call, issue, step["add"])
    issue.properties |= {each["key"]: each["value"] for each in given.get("properties", [])}
    if items:
        call.site.record(issue, call.caller, items, call.site.now)
    silent = not call.flag("notifyUsers", default=True) and call.caller.is_admin
    if items and not silent:
        call.site.mails.append((issue.key, "issue updated"))
    return empty(204)


def _apply(issue: Issue, name: str, steps: list[dict[str, Any]]) -> Any:
    value: Any = list(issue.labels) if name == "labels" else issue.custom.get(name)
    for step in steps:
        for verb, operand in step.items():
            if verb == "set":
                value = operand
            elif verb == "add":
                value = [*(value or []), operand]
            elif verb == "remove":
                value = [each for each in value or [] if each != operand]
    return value


def _fault(call: Call, issue: Issue, name: str, value: Any) -> str | None:
    """What Jira has against this value, or None."""
    if not issue.status.editable:
        return NOT_ON_SCREEN.format(name)
    if name in {"summary", "description", "labels"}:
        return None
    field = call.site.fields.get(name)
    if field is None or not field.on_edit_screen:
        return NOT_ON_SCREEN.format(name)
    return None if value is None else _KINDS[field.kind](call, field, value)


def _text_fault(call: Call, field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        return "Operation value must be a string"
    return (
        None if len(value) <= 255 else "The entered text is too long. It exceeds the allowed limit of 255 characters."
    )


def _area_fault(call: Call, field: Field, value: Any) -> str | None:
    if call.version == "3":
        return None if is_document(value) else "Operation value must be an Atlassian Document"
    return None if isinstance(value, str) else "Operation value must be a string"


def _number_fault(call: Call, field: Field, value: Any) -> str | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return None if number else "Specify a number"


def _option_fault(call: Call, field: Field, value: Any) -> str | None:
    if not isinstance(value, dict):
        return "Specify a valid 'id' or 'name' for the option"
    known = value.get("id") in field.options or value.get("value") in field.options.values()
    return None if known else f"Option id '{value.get('id', value.get('value'))}' is not valid"


def _labels_fault(call: Call, field: Field, value: Any) -> str | None:
    fine = isinstance(value, list) and all(isinstance(each, str) and " " not in each for each in value)
    return None if fine else "The label can't contain spaces."


_KINDS = {
    "textfield": _text_fault,
    "datetime": _text_fault,
    "textarea": _area_fault,
    "number": _number_fault,
    "select": _option_fault,
    "labels": _labels_fault,
}


def _set(call: Call, issue: Issue, name: str, value: Any) -> ChangeItem:
    if isinstance(value, dict) and value.get("type") == "doc":
        value = as_text(value)
    if name in {"summary", "description", "labels"}:
        before = getattr(issue, name)
        setattr(issue, name, value)
    else:
        before = issue.custom.get(name)
        issue.custom[name] = value if not isinstance(value, dict) else _option(call.site.fields[name], value)
    return ChangeItem(name, None, None if before is None else str(before), None, None if value is None else str(value))


def _option(field: Field, value: dict[str, Any]) -> dict[str, Any]:
    option_id = next(
        each for each, name in field.options.items() if value.get("id") == each or value.get("value") == name
    )
    return {"id": option_id, "value": field.options[option_id]}
