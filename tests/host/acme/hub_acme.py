"""A small plugin that keeps the contract: a desk with a feed of events, and a message service with webhooks."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field

from hub import (
    Capability,
    Channel,
    CheckResult,
    Cursor,
    Customer,
    DeliveryReport,
    DeliveryStatus,
    Experience,
    Gateway,
    GatewayType,
    HubError,
    Inbound,
    Message,
    Page,
    PluginConfig,
    Receipt,
    Rejected,
    Reply,
    Secret,
    Source,
    SourceType,
    Ticket,
    Unexpected,
    Webhook,
    WebhookRefused,
    hookimpl,
    tell_score,
    tell_words,
)

HUB_API = (1, 0)


class AcmeConfig(PluginConfig):
    url: str
    """Where the service is."""
    token: Secret
    """The hub's access token."""
    page_size: Annotated[int, Field(ge=1, le=100)] = 50
    """Events asked for at once."""


class AcmeClient:
    def __init__(self, config: AcmeConfig, http: Any) -> None:
        self._config = config
        self._http = http

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        token = self._config.token.get_secret_value()
        response = await self._http.request(
            method, f"{self._config.url}/{path}", headers={"authorization": f"Bearer {token}"}, **options
        )
        try:
            return response.status_code, json.loads(response.content)
        except ValueError:
            raise Unexpected("acme answered with something that is not JSON") from None

    async def news(self) -> None:
        _, start = await self.call("GET", "now")
        while (await self.call("GET", "now"))[1] == start:  # noqa: ASYNC110 - acme can only be asked
            await asyncio.sleep(0.01)

    async def check(self) -> list[CheckResult]:
        try:
            await self.call("GET", "now")
        except HubError as error:
            return [CheckResult("reach acme", ok=False, detail=f"{error}: check url and token")]
        return [CheckResult("reach acme", ok=True)]


class AcmeSource(Source[AcmeConfig]):
    def __init__(self, config: AcmeConfig, context: Any) -> None:
        super().__init__(config, context)
        self.client = AcmeClient(config, context.http)

    async def check(self) -> Sequence[CheckResult]:
        return await self.client.check()

    async def wait(self) -> None:
        await self.client.news()

    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        if cursor is None:
            _, now = await self.client.call("GET", "now")
            yield Page((), Cursor(str(now["number"])))
            return
        number = int(cursor)
        while True:
            query = {"after": str(number), "limit": str(self.config.page_size)}
            _, answer = await self.client.call("GET", "events", params=query)
            if not answer["events"]:
                return
            number = answer["events"][-1]["number"]
            yield self.page(answer["events"], number)

    def page(self, events: list[Any], number: int) -> Page:
        closed = tuple(self.ticket(event) for event in events if event["what"] == "closed")
        reopened = tuple(event["ticket"] for event in events if event["what"] in {"reopened", "customer"})
        return Page(closed, Cursor(str(number)), reopened)

    def ticket(self, event: Any) -> Ticket:
        return Ticket(
            id=event["ticket"],
            key=f"ACME-{event['ticket']}",
            closure_key=self.closure_key(event),
            closed_at=datetime.fromisoformat(event["at"]),
            subject=event["subject"],
            customer=Customer(name=event["name"], email=event["email"]),
        )

    def closure_key(self, event: Any) -> str:
        return str(event["number"])

    async def rewind(self, since: datetime) -> Cursor:
        number = 0
        while True:
            _, answer = await self.client.call("GET", "events", params={"after": str(number), "limit": "50"})
            for event in answer["events"]:
                if datetime.fromisoformat(event["at"]) >= since:
                    return Cursor(str(number))
                number = event["number"]
            if not answer["events"]:
                return Cursor(str(number))

    async def write_back(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        return [await self.write(item) for item in items]

    async def write(self, item: Experience) -> Receipt:
        path = f"tickets/{item.ticket.id}/notes"
        mark = f"{item.id}/{item.revision}"
        status, notes = await self.client.call("GET", path, accept={404})
        if status == 404:
            return Receipt(key=item.id, status=DeliveryStatus.REJECTED, reason="the ticket is gone")
        if mark not in {note["mark"] for note in notes}:
            scores = " ".join(tell_score(score) for score in item.scores)
            words = "\n".join(text for _, text in tell_words(item))
            note = {"mark": mark, "text": "withdrawn" if item.withdrawn else f"{scores} {words}"}
            await self.client.call("POST", path, json=note, once=True)
        return Receipt(key=item.id, status=DeliveryStatus.DELIVERED, reason="note")


class AcmeGateway(Gateway[AcmeConfig]):
    """Hears by webhook."""

    def __init__(self, config: AcmeConfig, context: Any) -> None:
        super().__init__(config, context)
        self.client = AcmeClient(config, context.http)

    async def check(self) -> Sequence[CheckResult]:
        return await self.client.check()

    async def send(self, message: Message) -> Receipt:
        body = {"to": message.recipient, "text": message.text, "mark": message.key}
        _, answer = await self.client.call("POST", "messages", json=body, once=True)
        if answer["status"] == "refused":
            raise Rejected("acme refused the address", reason="bad_number")
        return Receipt(key=message.key, status=DeliveryStatus.SENT, provider_id=answer["id"])

    async def receive(self, request: Webhook) -> Inbound:
        token = self.config.token.get_secret_value().encode()
        if not hmac.compare_digest(request.headers.get("x-acme", "").encode(), token):
            raise WebhookRefused("the webhook's secret is wrong")
        try:
            return inbound([json.loads(request.body)])
        except (ValueError, LookupError, TypeError):
            raise WebhookRefused("the webhook's body is not readable", status=400) from None


class PollingGateway(AcmeGateway):
    """Hears by polling."""

    async def wait(self) -> None:
        await self.client.news()

    async def collect(self, cursor: Cursor | None) -> AsyncIterator[Inbound]:
        if cursor is None:
            _, now = await self.client.call("GET", "now")
            yield Inbound(cursor=Cursor(str(now["number"])))
            return
        while True:
            query = {"after": cursor, "limit": str(self.config.page_size)}
            _, answer = await self.client.call("GET", "inbox", params=query)
            if not answer["events"]:
                return
            cursor = Cursor(str(answer["events"][-1]["number"]))
            found = inbound(answer["events"])
            yield Inbound(found.replies, found.reports, cursor)

    async def receive(self, request: Webhook) -> Inbound:
        return await Gateway.receive(self, request)


def inbound(events: list[Any]) -> Inbound:
    replies = tuple(
        Reply(
            provider_id=str(event["number"]),
            channel=Channel.SMS,
            sender=event["from"],
            text=event["text"],
            received_at=datetime.fromisoformat(event["at"]).astimezone(UTC),
        )
        for event in events
        if event["what"] == "reply"
    )
    reports = tuple(
        DeliveryReport(
            status=DeliveryStatus(event["status"]),
            at=datetime.fromisoformat(event["at"]).astimezone(UTC),
            provider_id=event["id"],
        )
        for event in events
        if event["what"] == "report"
    )
    return Inbound(replies, reports)


@hookimpl
def hub_register_source() -> SourceType[AcmeConfig]:
    capabilities = frozenset({Capability.WRITE_BACK, Capability.REWIND, Capability.WAIT})
    return SourceType("The Acme desk", AcmeConfig, AcmeSource, capabilities)


@hookimpl
def hub_register_gateway() -> GatewayType[AcmeConfig]:
    return GatewayType(
        "The Acme message service", AcmeConfig, AcmeGateway, Channel.SMS, frozenset({Capability.RECEIVE})
    )
