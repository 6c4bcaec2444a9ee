"""Which alphabet a text needs, and how many parts Kannel makes of it.

A short message carries 160 characters of the GSM alphabet (3GPP TS 23.038) or 70 units of UTF-16, and 153 or 67 when it
is one part of several.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, field
from enum import IntEnum

from hub import Rejected

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Characters that take the place of two."""
_GSM = re.compile(f"[{re.escape(''.join(sorted(GSM_BASIC | GSM_EXTENDED)))}]*")
_EXTENDED = re.compile(f"[{re.escape(''.join(sorted(GSM_EXTENDED)))}]")

SPACES = "\t\u00a0\u2002\u2003\u2007\u2008\u2009\u200a\u202f"
INVISIBLE = "\u00ad\u200b\u2060\ufeff"
LOOKALIKES = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−·", "-"),
        **dict.fromkeys(SPACES, " "),
        **dict.fromkeys(INVISIBLE, ""),
        "•": "*",
        "…": "...",
    }
)
"""Characters that templates and editors insert, and what stands for them in the GSM alphabet."""

PART_SEPTETS, ONLY_PART_SEPTETS = 153, 160
PART_BYTES, ONLY_PART_BYTES = 134, 140


class Coding(IntEnum):
    """Kannel's numbers for the alphabets."""

    GSM = 0
    UCS2 = 2


@dataclass(frozen=True, slots=True)
class Text:
    """A text as it goes to Kannel."""

    content: str = field(repr=False)
    coding: Coding
    parts: int


def prepare(text: str, max_parts: int) -> Text:
    """Choose the alphabet. Typographic characters give way only where that lets the whole text fit the cheap one.

    :raises Rejected: the text is empty, not valid Unicode, too long, or would be cut inside a character.
    """
    prepared = _encode(unicodedata.normalize("NFC", text))
    if prepared.parts > max_parts:
        raise Rejected(f"the text needs {prepared.parts} parts, {max_parts} are allowed", reason="too_long")
    if prepared.coding is Coding.UCS2:
        _refuse_cut_characters(prepared.content)
    return prepared


def _encode(text: str) -> Text:
    plain = text if _GSM.fullmatch(text) else text.translate(LOOKALIKES)
    if not plain.strip():
        raise Rejected("the text is empty", reason="empty_text")
    if _GSM.fullmatch(plain):
        return Text(plain, Coding.GSM, _gsm_parts(plain))
    try:
        size = len(text.encode("utf-16-be"))
    except UnicodeEncodeError:
        raise Rejected("the text is not valid Unicode", reason="invalid_text") from None
    return Text(text, Coding.UCS2, 1 if size <= ONLY_PART_BYTES else math.ceil(size / PART_BYTES))


def _gsm_parts(text: str) -> int:
    if len(text) + len(_EXTENDED.findall(text)) <= ONLY_PART_SEPTETS:
        return 1
    parts, used = 1, 0
    for character in text:
        size = 2 if character in GSM_EXTENDED else 1
        if used + size > PART_SEPTETS:  # a character of two septets is never divided
            parts, used = parts + 1, 0
        used += size
    return parts


def _refuse_cut_characters(text: str) -> None:
    # Kannel counts units and cuts surrogate pairs in half; many phones then show two boxes instead of an emoji
    encoded = text.encode("utf-16-be")
    if len(encoded) <= ONLY_PART_BYTES:
        return
    for cut in range(PART_BYTES, len(encoded), PART_BYTES):
        if 0xDC <= encoded[cut] <= 0xDF:
            raise Rejected("a part of the text would end in half an emoji", reason="emoji_cut")
