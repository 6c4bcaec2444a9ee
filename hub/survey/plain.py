"""Makes foreign text safe to put into one line, and into an SMS of one part."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from smsutil import is_valid_gsm  # type: ignore[import-untyped]  # the package ships no types

_LINK = re.compile(r"\S*(?:://|\bwww\.)\S*", re.IGNORECASE)
_COMMON = re.compile(r"[A-Za-z0-9äöåÄÖÅéÉ \n.,:;!?'\"()/=&%+*@#<>-]*")
"""Letters and signs of GSM-7 that nearly every text consists of."""
_TYPOGRAPHIC = str.maketrans("’‘“”„–—‑•", '\'\'"""----')


def one_line(text: str, *, limit: int = 120) -> str:
    """The text without line breaks, control and direction characters, and cut to `limit` characters."""
    line = " ".join((text if text.isascii() and text.isprintable() else _printable(text)).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _printable(text: str) -> str:
    kept = []
    for char in text:
        category = unicodedata.category(char)
        if category != "Cf":
            kept.append(" " if category in {"Cc", "Cs", "Zl", "Zp"} else char)
    return "".join(kept)


def ticket_subject(text: str) -> str:
    """A ticket's subject as it may be shown to a customer: one line, and without links.

    Anyone can open a ticket in another person's name. A link in its subject would make the survey carry it to them.
    """
    return one_line(_LINK.sub("…", text[:1000]))  # the pattern is slow on a very long word


def to_gsm(text: str) -> str:
    """The text with what GSM-7 lacks replaced by its nearest letter or sign, as far as there is one."""
    if _COMMON.fullmatch(text):
        return text
    return "".join(map(_in_gsm, unicodedata.normalize("NFC", text).translate(_TYPOGRAPHIC)))


@lru_cache(maxsize=4096)
def _in_gsm(char: str) -> str:
    if is_valid_gsm(char):
        return char
    base = unicodedata.normalize("NFKD", char)[0]  # also makes a no-break space a space
    return base if is_valid_gsm(base) else char
