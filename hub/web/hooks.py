"""Where services deliver replies and reports: hands each request to the gateway it is meant for."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import Response

from hub.api.component import Webhook
from hub.api.errors import NotSupported, WebhookRefused
from hub.api.gateway import Gateway
from hub.api.records import Inbound
from hub.web.guard import read_body
from hub.web.ports import WebPorts

PREFIX = "/hooks/"


class Hooks:
    """The webhook receiver. Answers are empty: some services send what they get to the customer."""

    def __init__(self, ports: WebPorts) -> None:
        self._ports = ports
        self._log = structlog.get_logger("hub.web")

    def add_to(self, app: FastAPI) -> None:
        """Make the webhooks reachable."""
        for path in ("/hooks/{gateway}", "/hooks/{gateway}/{path:path}"):
            app.add_api_route(path, self.receive, methods=["GET", "POST"])

    async def receive(self, request: Request, gateway: str) -> Response:
        """Let the gateway read the request, store what it found, and only then say 200."""
        path = request.path_params.get("path", "")
        receiver = self._ports.gateway(gateway)
        if receiver is None or ".." in path.split("/"):
            return Response(status_code=404)
        webhook = webhook_of(request, path, await read_body(request), self._ports.public_url)
        inbound = await self._read(receiver, gateway, webhook)
        if isinstance(inbound, Response):
            return inbound
        try:
            await self._ports.store_inbound(gateway, inbound)
        except Exception as error:  # noqa: BLE001 - whatever it was, the service must send it again
            self._log.error("web.hook_not_stored", gateway=gateway, error=type(error).__name__)
            return Response(status_code=503)
        return Response(status_code=200)

    async def _read(self, receiver: Gateway[Any], gateway: str, webhook: Webhook) -> Inbound | Response:
        try:
            return await receiver.receive(webhook)
        except WebhookRefused as refused:
            self._log.warning("web.hook_refused", gateway=gateway, status=refused.status)
            return Response(status_code=refused.status)
        except NotSupported:
            return Response(status_code=404)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and must not take others down
            self._log.error("web.hook_failed", gateway=gateway, error=type(error).__name__)
            return Response(status_code=500)


def webhook_of(request: Request, path: str, body: bytes, public_url: str) -> Webhook:
    """A request as plugins see it.

    :param path: what follows the component's own address.
    """
    raw_path = request.scope.get("raw_path") or quote(request.url.path).encode()
    query = request.scope["query_string"]
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Webhook(
        method=request.method,
        path=path,
        query=tuple(request.query_params.multi_items()),
        headers=headers,
        body=body,
        url=public_url + (raw_path + (b"?" + query if query else b"")).decode("latin-1"),
    )
