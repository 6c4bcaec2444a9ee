"""Requests to one ServiceNow instance: signing in, and reading what comes back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from hub import AccessTokens, Context, Unexpected
from hub_servicenow import answers
from hub_servicenow.config import ServiceNowConfig

if TYPE_CHECKING:
    import httpx

Row = dict[str, str]
"""A record: column to database value, "" when empty. Dates are "YYYY-MM-DD HH:MM:SS" in UTC."""
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of a table."""

    records: list[Row]
    total: int
    """How many rows the query finds, also those that the account may not see."""
    at: datetime
    """When the instance answered, by its own clock."""


class ServiceNowClient:
    """Speaks to one instance with one account.

    Every method raises one of the `hub.RemoteError`s, and `answers.Forbidden`, an `AuthFailed`, for 403.
    """

    def __init__(self, config: ServiceNowConfig, context: Context) -> None:
        self._config = config
        self._context = context
        oauth = config.oauth
        self._tokens = AccessTokens(context, f"{config.url}/oauth_token.do", oauth.to_grant()) if oauth else None

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        once: bool = False,
        accept: Collection[int] = (),
    ) -> httpx.Response:
        """Send one request and return an answer of success that is JSON or empty, or one that `accept` names.

        :param path: below the instance, such as "api/now/table/incident".
        :param once: the request must not be carried out twice.
        :raises Unexpected: a login page, a hibernating instance, or something else that is not data.
        :raises OutcomeUnknown: with `once`, nobody can say whether it was carried out.
        """
        token = await self._tokens.get() if self._tokens else None
        response = await self._send(method, path, params, json, token, once=once, accept=accept)
        if response.status_code == 401 and self._tokens and token is not None:
            token = await self._tokens.renew(token)
            response = await self._send(method, path, params, json, token, once=once, accept=accept)
        if response.status_code in accept:
            return response
        if response.status_code in answers.REFUSALS:
            raise answers.refusal(response)
        answers.check_readable(response, once=once)
        return response

    async def rows(
        self,
        table: str,
        *,
        query: str,
        fields: Sequence[str],
        limit: int,
        offset: int = 0,
        required: Sequence[str] = ("sys_id",),
    ) -> Rows:
        """Read one page of a table. It may be short, or even empty, though more rows follow: see `Rows.total`.

        :param required: fields that no row may lack, so that nothing is worked on half-seen.
        """
        params = {
            "sysparm_query": query,
            "sysparm_fields": ",".join(fields),
            "sysparm_display_value": "false",
            "sysparm_exclude_reference_link": "true",
            "sysparm_limit": str(limit),
            "sysparm_offset": str(offset),
        }
        response = await self.request("GET", f"api/now/table/{table}", params=params)
        result = _result(answers.parsed(response, once=False), list, table)
        records = [_row(item, table) for item in result]
        for record in records:
            missing = [name for name in required if not record.get(name)]
            if missing:
                raise Unexpected(
                    f"a row of {table} came without {', '.join(missing)}; may the account read this field?"
                )
        return Rows(records, _total(response, table), self._server_time(response))

    async def record(self, table: str, sys_id: str, fields: Sequence[str]) -> Row | None:
        """Read one record; None when the instance says that it is gone or hidden.

        :raises Unexpected: a 404 that does not come from the Table API.
        """
        params = _one_record(fields)
        response = await self.request("GET", f"api/now/table/{table}/{sys_id}", params=params, accept=(_NOT_FOUND,))
        if response.status_code == _NOT_FOUND:
            if answers.is_gone(response):
                return None
            raise Unexpected(
                f"a record of {table} was answered with 404, but not as the Table API says that it is gone"
            )
        return _row(_result(answers.parsed(response, once=False), dict, table), table)

    async def patch(self, table: str, sys_id: str, body: Mapping[str, str], fields: Sequence[str]) -> Row:
        """Change columns of one record, once.

        :returns: the named fields as they are afterwards. Columns that do not exist, or are write-protected, are not
            changed, and no error says so. Journal fields read "".
        :raises Rejected: with reason "http_404" when the record is gone or hidden.
        :raises answers.Forbidden: an access rule or a business rule refused.
        """
        path = f"api/now/table/{table}/{sys_id}"
        response = await self.request("PATCH", path, params=_one_record(fields), json=dict(body), once=True)
        return _row(_result(answers.parsed(response, once=True), dict, table), table)

    async def post(self, path: str, body: Mapping[str, str], *, params: Mapping[str, str] | None = None) -> Any:
        """Send a new record, once.

        :returns: the parsed body; None when it is empty, as it is where the account may not read what it wrote.
        """
        response = await self.request("POST", path, params=params, json=dict(body), once=True)
        return answers.parsed(response, once=True)

    async def count(self, table: str, query: str) -> int:
        """How many rows a query finds, also those that the account may not see."""
        params = {"sysparm_query": query, "sysparm_count": "true"}
        response = await self.request("GET", f"api/now/stats/{table}", params=params)
        result = _result(answers.parsed(response, once=False), dict, table)
        stats = result.get("stats")
        number = stats.get("count") if isinstance(stats, dict) else None
        if not isinstance(number, str | int) or not str(number).isdecimal():
            raise Unexpected(f"the count of {table} came without a number")
        return int(number)

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        json: Any,
        token: str | None,
        *,
        once: bool,
        accept: Collection[int],
    ) -> httpx.Response:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        config = self._config
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if config.api_key is not None:
            headers["x-sn-apikey"] = config.api_key.get_secret_value()
        return await self._context.http.request(
            method,
            f"{config.url}/{path}",
            params=params,
            headers=headers,
            json=json,
            auth=(config.username, config.password.get_secret_value()) if config.password else None,
            once=once,
            accept=(*answers.REFUSALS, *accept),
        )

    def _server_time(self, response: httpx.Response) -> datetime:
        try:
            moment = parsedate_to_datetime(response.headers["date"])
        except (KeyError, ValueError):
            return self._context.clock.now()
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _one_record(fields: Sequence[str]) -> dict[str, str]:
    return {
        "sysparm_fields": ",".join(fields),
        "sysparm_display_value": "false",
        "sysparm_exclude_reference_link": "true",
    }


def _result(body: Any, kind: type, table: str) -> Any:
    result = body.get("result") if isinstance(body, dict) else None
    if not isinstance(result, kind):
        raise Unexpected(f"the answer about {table} is JSON, but has no 'result' as the Table API gives it")
    return result


def _row(item: Any, table: str) -> Row:
    if not isinstance(item, dict):
        raise Unexpected(f"a row of {table} is not an object")
    return {name: _value(value, name, table) for name, value in item.items()}


def _value(value: Any, name: str, table: str) -> str:
    """A database value. References may come as objects, though the request asks for ids alone."""
    if isinstance(value, dict):
        value = value.get("value")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unexpected(f"the field {name!r} of a row of {table} is not text")
    return value


def _total(response: httpx.Response, table: str) -> int:
    stated = response.headers.get("x-total-count", "")
    if not (stated.isascii() and stated.isdecimal()):
        raise Unexpected(f"the answer about {table} has no header X-Total-Count; does a proxy take it away?")
    return int(stated)
