"""Twilio's REST API, version 2010-04-01, over HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from hub import AuthFailed, Context, Unexpected
from hub_twilio.config import TwilioConfig

if TYPE_CHECKING:
    import httpx

VERSION = "2010-04-01"
REFUSALS = (400, 401, 403, 404)
"""Statuses that come with a code of Twilio's own."""
PAGE_SIZE = 1000
"""The most that Twilio gives at once."""
INBOUND = "inbound"
MESSAGE_SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered; an empty document when it is none."""

    status: int
    document: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """A message as Twilio keeps it, in either direction."""

    sid: str
    direction: str
    """`INBOUND`, or one of several words that begin with "outbound"."""
    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    body: str = field(repr=False)
    status: str
    error_code: str | None
    service_sid: str | None
    created_at: datetime
    dated_at: datetime
    """When it was sent or received; when it was created, for one that waits to be sent."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list of messages, newest first."""

    messages: Sequence[Listed]
    now: datetime
    """Twilio's own time when it answered."""
    next_uri: str | None


class Api:
    """Calls Twilio with the gateway's settings."""

    def __init__(self, config: TwilioConfig, context: Context) -> None:
        self._config = config
        self._context = context
        self._url = str(config.url).rstrip("/")
        self._account = f"/{VERSION}/Accounts/{config.account_sid}"

    async def create(self, fields: Mapping[str, str]) -> Answer:
        """Hand over one message.

        :raises RemoteError: what the lent client raises for a request that must not be carried out twice.
        """
        response = await self._context.http.request(
            "POST",
            f"{self._url}{self._account}/Messages.json",
            data=fields,
            auth=self._config.login,
            once=True,
            accept=REFUSALS,
        )
        return Answer(response.status_code, _document(response))

    async def get(self, resource: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """Read a resource of the account, such as "IncomingPhoneNumbers.json".

        :raises RemoteError: it cannot be read.
        """
        return self._read(await self._get(f"{self._url}{self._account}/{resource}", query))

    async def get_service(self, resource: str) -> Mapping[str, Any]:
        """Read a resource of the Messaging Services, which have a host of their own.

        :raises RemoteError: it cannot be read.
        """
        url = re.sub(r"^(https?://)api\.", r"\1messaging.", self._url)
        return self._read(await self._get(f"{url}/v1/Services/{resource}", None))

    async def messages(self, query: Mapping[str, str]) -> AsyncIterator[Page]:
        """List messages, page by page.

        :raises RemoteError: the list cannot be read.
        """
        page = await self.first_messages(query)
        seen = set[str]()
        yield page
        while (uri := page.next_uri) is not None:
            if uri in seen:
                raise Unexpected("Twilio's list of messages leads back to itself")
            seen.add(uri)
            page = self._page(await self._get(f"{self._url}{uri}", None))
            yield page

    async def first_messages(self, query: Mapping[str, str]) -> Page:
        """The first page of a list of messages.

        :raises RemoteError: it cannot be read.
        """
        params = {"PageSize": str(PAGE_SIZE), **query}
        return self._page(await self._get(f"{self._url}{self._account}/Messages.json", params))

    async def _get(self, url: str, query: Mapping[str, str] | None) -> httpx.Response:
        return await self._context.http.request("GET", url, params=query, auth=self._config.login, accept=(404,))

    def _read(self, response: httpx.Response) -> Mapping[str, Any]:
        if response.status_code == 404:
            raise AuthFailed("Twilio has no such account, number or service; check account_sid, sender and url")
        if not (document := _document(response)):
            raise Unexpected("the address answered, but not as Twilio does; check url")
        return document

    def _page(self, response: httpx.Response) -> Page:
        document = self._read(response)
        rows, next_uri = document.get("messages"), document.get("next_page_uri")
        if not isinstance(rows, list) or not isinstance(next_uri, str | None):
            raise Unexpected("Twilio's list of messages is not one")
        if next_uri and not next_uri.startswith(f"{self._account}/Messages.json?"):
            raise Unexpected("Twilio's list of messages leads to another place")
        now = _time(response.headers.get("date")) or self._context.clock.now()
        return Page([_message(row) for row in rows], now, next_uri or None)


def _document(response: httpx.Response) -> Mapping[str, Any]:
    try:
        document = response.json()
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _message(row: Any) -> Listed:
    if not isinstance(row, dict) or not MESSAGE_SID.fullmatch(sid := str(row.get("sid"))):
        raise Unexpected("Twilio lists a message without a SID")
    created_at = _time(row.get("date_created"))
    dated_at = _time(row.get("date_sent")) or created_at
    if dated_at is None:
        raise Unexpected("Twilio lists a message without a time")
    code = row.get("error_code")
    return Listed(
        sid=sid,
        direction=str(row.get("direction")),
        sender=str(row.get("from") or ""),
        recipient=str(row.get("to") or ""),
        body=str(row.get("body") or ""),
        status=str(row.get("status")),
        error_code=None if code is None else str(code),
        service_sid=row.get("messaging_service_sid"),
        created_at=created_at or dated_at,
        dated_at=dated_at,
    )


def _time(value: object) -> datetime | None:
    """A time of RFC 2822, which Twilio writes in its documents and in the header Date."""
    try:
        return parsedate_to_datetime(str(value)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
