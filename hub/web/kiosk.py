"""The page of a screen at a service point: one press answers, and soon the screen is ready for the next visitor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import quote

import structlog
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from hub.journey.page import Stage
from hub.journey.submission import Outcome
from hub.survey.plain import one_line
from hub.survey.texts import Texts
from hub.web import forms, pages
from hub.web.faces import face
from hub.web.guard import read_body
from hub.web.links import form_url, qr_svg
from hub.web.places import Doorkeeper
from hub.web.ports import PlaceView, SurveyView, WebPorts
from hub.web.questions import Entered, first_page, follow_ups, in_form
from hub.web.survey import submission
from hub.web.views import Setting, Views

THANKS_S, WRITING_S = 15, 180
"""After so many seconds the page for the next visitor is shown by itself: after the thanks, and while one writes."""
PATIENCE = 10
"""How many times as long for a visitor who asks for more time (WCAG 2.2, 2.2.1 Timing Adjustable)."""
_MINUTE_S = 60
_FAILED = 400
_START_DEPTH = 2
"""Slashes in the address of a screen's first page."""

Handler = Callable[[Request], Awaitable[Response]]


class KioskPages:
    """The screen of each place. It comes back to its start by the Refresh header, which needs no script."""

    def __init__(self, ports: WebPorts, views: Views, doorkeeper: Doorkeeper) -> None:
        self._ports = ports
        self._views = views
        self._doorkeeper = doorkeeper
        self._log = structlog.get_logger("hub.web")

    def routes(self) -> list[BaseRoute]:
        """Where the pages are."""
        return [
            Route("/k/{place}", self._never_stuck(self.show), methods=["GET"]),
            Route("/k/{place}", self._never_stuck(self.submit), methods=["POST"]),
            Route("/k/{place}/{token}", self._never_stuck(self.thank), methods=["GET"]),
            Route("/k/{place}/{token}", self._never_stuck(self.complete), methods=["POST"]),
            Route("/k/{place}/{token}/undo", self._never_stuck(self.start_again), methods=["GET"]),
            Route("/k/{place}/{token}/undo", self._never_stuck(self.undo), methods=["POST"]),
        ]

    def _never_stuck(self, handle: Handler) -> Handler:
        """Nobody stands by a screen to load its page again: whatever goes wrong, it finds back to its start."""

        async def handled(request: Request) -> Response:
            try:
                response = await handle(request)
            except HTTPException as refused:
                response = Response(status_code=refused.status_code)
            except Exception as error:  # noqa: BLE001 - as in the guard around the whole application
                self._log.error("web.request_failed", error=type(error).__name__)
                response = self._views.failed(error)
            if response.status_code >= _FAILED:
                response.headers.setdefault("refresh", f"{THANKS_S}; url={_start(request)}")
            return response

        return handled

    async def show(self, request: Request) -> Response:
        """The question with its faces."""
        place, setting = self._open(request)
        if place is None:
            return self._views.message(setting, "unknown", 404)
        asked = in_form(place.survey, [place.survey.first], setting.texts, Entered(), values={}, token=place.name)[0]
        if not asked.controls or asked.widget == "checks":  # nothing that one press could answer
            return Response(status_code=303, headers={"location": f"../f/{quote(place.name)}"})
        url = form_url(self._ports.public_url, place.name)
        return self._views.page(
            "kiosk.html",
            setting,
            200,
            title=asked.text,
            sender=one_line(place.sender_name),
            about=pages.about(setting.texts, place),
            privacy=pages.privacy(setting.texts, place),
            asked=asked,
            faces=[face(place.survey.questions[place.survey.first], one.value) for one in asked.controls],
            stamp=place.stamp,
            qr=Markup(qr_svg(url)),  # noqa: S704 - squares, drawn by a library
            url=url,
            nav={},
        )

    async def submit(self, request: Request) -> Response:
        """Store what was pressed."""
        form = forms.parse(await read_body(request))
        place, setting = self._open(request)
        if place is None:
            return self._views.message(setting, "unknown", 404)
        entered = forms.read(place.survey, form, complete=True)
        if entered.problems:
            return _to(setting.link(_start(request)))
        if refusal := self._doorkeeper.refuses(request, setting, place):
            return refusal
        given = submission(request, self._ports, form, entered)
        outcome, token = await self._ports.submit_at(place.name, given, language=setting.texts.code, kiosk=True)
        if outcome is Outcome.TOO_MANY:
            return self._doorkeeper.too_many(setting, place)
        return _to(setting.link(f"{quote(place.name)}/{token}"))

    async def thank(self, request: Request) -> Response:
        """Thanks, or the other questions when the visitor wants to tell more."""
        view, setting = await self._open_answer(request)
        if view is None:
            return self._views.message(setting, "unknown", 404)
        return self._after(request, setting, view, Entered())

    async def complete(self, request: Request) -> Response:
        """Store the answers to the other questions."""
        form = forms.parse(await read_body(request))
        view, setting = await self._open_answer(request)
        if view is None:
            return self._views.message(setting, "unknown", 404)
        entered = forms.read(view.survey, form, complete=False)
        if forms.SHOW in form or entered.problems:
            return self._after(request, setting, view, entered)
        if entered.values:
            try:
                await self._ports.submit(view.token, submission(request, self._ports, form, entered))
            except Exception as error:  # noqa: BLE001 - whatever it was, the visitor must not lose what they wrote
                self._log.error("web.answer_not_stored", error=type(error).__name__)
                return self._after(request, setting, view, entered, fault=setting.texts.not_saved)
        return _to(setting.link(view.token, done="more"))

    async def undo(self, request: Request) -> Response:
        """Take the answer back, and be ready for the next one."""
        form = forms.parse(await read_body(request))
        view, setting = await self._open_answer(request)
        if view is None:
            return self._views.message(setting, "unknown", 404)
        given = submission(request, self._ports, form, Entered())
        await self._ports.submit(view.token, replace(given, withdraws=True))
        return _to(setting.link(_start(request)))

    async def start_again(self, request: Request) -> Response:
        """The start, where there is nothing to look at."""
        return _to(_start(request))

    def _open(self, request: Request) -> tuple[PlaceView | None, Setting]:
        place = self._ports.place(request.path_params["place"])
        if place is None:
            return None, self._views.setting(request, None, None)
        return place, self._views.setting(request, place.survey, place.language)

    async def _open_answer(self, request: Request) -> tuple[SurveyView | None, Setting]:
        place, setting = self._open(request)
        token = request.path_params["token"]
        view = await self._ports.survey(token) if place and forms.is_token(token) else None
        is_here = place and view and view.place == place.name and view.stage is Stage.ANSWERED
        return view if is_here else None, setting

    def _after(
        self, request: Request, setting: Setting, view: SurveyView, entered: Entered, *, fault: str = ""
    ) -> HTMLResponse:
        texts, survey, asked = setting.texts, view.survey, request.query_params
        writes, is_patient, is_done = "more" in asked, "patient" in asked, asked.get("done") == "more"
        ids = [id_ for id_ in first_page(survey) if id_ != survey.first]
        ids += follow_ups(survey, view.values or view.held or {}, view.token)
        seconds = (WRITING_S if writes else THANKS_S) * (PATIENCE if is_patient else 1)
        nav = {"more": "1" if writes else "", "patient": "1" if is_patient else ""}
        response = self._views.page(
            "kiosk_after.html",
            setting,
            503 if fault else 422 if entered.problems else 200,
            title=texts.more_title if writes else texts.thanks_title,
            sender=one_line(view.sender_name),
            asked=in_form(survey, ids, texts, entered, values=view.values, token=view.token) if writes else [],
            more="" if is_done or not ids else setting.link(more="1"),
            undo="" if is_done or writes else setting.link(f"{view.token}/undo"),
            patient="" if is_patient else setting.link(**{**nav, "patient": "1"}),
            returns=_returns(texts, seconds),
            start=_start(request),
            fault=fault,
            stamp=view.stamp,
            nav=nav,
        )
        response.headers["refresh"] = f"{seconds}; url={_start(request)}"
        return response


def _returns(texts: Texts, seconds: int) -> str:
    """When the start comes back, in whole minutes where that says it."""
    minutes, rest = divmod(seconds, _MINUTE_S)
    if minutes < 2 or rest:
        return texts.place_returns.format(seconds=seconds)
    return texts.place_returns_minutes.format(minutes=minutes)


def _start(request: Request) -> str:
    """The page for the next visitor, relative to the page that is shown."""
    deeper = request.url.path.count("/") - _START_DEPTH
    return "../" * deeper + quote(request.path_params["place"], safe="")


def _to(address: str) -> Response:
    return Response(status_code=303, headers={"location": address})
