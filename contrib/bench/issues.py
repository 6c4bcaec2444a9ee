"""Closed Jira issues of about 4 kB, written as bytes without a JSON library: the load must cost less than the hub."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

FIRST_ID = 10_000_000
PHONE_FIELD = "customfield_10050"
DONE_ID, OPEN_ID = "10002", "10000"
_ROOT = "https://acme.atlassian.net"
_NUMBERS = re.compile(rb'"(\d+)"')
_SENTENCE = "The printer on the second floor shows an error and takes no jobs since this morning"

Property = tuple[str, bytes | None]
"""Key of an issue property, and its value as JSON; None when it is not there."""


def issue_id(number: int) -> str:
    """The id of the issue with this number, from 0."""
    return str(FIRST_ID + number)


def number_of(identity: str | bytes) -> int:
    """The number of the issue with this id."""
    return int(identity) - FIRST_ID


def phone(number: int) -> str:
    """The customer's phone number, a different one for each issue."""
    return f"+35840{1_000_000 + number}"


def number_behind(phone_number: str) -> int:
    """The issue whose customer has this phone number."""
    return int(phone_number[6:]) - 1_000_000


def ids_in(body: bytes) -> list[int]:
    """The numbers of the issues that a request names in `issueIdsOrKeys`."""
    start = body.find(b'"issueIdsOrKeys"')
    listed = body[body.find(b"[", start) : body.find(b"]", start)]
    return [number_of(each) for each in _NUMBERS.findall(listed)]


def issue(number: int, fields: Sequence[str], closed_at: str, properties: Iterable[Property] = ()) -> bytes:
    """One issue with some of its fields, as Jira Cloud shows it.

    :param closed_at: as Jira writes times.
    """
    head = _template(tuple(fields)) % {
        b"id": b"%d" % (FIRST_ID + number),
        b"number": b"%d" % number,
        b"phone": phone(number).encode(),
        b"closed": closed_at.encode(),
    }
    shown = [b'"%s":%s' % (key.encode(), value) for key, value in properties if value is not None]
    return b'%s,"properties":{%s}}' % (head, b",".join(shown))


def page(issues: Sequence[bytes], token: str | None) -> bytes:
    """A page of a search; the last one has no token."""
    more = b'"isLast":true' if token is None else b'"nextPageToken":"%s","isLast":false' % token.encode()
    return b'{"issues":[%s],%s}' % (b",".join(issues), more)


def histories(closings: Iterable[tuple[int, int]]) -> bytes:
    """The answer to a bulk read of changelogs: each issue was begun, and closed a minute later.

    :param closings: numbers of issues, and when each was closed in milliseconds since 1970.
    """
    return b'{"issueChangeLogs":[%s]}' % b",".join(
        _HISTORY % {b"id": b"%d" % (FIRST_ID + number), b"begun": closed_millis - 60_000, b"closed": closed_millis}
        for number, closed_millis in closings
    )


_HISTORY = (
    b'{"issueId":"%(id)s","changeHistories":[{"id":"%(id)s1","created":%(begun)d,"items":[{"field":"status",'
    b'"fieldtype":"jira","fieldId":"status","from":"10000","fromString":"To Do","to":"10001","toString":"In Progress"}]'
    b'},{"id":"%(id)s2","created":%(closed)d,"items":[{"field":"status","fieldtype":"jira","fieldId":"status",'
    b'"from":"10001","fromString":"In Progress","to":"10002","toString":"Done"}]}]}'
)


@cache
def _template(fields: tuple[str, ...]) -> bytes:
    """An issue without its closing brace; `%(name)s` stands for what differs between issues."""
    known = _fields()
    shown: dict[str, Any] = {
        "expand": "operations,versionedRepresentations,editmeta,changelog,renderedFields",
        "id": "%(id)s",
        "self": f"{_ROOT}/rest/api/3/issue/%(id)s",
        "key": "BENCH-%(number)s",
        "fields": {name: known.get(name) for name in fields},
    }
    return json.dumps(shown, separators=(",", ":"))[:-1].encode()


def _fields() -> Mapping[str, Any]:
    return {
        "summary": f"{_SENTENCE}, ticket %(number)s",
        "status": status(DONE_ID, "Done", "done", 3),
        "resolution": {
            "self": f"{_ROOT}/rest/api/3/resolution/10000",
            "id": "10000",
            "description": "Work has been completed on this issue.",
            "name": "Done",
        },
        "resolutiondate": "%(closed)s",
        "statuscategorychangedate": "%(closed)s",
        "created": "2026-01-05T08:00:00.000+0000",
        "project": {
            "self": f"{_ROOT}/rest/api/3/project/10000",
            "id": "10000",
            "key": "BENCH",
            "name": "Benchmark",
            "projectTypeKey": "software",
            "simplified": False,
            "avatarUrls": _avatars("project/10400"),
        },
        "issuetype": {
            "self": f"{_ROOT}/rest/api/3/issuetype/10004",
            "id": "10004",
            "description": _SENTENCE,
            "iconUrl": f"{_ROOT}/rest/api/2/universal_avatar/view/type/issuetype/avatar/10315?size=medium",
            "name": "Task",
            "subtask": False,
            "avatarId": 10315,
            "hierarchyLevel": 0,
        },
        "priority": {
            "self": f"{_ROOT}/rest/api/3/priority/3",
            "iconUrl": f"{_ROOT}/images/icons/priorities/medium_new.svg",
            "name": "Medium",
            "id": "3",
        },
        "reporter": _person("%(id)s", "Customer %(number)s"),
        "assignee": _person("42", "Anna Agent"),
        "labels": ["printer", "second-floor", "hardware"],
        "components": [
            {"self": f"{_ROOT}/rest/api/3/component/10010", "id": "10010", "name": "Printers", "description": _SENTENCE}
        ],
        PHONE_FIELD: "%(phone)s",
    }


def status(identity: str, name: str, category: str, number: int) -> dict[str, Any]:
    """A status with its category."""
    return {
        "self": f"{_ROOT}/rest/api/3/status/{identity}",
        "description": _SENTENCE,
        "iconUrl": f"{_ROOT}/images/icons/statuses/generic.png",
        "name": name,
        "id": identity,
        "statusCategory": {
            "self": f"{_ROOT}/rest/api/3/statuscategory/{number}",
            "id": number,
            "key": category,
            "colorName": "green",
            "name": name,
        },
    }


def _person(account: str, name: str) -> dict[str, Any]:
    return {
        "self": f"{_ROOT}/rest/api/3/user?accountId=5b10a2844c20165700{account}",
        "accountId": f"5b10a2844c20165700{account}",
        "avatarUrls": _avatars("5b10a2844c20165700"),
        "displayName": name,
        "active": True,
        "timeZone": "Europe/Helsinki",
        "accountType": "atlassian",
    }


def _avatars(path: str) -> dict[str, str]:
    where = "https://avatar-management.services.atlassian.com"
    return {f"{side}x{side}": f"{where}/{path}/{side}" for side in (48, 24, 16, 32)}
