"""Requests and answers, apart from any web server: one shape for single calls and for those inside a batch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""

    def flag(self, name: str) -> bool:
        """A yes-or-no parameter: `true`, `True` and `TRUE` are yes."""
        return self.query.get(name, "").lower() == "true"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def result(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """A record, or a list of them, as the platform wraps it."""
    return as_json({"result": value}, status, headers)


def failure(status: int, message: str, detail: str | None = None, headers: dict[str, str] | None = None) -> Reply:
    """A refusal as the platform words it."""
    return as_json({"error": {"message": message, "detail": detail}, "status": "failure"}, status, headers)


def as_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """Any value as an answer in JSON."""
    kind = {"Content-Type": "application/json;charset=UTF-8"}
    return Reply(status, json.dumps(value, ensure_ascii=False).encode(), kind | (headers or {}))


def page(status: int, text: str, headers: dict[str, str] | None = None) -> Reply:
    """A page for people, where a program expected data."""
    return Reply(status, text.encode(), {"Content-Type": "text/html;charset=UTF-8"} | (headers or {}))


NO_RECORD = failure(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
NOT_AUTHENTICATED = failure(
    401,
    "User Not Authenticated",
    "Required to provide Auth information",
    {"WWW-Authenticate": 'BASIC realm="Service-now"'},
)
INSUFFICIENT_RIGHTS = failure(403, "Operation Failed", "Insufficient rights to query records")
ACL_REFUSED_UPDATE = failure(403, "Operation Failed", "ACL Exception Update Failed due to security constraints")
UNIQUE_VIOLATED = failure(403, "Operation Failed", "Unique Key violation detected by database")
NOT_JSON = failure(400, "Exception while reading request", "The payload is not valid JSON.")
