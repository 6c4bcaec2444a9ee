"""Who calls: API tokens, scoped tokens, OAuth with rotating refresh tokens, personal access tokens, Basic."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from starlette.responses import Response

from sandbox.jira.model import User
from sandbox.jira.wire import Call, Problem, reply

if TYPE_CHECKING:
    from sandbox.jira.state import JiraSite

SCOPES = (
    "read:jira-work", "write:jira-work", "read:jira-user", "manage:jira-webhook", "read:servicedesk-request",
    "write:servicedesk-request", "manage:servicedesk-customer", "offline_access",
)  # fmt: skip
CAPTCHA_AFTER = 3


@dataclass(slots=True)
class Token:
    """A secret that signs a person in.

    `scoped` tokens and OAuth access tokens work on the API gateway (`/ex/jira/{cloudId}`) only.
    """

    user: User
    scopes: frozenset[str] | None = None
    scoped: bool = False
    bearer: bool = False
    expires: datetime | None = None


@dataclass(slots=True)
class OAuthClient:
    """An OAuth app that was granted access by a person. `grants` counts the tokens handed out so far."""

    client_id: str
    client_secret: str
    user: User
    refresh_token: str
    scopes: tuple[str, ...] = SCOPES
    grants: int = 0


@dataclass(slots=True)
class Auth:
    """The credentials of a site."""

    site: JiraSite
    token_life: timedelta = timedelta(hours=1)
    lapse_to_anonymous: bool = False
    """Whether refused credentials count as none, so that search answers 200 with nothing in it."""
    tells_of_lapses: bool = True
    """Whether such answers say so in X-Seraph-LoginReason; a proxy may take that away."""
    clients: list[OAuthClient] = field(default_factory=list)
    _tokens: dict[str, Token] = field(default_factory=dict)
    _failures: dict[str, int] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def add_token(self, user: User, secret: str, *, scoped: bool = False, scopes: frozenset[str] | None = None) -> None:
        """Give a person an API token (Cloud) or a personal access token or password (Data Center)."""
        self._tokens[secret] = Token(user, scopes, scoped)

    def revoke(self, secret: str) -> None:
        """End a token."""
        del self._tokens[secret]

    def add_client(self, user: User, client_id: str = "client-1", client_secret: str = "client-secret") -> OAuthClient:
        """Let a person grant an OAuth app access; its `refresh_token` is what the app starts with."""
        self.clients.append(OAuthClient(client_id, client_secret, user, f"refresh-{next(self._numbers)}"))
        return self.clients[-1]

    def identify(self, call: Call, *, on_gateway: bool) -> None:
        """Set the call's user; an anonymous call has none.

        :raises Problem: the credentials are wrong.
        """
        header = call.headers.get("authorization", "")
        if not header:
            return
        scheme, _, value = header.partition(" ")
        try:
            token = self._basic(value) if scheme.lower() == "basic" else self._bearer(value)
            self._admit(token, call, on_gateway=on_gateway)
        except Problem:
            if not self.lapse_to_anonymous:
                raise
            call.lapsed = True

    def _admit(self, token: Token, call: Call, *, on_gateway: bool) -> None:
        if self.site.kind == "cloud" and not on_gateway and (token.scoped or token.bearer):
            raise _refused()
        if token.expires and token.expires <= self.site.now:
            raise _refused()
        needed = _needed_scope(call)
        if token.scopes is not None and needed and needed not in token.scopes:
            body = b'{"code":401,"message":"Unauthorized; scope does not match"}'
            raise Problem(401, body=body, headers={"content-type": "application/json"})
        call.user, call.is_app = token.user, token.bearer

    def _basic(self, value: str) -> Token:
        try:
            name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _refused() from None
        if self.site.kind == "dc" and self._failures.get(name, 0) >= CAPTCHA_AFTER:
            reason = f"CAPTCHA_CHALLENGE; login-url={self.site.url}/login.jsp"
            headers = {"X-Authentication-Denied-Reason": reason, "X-Seraph-LoginReason": "AUTHENTICATION_DENIED"}
            raise Problem(403, body=_page("Forbidden (403)"), headers=headers)
        token = self._tokens.get(secret)
        if token is None or token.bearer or name not in {token.user.email, token.user.login}:
            self._failures[name] = self._failures.get(name, 0) + 1
            raise _refused()
        self._failures.pop(name, None)
        return token

    def _bearer(self, value: str) -> Token:
        token = self._tokens.get(value)
        if token is None or (self.site.kind == "cloud" and not token.bearer):
            raise _refused()
        return token

    def grant(self, call: Call) -> Response:
        """`POST /oauth/token`: a new access token for a refresh token, which dies and is replaced."""
        given = call.members()
        client = next((each for each in self.clients if each.client_id == given.get("client_id")), None)
        if client is None or given.get("client_secret") != client.client_secret:
            return reply({"error": "access_denied", "error_description": "Unauthorized"}, 401)
        if given.get("grant_type") != "refresh_token":
            return reply({"error": "unsupported_grant_type", "error_description": "Unsupported grant type"}, 400)
        if given.get("refresh_token") != client.refresh_token:
            text = "Unknown or invalid refresh token."
            return reply({"error": "invalid_grant", "error_description": text}, 403)
        client.grants += 1
        client.refresh_token = f"refresh-{next(self._numbers)}"
        access = f"access-{next(self._numbers)}"
        expires = self.site.now + self.token_life
        self._tokens[access] = Token(client.user, frozenset(client.scopes), bearer=True, expires=expires)
        return reply(
            {
                "access_token": access,
                "refresh_token": client.refresh_token,
                "expires_in": round(self.token_life.total_seconds()),
                "token_type": "Bearer",
                "scope": " ".join(client.scopes),
            }
        )

    def resources(self, call: Call) -> Response:
        """`GET /oauth/token/accessible-resources`: the sites that an access token opens."""
        token = self._tokens.get(call.headers.get("authorization", "").removeprefix("Bearer "))
        if token is None or not token.bearer or (token.expires and token.expires <= self.site.now):
            return reply({"code": 401, "message": "Unauthorized"}, 401)
        scopes = sorted(token.scopes or ())
        site = {"id": self.site.cloud_id, "name": "acme", "url": self.site.base_url, "scopes": scopes, "avatarUrl": ""}
        return reply([site])


_SCOPE_RULES: tuple[tuple[Callable[[Call], bool], str], ...] = (
    (lambda call: call.path.endswith(("/serverInfo", "/info")), ""),
    (lambda call: call.path.endswith("/customer"), "manage:servicedesk-customer"),
    (lambda call: "/servicedeskapi/" in call.path, "{verb}:servicedesk-request"),
    (lambda call: call.path.endswith(("/myself", "/user")), "read:jira-user"),
    (lambda call: "/webhook" in call.path, "manage:jira-webhook"),
    (lambda call: call.path.endswith(("/search/jql", "/search/approximate-count", "/bulkfetch")), "read:jira-work"),
    (lambda call: True, "{verb}:jira-work"),
)


def _needed_scope(call: Call) -> str:
    scope = next(scope for applies, scope in _SCOPE_RULES if applies(call))
    return scope.format(verb="read" if call.method in {"GET", "HEAD"} else "write")


def _refused() -> Problem:
    headers = {"WWW-Authenticate": 'OAuth realm="https%3A%2F%2Facme"', "X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
    return Problem(401, body=b"Client must be authenticated to access this resource.", headers=headers)


def _page(title: str) -> bytes:
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>".encode()
