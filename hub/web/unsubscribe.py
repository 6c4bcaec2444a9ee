"""The way out of further surveys, and back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from hub.survey.plain import one_line
from hub.web import forms
from hub.web.guard import read_body
from hub.web.ports import SurveyView, WebPorts
from hub.web.views import Setting, Views


class UnsubscribePages:
    """One page for each survey, which works whether it is answered, expired or neither."""

    def __init__(self, ports: WebPorts, views: Views) -> None:
        self._ports = ports
        self._views = views

    def routes(self) -> list[BaseRoute]:
        """Where the pages are."""
        return [Route("/u/{token}", self.show, methods=["GET"]), Route("/u/{token}", self.act, methods=["POST"])]

    async def show(self, request: Request) -> Response:
        """A page with one button: out, or in again."""
        view, setting = await self._open(request)
        if view is None:
            return self._views.message(setting, "unknown", 404)
        stopped = await self._ports.has_stopped(view.token)
        return self._page(setting, view, "unsubscribed" if stopped else "unsubscribe")

    async def act(self, request: Request) -> Response:
        """Stop surveys, or send them again. A mail program's own button (RFC 8058) comes here and takes no redirect."""
        wants_again = bool(forms.one(forms.parse(await read_body(request)), "again"))
        view, setting = await self._open(request)
        act = self._ports.opt_in if wants_again else self._ports.opt_out
        if view is None or not await act(view.token):
            return self._views.message(setting, "unknown", 404)
        return self._page(setting, view, "subscribed" if wants_again else "unsubscribed")

    async def _open(self, request: Request) -> tuple[SurveyView | None, Setting]:
        token = request.path_params["token"]
        view = await self._ports.survey(token) if forms.is_token(token) else None
        if view is None or view.place is not None:
            return None, self._views.setting(request, None, None)
        return view, self._views.setting(request, view.survey, view.language, view.tone)

    def _page(self, setting: Setting, view: SurveyView, name: str) -> HTMLResponse:
        texts, sender = setting.texts, one_line(view.sender_name)
        return self._views.page(
            "unsubscribe.html",
            setting,
            200,
            title=getattr(texts, f"{name}_title"),
            sender=sender,
            text=getattr(texts, f"{name}_text").format(sender=sender),
            also="" if name == "subscribed" else texts.unsubscribe_all,
            undoes=name == "unsubscribed",
            nav={},
        )
