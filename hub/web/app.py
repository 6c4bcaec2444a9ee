"""The web side of the hub: answer pages, webhooks and health."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from hub.web.guard import Guard, security_headers
from hub.web.hooks import Hooks
from hub.web.ports import WebPorts
from hub.web.survey import SurveyPages
from hub.web.views import Views


def create_app(ports: WebPorts) -> FastAPI:
    """The application, to be served by one process beside the workers.

    Run the server without its access log and its `Server` header: paths hold customers' tokens.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    views = Views(ports.default_language)
    pages = SurveyPages(ports, views)
    pages.add_to(app)
    Hooks(ports).add_to(app)
    _add_health(app, ports)

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404 and not request.url.path.startswith(Hooks.PREFIXES):
            return pages.not_found(request)
        return Response(status_code=error.status_code, headers=error.headers)

    app.add_exception_handler(HTTPException, refuse)
    app.add_middleware(Guard, headers=security_headers(views.style_hash), failed=views.failed())
    return app


def _add_health(app: FastAPI, ports: WebPorts) -> None:
    async def alive() -> Response:
        return JSONResponse({"status": "ok"})

    async def ready() -> Response:
        reasons = dict(ports.ready())
        if not reasons:
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "not ready", "reasons": reasons}, 503)

    app.add_api_route("/healthz", alive, methods=["GET", "HEAD"])
    app.add_api_route("/readyz", ready, methods=["GET", "HEAD"])
