"""Issue properties: JSON values under a key, seen by programs only."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.jira.model import Issue
from sandbox.jira.wire import Call, Problem, empty, reply

KEY_LENGTH, VALUE_LENGTH = 255, 32_768


def list_keys(call: Call) -> Response:
    """`GET .../properties`."""
    issue = call.issue()
    base = f"{call.root}/issue/{issue.id}/properties"
    return reply({"keys": [{"self": f"{base}/{key}", "key": key} for key in issue.properties]})


def get(call: Call) -> Response:
    """`GET .../properties/{key}`."""
    issue = call.issue()
    key = call.params["key"]
    if key not in issue.properties:
        raise Problem(404, f"The property with key '{key}' does not exist.")
    return reply({"key": key, "value": issue.properties[key]})


def put(call: Call) -> Response:
    """`PUT .../properties/{key}`: replaces the whole value; 201 the first time, 200 later, without a body."""
    issue = _editable(call)
    key = call.params["key"]
    if len(key) > KEY_LENGTH:
        raise Problem(400, f"The property key cannot be longer than {KEY_LENGTH} characters.")
    if len(call.body.decode(errors="replace")) > VALUE_LENGTH:
        raise Problem(400, f"The property value cannot be longer than {VALUE_LENGTH} characters.")
    known = key in issue.properties
    issue.properties[key] = call.json()
    if call.site.property_bumps_updated:
        call.site.touch(issue)
    return empty(200 if known else 201)


def delete(call: Call) -> Response:
    """`DELETE .../properties/{key}`."""
    issue = _editable(call)
    if call.params["key"] not in issue.properties:
        raise Problem(404, f"The property with key '{call.params['key']}' does not exist.")
    del issue.properties[call.params["key"]]
    return empty(204)


def _editable(call: Call) -> Issue:
    issue = call.editable_issue()
    if not issue.status.editable:
        raise Problem(403, f"You do not have the permission to edit issue {issue.key}.")
    return issue
