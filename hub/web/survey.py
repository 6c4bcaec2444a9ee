"""The pages a customer sees: the question, the thanks, and the way out of further surveys.

Programs open every link of a mail before its reader does. So GET and HEAD only show; a press on a button acts.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from hub.survey.texts import Texts
from hub.web.guard import read_body
from hub.web.ports import InvitationView, WebPorts
from hub.web.views import MAX_COMMENT_CHARACTERS, Form, Views

_TOKEN = re.compile(r"[a-z2-7]{20}")
_FORM_FIELDS = 20


class SurveyPages:
    """The answer page and the unsubscribe page of each invitation."""

    def __init__(self, ports: WebPorts, views: Views) -> None:
        self._ports = ports
        self._views = views
        self._log = structlog.get_logger("hub.web")

    def routes(self) -> list[BaseRoute]:
        """Where the pages are."""
        return [
            Route("/a/{token}", self.show, methods=["GET"]),
            Route("/a/{token}", self.submit, methods=["POST"]),
            Route("/u/{token}", self.ask_to_unsubscribe, methods=["GET"]),
            Route("/u/{token}", self.unsubscribe, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """The question, with the rating chosen that the customer tapped in the mail; or why it cannot be answered."""
        token = request.path_params["token"]
        view = await self._invitation(token)
        texts = self._views.texts(request, view)
        if view is None:
            return self._views.message(texts, "unknown", 404)
        if view.answered and "thanks" in request.query_params:
            back = f"{token}?lang={texts.code}" if view.state == "open" else ""
            return self._views.message(texts, "thanks", 200, view=view, back=back)
        if view.state != "open":
            return self._views.message(texts, view.state, 410, view=view)
        form = Form(rating=_rating(request.query_params.get("r", "")))
        return self._views.answer_form(texts, view, form, token=token, status=200)

    async def submit(self, request: Request) -> Response:
        """Store the answer, then send the browser on, so that a reload does not answer again."""
        token = request.path_params["token"]
        fields = _fields(await read_body(request))
        view = await self._invitation(token)
        texts = self._views.texts(request, view)
        if view is None:
            return self._views.message(texts, "unknown", 404)
        if view.state != "open":
            return self._views.message(texts, view.state, 410, view=view)
        rating, comment = _rating(fields.get("rating", "")), _comment(fields.get("comment", ""))
        if rating is None or len(comment) > MAX_COMMENT_CHARACTERS:
            error = texts.choose_answer if rating is None else texts.too_long.format(limit=MAX_COMMENT_CHARACTERS)
            form = Form(rating=rating, comment=comment, error=error)
            return self._views.answer_form(texts, view, form, token=token, status=422)
        return await self._store(token, view, texts, rating, comment)

    async def _store(self, token: str, view: InvitationView, texts: Texts, rating: int, comment: str) -> Response:
        try:
            stored = await self._ports.store_page_answer(token, rating, comment or None)
        except Exception as error:  # noqa: BLE001 - whatever it was, the customer must not lose what they wrote
            self._log.error("web.answer_not_stored", error=type(error).__name__)
            form = Form(rating=rating, comment=comment, error=texts.not_saved)
            return self._views.answer_form(texts, view, form, token=token, status=503)
        if not stored:
            return self._views.message(texts, "expired", 410, view=view)
        # Relative, so that it also holds behind a proxy that adds a path or another host name.
        return Response(status_code=303, headers={"location": f"{token}?thanks=1&lang={texts.code}"})

    async def ask_to_unsubscribe(self, request: Request) -> Response:
        """A page with one button. It works as long as the invitation is known, answered or not."""
        token = request.path_params["token"]
        view = await self._invitation(token)
        texts = self._views.texts(request, view)
        if view is None:
            return self._views.message(texts, "unknown", 404)
        return self._views.unsubscribe_form(texts, view)

    async def unsubscribe(self, request: Request) -> Response:
        """Opt the address out. The mail program's own button (RFC 8058) comes here too, and takes no redirect."""
        token = request.path_params["token"]
        await read_body(request)
        view = await self._invitation(token)
        texts = self._views.texts(request, view)
        if view is None or not await self._ports.opt_out(token):
            return self._views.message(texts, "unknown", 404)
        return self._views.message(texts, "unsubscribed", 200, view=view)

    def not_found(self, request: Request) -> HTMLResponse:
        """The page for an address that leads nowhere, the same as for an unknown token."""
        return self._views.message(self._views.texts(request, None), "unknown", 404)

    async def _invitation(self, token: str) -> InvitationView | None:
        return await self._ports.invitation(token) if _TOKEN.fullmatch(token) else None


def _rating(text: str) -> int | None:
    return int(text) if text in {str(rating) for rating in range(1, 6)} else None


def _comment(text: str) -> str:
    """The words with the line ends of the customer's own keyboard; PostgreSQL takes no NUL."""
    return text.replace("\r\n", "\n").replace("\x00", "").strip()


def _fields(body: bytes) -> dict[str, str]:
    """The fields of a submitted form. What is not a form has none, which the page then asks for."""
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_FORM_FIELDS))
    except ValueError:
        return {}
