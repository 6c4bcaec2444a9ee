"""The last net under the log: masks what must not be there although nobody should have put it there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote, quote_plus

SECRET = "[secret]"  # noqa: S105  # what stands in a secret's place
EMAIL = "[email]"
PHONE = "[phone]"
SHORTEST_SECRET = 4
"""Shorter ones are left alone: masking every "a" would make the log unreadable."""

_OWN_TO_STRUCTLOG = {"_record", "_from_structlog"}
_ATOM = r"[^\s@<>()\[\]{},;:\"'=/|\\&?]"
_EMAIL = re.compile(rf"{_ATOM}{{1,64}}(?:@|%40){_ATOM}{{1,255}}", re.IGNORECASE)
_SEPARATORS = r"[\s().\-/\u2010-\u2015]{0,3}"
_PHONE = re.compile(
    rf"""
      (?: (?<![\w+])\+ | %2B ) {_SEPARATORS} (?: \d {_SEPARATORS} ){{6,14}} \d   # international, plain or in a URL
    | (?<![\w.:,\-]) 0 (?: [\s()\-/\u2010-\u2015]{{0,3}} \d ){{6,14}} (?!\w)       # national or 00...
    | (?<![\w.\-]) \d{{9,15}} (?![\w\-]|\.\d)                                   # as gateways write them, without +
    | (?<![\w.\-]) \(? \d{{3}} \)? [\s.\-] \d{{3}} [\s.\-] \d{{4}} (?![\w\-])       # North America
    """,
    re.IGNORECASE | re.VERBOSE,
)


class Redactor:
    """A structlog processor that masks secrets, e-mail addresses and phone numbers in every value of an event.

    Put it last before the renderer, after exceptions have become text and before the time is added. Values that are
    neither text, number nor container become text, so that nothing is rendered behind its back.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._secrets: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Mask these from now on too, plain, as in a URL and as in JSON."""
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                self._forms |= {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
                self._forms |= {json.dumps(secret)[1:-1], repr(secret)[1:-1]}
        if self._forms:
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._secrets = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """See structlog's processors."""
        for key, value in event.items():
            if key not in _OWN_TO_STRUCTLOG:
                event[key] = self._value(value)
        return event

    def text(self, text: str) -> str:
        """Mask one text."""
        if self._secrets:
            text = self._secrets.sub(SECRET, text)
        return _PHONE.sub(PHONE, _EMAIL.sub(EMAIL, text))

    def _value(self, value: object) -> object:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.text(value)
            case Mapping():
                return {self.text(str(key)): self._value(each) for key, each in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._value(each) for each in value]
            case bytes():
                return self.text(value.decode("utf-8", "replace"))
            case _:
                return self.text(str(value))
