"""One API call on its way through the site: what came in, and how a refusal goes out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, QueryParams
from starlette.responses import Response

from sandbox.jira.model import Issue, User

if TYPE_CHECKING:
    from sandbox.jira.state import JiraSite

NO_ISSUE = "Issue does not exist or you do not have permission to see it."


class Problem(Exception):
    """A request that Jira refuses.

    :param errors: messages by field.
    :param body: the exact body, when it is not the usual error document.
    """

    def __init__(
        self,
        status: int,
        *messages: str,
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> None:
        super().__init__(status, *messages)
        self.status = status
        self.messages = list(messages)
        self.errors = dict(errors or {})
        self.headers = dict(headers or {})
        self.body = body

    def response(self, *, portal: bool) -> Response:
        """The answer; Service Management has an error document of its own."""
        if self.body is not None:
            return Response(self.body, self.status, {"content-type": "text/html;charset=UTF-8"} | self.headers)
        document: dict[str, Any] = {"errorMessages": self.messages, "errors": self.errors}
        if portal:
            message = " ".join([*self.messages, *self.errors.values()])
            key = f"sd.rest.error.{self.status}"
            document = {"errorMessage": message, "i18nErrorMessage": {"i18nKey": key, "parameters": []}}
        return reply(document, self.status, self.headers)


@dataclass(slots=True)
class Call:
    """A request with everything an endpoint needs.

    `user` is None for an anonymous caller. `version` is the platform API's, "2" or "3".
    """

    site: JiraSite
    method: str
    path: str
    query: QueryParams
    headers: Headers
    body: bytes
    user: User | None = None
    is_app: bool = False
    lapsed: bool = False
    """The credentials were refused, and the call goes on as an anonymous one."""
    version: str = "2"
    params: dict[str, str] = field(default_factory=dict)

    @property
    def caller(self) -> User:
        """Who calls.

        :raises Problem: nobody does.
        """
        if self.user is None:
            raise Problem(401, "You are not authenticated. Authentication required to perform this operation.")
        return self.user

    @property
    def root(self) -> str:
        """The URL under which this version of the platform API answers."""
        return f"{self.site.url}/rest/api/{self.version}"

    def json(self) -> Any:
        """The body.

        :raises Problem: it is no JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            raise Problem(400, "Invalid request payload. Refer to the REST API documentation and try again.") from None

    def members(self, *known: str) -> dict[str, Any]:
        """The body's members that are not null. With `known`, any other one is refused."""
        document = self.json()
        if not isinstance(document, dict):
            raise Problem(400, "Invalid request payload. Refer to the REST API documentation and try again.")
        given = {name: value for name, value in document.items() if value is not None}
        if known and not given.keys() <= set(known):
            raise Problem(400, "Invalid request payload. Refer to the REST API documentation and try again.")
        return given

    def many(self, name: str) -> list[str]:
        """A query parameter that may repeat or hold a comma-separated list."""
        return split(self.query.getlist(name))

    def number(self, name: str, default: int) -> int:
        """A whole number from the query."""
        try:
            return max(0, int(self.query.get(name, default)))
        except ValueError:
            raise Problem(400, f"The value of '{name}' is not a number.") from None

    def flag(self, name: str, *, default: bool) -> bool:
        """A truth value from the query."""
        return self.query.get(name, str(default)).lower() == "true"

    def issue(self) -> Issue:
        """The issue that the path names by id or key.

        :raises Problem: there is none, or the caller may not see it.
        """
        found = self.site.issues.find(self.params["issue"]) if self.user else None
        if found is None:
            raise Problem(404, NO_ISSUE)
        return found

    def editable_issue(self) -> Issue:
        """The issue that the path names, when the caller may edit it now.

        :raises Problem: the caller or the issue's status does not allow it.
        """
        issue = self.issue()
        if not self.caller.can_edit_issues:
            raise Problem(403, f"You do not have the permission to edit issue {issue.key}.")
        return issue


Handler = Callable[[Call], Response]
Routes = list[tuple[str, str, Handler]]
"""Methods, path and what answers. `{version}` in a path is the platform API's."""


def split(values: list[str]) -> list[str]:
    """Comma-separated lists as one list."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def reply(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer as Jira labels it."""
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, {"content-type": "application/json;charset=UTF-8"} | dict(headers or {}))


def empty(status: int) -> Response:
    """An answer without a body."""
    return Response(b"", status)
