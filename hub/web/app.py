"""The web side of the hub: survey pages, places, webhooks and health."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from hub.web.guard import Guard, security_headers
from hub.web.hooks import Hooks
from hub.web.kiosk import KioskPages
from hub.web.limits import Limits
from hub.web.places import Doorkeeper, PlacePages, PlaceSurveyPages
from hub.web.ports import WebPorts
from hub.web.preview import PreviewPages
from hub.web.survey import SurveyPages
from hub.web.unsubscribe import UnsubscribePages
from hub.web.views import Views


def create_app(ports: WebPorts, limits: Limits | None = None) -> Starlette:
    """The application, to be served by one process beside the workers.

    Run the server without its access log and its `Server` header: paths hold customers' tokens.
    """
    views = Views(ports.default_language)

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404 and not request.url.path.startswith(Hooks.PREFIXES):
            return views.message(views.setting(request, None, None), "unknown", 404)
        return Response(status_code=error.status_code, headers=error.headers)

    app = Starlette(
        # tried in this order: webhooks come in floods
        routes=[*Hooks(ports).routes(), *page_routes(ports, views, limits or Limits()), *health_routes(ports.ready)],
        middleware=[Middleware(Guard, headers=security_headers(views.policy()), failed=views.failed)],
        exception_handlers={HTTPException: refuse},
    )
    app.router.redirect_slashes = False
    return app


def page_routes(ports: WebPorts, views: Views, limits: Limits) -> list[BaseRoute]:
    """The pages for people."""
    doorkeeper = Doorkeeper(ports, views, limits)
    groups = (
        SurveyPages(ports, views),
        UnsubscribePages(ports, views),
        PlacePages(ports, views, doorkeeper),
        PlaceSurveyPages(ports, views),
        KioskPages(ports, views, doorkeeper),
        PreviewPages(ports, views),
    )
    return [route for group in groups for route in group.routes()]


def health_routes(ready: Callable[[], Mapping[str, str]]) -> list[BaseRoute]:
    """`/healthz` and `/readyz`.

    :param ready: see `WebPorts.ready`.
    """

    async def alive(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def tell_ready(_request: Request) -> Response:
        reasons = dict(ready())
        if not reasons:
            return JSONResponse({"status": "ok"})
        return JSONResponse({"status": "not ready", "reasons": reasons}, 503)

    return [Route("/healthz", alive), Route("/readyz", tell_ready)]
