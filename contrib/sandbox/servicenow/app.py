"""The instance as a web application."""

from __future__ import annotations

import asyncio
import re
from email.utils import format_datetime
from urllib.parse import parse_qsl

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sandbox.servicenow import import_api, other_api, table_api
from sandbox.servicenow.exchange import NOT_AUTHENTICATED, Call, Reply, failure
from sandbox.servicenow.faults import ConnectionCut, NoAnswer
from sandbox.servicenow.state import Instance, Recorded

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_PATH = re.compile(r"/api/now(?:/(v1|v2))?/(table|stats|import|batch)(?:/(\w+))?(?:/(\w+))?")


def build_app(instance: Instance, *, silent_seconds: float | None = None) -> Starlette:
    """The ASGI application.

    :param silent_seconds: how long a connection stays silent when an answer is lost on purpose. None inside one
        process, as with `httpx.ASGITransport`: there the client's own exception is raised at once.
    """

    async def endpoint(request: Request) -> Response:
        call = await _read(request)
        try:
            reply = instance.faults.meet(call, lambda: _serve(instance, call))
        except (NoAnswer, ConnectionCut) as lost:
            _record(instance, call, 0)
            return await _lose(lost, silent_seconds)
        _record(instance, call, reply.status)
        return _response(instance, reply)

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=METHODS)])


async def _read(request: Request) -> Call:
    query = dict(parse_qsl(request.url.query, keep_blank_values=True))
    return Call(request.method, request.url.path, query, dict(request.headers), await request.body())


def _record(instance: Instance, call: Call, status: int) -> None:
    instance.requests.append(Recorded(call.method, call.path, call.query, call.headers, call.body, status))


def _response(instance: Instance, reply: Reply) -> Response:
    response = Response(reply.body, reply.status, reply.headers)
    response.headers["Date"] = format_datetime(instance.clock.now(), usegmt=True)
    response.headers["Set-Cookie"] = "JSESSIONID=5E55107; Path=/; HttpOnly"
    return response


async def _lose(lost: Exception, silent_seconds: float | None) -> Response:
    if silent_seconds is None:
        raise httpx.ReadTimeout("no answer came") if isinstance(lost, NoAnswer) else httpx.ReadError("cut")
    if isinstance(lost, NoAnswer):
        await asyncio.sleep(silent_seconds)
    return _BrokenOff(headers={"Content-Length": "100", "Content-Type": "application/json"})


class _BrokenOff(Response):
    """Ends in the middle, whereupon the server closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": b'{"res', "more_body": True})


def _serve(instance: Instance, call: Call) -> Reply:
    if call.path == "/oauth_token.do" and call.method == "POST":
        return instance.sign_in.token(call)
    if not instance.sign_in.admits(call):
        return NOT_AUTHENTICATED
    return _dispatch(instance, call)


def _dispatch(instance: Instance, call: Call) -> Reply:
    """Answer a request that is signed: one from outside, or one from inside a batch."""
    if refusal := _bad_headers(instance, call):
        return refusal
    found = _PATH.fullmatch(call.path)
    if found is None:
        return failure(400, "Requested URI does not represent any resource")
    version, api, name, sys_id = (part or "" for part in found.groups())
    if api == "table" and name:
        return table_api.answer(instance, call, version, name, sys_id)
    if api == "stats" and name and call.method == "GET":
        return other_api.stats(instance, call, name)
    if api == "import" and name:
        return import_api.answer(instance, call, name, sys_id)
    if api == "batch" and version and call.method == "POST":
        return other_api.batch(call, instance.batch_capacity, lambda inner: _dispatch(instance, inner))
    return failure(400, "Requested URI does not represent any resource")


def _bad_headers(instance: Instance, call: Call) -> Reply | None:
    if instance.accept_required and not call.headers.get("accept"):
        return failure(400, "Bad Request", "Accept header is required")
    if call.method in ("POST", "PUT", "PATCH"):
        kind = call.headers.get("content-type", "").partition(";")[0].strip()
        if not kind:
            return failure(400, "Bad Request", "Content-Type header is required")
        if kind != "application/json":
            return failure(415, "Unsupported Media Type", f"{kind} is not supported")
    return None
