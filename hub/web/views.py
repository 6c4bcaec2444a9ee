"""Turns the survey's words and an invitation into HTML."""

from __future__ import annotations

import base64
import hashlib
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from hub.config.questions import Question
from hub.survey.plain import one_line, ticket_subject
from hub.survey.texts import LANGUAGES, Texts, pick_language, texts_in
from hub.survey.wording import choices, hint, question_text
from hub.web.ports import InvitationView

MAX_COMMENT_CHARACTERS = 2000
_QUESTIONS = {
    id_: Question.model_validate(table)
    for id_, table in tomllib.loads(files("hub.config").joinpath("builtin.toml").read_text("utf-8"))[
        "questions"
    ].items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What the answer page holds: nothing at first, what the customer entered when it has to be shown again."""

    rating: int | None = None
    comment: str = ""
    error: str = ""


class Views:
    """Renders the pages. Everything put into them is escaped."""

    def __init__(self, default_language: str) -> None:
        self._default_language = default_language
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader("hub.web"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._style = files("hub.web").joinpath("templates", "style.css").read_text("utf-8")

    @property
    def style_hash(self) -> str:
        """SHA-256 of the inline style sheet in Base64, for the content security policy."""
        return base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()

    def texts(self, request: Request, view: InvitationView | None) -> Texts:
        """The words in the language the customer chose on the page, that of the invitation, or that of the browser."""
        wishes = [request.query_params.get("lang"), view.language if view else None]
        if view is None:
            accepted = request.headers.get("accept-language", "")
            wishes += [wish.split(";")[0] for wish in accepted.split(",")]
        return texts_in(pick_language(*wishes, default=self._default_language))

    def answer_form(self, texts: Texts, view: InvitationView, form: Form, *, token: str, status: int) -> HTMLResponse:
        """The page with the question."""
        ticket, sender = one_line(view.ticket_key), one_line(view.sender_name)
        return self._page(
            "answer.html",
            texts,
            status,
            title=question_text(_QUESTIONS["service"], texts.code, texts.tone),
            choices=choices(_QUESTIONS["service"], texts),
            comment_question=question_text(_QUESTIONS["comment"], texts.code, texts.tone),
            comment_hint=hint(_QUESTIONS["comment"], texts.code),
            sender=sender,
            about=texts.about_ticket(ticket=ticket, subject=ticket_subject(view.subject)),
            privacy=texts.privacy.format(sender=sender, ticket=ticket),
            answered=view.answered,
            form=form,
            token=token,
            max_comment=MAX_COMMENT_CHARACTERS,
        )

    def unsubscribe_form(self, texts: Texts, view: InvitationView) -> HTMLResponse:
        """The page that asks before it stops surveys."""
        sender = one_line(view.sender_name)
        text = texts.unsubscribe_text.format(sender=sender)
        return self._page("unsubscribe.html", texts, 200, title=texts.unsubscribe_title, sender=sender, text=text)

    def message(
        self, texts: Texts, name: str, status: int, *, view: InvitationView | None = None, back: str = ""
    ) -> HTMLResponse:
        """A page that only tells something.

        :param name: the beginning of the text names, such as "expired".
        :param back: a relative address to change the answer at.
        """
        text = str(getattr(texts, f"{name}_text"))
        if view is not None:
            text = text.format(ticket=one_line(view.ticket_key))
        sender = one_line(view.sender_name) if view else ""
        title = getattr(texts, f"{name}_title")
        return self._page("message.html", texts, status, title=title, sender=sender, text=text, back=back)

    def failed(self) -> HTMLResponse:
        """The page for when the hub itself is in trouble."""
        return self.message(texts_in(self._default_language), "failed", 500)

    def _page(self, template: str, texts: Texts, status: int, **values: Any) -> HTMLResponse:
        languages = [(texts_in(code).name, code) for code in LANGUAGES]
        page = self._environment.get_template(template).render(
            values,
            texts=texts,
            languages=languages,
            style=Markup(self._style),  # noqa: S704 - our own file, and the policy's hash covers it as it is
        )
        return HTMLResponse(page, status)
