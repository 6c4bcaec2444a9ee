"""Signed stamps on forms: when a page was shown and for which survey, without storing anything for each look at it."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_FORM = re.compile(r"([0-9a-f]{1,12})-([0-9a-z]{16})-([0-9a-f]{32})")
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIGNATURE_LETTERS = 32


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a genuine stamp says."""

    at: datetime
    """When the form was made, to the millisecond."""
    nonce: str
    """16 letters and digits, another one for each time a form was shown."""


def make(key: bytes, subject: str, at: datetime, nonce: str) -> str:
    """A stamp for a form.

    :param subject: what the form is for: the token of a survey, or a place.
    :param nonce: 16 letters a-z and digits.
    """
    content = f"{(at - _EPOCH) // _MILLISECOND:x}-{nonce}"
    return f"{content}-{_signature(key, subject, content)}"


def read(key: bytes, subject: str, stamp: str) -> Stamp | None:
    """What a stamp says; None when it was not made with this key for this subject."""
    match = _FORM.fullmatch(stamp)
    if match is None:
        return None
    content = f"{match[1]}-{match[2]}"
    if not hmac.compare_digest(match[3], _signature(key, subject, content)):
        return None
    return Stamp(_EPOCH + int(match[1], 16) * _MILLISECOND, match[2])


def _signature(key: bytes, subject: str, content: str) -> str:
    """HMAC-SHA-256 (RFC 2104), of which half is enough."""
    return hmac.new(key, f"{subject} {content}".encode(), hashlib.sha256).hexdigest()[:_SIGNATURE_LETTERS]
