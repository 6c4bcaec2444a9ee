"""The header of a mail: its fields, what they say decoded, its id and what it answers.

Works on raw bytes and never raises: mail is full of broken encodings, and one bad mail must not hide the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from email.errors import MessageError
from email.header import decode_header
from hashlib import sha256

Fields = Mapping[str, Sequence[str]]
"""Header fields by name in lower case; all values of a repeated field, unfolded, not yet decoded."""

_FOLD = re.compile(r"(?:\r\n|\r|\n)(?=[ \t])")
_LINE_END = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
MESSAGE_ID = re.compile(r"<([^<>]+)>")
_PREFIX = re.compile(
    r"\s*(?:(?:re|aw|antw|sv|vs|vl|fwd?|wg|tr|ref)\s*(?:\[\d+\])?\s*[::]|\[[^\]]*\])\s*", re.IGNORECASE
)
_MAX_ID = 250
_MAX_REFERENCES = 100


def read_fields(header: bytes) -> Fields:
    """Split a header into its fields."""
    fields: dict[str, list[str]] = {}
    for line in _LINE_END.split(_FOLD.sub("", _text(header))):
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), []).append(value.strip())
    return fields


def first(fields: Fields, name: str) -> str:
    """The first value of a field, or nothing."""
    return next(iter(fields.get(name, ())), "")


def decode(value: str) -> str:
    """A header value as people read it: encoded words decoded, on one line, without control characters."""
    try:
        parts = decode_header(_CONTROL.sub(" ", value))
    except (MessageError, ValueError):
        parts = [(value, None)]
    text = "".join(part if isinstance(part, str) else _decoded(part, charset) for part, charset in parts)
    return " ".join(_CONTROL.sub(" ", text).encode("utf-8", "replace").decode().split())


def message_ids(values: Iterable[str]) -> tuple[str, ...]:
    """The ids in values of `Message-ID`, `References` or `In-Reply-To`, without brackets, at most 100.

    Of a longer list the root and the latest ones are kept, for they say most.
    """
    found: dict[str, None] = {}
    for value in values:
        ids = MESSAGE_ID.findall(value) or (value.split() if "@" in value else [])
        found.update(dict.fromkeys(_short_id(cleaned) for text in ids if (cleaned := clean(text))))
    known = tuple(found)
    return known if len(known) <= _MAX_REFERENCES else (known[0], *known[1 - _MAX_REFERENCES :])


def own_message_id(fields: Fields) -> str:
    """The id of a mail; for a mail without one, an id made of what stays the same wherever it is moved."""
    ids = message_ids(fields.get("message-id", ())[:1])
    if ids:
        return ids[0]
    text = "\0".join(first(fields, name) for name in ("from", "to", "date", "subject", "references"))
    return f"{sha256(text.encode('utf-8', 'replace')).hexdigest()}@no-message-id"


def bare_subject(decoded: str) -> str:
    """A decoded subject without "Re:", "VS:", "Fwd:", "[tag]" and the like in front."""
    while match := _PREFIX.match(decoded):
        decoded = decoded[match.end() :]
    return decoded.strip()


def clean(text: str) -> str:
    """An id or address without the spaces and control characters of broken mail."""
    return "".join(_CONTROL.sub("", text).split()).encode("utf-8", "replace").decode()


def _short_id(text: str) -> str:
    return text if len(text) <= _MAX_ID else f"{sha256(text.encode()).hexdigest()}@long-message-id"


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _decoded(part: bytes, charset: str | None) -> str:
    for candidate in (charset or "raw-unicode-escape", "utf-8"):
        try:
            return part.decode(candidate)
        except (UnicodeError, LookupError, ValueError):
            continue
    return part.decode("latin-1")
