"""Signing in: Basic, API key, and OAuth with tokens that expire."""

from __future__ import annotations

import base64
import binascii
import secrets
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from hub import Clock
from sandbox.servicenow.access import Account
from sandbox.servicenow.exchange import Call, Reply, as_json

FORM = "application/x-www-form-urlencoded"


class SignIn:
    """Knows which requests come from the account, and hands out its tokens.

    Take a name out of `accepted` to see what the hub makes of an instance that refuses that way in.
    """

    def __init__(self, account: Account, clock: Clock) -> None:
        self.accepted = {"basic", "bearer", "api_key", "password", "client_credentials", "refresh_token"}
        self.lifetime = timedelta(seconds=1799)
        self.tokens_issued = 0
        self._account = account
        self._clock = clock
        self._access: dict[str, datetime] = {}
        self._refresh: set[str] = set()

    def expire_tokens(self) -> None:
        """Let every access token run out now."""
        self._access.clear()

    def revoke_refresh_tokens(self) -> None:
        """Let every refresh token run out now."""
        self._refresh.clear()

    def admits(self, call: Call) -> bool:
        """Whether a request is signed by the account."""
        if "x-sn-apikey" in call.headers:
            return "api_key" in self.accepted and call.headers["x-sn-apikey"] == self._account.api_key
        scheme, _, value = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return "bearer" in self.accepted and self._access.get(value, self._clock.now()) > self._clock.now()
        named = _basic(scheme, value)
        return "basic" in self.accepted and named == (self._account.username, self._account.password)

    def token(self, call: Call) -> Reply:
        """Answer `POST /oauth_token.do`."""
        if call.headers.get("content-type", "").partition(";")[0].strip() != FORM:
            return _refused("server_error", "access_denied")
        form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
        if not self._client_known(call, form):
            return _refused("server_error", "access_denied")
        grant = form.get("grant_type", "")
        if grant not in self.accepted & {"password", "client_credentials", "refresh_token"}:
            return _refused("unsupported_grant_type", "access_denied")
        if grant == "password" and self._password_is_right(form):
            return self._issue(refresh=True)
        if grant == "client_credentials":
            return self._issue()
        if grant == "refresh_token" and form.get("refresh_token") in self._refresh:
            return self._issue()
        return _refused("server_error", "access_denied")

    def _issue(self, *, refresh: bool = False) -> Reply:
        self.tokens_issued += 1
        access = secrets.token_urlsafe(64)
        self._access[access] = self._clock.now() + self.lifetime
        answer = {"access_token": access}
        if refresh:
            answer["refresh_token"] = secrets.token_urlsafe(64)
            self._refresh.add(answer["refresh_token"])
        seconds = {"expires_in": int(self.lifetime.total_seconds())}
        return as_json(answer | {"scope": "useraccount", "token_type": "Bearer"} | seconds)

    def _client_known(self, call: Call, form: dict[str, str]) -> bool:
        """Clients name themselves in the form or by Basic."""
        known = self._account.client_id, self._account.client_secret
        scheme, _, value = call.headers.get("authorization", "").partition(" ")
        return known in ((form.get("client_id"), form.get("client_secret")), _basic(scheme, value))

    def _password_is_right(self, form: dict[str, str]) -> bool:
        given = form.get("username"), form.get("password")
        return given == (self._account.username, self._account.password)


def _basic(scheme: str, value: str) -> tuple[str, str] | None:
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password


def _refused(error: str, description: str) -> Reply:
    return as_json({"error": error, "error_description": description}, 401)
