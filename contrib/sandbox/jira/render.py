"""Jira's JSON for people, statuses, comments, changes and issues on the platform API."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sandbox.jira.documents import as_document
from sandbox.jira.model import Category, Change, Comment, EmailShown, Issue, Project, Status, User
from sandbox.jira.times import optional_stamp, stamp
from sandbox.jira.wire import Call

EMBEDDED = 20
"""How many comments or changes fit into an issue of a search result."""
REQUEST_TYPE, ORGANIZATIONS = "customfield_10010", "customfield_10002"
"""The custom fields in which a service desk keeps these."""

Json = dict[str, Any]


def person(call: Call, user: User | None) -> Json | None:
    """A person as others see them."""
    if user is None:
        return None
    return _cloud_person(call, user) if call.site.kind == "cloud" else _server_person(call, user)


def _cloud_person(call: Call, user: User) -> Json:
    self_link = f"{call.root}/user?accountId={user.account_id}"
    if user.deleted:
        return {"self": self_link, "accountId": user.account_id, "displayName": "Former user", "active": False}
    shown: Json = {
        "self": self_link,
        "accountId": user.account_id,
        "accountType": user.account_type,
        "displayName": user.name,
        "active": user.active,
        "timeZone": user.zone,
    }
    if user is call.user or (user.email and user.email_shown is EmailShown.EVERYWHERE):
        shown["emailAddress"] = user.email
    elif call.site.hidden_email != "absent":
        shown["emailAddress"] = None if call.site.hidden_email == "null" else ""
    return shown


def _server_person(call: Call, user: User) -> Json:
    shown: Json = {
        "self": f"{call.root}/user?username={user.login}",
        "name": user.login,
        "key": f"JIRAUSER{user.account_id[-5:]}",
        "displayName": user.name,
        "active": user.active,
        "timeZone": user.zone,
    }
    if user.email and user.email_shown is EmailShown.EVERYWHERE:
        masked = user.email.replace("@", " at ").replace(".", " dot ")
        shown["emailAddress"] = masked if call.site.masks_email else user.email
    return shown


def category(call: Call, shown: Category) -> Json:
    """A status category."""
    return {
        "self": f"{call.root}/statuscategory/{shown.id}",
        "id": shown.id,
        "key": shown.key,
        "colorName": shown.color,
        "name": shown.name,
    }


def status(call: Call, shown: Status) -> Json:
    """A workflow status with its category."""
    return {
        "self": f"{call.root}/status/{shown.id}",
        "description": "",
        "iconUrl": f"{call.site.url}/images/icons/status.png",
        "name": shown.name,
        "id": shown.id,
        "statusCategory": category(call, shown.category),
    }


def project(call: Call, shown: Project) -> Json:
    """The short form of a project."""
    return {
        "self": f"{call.root}/project/{shown.id}",
        "id": shown.id,
        "key": shown.key,
        "name": shown.name,
        "projectTypeKey": "service_desk" if shown.desk_id else "software",
    }


def comment(call: Call, issue: Issue, shown: Comment, *, with_properties: bool = False) -> Json:
    """A comment: a document on version 3, text on version 2."""
    zone = call.caller.zone
    author = person(call, shown.author)
    document: Json = {
        "self": f"{call.root}/issue/{issue.id}/comment/{shown.id}",
        "id": shown.id,
        "author": author,
        "body": (shown.adf or as_document(shown.text)) if call.version == "3" else shown.text,
        "updateAuthor": author,
        "created": stamp(shown.created, zone),
        "updated": stamp(shown.created, zone),
    }
    if call.site.kind == "cloud":
        document["jsdPublic"] = shown.public
    if shown.visibility:
        document["visibility"] = shown.visibility
    if with_properties:
        document["properties"] = [{"key": key, "value": value} for key, value in shown.properties.items()]
    return document


def change(call: Call, shown: Change) -> Json:
    """One entry of the history."""
    cloud = call.site.kind == "cloud"
    custom = {each.id: each.name for each in call.site.fields.values()}
    items = [
        {
            "field": custom.get(item.field, item.field),
            "fieldtype": "custom" if item.field in custom else "jira",
            **({"fieldId": item.field} if cloud else {}),
            "from": item.before,
            "fromString": item.before_text,
            "to": item.after,
            "toString": item.after_text,
        }
        for item in shown.items
    ]
    return {
        "id": shown.id,
        "author": person(call, shown.author),
        "created": stamp(shown.at, call.caller.zone),
        "items": items,
    }


def changelog(call: Call, shown: Issue) -> Json:
    """The history inside an issue: the newest entries, newest first, on Cloud; all, oldest first, on Data Center."""
    newest = shown.history[::-1][:EMBEDDED] if call.site.kind == "cloud" else shown.history
    histories = [change(call, each) for each in newest]
    return {"startAt": 0, "maxResults": len(histories), "total": len(shown.history), "histories": histories}


def _comments(call: Call, issue: Issue) -> Json:
    shown = issue.comments[:EMBEDDED]
    return {
        "comments": [comment(call, issue, each) for each in shown],
        "self": f"{call.root}/issue/{issue.id}/comment",
        "maxResults": len(shown),
        "total": len(issue.comments),
        "startAt": 0,
    }


def _resolution(call: Call, issue: Issue) -> Json | None:
    if issue.resolution is None:
        return None
    number = call.site.resolutions[issue.resolution]
    return {"self": f"{call.root}/resolution/{number}", "id": number, "description": "", "name": issue.resolution}


def _request_type(call: Call, issue: Issue) -> Json | None:
    kind = issue.request_type
    if kind is None:
        return None
    shown = {"id": kind.id, "name": kind.name, "serviceDeskId": kind.desk_id, "portalId": kind.desk_id}
    return {"requestType": shown, "currentStatus": {"status": issue.status.name}}


_FIELDS: dict[str, Callable[[Call, Issue], Any]] = {
    "summary": lambda call, issue: issue.summary,
    "description": lambda call, issue: _area(call, issue.description or None),
    "status": lambda call, issue: status(call, issue.status),
    "statuscategorychangedate": lambda call, issue: optional_stamp(issue.category_changed_at, call.caller.zone),
    "resolution": _resolution,
    "resolutiondate": lambda call, issue: optional_stamp(issue.resolved_at, call.caller.zone),
    "created": lambda call, issue: stamp(issue.created, call.caller.zone),
    "updated": lambda call, issue: stamp(issue.updated, call.caller.zone),
    "project": lambda call, issue: project(call, issue.project),
    "issuetype": lambda call, issue: {"id": "10004", "name": issue.issue_type, "subtask": False},
    "priority": lambda call, issue: {"id": "3", "name": issue.priority},
    "reporter": lambda call, issue: person(call, issue.reporter),
    "creator": lambda call, issue: person(call, issue.creator),
    "assignee": lambda call, issue: person(call, issue.assignee),
    "labels": lambda call, issue: issue.labels,
    "comment": _comments,
    REQUEST_TYPE: _request_type,
    ORGANIZATIONS: lambda call, issue: [{"id": each.id, "name": each.name} for each in issue.organizations],
}
_NOT_NAVIGABLE = {"comment", "description"}


def field_names(call: Call, asked: Sequence[str], default: str) -> list[str]:
    """Which fields to show, with `*all`, `*navigable` and `-name` understood. Unknown names are passed over."""
    system = [name for name in _FIELDS if not (call.site.kind == "dc" and name == "statuscategorychangedate")]
    everything = [*system, *call.site.fields]
    names = list(asked) or [default]
    if all(name.startswith("-") for name in names):
        names.insert(0, "*all")
    chosen: dict[str, None] = {}
    for name in names:
        if name.startswith("-"):
            chosen.pop(name[1:], None)
        elif name == "*all":
            chosen |= dict.fromkeys(everything)
        elif name == "*navigable":
            chosen |= dict.fromkeys(each for each in everything if each not in _NOT_NAVIGABLE)
        elif name in everything:
            chosen[name] = None
    return list(chosen)


def issue(
    call: Call,
    shown: Issue,
    names: Collection[str],
    *,
    expand: Collection[str] = (),
    properties: Collection[str] = (),
    bare: bool = False,
) -> Json:
    """An issue.

    :param bare: id only, which is what search answers when no fields are asked for.
    """
    if bare:
        return {"id": shown.id}
    document: Json = {
        "expand": "" if call.site.kind == "cloud" else "operations,versionedRepresentations,editmeta,changelog",
        "id": shown.id,
        "self": f"{call.root}/issue/{shown.id}",
        "key": shown.key,
        "fields": {name: _value(call, shown, name) for name in names},
    }
    if properties:
        document["properties"] = {key: shown.properties[key] for key in properties if key in shown.properties}
    if "changelog" in expand:
        document["changelog"] = changelog(call, shown)
    if "names" in expand:
        document["names"] = {name: field_name(call, name) for name in names}
    return document


def _value(call: Call, shown: Issue, name: str) -> Any:
    if name in _FIELDS:
        return _FIELDS[name](call, shown)
    value = shown.custom.get(name)
    return _area(call, value) if call.site.fields[name].kind == "textarea" else value


def _area(call: Call, text: str | None) -> Any:
    """A field of several lines: a document on version 3."""
    return as_document(text) if text is not None and call.version == "3" else text


_NAMES = {
    "statuscategorychangedate": "Status Category Changed",
    "resolutiondate": "Resolved",
    "issuetype": "Issue Type",
    REQUEST_TYPE: "Request Type",
    ORGANIZATIONS: "Organizations",
}


def field_name(call: Call, name: str) -> str:
    """A field's name as people see it."""
    if name in call.site.fields:
        return call.site.fields[name].name
    return _NAMES.get(name, name.capitalize())


_SCHEMAS: dict[str, Json] = {
    "statuscategorychangedate": {"type": "datetime"},
    "resolutiondate": {"type": "datetime"},
    "created": {"type": "datetime"},
    "updated": {"type": "datetime"},
    "reporter": {"type": "user"},
    "creator": {"type": "user"},
    "assignee": {"type": "user"},
    "labels": {"type": "array", "items": "string"},
    "comment": {"type": "comments-page"},
    REQUEST_TYPE: {
        "type": "sd-customerrequesttype",
        "custom": "com.atlassian.servicedesk:vp-origin",
        "customId": 10010,
    },
    ORGANIZATIONS: {
        "type": "array",
        "items": "sd-customerorganization",
        "custom": "com.atlassian.servicedesk:sd-customer-organizations",
        "customId": 10002,
    },
}
_KINDS = {
    "textfield": "string",
    "textarea": "string",
    "number": "number",
    "select": "option",
    "labels": "array",
    "datetime": "datetime",
}


def fields(call: Call) -> list[Json]:
    """All fields of the site, as `GET /field` lists them."""
    return [_field(call, name) for name in field_names(call, [], "*all")]


def _field(call: Call, name: str) -> Json:
    custom = name.startswith("customfield_")
    schema = dict(_SCHEMAS.get(name, {"type": "string"}))
    if name in call.site.fields:
        kind = call.site.fields[name].kind
        where = "com.atlassian.jira.plugin.system.customfieldtypes"
        schema = {"type": _KINDS[kind], "custom": f"{where}:{kind}", "customId": int(name.rpartition("_")[2])}
    if "customId" not in schema:
        schema["system"] = name
    document = {
        "id": name,
        "name": field_name(call, name),
        "custom": custom,
        "orderable": custom,
        "navigable": name not in _NOT_NAVIGABLE,
        "searchable": True,
        "clauseNames": [f"cf[{name.rpartition('_')[2]}]", field_name(call, name)] if custom else [name],
        "schema": schema,
    }
    return document | ({"key": name} if call.site.kind == "cloud" else {})
