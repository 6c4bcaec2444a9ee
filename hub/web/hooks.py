"""Where other systems call: services deliver replies and reports, desks tell that a ticket changed.

Each request goes to the component it is meant for, which verifies and reads it; what it read is stored; only then is it
answered. Answers are empty: some services send what they get to the customer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hub import metrics
from hub.api.component import Webhook
from hub.api.errors import NotSupported, WebhookRefused
from hub.api.records import Inbound
from hub.web.guard import MAX_BODY_BYTES, read_body
from hub.web.ports import WebPorts

MAX_PUSH_BYTES = 1024 * 1024
"""A desk sends whole tickets, with all their fields."""


class Receiver(Protocol):
    """A gateway or a source that takes webhooks."""

    async def receive(self, request: Webhook) -> Any: ...


@dataclass(frozen=True, slots=True)
class Door:
    """One way in: `/prefix/NAME` and all below it."""

    prefix: str
    kind: str
    methods: tuple[str, ...]
    longest_bytes: int
    receiver: Callable[[str], Receiver | None]
    """The running component of that name, if it takes webhooks."""
    store: Callable[[str, Any], Awaitable[None]]
    """Stores what the component of that name has read."""


def doors(ports: WebPorts) -> tuple[Door, ...]:
    """All ways in."""
    return (
        Door("/hooks", "gateways", ("GET", "POST"), MAX_BODY_BYTES, ports.gateway, ports.store_inbound),
        Door("/push", "sources", ("POST",), MAX_PUSH_BYTES, ports.source, ports.store_hint),
    )


class Hooks:
    """The webhook receiver."""

    PREFIXES = ("/hooks/", "/push/")

    def __init__(self, ports: WebPorts) -> None:
        self._ports = ports
        self._not_stored = set[str]()
        """Components whose last webhook could not be stored. It is said once: a service tries again and again."""
        self._log = structlog.get_logger("hub.web")

    def routes(self) -> list[BaseRoute]:
        """Where the webhooks arrive; first the form of address that most services are given."""
        return [
            Route(path, partial(self._receive, door), methods=door.methods)
            for door in doors(self._ports)
            for path in (f"{door.prefix}/{{name}}/{{path:path}}", f"{door.prefix}/{{name}}")
        ]

    async def _receive(self, door: Door, request: Request) -> Response:
        name, path = request.path_params["name"], request.path_params.get("path", "")
        if request.method not in door.methods:  # HEAD, which the router lets in wherever it lets in GET
            return Response(status_code=405)
        receiver = door.receiver(name)
        if ".." in path.split("/"):
            return Response(status_code=404)
        if receiver is None:
            return Response(status_code=503 if self._ports.ready() else 404)  # it may be there again in a moment
        begun = perf_counter()
        webhook = self._webhook(request, path, await read_body(request, door.longest_bytes))
        status = await self._take(door, name, receiver, webhook)
        metrics.webhook(f"{door.kind}.{name}", status, perf_counter() - begun)
        return Response(status_code=status)

    async def _take(self, door: Door, name: str, receiver: Receiver, webhook: Webhook) -> int:
        """Read and store; the status to answer with."""
        id_ = f"{door.kind}.{name}"
        try:
            found = await receiver.receive(webhook)
        except WebhookRefused as refused:
            self._log.warning("web.hook_refused", component=id_, status=refused.status, reason=str(refused))
            return refused.status
        except NotSupported:
            return 404
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and must not take others down
            self._log.error("web.hook_failed", component=id_, error=type(error).__name__)
            return 500
        try:
            await door.store(name, found)
        except Exception as error:  # noqa: BLE001 - whatever it was, it must be sent again
            if id_ not in self._not_stored:
                self._log.error("web.hook_not_stored", component=id_, error=type(error).__name__)
            self._not_stored.add(id_)
            return 503
        self._not_stored.discard(id_)
        return found.http_status if isinstance(found, Inbound) else 200

    def _webhook(self, request: Request, path: str, body: bytes) -> Webhook:
        raw_path = request.scope.get("raw_path") or quote(request.url.path).encode()
        query = request.scope["query_string"]
        headers: dict[str, str] = {}
        for name, value in request.headers.items():
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return Webhook(
            method=request.method,
            path=path,
            query=tuple(parse_qsl(query.decode("latin-1"), keep_blank_values=True)),
            headers=headers,
            body=body,
            url=self._ports.public_url + (raw_path + (b"?" + query if query else b"")).decode("latin-1"),
        )
