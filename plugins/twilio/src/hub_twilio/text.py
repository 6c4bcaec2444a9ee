"""Which alphabet a text needs, and how many parts Twilio makes and bills of it.

A part carries 160 characters of the GSM alphabet (3GPP TS 23.038) or 70 units of UTF-16, and 153 or 67 when it is one
of several. Ten parts, the most that can be allowed, stay below Twilio's limit of 1,600 characters.
"""

from __future__ import annotations

import unicodedata

import smsutil  # type: ignore[import-untyped]  # the package ships no types

from hub import Rejected

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


def prepare(text: str, max_parts: int) -> str:
    """The text as it goes to Twilio. Typographic characters give way where that lets the whole text fit one alphabet.

    :raises Rejected: the text is empty, not valid Unicode, or too long.
    """
    composed = unicodedata.normalize("NFC", text)
    plain = composed.translate(LOOKALIKES)
    if not plain.strip():
        raise Rejected("the text is empty", reason="empty_text")
    try:
        composed.encode()
    except UnicodeEncodeError:
        raise Rejected("the text is not valid Unicode", reason="invalid_text") from None
    prepared = plain if smsutil.is_valid_gsm(plain) else composed
    parts = len(smsutil.split(prepared).parts)
    if parts > max_parts:
        raise Rejected(f"the text needs {parts} parts, {max_parts} are allowed", reason="too_long")
    return prepared
