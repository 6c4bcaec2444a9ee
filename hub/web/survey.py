"""The page of a survey: the questions, the thanks, and what can be told, changed or withdrawn afterwards.

Programs open every link of a mail before its reader does. So GET and HEAD only show; a press on a button acts. There is
no cross-site danger: whoever knows the token of an address can answer there, and nobody else can.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from hub.journey.page import Stage
from hub.journey.submission import Outcome, Submission
from hub.web import forms, pages
from hub.web.client import address_of
from hub.web.guard import read_body
from hub.web.ports import SurveyView, WebPorts
from hub.web.questions import Entered
from hub.web.views import Setting, Views

_DONE = ("answered", "changed", "more")
_WITHDRAWN = "withdrawn"


def submission(request: Request, ports: WebPorts, form: forms.Form, entered: Entered) -> Submission:
    """What a form brought, and what is known of who sent it."""
    return Submission(
        values=entered.values,
        follows_held=bool(forms.one(form, forms.HELD)),
        stamp=forms.one(form, "stamp"),
        hand=forms.one(form, "hand"),
        trap_filled=bool(forms.one(form, forms.TRAP)),
        address=address_of(request, ports.trusted_proxies),
    )


class SurveyPages:
    """The page of each survey that was sent."""

    prefix = "/a"

    def __init__(self, ports: WebPorts, views: Views) -> None:
        self._ports = ports
        self._views = views
        self._log = structlog.get_logger("hub.web")

    def routes(self) -> list[BaseRoute]:
        """Where the pages are."""
        page, withdrawal = f"{self.prefix}/{{token}}", f"{self.prefix}/{{token}}/withdraw"
        return [
            Route(page, self.show, methods=["GET"]),
            Route(page, self.submit, methods=["POST"]),
            Route(withdrawal, self.ask_to_withdraw, methods=["GET"]),
            Route(withdrawal, self.withdraw, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """What can be done with the survey now."""
        view, setting = await self._open(request)
        if view is None:
            return self._views.message(setting, "unknown", 404)
        if view.stage in (Stage.EXPIRED, Stage.CANCELLED):
            return self._views.message(setting, view.stage, 410, sender=view.sender_name)
        done = _done(request, view)
        tapped = forms.tapped(view.survey, request.query_params.get("r", ""))
        changes = view.stage is Stage.ANSWERED and (tapped is not None or "change" in request.query_params)
        if not done and (changes or view.stage is Stage.OPEN):
            await self._note_visit(request, view, tapped)
            values = {} if tapped is None else {view.survey.first: tapped}
            return self._form(request, setting, view, Entered(values=values))
        if done == _WITHDRAWN or not (done or _has_said(view)):
            return self._withdrawn(setting, view)
        return self._answered(request, setting, view, done)

    async def submit(self, request: Request) -> Response:
        """Store the answer, then send the browser on, so that a reload does not answer again."""
        form = forms.parse(await read_body(request))
        try:
            view, setting = await self._open(request)
        except Exception as error:  # noqa: BLE001 - as below, and without the questions
            self._log.error("web.answer_not_stored", error=type(error).__name__)
            return self._views.not_saved(request, form)
        if view is None:
            return self._views.message(setting, "unknown", 404)
        if view.stage in (Stage.EXPIRED, Stage.CANCELLED):
            return self._views.message(setting, view.stage, 410, sender=view.sender_name)
        return await self._take(request, setting, view, form)

    async def _take(self, request: Request, setting: Setting, view: SurveyView, form: forms.Form) -> Response:
        more = forms.one(form, "part") == "more"
        only_shows = forms.SHOW in form
        entered = forms.read(view.survey, form, complete=not (more or only_shows))
        if only_shows or entered.problems:
            return self._again(request, setting, view, entered, more=more)
        done = "more" if more else "changed" if view.values else "answered"
        if not entered.values:
            return _on(request, setting, done)
        try:
            outcome = await self._ports.submit(view.token, submission(request, self._ports, form, entered))
        except Exception as error:  # noqa: BLE001 - whatever it was, the customer must not lose what they wrote
            self._log.error("web.answer_not_stored", error=type(error).__name__)
            return self._again(request, setting, view, entered, more=more, fault=setting.texts.not_saved)
        return self._refused(setting, view, outcome) or _on(request, setting, done)

    async def ask_to_withdraw(self, request: Request) -> Response:
        """A page with one button."""
        view, setting = await self._open(request)
        if view is None:
            return self._views.message(setting, "unknown", 404)
        if view.stage is not Stage.ANSWERED or view.withdrawn:
            return _on(request, setting, "", up="../")
        return pages.withdraw(self._views, setting, view, keep=setting.link(f"../{_own(request)}"))

    async def withdraw(self, request: Request) -> Response:
        """Take the answer back."""
        form = forms.parse(await read_body(request))
        view, setting = await self._open(request)
        if view is None:
            return self._views.message(setting, "unknown", 404)
        given = submission(request, self._ports, form, Entered())
        outcome = await self._ports.submit(view.token, replace(given, withdraws=True))
        return self._refused(setting, view, outcome) or _on(request, setting, _WITHDRAWN, up="../")

    async def _open(self, request: Request) -> tuple[SurveyView | None, Setting]:
        token = _own(request)
        view = await self._ports.survey(token) if forms.is_token(token) else None
        if view is None or view.place != self._place(request):
            return None, self._views.setting(request, None, None)
        return view, self._setting(request, view)

    def _place(self, request: Request) -> str | None:
        """Where a survey must have been answered to be shown here."""
        return None

    def _setting(self, request: Request, view: SurveyView) -> Setting:
        return self._views.setting(request, view.survey, view.language, view.tone)

    async def _note_visit(self, request: Request, view: SurveyView, tapped: object) -> None:
        if request.method != "GET" or not isinstance(tapped, int) or view.place:
            return
        try:
            await self._ports.visited(view.token, tapped)
        except Exception as error:  # noqa: BLE001 - the page can be answered without it
            self._log.warning("web.visit_not_stored", error=type(error).__name__)

    def _form(
        self,
        request: Request,
        setting: Setting,
        view: SurveyView,
        entered: Entered,
        *,
        status: int = 200,
        fault: str = "",
    ) -> HTMLResponse:
        way_out = "" if view.place else setting.link(f"../u/{_own(request)}")
        changes = view.stage is Stage.ANSWERED
        return pages.form(
            self._views, setting, view, entered, status=status, fault=fault, changes=changes, unsubscribe=way_out
        )

    def _answered(
        self, request: Request, setting: Setting, view: SurveyView, done: str = "", **more: Any
    ) -> HTMLResponse:
        links = {}
        if view.stage is Stage.ANSWERED:
            links = {"change": setting.link(change="1"), "withdraw": setting.link(f"{_own(request)}/withdraw")}
        return pages.answered(self._views, setting, view, done, links=links, **more)

    def _again(
        self, request: Request, setting: Setting, view: SurveyView, entered: Entered, *, more: bool, fault: str = ""
    ) -> HTMLResponse:
        """The form once more, with what was entered."""
        status = 503 if fault else 200
        if not more:
            return self._form(request, setting, view, entered, status=status, fault=fault)
        done = _done(request, view)
        return self._answered(request, setting, view, done, entered=entered, status=status, fault=fault)

    def _withdrawn(self, setting: Setting, view: SurveyView) -> HTMLResponse:
        back = (setting.texts.open_survey, setting.link(change="1")) if view.stage is Stage.ANSWERED else None
        return pages.withdrawn(self._views, setting, view, back=back)

    def _refused(self, setting: Setting, view: SurveyView, outcome: Outcome) -> Response | None:
        match outcome:
            case Outcome.CLOSED:
                name = "expired" if view.stage is Stage.OPEN else "answered"
                return self._views.message(setting, name, 410, sender=view.sender_name)
            case Outcome.TOO_MANY:
                return self._views.message(setting, "too_many", 429, sender=view.sender_name)
        return None


def _has_said(view: SurveyView) -> bool:
    return bool(view.values or view.remarks)


def _done(request: Request, view: SurveyView) -> str:
    """What was just done, as the address says; empty when that cannot be."""
    done = request.query_params.get("done", "")
    if done == _WITHDRAWN:
        return done if view.withdrawn or view.held_withdraws else ""
    return done if done in _DONE and (_has_said(view) or view.held) else ""


def _own(request: Request) -> str:
    """The token in the address."""
    return str(request.path_params["token"])


def _on(request: Request, setting: Setting, done: str, *, up: str = "") -> Response:
    """Lead to the survey's page. Relative, so that it also holds behind a proxy that adds a path or another name."""
    return Response(status_code=303, headers={"location": setting.link(up + _own(request), done=done)})
