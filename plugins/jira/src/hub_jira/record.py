"""The issue property: the whole experience as JSON, for programs."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime
from typing import Any

from hub import Experience

LONGEST_PROPERTY = 32_768
"""Characters of JSON that an issue property holds."""
RECORD_VERSION = 1


def as_record(item: Experience) -> dict[str, Any]:
    """The value of the property. A comment that makes it too long for Jira is shortened."""
    record = {"v": RECORD_VERSION, **item.model_dump(mode="json")}
    comment = (item.comment or "")[:LONGEST_PROPERTY]
    while (excess := _length(record) - LONGEST_PROPERTY) > 0 and comment:
        comment = comment[: -max(1, excess // 6)]  # a character takes up to six in JSON
        record["comment"] = f"{comment}…"
    return record


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


_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _length(record: dict[str, Any]) -> int:
    """As Jira counts: emoji count twice."""
    return len(_compact(record).encode("utf-16-le")) // 2
