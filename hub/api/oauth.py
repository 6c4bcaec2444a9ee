"""OAuth 2.0 access tokens that renew themselves (RFC 6749)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import SecretStr

from hub.api.component import Context
from hub.api.errors import AuthFailed, Unexpected

_EARLY = timedelta(seconds=60)  # a token must not end while the request is on its way
_WHEN_UNSTATED = timedelta(minutes=5)
_LONGEST = timedelta(days=1)
_REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a name
_ACCESS_TOKEN = "access_token"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """How access tokens are got from the token endpoint (RFC 6749, 4.3, 4.4 and 6)."""

    kind: Literal["client_credentials", "password", "refresh_token"]
    client_id: str
    client_secret: SecretStr
    username: str = ""
    password: SecretStr | None = None
    refresh_token: SecretStr | None = None
    """The first one, for the kind "refresh_token"; those that replace it are kept in the vault."""
    as_json: bool = False
    """Whether the endpoint takes JSON instead of a form, as Atlassian's does."""


class AccessTokens:
    """The access token of one account. Make one when the component is created, and ask it for each request.

    When the service replaces the refresh token with each use, the new one is in the vault before the access token is
    used: a hub that is killed in between can still sign in. Such tokens are renewed by one worker at a time, and the
    others take what it got.

    :param url: the token endpoint.
    """

    def __init__(self, context: Context, url: str, grant: Grant) -> None:
        self._context = context
        self._url = url
        self._grant = grant
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._until: datetime | None = None
        self._refresh: str | None = None
        self._unsaved: str | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def get(self) -> str:
        """A token that is valid for a minute or more.

        :raises AuthFailed: the service gives none for these credentials.
        """
        async with self._lock:
            if self._token is None or self._until is None or self._context.clock.now() >= self._until - _EARLY:
                await self._renew_to_the_end()
            assert self._token is not None
            return self._token

    async def renew(self, refused: str) -> str:
        """Another token, after the service refused this one. Calls that meet share one renewal.

        :raises AuthFailed: the service gives none for these credentials.
        """
        async with self._lock:
            if self._token == refused:
                await self._renew_to_the_end()
            assert self._token is not None
            return self._token

    async def _renew_to_the_end(self) -> None:
        """Renew, also when the caller gives up meanwhile: the service may have replaced the refresh token by then."""
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew())
            self._renewing.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._renewing)

    async def _renew(self) -> None:
        if self._grant.kind == _REFRESH_TOKEN:
            async with self._context.vault.locked(_REFRESH_TOKEN):
                await self._renew_for_all_workers()
        else:
            await self._renew_for_this_one()

    async def _renew_for_all_workers(self) -> None:
        if self._unsaved is not None:
            await self._save(self._unsaved)
        elif await self._take_from_another_worker():
            return
        kept = await self._load(_REFRESH_TOKEN)
        refresh = kept or _value(self._grant.refresh_token)
        answer = await self._ask({"grant_type": _REFRESH_TOKEN, "refresh_token": refresh})
        if answer is None and (newer := await self._load(_REFRESH_TOKEN)) not in {None, refresh}:
            # where nothing can be locked, another process may have used it a moment ago
            answer = await self._ask({"grant_type": _REFRESH_TOKEN, "refresh_token": str(newer)})
        if answer is None:
            raise AuthFailed("the OAuth refresh token was refused: authorise the hub again and put in the new one")
        if next_one := _refresh_token_of(answer):
            await self._save(next_one)
        self._take(answer)
        await self._give_to_other_workers()

    async def _renew_for_this_one(self) -> None:
        answer = None
        if self._refresh is not None:
            answer = await self._ask({"grant_type": _REFRESH_TOKEN, "refresh_token": self._refresh})
        if answer is None:
            self._refresh = None
            answer = await self._ask(self._first_request())
        if answer is None:
            raise AuthFailed("the OAuth token endpoint refused the credentials")
        self._take(answer)
        self._refresh = _refresh_token_of(answer) or self._refresh

    async def _take_from_another_worker(self) -> bool:
        try:
            token, until = json.loads(await self._load(_ACCESS_TOKEN) or "[]")
            left = datetime.fromisoformat(until) - self._context.clock.now()
        except (ValueError, TypeError):
            return False
        if token == self._token or not _EARLY < left <= _LONGEST:
            return False
        self._token, self._until = token, self._context.clock.now() + left
        return True

    async def _give_to_other_workers(self) -> None:
        assert self._until is not None
        value = json.dumps([self._token, self._until.isoformat()])
        await self._context.vault.save(_ACCESS_TOKEN, value, key=self._vault_key)

    async def _load(self, name: str) -> str | None:
        return await self._context.vault.load(name, key=self._vault_key)

    def _first_request(self) -> dict[str, str]:
        if self._grant.kind == "password":
            return {
                "grant_type": "password",
                "username": self._grant.username,
                "password": _value(self._grant.password),
            }
        return {"grant_type": self._grant.kind}

    async def _ask(self, what: dict[str, str]) -> Mapping[str, Any] | None:
        """The endpoint's answer; None when it refuses the credentials (RFC 6749, 5.2)."""
        secret = self._grant.client_secret.get_secret_value()
        form = {**what, "client_id": self._grant.client_id, "client_secret": secret}
        as_json = self._grant.as_json
        response = await self._context.http.request(
            "POST",
            self._url,
            headers={"Accept": "application/json"},
            json=form if as_json else None,
            data=None if as_json else form,
            accept=(400, 401, 403),
        )
        if response.status_code >= 400:
            return None
        try:
            answer = response.json()
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
            raise Unexpected("the OAuth token endpoint did not answer with a token")
        return answer

    def _take(self, answer: Mapping[str, Any]) -> None:
        self._token = answer["access_token"]
        self._until = self._context.clock.now() + _lifetime(answer.get("expires_in"))

    async def _save(self, refresh: str) -> None:
        self._unsaved = refresh  # when the store fails, the next renewal tries again
        await self._context.vault.save(_REFRESH_TOKEN, refresh, key=self._vault_key)
        self._unsaved = None

    @property
    def _vault_key(self) -> str:
        return f"{_value(self._grant.client_secret)} {_value(self._grant.refresh_token)}"


def _value(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""


def _refresh_token_of(answer: Mapping[str, Any]) -> str | None:
    token = answer.get(_REFRESH_TOKEN)
    return token if isinstance(token, str) and token else None


def _lifetime(stated: object) -> timedelta:
    try:
        seconds = float(str(stated))
    except ValueError:
        return _WHEN_UNSTATED
    return timedelta(seconds=min(max(seconds, 0), _LONGEST.total_seconds())) if seconds == seconds else _WHEN_UNSTATED  # noqa: PLR0124
