"""A person with a browser: opens a survey's page, fills in its form and presses the button."""

from __future__ import annotations

import re
from html import unescape

import httpx

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def answer(url: str, **values: str) -> httpx.Response:
    """Answer on the page of a survey.

    :param values: by question id, such as `service="4"`.
    :returns: what the hub says to the form.
    """
    page = httpx.get(url)
    carried = {name: unescape(value) for name, value in _HIDDEN.findall(page.text)}
    given = {f"q.{id_}": value for id_, value in values.items()}
    return httpx.post(url.partition("?")[0], data={**carried, "hand": "touch", **given})
