"""Checks recorded requests and their answers against the vendors' OpenAPI documents.

The documents are not part of this repository. The environment variable OPENAPI_DOCUMENTS names a directory with
`jira-cloud-v3.json.gz`, `jsm-cloud.json.gz` and `jira-dc-10.3.json.gz`; without it, what needs them is skipped.

    contract = Contract.cloud()
    assert contract.problems(site.requests) == []
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pytest
from openapi_schema_validator import OAS30Validator

UNDECLARED = frozenset({401, 403, 404, 405, 410, 412, 413, 429, *range(500, 600)})
"""Statuses that the documents leave out where they are possible all the same."""
FIXES: dict[str, dict[str, Any]] = {
    "jira-cloud-v3": {
        # Declared as a date; the official example, and the service, have a number here.
        "Changelog.created": {},
    },
    "jira-dc-10.3": {
        "IssueBean.fields": {"type": "object"},  # declared as objects only
        "EntityPropertyBean.value": {},  # declared as text
        "IssueUpdateBean.fields": {"type": "object"},
        "PropertiesBean.properties": {"type": "object"},
    },
}
"""Corrections of the documents, by schema and property."""
LISTS = frozenset(("jira-dc-10.3", f"/rest/api/2/{name}") for name in ("field", "status", "project"))
"""Answers that are lists although the document shows one element."""


class Recorded(Protocol):
    """A request and its answer, such as `sandbox.jira.Recorded`."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> Sequence[tuple[str, str]]: ...
    @property
    def body(self) -> bytes: ...
    @property
    def status(self) -> int: ...
    @property
    def answer(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Operation:
    document: Mapping[str, Any]
    name: str
    template: str
    path: re.Pattern[str]
    method: str
    spec: Mapping[str, Any]


class Contract:
    """The operations of some documents."""

    def __init__(self, *names: str) -> None:
        found = [operation for name in names for operation in _operations(name)]
        self._operations = sorted(found, key=lambda operation: operation.template.count("{"))

    @classmethod
    def cloud(cls) -> Contract:
        """Jira Cloud, version 3, and Jira Service Management. Skips the test when a document is absent."""
        return cls("jira-cloud-v3", "jsm-cloud")

    @classmethod
    def data_center(cls) -> Contract:
        """Jira Data Center. For Service Management there is only the document of Cloud."""
        return cls("jira-dc-10.3", "jsm-cloud")

    def problems(self, recorded: Iterable[Recorded], *, requests: bool = True, answers: bool = True) -> list[str]:
        """Everything in these exchanges that the documents do not allow; empty when all is well."""
        found: list[str] = []
        for each in recorded:
            where = f"{each.method} {each.path} -> {each.status}"
            operation = self._find(each)
            if operation is None:
                found.append(f"{where}: no such operation")
                continue
            if requests:
                found += [f"{where}: request: {problem}" for problem in _request_problems(operation, each)]
            if answers:
                found += [f"{where}: answer: {problem}" for problem in _answer_problems(operation, each)]
        return found

    def _find(self, recorded: Recorded) -> _Operation | None:
        for operation in self._operations:
            if operation.method == recorded.method.lower() and operation.path.fullmatch(recorded.path):
                return operation
        return None


@cache
def _operations(name: str) -> tuple[_Operation, ...]:
    document = _load(name)
    prefix = "" if next(iter(document["paths"])).startswith("/rest/") else "/rest"
    return tuple(
        _Operation(document, name, prefix + path, _pattern(prefix + path), method, spec)
        for path, methods in document["paths"].items()
        for method, spec in methods.items()
        if method in {"get", "put", "post", "delete"}
    )


def _load(name: str) -> dict[str, Any]:
    directory = os.environ.get("OPENAPI_DOCUMENTS")
    if not directory:
        pytest.skip("OPENAPI_DOCUMENTS names no directory with the vendors' OpenAPI documents")
    path = Path(directory) / f"{name}.json.gz"
    if not path.exists():
        pytest.skip(f"OPENAPI_DOCUMENTS has no {path.name}")
    document: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    for target, schema in FIXES.get(name, {}).items():
        bean, _, member = target.partition(".")
        document["components"]["schemas"][bean].get("properties", {})[member] = schema
    return document


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{[^/]+?\\}", "[^/]+", re.escape(template)))


def _request_problems(operation: _Operation, recorded: Recorded) -> list[str]:
    parameters = {each["name"] for each in operation.spec.get("parameters", []) if each.get("in") == "query"}
    found = [f"parameter {name} is not declared" for name, _ in recorded.query if name not in parameters]
    content = operation.spec.get("requestBody", {}).get("content", {})
    if content and recorded.method != "GET":
        schema = content.get("application/json", {}).get("schema", {})
        # A property's value is declared as text that holds JSON; what is sent is the JSON itself.
        found += _errors(operation, {} if schema.get("format") == "json" else schema, recorded.body)
    return found


def _answer_problems(operation: _Operation, recorded: Recorded) -> list[str]:
    declared = operation.spec["responses"].get(str(recorded.status))
    if declared is None and recorded.status not in UNDECLARED:
        return ["the status is not declared"]
    schema = (declared or {}).get("content", {}).get("application/json", {}).get("schema", {})
    if recorded.status >= 400:
        return _error_problems(operation, schema, recorded.answer)
    if not recorded.answer:
        return ["a body was expected"] if schema and recorded.method != "PUT" else []
    if (operation.name, operation.template) in LISTS:
        schema = {"type": "array", "items": schema}
    return _errors(operation, schema, recorded.answer)


def _error_problems(operation: _Operation, schema: Mapping[str, Any], answer: bytes) -> list[str]:
    """Errors may come without a body or as a page; if they are JSON, they have the documented form."""
    if not answer.startswith(b"{"):
        return []
    schemas = operation.document["components"]["schemas"]
    usual = next((name for name in ("ErrorResponse", "ErrorCollection") if name in schemas), None)
    if not schema and usual:
        schema = {"$ref": f"#/components/schemas/{usual}"}
    return _errors(operation, schema, answer)


def _errors(operation: _Operation, schema: Mapping[str, Any], content: bytes) -> list[str]:
    try:
        value = json.loads(content)
    except ValueError:
        return ["the body is no JSON"]
    whole = {"allOf": [schema], "components": operation.document["components"]}
    errors = OAS30Validator(whole).iter_errors(_without_null(value))
    return [f"{'/'.join(str(part) for part in error.absolute_path)}: {error.message[:200]}" for error in errors]


def _without_null(value: Any) -> Any:
    """The documents never say that something may be null; there, null and absent are the same."""
    if isinstance(value, dict):
        return {name: _without_null(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_null(each) for each in value]
    return value
