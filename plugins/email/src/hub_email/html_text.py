"""HTML of a mail as plain text, with what its sender only quoted marked by "> ".

Written on the parser of the standard library: what is needed is little, and the libraries for it either make
Markdown or bring an XML stack along.
"""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser

_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
_HIDDEN = frozenset({"script", "style", "template", "title"})
_LINES = frozenset({"br", "dd", "div", "dt", "hr", "li", "ol", "section", "table", "tr", "ul"})
_PARAGRAPHS = frozenset({"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "p", "pre"})
_CELLS = frozenset({"td", "th"})

_QUOTING = re.compile(r"\b(?:gmail_attr|moz-cite-prefix|yahoo_quoted|protonmail_quote)\b")
_QUOTING_IDS = frozenset({"mail-editor-reference-message-container"})
_SIGNATURE = re.compile(r"\b(?:gmail_signature|moz-signature)\b")
_OUTLOOK_REPLY = "divRplyFwdMsg"  # Outlook on the web repeats it with "x_" in front in longer conversations
ORIGINAL_MESSAGE = "-----Original Message-----"


def html_to_text(html: str) -> str:
    """Turn HTML into lines of text. Never raises; tolerates any nonsense."""
    reader = _Reader()
    try:
        reader.feed(html)
        reader.close()
    except AssertionError:  # the parser's answer to some broken declarations
        return re.sub(r"<[^<>]*>", " ", html)
    return reader.text()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line = ""
        self._open: list[tuple[str, bool, bool]] = []  # tag, quoting, hidden
        self._open_tags: Counter[str] = Counter()
        self._quoting = 0
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._break(tag)
        if tag in _VOID:
            return
        names = dict(attrs)
        classes, identity = names.get("class") or "", names.get("id") or ""
        if identity.endswith(_OUTLOOK_REPLY):
            self._new_line()
            self._lines.append(ORIGINAL_MESSAGE)
        quoting = tag == "blockquote" or bool(_QUOTING.search(classes)) or identity in _QUOTING_IDS
        hidden = tag in _HIDDEN or bool(_SIGNATURE.search(classes))
        if quoting:
            self._new_line()
        self._open.append((tag, quoting, hidden))
        self._open_tags[tag] += 1
        self._quoting += quoting
        self._hidden += hidden

    def handle_endtag(self, tag: str) -> None:
        while self._open_tags[tag]:  # elements inside that were never closed end here too
            inner, quoting, hidden = self._open.pop()
            if quoting:
                self._new_line()
            self._open_tags[inner] -= 1
            self._quoting -= quoting
            self._hidden -= hidden
            if inner == tag:
                break
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        for number, line in enumerate(data.split("\n") if self._open_tags["pre"] else [data]):
            if number:
                self._new_line()
            text = re.sub(r"\s+", " ", line)
            self._line += text.lstrip() if not self._line or self._line.endswith(" ") else text

    def text(self) -> str:
        self._new_line()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip()

    def _break(self, tag: str) -> None:
        if tag in _CELLS:
            self._line += " " if self._line else ""
        elif tag in _PARAGRAPHS:
            self._new_line()
            self._lines.append(self._prefix().rstrip())
        elif tag == "br" or (tag in _LINES and self._line.strip()):
            self._new_line()

    def _new_line(self) -> None:
        self._lines.append(f"{self._prefix()}{self._line.strip()}".rstrip())
        self._line = ""

    def _prefix(self) -> str:
        return "> " if self._quoting else ""
