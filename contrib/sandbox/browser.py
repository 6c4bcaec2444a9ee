"""A browser in the hands of a customer: opens a page, fills in the forms it finds there, presses the button."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

PREFIX = "q."
"""What the names of fields begin with that answer a question."""
_HAND = "hand"
"""The field in which the page's script notes how its reader pressed the button."""


@dataclass(slots=True)
class Form:
    """A form that is sent by POST, with what is filled in already."""

    action: str = ""
    values: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    """The values of each group of radio buttons or boxes."""
    text_areas: list[str] = field(default_factory=list)

    def takes(self, name: str, value: str) -> bool:
        """Whether this can be entered."""
        return PREFIX + name in self.text_areas or value in self.choices.get(PREFIX + name, ())

    def filled(self, answers: Mapping[str, str]) -> dict[str, str]:
        """What the browser sends when these answers have been entered, with a finger on the button."""
        sent = self.values | dict.fromkeys(self.text_areas, "")
        if _HAND in sent:
            sent[_HAND] = "touch"
        return sent | {PREFIX + name: value for name, value in answers.items()}


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("method", "").lower() == "post"
            if self._inside:
                self.forms.append(Form(given.get("action", "")))
        elif self._inside and given.get("name"):
            self._control(self.forms[-1], tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False

    def _control(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name, value = given["name"], given.get("value", "")
        if tag == "textarea":
            form.text_areas.append(name)
        elif given.get("type") in ("radio", "checkbox"):
            form.choices.setdefault(name, []).append(value)
            if "checked" in given:
                form.values[name] = value
        elif given.get("type") == "hidden":
            form.values[name] = value


class Browser:
    """Opens the hub's pages."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(timeout=20, trust_env=False, follow_redirects=True)

    async def answer(self, url: str, answers: Mapping[str, str]) -> dict[str, str]:
        """Open the page, and fill in and send one form after the other, as long as there is one for an answer.

        :param answers: by the name of their field.
        :returns: those that were sent and taken.
        """
        page = await self._client.get(url)
        given: dict[str, str] = {}
        while True:
            rest = {name: value for name, value in answers.items() if name not in given}
            form, entered = _fitting(forms_in(page.text), rest)
            if form is None:
                return given
            page = await self._send(page, form, entered)
            if not page.is_success:
                return given
            given |= entered

    async def press(self, url: str) -> bool:
        """Open the page and press its button; whether there was one, and the hub took it."""
        page = await self._client.get(url)
        forms = forms_in(page.text)
        return bool(forms) and (await self._send(page, forms[0], {})).is_success

    async def scan(self, urls: list[str]) -> None:
        """Open every link as a mail filter does: it looks at pages, and presses nothing."""
        for url in urls:
            await self._client.head(url)
            await self._client.get(url)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def _send(self, page: httpx.Response, form: Form, answers: Mapping[str, str]) -> httpx.Response:
        return await self._client.post(urljoin(str(page.url), form.action), data=form.filled(answers))


def forms_in(html: str) -> list[Form]:
    """The forms of a page that are sent by POST."""
    reader = _FormReader()
    reader.feed(html)
    return reader.forms


def _fitting(forms: list[Form], answers: Mapping[str, str]) -> tuple[Form | None, dict[str, str]]:
    """The first form that takes any of the answers, and which it takes."""
    for form in forms:
        if taken := {name: value for name, value in answers.items() if form.takes(name, value)}:
            return form, taken
    return None, {}
