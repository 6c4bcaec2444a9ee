"""Answers without a ticket: the form of a place, for visitors' phones and for frames in portals."""

from __future__ import annotations

from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from hub.journey.submission import Outcome
from hub.web import forms, pages
from hub.web.client import address_of, is_foreign
from hub.web.guard import read_body
from hub.web.limits import Limits
from hub.web.ports import PlaceView, SurveyView, WebPorts
from hub.web.questions import Entered
from hub.web.survey import SurveyPages, submission
from hub.web.views import Setting, Views


class Doorkeeper:
    """Lets answers in, as many as a place takes, and none that another site makes a browser send."""

    def __init__(self, ports: WebPorts, views: Views, limits: Limits) -> None:
        self._ports = ports
        self._views = views
        self._limits = limits
        self._limited = set[str]()
        """Places that took no answer lately. It is said once: whoever floods one must not flood the log."""
        self._log = structlog.get_logger("hub.web")

    def refuses(
        self, request: Request, setting: Setting, place: PlaceView, entered: Entered | None = None
    ) -> HTMLResponse | None:
        """A page that says why nothing is stored; None when it may be."""
        if is_foreign(request, self._ports.public_url):
            return self._views.message(setting, "unknown", 403)
        if self._limits.take(place, address_of(request, self._ports.trusted_proxies)):
            self._limited.discard(place.name)
            return None
        if place.name not in self._limited:
            self._log.warning("web.place_limited", place=place.name)
        self._limited.add(place.name)
        return self.too_many(setting, place, entered)

    def too_many(self, setting: Setting, place: PlaceView, entered: Entered | None = None) -> HTMLResponse:
        """A page that asks to come again: the form with what was entered, where there is one."""
        if entered is None:
            response = self._views.message(setting, "too_many", 429, sender=place.sender_name)
        else:
            fault = setting.texts.too_many_text
            response = pages.form(self._views, setting, place, entered, status=429, fault=fault)
        response.headers["retry-after"] = "60"
        return response


class PlacePages:
    """The form of each place."""

    def __init__(self, ports: WebPorts, views: Views, doorkeeper: Doorkeeper) -> None:
        self._ports = ports
        self._views = views
        self._doorkeeper = doorkeeper
        self._log = structlog.get_logger("hub.web")

    def routes(self) -> list[BaseRoute]:
        """Where the pages are."""
        return [Route("/f/{place}", self.show, methods=["GET"]), Route("/f/{place}", self.submit, methods=["POST"])]

    async def show(self, request: Request) -> Response:
        """The questions."""
        place = self._ports.place(request.path_params["place"])
        if place is None:
            return self._views.message(self._views.setting(request, None, None), "unknown", 404)
        return pages.form(self._views, place_setting(request, self._views, place), place)

    async def submit(self, request: Request) -> Response:
        """Store the answer, then send the browser on to where it can be completed."""
        form = forms.parse(await read_body(request))
        place = self._ports.place(request.path_params["place"])
        if place is None:
            return self._views.message(self._views.setting(request, None, None), "unknown", 404)
        setting = place_setting(request, self._views, place)
        only_shows = forms.SHOW in form
        entered = forms.read(place.survey, form, complete=not only_shows)
        if only_shows or entered.problems:
            return pages.form(self._views, setting, place, entered)
        if refusal := self._doorkeeper.refuses(request, setting, place, entered):
            return refusal
        return await self._store(request, setting, place, form, entered)

    async def _store(
        self, request: Request, setting: Setting, place: PlaceView, form: forms.Form, entered: Entered
    ) -> Response:
        given = submission(request, self._ports, form, entered)
        try:
            outcome, token = await self._ports.submit_at(place.name, given, language=setting.texts.code, kiosk=False)
        except Exception as error:  # noqa: BLE001 - whatever it was, the visitor must not lose what they wrote
            self._log.error("web.answer_not_stored", error=type(error).__name__)
            fault = setting.texts.not_saved
            return pages.form(self._views, setting, place, entered, status=503, fault=fault)
        if outcome is Outcome.TOO_MANY:
            return self._doorkeeper.too_many(setting, place, entered)
        location = setting.link(f"{quote(place.name)}/{token}", done="answered")
        return Response(status_code=303, headers={"location": location})


class PlaceSurveyPages(SurveyPages):
    """What follows the form of a place: thanks, more questions, changes."""

    prefix = "/f/{place}"

    def _place(self, request: Request) -> str | None:
        return str(request.path_params["place"])

    def _setting(self, request: Request, view: SurveyView) -> Setting:
        place = self._ports.place(str(view.place))
        if place is None:  # it was taken out of hub.toml meanwhile
            return super()._setting(request, view)
        return place_setting(request, self._views, place, view.language)


def place_setting(request: Request, views: Views, place: PlaceView, language: str | None = None) -> Setting:
    """How a page of a place is shown. In a frame only on the sites that the place names.

    :param language: that the visitor chose before; else the browser's counts, then the place's.
    """
    if "embed" not in request.query_params:
        return views.setting(request, place.survey, language, default=place.language)
    headers = {"content-security-policy": views.policy(place.embed_in)}
    return views.setting(request, place.survey, language, default=place.language, keep={"embed": "1"}, headers=headers)
