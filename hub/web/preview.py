"""The page of a survey as customers will see it, for those who write it. It stores nothing and holds nothing secret."""

from __future__ import annotations

from typing import cast, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hub.config.survey import Tone
from hub.journey.page import Stage
from hub.survey.model import Survey, Values
from hub.web import forms, pages
from hub.web.guard import read_body
from hub.web.ports import SurveyView, WebPorts
from hub.web.questions import Entered, first_page
from hub.web.views import Setting, Views

_TICKET, _TOKEN = "INC0012345", "preview"


class PreviewPages:
    """One page for each survey of hub.toml."""

    def __init__(self, ports: WebPorts, views: Views) -> None:
        self._ports = ports
        self._views = views

    def routes(self) -> list[BaseRoute]:
        """Where the pages are."""
        path = "/preview/{name}"
        return [Route(path, self.show, methods=["GET"]), Route(path, self.answer, methods=["POST"])]

    async def show(self, request: Request) -> Response:
        """The questions, with the rating chosen that the address names."""
        survey, setting = self._open(request)
        if survey is None:
            return self._views.message(setting, "unknown", 404)
        if "done" in request.query_params:
            return self._answered(setting, survey, {}, "more")
        tapped = forms.tapped(survey, request.query_params.get("r", ""))
        entered = Entered(values={} if tapped is None else {survey.first: tapped})
        return pages.form(self._views, setting, self._view(survey, {}), entered)

    async def answer(self, request: Request) -> Response:
        """What customers see after answering so."""
        form = forms.parse(await read_body(request))
        survey, setting = self._open(request)
        if survey is None:
            return self._views.message(setting, "unknown", 404)
        more = forms.one(form, "part") == "more"
        only_shows = forms.SHOW in form
        entered = forms.read(survey, form, complete=not (more or only_shows))
        if (only_shows or entered.problems) and not more:
            return pages.form(self._views, setting, self._view(survey, {}), entered)
        if more and not only_shows:
            return self._answered(setting, survey, {}, "more")
        begun = {id_: value for id_, value in entered.values.items() if id_ in first_page(survey)}
        return self._answered(setting, survey, begun, "answered", entered)

    def _open(self, request: Request) -> tuple[Survey | None, Setting]:
        survey = self._ports.surveys.get(request.path_params["name"])
        wish = request.query_params.get("tone", "")
        tone = cast("Tone", wish) if wish in get_args(Tone) else None
        keep = {"tone": wish} if tone else {}
        return survey, self._views.setting(request, survey, None, tone, keep=keep, preview=True)

    def _answered(
        self, setting: Setting, survey: Survey, values: Values, done: str, entered: Entered = pages.NOTHING
    ) -> Response:
        return pages.answered(self._views, setting, self._view(survey, values), done, entered, links={})

    def _view(self, survey: Survey, values: Values) -> SurveyView:
        return SurveyView(
            token=_TOKEN,
            survey=survey,
            language=survey.languages[0],
            tone=None,
            sender_name=self._ports.sender_name,
            ticket_key=_TICKET,
            subject="",
            stage=Stage.OPEN,
            held=values,  # the next form brings them again
        )
