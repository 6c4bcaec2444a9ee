"""The issue property: the whole experience as JSON, for programs."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Any

from hub import Experience

LONGEST_PROPERTY = 32_768
"""Characters of JSON that an issue property holds."""
RECORD_VERSION = 1


def as_json(item: Experience) -> bytes:
    """The value of the property. Words that make it too long for Jira stand in the comment alone, or are shortened."""
    text, comment = _json(item), item.comment or ""
    if _length(text) > LONGEST_PROPERTY:
        item = item.model_copy(update={"remarks": (), "items": ()})
        text = _json(item)
    while (excess := _length(text) - LONGEST_PROPERTY) > 0 and comment:
        # A character takes up to six in JSON.
        comment = comment[: min(len(comment) - max(1, excess // 6), LONGEST_PROPERTY)]
        text = _json(item.model_copy(update={"comment": f"{comment}…"}))
    return text.encode()


def revision_in(record: Any, item: Experience) -> int:
    """Which revision of this experience a property holds; 0 for none."""
    match record:
        case {"id": item.id, "revision": int(revision)}:
            return revision
    return 0


def is_later(record: Any, item: Experience) -> bool:
    """Whether a property holds what was answered later, about another closing."""
    match record:
        case {"id": item.id}:
            return False
        case {"answered_at": str(moment)}:
            with contextlib.suppress(ValueError, TypeError):  # other programs can write anything there
                return datetime.fromisoformat(moment) > item.answered_at
    return False


def _json(item: Experience) -> str:
    return f'{{"v":{RECORD_VERSION},{item.model_dump_json()[1:]}'


def _length(text: str) -> int:
    """As Jira counts: emoji count twice."""
    return len(text.encode("utf-16-le")) // 2
