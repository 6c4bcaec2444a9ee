"""The HTTP side of the account: `/2010-04-01` as api.twilio.com has it, `/v1/Services` as messaging.twilio.com has."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.twilio import site as sites
from sandbox.twilio.site import Refused, Text

if TYPE_CHECKING:
    from sandbox.twilio.site import TwilioSite

Handler = Callable[[Request], Awaitable[Any]]
LONGEST_PAGE = 1000


def make_app(site: TwilioSite) -> Starlette:
    """The server of an account."""
    api = _Api(site)
    account = "/2010-04-01/Accounts/{account}"
    return Starlette(
        routes=[
            Route(f"{account}/Messages.json", api.answer(api.create, 201), methods=["POST"]),
            Route(f"{account}/Messages.json", api.answer(api.list)),
            Route(f"{account}/Messages/{{sid}}.json", api.answer(api.fetch)),
            Route(f"{account}/IncomingPhoneNumbers.json", api.answer(api.numbers)),
            Route("/v1/Services/{service}", api.answer(api.service)),
            Route("/v1/Services/{service}/PhoneNumbers", api.answer(api.service_numbers)),
        ]
    )


class _Api:
    """The endpoints."""

    def __init__(self, site: TwilioSite) -> None:
        self._site = site
        self._under_way = 0

    def answer(self, handler: Handler, status: int = 200) -> Handler:
        """What every request goes through: how many there are, who asks, and the form of a refusal."""

        async def handle(request: Request) -> Response:
            self._under_way += 1
            try:
                return self._dated(JSONResponse(await self._judged(handler, request), status))
            except Refused as refused:
                more = f"https://www.twilio.com/docs/errors/{refused.code}"
                problem = {"code": refused.code, "message": refused.message, "more_info": more}
                return self._dated(JSONResponse(problem | {"status": refused.status}, refused.status))
            finally:
                self._under_way -= 1

        return handle

    async def _judged(self, handler: Handler, request: Request) -> Any:
        most = self._site.requests_at_once
        if most is not None and self._under_way > most:
            raise Refused(429, 20429, "Too Many Requests")
        if _login(request) not in self._site.logins:
            raise Refused(401, 20003, "Authenticate")
        if request.path_params.get("account", sites.ACCOUNT) != sites.ACCOUNT:
            raise Refused(404, 20404, f"The requested resource {request.url.path} was not found")
        if request.path_params.get("service", sites.SERVICE) != sites.SERVICE:
            raise Refused(404, 20404, f"The requested resource {request.url.path} was not found")
        return await handler(request)

    def _dated(self, response: Response) -> Response:
        response.headers["date"] = format_datetime(self._site.clock().replace(microsecond=0), usegmt=True)
        return response

    async def create(self, request: Request) -> dict[str, Any]:
        """Take a message."""
        form = await request.form()
        text = self._site.create({name: str(value) for name, value in form.items()})
        return text.document(sites.ACCOUNT)

    async def fetch(self, request: Request) -> dict[str, Any]:
        """Show a message."""
        return self._site.find(request.path_params["sid"]).document(sites.ACCOUNT)

    async def list(self, request: Request) -> dict[str, Any]:
        """Show messages, newest first."""
        query = dict(request.query_params)
        size = min(int(query.get("PageSize", 50)), LONGEST_PAGE)
        page = int(query.get("Page", 0))
        found = [text for text in self._newest_first() if _fits(text, query)]
        start = page * size
        uri = request.url.path

        def at(number: int) -> str:
            rest = {name: value for name, value in query.items() if name not in {"Page", "PageSize", "PageToken"}}
            token = {"PageToken": f"PASM{start:032x}"} if number else {}
            return f"{uri}?{urlencode(rest | {'PageSize': size, 'Page': number} | token)}"

        return {
            "end": start + len(found[start : start + size]) - 1,
            "first_page_uri": at(0),
            "messages": [text.document(sites.ACCOUNT) for text in found[start : start + size]],
            "next_page_uri": at(page + 1) if len(found) > start + size else None,
            "page": page,
            "page_size": size,
            "previous_page_uri": at(page - 1) if page else None,
            "start": start,
            "uri": at(page),
        }

    def _newest_first(self) -> list[Text]:
        # Those that have not been sent have no date to be sorted by.
        order = {id(text): number for number, text in enumerate(self._site.texts)}
        return sorted(self._site.texts, key=lambda text: (text.sent or text.created, order[id(text)]), reverse=True)

    async def numbers(self, request: Request) -> dict[str, Any]:
        """Show the account's numbers."""
        wanted = request.query_params.get("PhoneNumber", "")
        own = sorted(number for number in self._site.senders if number.startswith("+") and wanted in number)
        return {"incoming_phone_numbers": [self._number(number) for number in own], "next_page_uri": None, "page": 0}

    async def service(self, request: Request) -> dict[str, Any]:
        """Show the Messaging Service."""
        return {
            "sid": sites.SERVICE,
            "account_sid": sites.ACCOUNT,
            "friendly_name": "Surveys",
            "inbound_request_url": self._site.inbound_url or None,
            "inbound_method": "POST",
            "use_inbound_webhook_on_number": False,
            "status_callback": None,
        }

    async def service_numbers(self, request: Request) -> dict[str, Any]:
        """Show the numbers of the Messaging Service."""
        rows = [{"phone_number": number, "service_sid": sites.SERVICE} for number in sorted(self._site.senders)]
        return {"phone_numbers": rows, "meta": {"key": "phone_numbers", "next_page_url": None}}

    def _number(self, number: str) -> dict[str, Any]:
        return {
            "sid": "PN" + "d4" * 16,
            "account_sid": sites.ACCOUNT,
            "phone_number": number,
            "capabilities": {"voice": False, "sms": True, "mms": False, "fax": False},
            "sms_url": self._site.inbound_url,
            "sms_method": "POST",
        }


def _fits(text: Text, query: dict[str, str]) -> bool:
    """Whether a message is in a list. What has not been sent has no date, and is in no list by date."""
    if query.get("To", text.recipient) != text.recipient or query.get("From", text.sender) != text.sender:
        return False
    for name, holds in (
        ("DateSent", lambda day: text.sent and day <= text.sent < day + timedelta(days=1)),
        ("DateSent>", lambda day: text.sent and text.sent >= day),
        ("DateSent<", lambda day: text.sent and text.sent < day + timedelta(days=1)),
    ):
        if name in query and not holds(_moment(query[name])):
            return False
    return True


def _moment(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value if "T" in value else f"{value}T00:00:00+00:00")
    except ValueError:
        raise Refused(400, 20001, f"Invalid date value: {value}") from None


def _login(request: Request) -> tuple[str, str]:
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return "", ""
    user, _, password = base64.b64decode(encoded).decode().partition(":")
    return user, password
