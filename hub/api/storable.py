"""Text that no database or JSON reader takes is replaced in records."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def _is_storable(values: Iterable[Any]) -> bool:
    """Whether there is nothing to replace: nearly always, and much cheaper than making everything anew."""
    for value in values:
        if value is None:
            continue
        if isinstance(value, str):
            if (not value.isascii() or "\0" in value) and _UNSTORABLE.search(value):
                return False
        elif isinstance(value, dict):
            if not (_is_storable(value) and _is_storable(value.values())):
                return False
        elif isinstance(value, (list, tuple)) and not _is_storable(value):
            return False
    return True


def _clean(value: Any) -> Any:
    """Replace what no database or JSON reader takes: NUL, and half surrogate pairs from badly decoded mail."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return type(value)(map(_clean, value)) if isinstance(value, list | tuple) else value


def storable(values: Any) -> Any:
    """The fields of a record, cleaned all at once: a validator of each field would cost a call for each."""
    return _clean(values) if isinstance(values, dict) and not _is_storable(values.values()) else values
