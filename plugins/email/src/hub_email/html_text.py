"""HTML of a mail as plain text, with what its sender only quoted marked by "> ".

The markup is cut by one expression that never looks at a character twice: a mail can be hostile, and the parser of the
standard library (seen with Python 3.11.7) needs minutes for half a megabyte of unfinished tags. The
libraries that make text of HTML either write Markdown or bring an XML stack along.
"""

from __future__ import annotations

import re
from collections import Counter
from html import unescape

_MARKUP = re.compile(
    r"""<(?P<end>/?)(?P<tag>[a-zA-Z][\w:-]*+)(?P<attributes>(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+)>|<[!?/][^<>]*+>"""
)
_ATTRIBUTE = re.compile(
    r"""(?<![\w-])(class|id|type|cite|style)\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s"']++)""", re.IGNORECASE
)
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
_HIDDEN = frozenset({"script", "style", "template", "title"})
_LINES = frozenset({"br", "dd", "div", "dt", "hr", "li", "ol", "section", "table", "tr", "ul"})
_PARAGRAPHS = frozenset({"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "p", "pre"})
_CELLS = frozenset({"td", "th"})

_QUOTING = re.compile(r"\b(?:gmail_attr|moz-cite-prefix|yahoo_quoted|protonmail_quote)\b")
_QUOTING_IDS = frozenset({"mail-editor-reference-message-container"})
_SIGNATURE = re.compile(r"\b(?:gmail_signature|moz-signature|k9mail-signature)\b")
_INDENTED = re.compile(r"margin-left:\s*[1-9]|margin:\s*\S+\s+\S+\s+\S+\s+[1-9]", re.IGNORECASE)
_BORDER = re.compile(r"border(?:-left)?:\s*(?!none|0)", re.IGNORECASE)
_OUTLOOK_REPLY = "divRplyFwdMsg"  # Outlook on the web repeats it with "x_" in front in longer conversations
ORIGINAL_MESSAGE = "-----Original Message-----"


def html_to_text(html: str) -> str:
    """Turn HTML into lines of text. Never raises; what is no markup is text."""
    reader = _Reader()
    rest = _without_comments(html)
    position = 0
    for markup in _MARKUP.finditer(rest):
        reader.add_text(rest[position : markup.start()])
        if markup["tag"] and markup["end"]:
            reader.end_tag(markup["tag"].lower())
        elif markup["tag"]:
            reader.start_tag(markup["tag"].lower(), markup["attributes"])
        position = markup.end()
    reader.add_text(rest[position:])
    return reader.text()


def _without_comments(html: str) -> str:
    kept = []
    position = 0
    while (start := html.find("<!--", position)) >= 0 and (end := html.find("-->", start + 4)) >= 0:
        kept.append(html[position:start])
        position = end + 3
    return "".join([*kept, html[position:]])


class _Reader:
    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line = ""
        self._open: list[tuple[str, bool, bool]] = []  # tag, quoting, hidden
        self._open_tags: Counter[str] = Counter()
        self._quoting = 0
        self._hidden = 0

    def start_tag(self, tag: str, attributes: str) -> None:
        self._break(tag)
        if tag in _VOID:
            return
        names = {name.lower(): value.strip("\"'") for name, value in _ATTRIBUTE.findall(attributes)}
        classes, identity = names.get("class", ""), names.get("id", "")
        if identity.endswith(_OUTLOOK_REPLY):
            self._new_line()
            self._lines.append(ORIGINAL_MESSAGE)
        quoting = _is_quote(tag, names) or bool(_QUOTING.search(classes)) or identity in _QUOTING_IDS
        hidden = tag in _HIDDEN or bool(_SIGNATURE.search(classes))
        if quoting:
            self._new_line()
        self._open.append((tag, quoting, hidden))
        self._open_tags[tag] += 1
        self._quoting += quoting
        self._hidden += hidden

    def end_tag(self, tag: str) -> None:
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

    def add_text(self, raw: str) -> None:
        if self._hidden or not raw:
            return
        text = unescape(raw)
        for number, line in enumerate(text.split("\n") if self._open_tags["pre"] else [text]):
            if number:
                self._new_line()
            words = re.sub(r"\s+", " ", line)
            self._line += words.lstrip() if not self._line or self._line.endswith(" ") else words

    def text(self) -> str:
        self._new_line()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip()

    def _break(self, tag: str) -> None:
        if tag in _CELLS:
            self.add_text(" ")
        elif tag in _PARAGRAPHS:
            self._new_line()
            self._lines.append(self._prefix().rstrip())
        elif tag == "br" or (tag in _LINES and self._line.strip()):
            self._new_line()

    def _new_line(self) -> None:
        words = self._line.strip()
        line = f"{self._prefix()}{words}".rstrip()
        self._lines.append("-- " if line == "--" != self._line else line)  # begins a signature (RFC 3676, 4.3)
        self._line = ""

    def _prefix(self) -> str:
        return "> " if self._quoting else ""


def _is_quote(tag: str, attributes: dict[str, str]) -> bool:
    """Whether this element quotes; people also indent what they write, and their programs do that by the same tag."""
    if tag != "blockquote":
        return False
    marked = not {"class", "type", "cite"}.isdisjoint(attributes)
    style = attributes.get("style", "")
    return marked or not _INDENTED.search(style) or bool(_BORDER.search(style))
