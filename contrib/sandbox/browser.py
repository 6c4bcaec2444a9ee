"""A browser in the hands of a customer: opens a page, fills in the form it finds there, presses the button."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx


@dataclass(slots=True)
class Form:
    """A form that is sent by POST, with what is filled in already."""

    action: str = ""
    values: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    """The values of each group of radio buttons."""
    text_areas: list[str] = field(default_factory=list)

    def fill(self, rating: int | None, words: str) -> dict[str, str]:
        """What the browser sends when the customer has chosen the rating and written the words."""
        values = dict(self.values)
        for name, offered in self.choices.items():
            if str(rating) in offered:
                values[name] = str(rating)
        return values | dict.fromkeys(self.text_areas, words)


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
        elif given.get("type") == "radio":
            form.choices.setdefault(name, []).append(value)
            if "checked" in given:
                form.values[name] = value
        elif given.get("type") == "hidden":
            form.values[name] = value


class Browser:
    """Opens the hub's pages."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(timeout=20, trust_env=False, follow_redirects=True)

    async def answer(self, url: str, rating: int | None = None, words: str = "") -> bool:
        """Open the page, fill in its form and send it.

        :returns: whether there was a form and the hub took it.
        """
        page = await self._client.get(url)
        reader = _FormReader()
        reader.feed(page.text)
        if not reader.forms:
            return False
        form = reader.forms[0]
        sent = await self._client.post(urljoin(str(page.url), form.action), data=form.fill(rating, words))
        return sent.is_success

    async def scan(self, urls: list[str]) -> None:
        """Open every link as a mail filter does: it looks at pages, and presses nothing."""
        for url in urls:
            await self._client.head(url)
            await self._client.get(url)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()
