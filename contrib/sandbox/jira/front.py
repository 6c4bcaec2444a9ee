"""The door of a site: every request is recorded, counted, identified, answered, or made to fail."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from sandbox.jira.faults import Answer, Cut, Fault, Silence, Without
from sandbox.jira.routes import routes
from sandbox.jira.wire import Call, Handler, Problem, reply

if TYPE_CHECKING:
    from sandbox.jira.state import JiraSite


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it arrived, without the context path, and the answer to it. A status of 0: there was none."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    status: int
    answer: bytes


@dataclass(frozen=True, slots=True)
class _Endpoint:
    methods: frozenset[str]
    path: re.Pattern[str]
    handler: Handler


class Front:
    """The ASGI application."""

    def __init__(self, site: JiraSite) -> None:
        self.site = site
        self._endpoints = [
            _Endpoint(frozenset(methods.split()), compile_path(path)[0], handler)
            for methods, path, handler in routes(site)
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        call = Call(
            self.site,
            request.method,
            unquote(scope["path"]),
            QueryParams(scope["query_string"]),
            Headers(scope=scope),
            await request.body(),
        )
        on_loopback = "state" in scope
        fault = self.site.faults.next(call.method, call.path, call.body)
        try:
            response = await self._respond(call, fault, on_loopback=on_loopback)
        except (httpx.ReadTimeout, httpx.ReadError):
            self._record(call, 0, b"")
            raise
        self._finish(response)
        self._record(call, response.status_code, bytes(response.body))
        if isinstance(fault, Cut) and fault.connection and on_loopback:
            response.body = bytes(response.body)[: fault.keep]
        await response(scope, receive, send)

    async def _respond(self, call: Call, fault: Fault | None, *, on_loopback: bool) -> Response:
        if isinstance(fault, Answer | Silence):
            if fault.acted:
                self.answer(call)
            else:
                with suppress(Problem):
                    self._strip(call)
            if isinstance(fault, Silence):
                return await _keep_silent(fault, on_loopback=on_loopback)
            return Response(fault.content(), fault.status, {"content-type": "application/json"} | fault.headers)
        response = self.answer(call)
        if isinstance(fault, Without):
            return _with_body(response, fault.change(bytes(response.body)))
        if isinstance(fault, Cut):
            if fault.connection and not on_loopback:
                raise httpx.ReadError("connection reset")
            return response if fault.connection else _with_body(response, bytes(response.body)[: fault.keep])
        return response

    def answer(self, call: Call) -> Response:
        """What a healthy site answers."""
        headers: Mapping[str, str] = {}
        portal = "/servicedeskapi/" in call.path
        try:
            on_gateway = self._strip(call)
            if not call.path.startswith("/oauth/"):
                self.site.auth.identify(call, on_gateway=on_gateway)
            refusal, headers = self.site.limits.check(call)
            response = refusal or self._route(call)
        except Problem as problem:
            response = problem.response(portal=portal)
        for name, value in headers.items():
            response.headers[name] = value
        if call.lapsed and self.site.auth.tells_of_lapses:
            response.headers["X-Seraph-LoginReason"] = "AUTHENTICATED_FAILED"
        if call.user:
            name = "X-AAccountId" if self.site.kind == "cloud" else "X-AUSERNAME"
            response.headers[name] = call.user.account_id if self.site.kind == "cloud" else call.user.login
        return response

    def _strip(self, call: Call) -> bool:
        """Take the prefix off the path.

        :returns: whether the call came over the API gateway.
        """
        if self.site.kind == "cloud" and (gateway := re.match(r"/ex/jira/([^/]+)(/.*)", call.path)):
            call.path = gateway[2]
            if gateway[1] != self.site.cloud_id:
                raise Problem(404, body=b'{"code":404,"message":"Not Found"}')
            return True
        prefix = self.site.context_path
        if not call.path.startswith(f"{prefix}/"):
            raise Problem(404, body=b"<!doctype html><html><head><title>404 Not Found</title></head></html>")
        call.path = call.path.removeprefix(prefix)
        return False

    def _route(self, call: Call) -> Response:
        allowed: set[str] = set()
        for endpoint in self._endpoints:
            if match := endpoint.path.match(call.path):
                allowed |= endpoint.methods
                if call.method in endpoint.methods and self._accepts(call, match.groupdict()):
                    return endpoint.handler(call)
        if allowed and call.method not in allowed:
            return reply({"message": "HTTP 405 Method Not Allowed", "status-code": 405}, 405)
        return reply({"message": f"null for uri: {self.site.url}{call.path}", "status-code": 404}, 404)

    def _accepts(self, call: Call, params: dict[str, str]) -> bool:
        call.params = params
        version = params.get("version", "2")
        if version == "latest":
            version = "2" if self.site.kind == "dc" else "3"
        call.version = version
        return version == "2" or (version == "3" and self.site.kind == "cloud")

    def _finish(self, response: Response) -> None:
        at = self.site.now + self.site.clock_skew
        response.headers.setdefault("Date", format_datetime(at, usegmt=True))
        if self.site.kind == "dc":
            response.headers["Set-Cookie"] = "JSESSIONID=0A1B2C3D; Path=/; HttpOnly"

    def _record(self, call: Call, status: int, answer: bytes) -> None:
        query = tuple(call.query.multi_items())
        self.site.requests.append(
            Recorded(call.method, call.path, query, dict(call.headers), call.body, status, answer)
        )


async def _keep_silent(fault: Silence, *, on_loopback: bool) -> Response:
    if not on_loopback:
        raise httpx.ReadTimeout("no answer came")
    await asyncio.sleep(fault.seconds)
    return Response(status_code=504)


def _with_body(response: Response, body: bytes) -> Response:
    headers: dict[str, Any] = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Response(body, response.status_code, headers)
