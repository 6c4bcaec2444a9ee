"""Turns words and values into HTML pages."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from hub.config.survey import Tone
from hub.store import failures
from hub.survey.model import Survey
from hub.survey.plain import one_line
from hub.survey.texts import LANGUAGES, Texts, pick_language, texts_in, texts_of
from hub.web.forms import HELD, SHOW, TRAP, Form
from hub.web.questions import MAX_CHARACTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How one page is shown, and what its links have to keep."""

    texts: Texts
    languages: Sequence[str] = LANGUAGES
    keep: Mapping[str, str] = field(default_factory=dict)
    """Parameters that every link carries, besides the language."""
    headers: Mapping[str, str] = field(default_factory=dict)
    preview: bool = False

    def link(self, page: str = "", **query: str) -> str:
        """A relative address; without a page that of the page itself."""
        asked = {name: value for name, value in query.items() if value}
        return f"{page}?{urlencode({'lang': self.texts.code, **self.keep, **asked})}"


class Views:
    """Renders pages. Everything put into them is escaped."""

    def __init__(self, default_language: str) -> None:
        self._default_language = default_language
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader("hub.web"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        folder = files("hub.web").joinpath("templates")
        style, script = (folder.joinpath(name).read_text("utf-8") for name in ("style.css", "hand.js"))
        style = _tight(style)
        self._hashes = _hash(style), _hash(script)
        self._environment.globals.update(
            style=Markup(style),  # noqa: S704 - our own files, and the policy's hashes cover them as they are
            script=Markup(script),  # noqa: S704
            trap=TRAP,
            held_field=HELD,
            show_field=SHOW,
            max_characters=MAX_CHARACTERS,
        )

    def policy(self, frame_ancestors: Sequence[str] = ()) -> str:
        """The content security policy: one inline style sheet, one inline script, forms for the hub alone.

        :param frame_ancestors: sites that may show the page in a frame.
        """
        style, script = self._hashes
        return (
            f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; form-action 'self'; "
            f"base-uri 'none'; frame-ancestors {' '.join(frame_ancestors) or chr(39) + 'none' + chr(39)}"
        )

    def setting(
        self,
        request: Request,
        survey: Survey | None,
        language: str | None,
        tone: Tone | None = None,
        *,
        default: str = "",
        **more: Any,
    ) -> Setting:
        """The words in the language that was chosen on the page, else in this one, else in that of the browser."""
        wishes = [request.query_params.get("lang"), language]
        if language is None:
            wishes += [wish.split(";")[0] for wish in request.headers.get("accept-language", "").split(",")]
        languages = survey.languages if survey else LANGUAGES
        code = pick_language(*wishes, default=default or self._default_language, languages=languages)
        texts = texts_of(survey, code, tone) if survey else texts_in(code)
        return Setting(texts=texts, languages=languages, **more)

    def page(
        self, template: str, setting: Setting, status: int, *, nav: Mapping[str, str], **values: Any
    ) -> HTMLResponse:
        """A page.

        :param nav: what the links to other languages keep.
        :param values: for the template; each one has `title` and `sender`.
        """
        languages = [(texts_in(code).name, code, setting.link(**{**nav, "lang": code})) for code in setting.languages]
        html = self._environment.get_template(template).render(
            values, texts=setting.texts, setting=setting, nav=nav, languages=languages
        )
        return HTMLResponse(html, status, setting.headers)

    def message(
        self, setting: Setting, name: str, status: int, *, sender: str = "", back: tuple[str, str] | None = None
    ) -> HTMLResponse:
        """A page that only tells something.

        :param name: the beginning of the text names, such as "expired".
        :param back: words and a relative address to go on with.
        """
        title, text = (str(getattr(setting.texts, f"{name}_{part}")) for part in ("title", "text"))
        sender = one_line(sender)
        return self.page("message.html", setting, status, title=title, sender=sender, text=text, back=back, nav={})

    def failed(self, error: Exception) -> HTMLResponse:
        """The page for when the hub itself is in trouble: with 503 when its store is, which passes."""
        status = 503 if isinstance(error, OSError) or failures.is_of_the_store(error) else 500
        setting = Setting(texts=texts_in(self._default_language), languages=())  # made once, for all addresses
        return self.message(setting, "failed", status)

    def not_saved(self, request: Request, form: Form) -> HTMLResponse:
        """The page for when not even the questions can be read: it keeps what was sent, to be sent again."""
        setting = self.setting(request, None, None)
        title, text = setting.texts.failed_title, setting.texts.not_saved
        fields = [(name, value) for name, values in form.items() for value in values if name != SHOW]
        return self.page("again.html", setting, 503, title=title, sender="", text=text, fields=fields, nav={})


def _tight(style: str) -> str:
    """A style sheet without the spaces that are for its author: it goes out with every page."""
    return re.sub(r"\s*([{};,])\s*|(?<=:)\s+", lambda found: found[1] or "", style)


def _hash(content: str) -> str:
    """SHA-256 in Base64, as a content security policy names an inline style sheet or script."""
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
