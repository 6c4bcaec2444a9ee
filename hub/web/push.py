"""Where desks tell that a ticket changed. What they say is a hint: the source verifies it, the hub stores it and reads
the ticket itself."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import Response

from hub.api.component import Webhook
from hub.api.errors import NotSupported, WebhookRefused
from hub.api.records import Hint
from hub.api.source import Source
from hub.web.guard import read_body
from hub.web.hooks import webhook_of
from hub.web.ports import WebPorts

PREFIX = "/push/"
MAX_PUSH_BYTES = 1024 * 1024
"""A desk sends whole tickets, with all their fields."""


class Push:
    """The webhook receiver of sources."""

    def __init__(self, ports: WebPorts) -> None:
        self._ports = ports
        self._log = structlog.get_logger("hub.web")

    def add_to(self, app: FastAPI) -> None:
        """Make the webhooks reachable."""
        for path in ("/push/{source}", "/push/{source}/{path:path}"):
            app.add_api_route(path, self.receive, methods=["POST"])

    async def receive(self, request: Request, source: str) -> Response:
        """Let the source read the request, store the hint, and only then say 200."""
        path = request.path_params.get("path", "")
        receiver = self._ports.source(source)
        if receiver is None or ".." in path.split("/"):
            return Response(status_code=404)
        body = await read_body(request, MAX_PUSH_BYTES)
        hint = await self._read(receiver, source, webhook_of(request, path, body, self._ports.public_url))
        if isinstance(hint, Response):
            return hint
        try:
            await self._ports.store_hint(source, hint)
        except Exception as error:  # noqa: BLE001 - whatever it was, the desk must send it again
            self._log.error("web.hint_not_stored", source=source, error=type(error).__name__)
            return Response(status_code=503)
        return Response(status_code=200)

    async def _read(self, receiver: Source[Any], source: str, webhook: Webhook) -> Hint | Response:
        try:
            return await receiver.receive(webhook)
        except WebhookRefused as refused:
            self._log.warning("web.push_refused", source=source, status=refused.status)
            return Response(status_code=refused.status)
        except NotSupported:
            return Response(status_code=404)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and must not take others down
            self._log.error("web.push_failed", source=source, error=type(error).__name__)
            return Response(status_code=500)
