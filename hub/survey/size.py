"""How much of a text message a text takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from smsutil import split  # type: ignore[import-untyped]  # the package ships no types


@dataclass(frozen=True, slots=True)
class Size:
    """What a text message takes: operators bill each part."""

    alphabet: Literal["GSM-7", "UCS-2"]
    characters: int
    """In the alphabet's own units: some signs take two."""
    parts: int
    left: int
    """How many more fit before there is another part."""


def size_of(text: str) -> Size:
    """The alphabet, parts and free room of a text message.

    160 septets of the GSM 7-bit alphabet or 70 units of UTF-16 in a single part; 153 or 67 in each of several
    (3GPP TS 23.038 and 23.040).
    """
    made = split(text)
    is_gsm = made.encoding == "gsm0338"
    used = [part.bytes if is_gsm else part.bytes // 2 for part in made.parts]
    room = (160 if is_gsm else 70) if len(used) < 2 else (153 if is_gsm else 67)
    last = used[-1] if used else 0
    return Size("GSM-7" if is_gsm else "UCS-2", sum(used), max(1, len(used)), room - last)
