"""The readable text of a mail, whatever its sender's program made of it. Nothing in here raises on bad mail."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message
from email.parser import BytesParser

from hub_email.html_text import html_to_text

MAX_PARTS = 200
MAX_DEPTH = 20
MAX_TEXT_BYTES = 500_000
"""How much of one part is read. HTML of hostile shape takes time that grows faster than its length."""
MAX_BOUNDARY_LINES = 10_000
"""More lines than this that look like boundaries are no mail by a person, and would take seconds to parse."""

# Codecs that are not character sets of mail; some take time that grows with the square of the text.
_NOT_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def parse_mail(content: bytes) -> Message:
    """Parse a mail with the lenient compat32 policy: the newer header parsers raise on some broken headers and take
    seconds on long ones. What is nested or divided beyond measure is read as headers and one plain text.
    """
    if content.count(b"\n--") <= MAX_BOUNDARY_LINES:
        with suppress(RecursionError):
            return BytesParser().parsebytes(content)
    return BytesParser().parsebytes(content, headersonly=True)


def header_values(mail: Message, name: str) -> list[str]:
    """All values of a header as they stand in the mail, unfolded and not decoded."""
    return [" ".join(str(value).split()) for key, value in mail.raw_items() if key.lower() == name.lower()]


def readable_text(mail: Message) -> str:
    """The text a person would see: the plain form where there is one, otherwise the HTML as text.

    Attachments are left out. Text quoted by HTML is marked with "> " as in plain mail.
    """
    text = _read(mail, depth=0, parts=iter(range(MAX_PARTS)))
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip("\n")


def parts_of(mail: Message) -> Iterator[Message]:
    """The parts of a mail, outside in, up to the limits; what lies within an attached mail is left out."""
    waiting = [(mail, 0)]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        part, depth = waiting.pop()
        yield part
        if depth < MAX_DEPTH and part.get_content_maintype() == "multipart":
            waiting += [(child, depth + 1) for child in reversed(_children(part))]


def payload_text(part: Message) -> str:
    """The text of one part, in whatever character set it turns out to be."""
    content = _payload(part)[:MAX_TEXT_BYTES]
    for charset in (_charset(part), "utf-8"):
        with suppress(LookupError, ValueError):
            if charset and codecs.lookup(charset).name.replace("_", "-") not in _NOT_CHARSETS:
                return content.decode(charset)
    return content.decode("cp1252", "replace")


def _read(part: Message, *, depth: int, parts: Iterator[int]) -> str:
    if depth > MAX_DEPTH or next(parts, None) is None:
        return ""
    kind = part.get_content_type()
    if part.is_multipart():
        is_attached_mail = kind.startswith("message/") and depth > 0
        return "" if is_attached_mail else _read_children(part, kind, depth + 1, parts)
    if depth > 0 and part.get_content_disposition() == "attachment":
        return ""
    if kind == "text/html":
        return html_to_text(payload_text(part))
    if kind == "text/plain":
        return _rejoined(payload_text(part), part)
    # A "multipart" that is none any more has lost its boundary; its text is still there.
    return payload_text(part) if kind.startswith("multipart/") else ""


def _read_children(part: Message, kind: str, depth: int, parts: Iterator[int]) -> str:
    children = _children(part)
    if kind == "multipart/alternative":
        children.sort(key=lambda child: child.get_content_type() != "text/plain")
    texts = (_read(child, depth=depth, parts=parts) for child in children)
    found = (text for text in texts if text.strip())
    return next(found, "") if kind == "multipart/alternative" else "\n\n".join(found)


def _rejoined(text: str, part: Message) -> str:
    """Text of a `format=flowed` part with its paragraphs in one line again (RFC 3676); other text as it is."""
    if _parameter(part, "format") != "flowed":
        return text
    drops_space = _parameter(part, "delsp") == "yes"
    lines: list[str] = []
    open_at: int | None = None  # how deep the last line is quoted, if it goes on
    for line in text.replace("\r\n", "\n").split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        words = line[depth:].removeprefix(" ")
        flows = words.endswith(" ") and words != "-- "
        kept = words[:-1] if flows and drops_space else words
        if open_at == depth and words != "-- ":
            lines[-1] += kept
        else:
            lines.append(f"{'>' * depth} {kept}" if depth else kept)
        open_at = depth if flows else None
    return "\n".join(lines)


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _parameter(part: Message, name: str) -> str:
    try:
        value = part.get_param(name)
    except (LookupError, ValueError, TypeError):
        return ""
    return value.lower() if isinstance(value, str) else ""


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (LookupError, ValueError, TypeError):
        return None
