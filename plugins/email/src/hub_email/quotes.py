"""The words a customer wrote themselves: a reply without quoted mail, signatures and what phones add.

Line by line. What is not certainly the work of a program stays: too much is better than a customer's word lost. The
library for this (mail-parser-reply 1.36) knows no Finnish, loses text typed below the quote, takes lists and sentences
that begin with "Thanks" for signatures, and needs time that grows with the square of the mail.
"""

from __future__ import annotations

import re

from hub_email.quote_words import (
    ADDED_BY_PHONE,
    ADDED_CHARS,
    ATTRIBUTION,
    ATTRIBUTION_HEAD,
    BARE_ATTRIBUTION,
    HEADER,
    ORIGINAL_MESSAGE,
)

_MARKER = re.compile(r"[>\s]*##-.{0,200}-##\s*")
_DATE = re.compile(r"\b\d{1,4}[./-]\s?\d{1,2}\b|\b(?:19|20)\d\d\b")
_TIME = re.compile(r"\b\d{1,2}[.:]\d{2}\b")
_ATTRIBUTION_LINES = 3
_ATTRIBUTION_CHARS = 500
_HEADER_BLOCK_LINES = 10
_SIGNATURE = "-- "
_RULE = re.compile(r"[_=*-]{5,}|--")
_INVISIBLE = re.compile("[\ufeff\u200b\u2060\u00ad]")
_SPACES = re.compile("[\u00a0\u2007\u202f]")
_LEADING = "\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069 \t\n"


def own_words(text: str) -> str:
    """The part of a mail's text that its sender typed for this mail. Empty when there is nothing but quotes.

    Quoted lines go wherever they stand, so answers below or between quotes are kept. From an unquoted copy of an
    earlier mail on, which the hub's marker line (`##- … -##`) shows best, all goes.
    """
    lines = [_SPACES.sub(" ", _INVISIBLE.sub("", line)) for line in text.splitlines()]
    lines = [line if line == _SIGNATURE else line.rstrip() for line in lines]
    marker = next((index for index, line in enumerate(lines) if _MARKER.fullmatch(line)), None)
    if marker is None or _is_quoted(lines[marker]):
        return _without_quotes(lines)
    above = _without_quotes(lines[:marker])
    return above or _without_quotes(lines[:marker] + lines[marker + 1 :])


def _without_quotes(lines: list[str]) -> str:
    attributions = _attributions(lines)
    kept: list[str] = []
    index, in_signature = 0, False
    while index < len(lines):
        line = lines[index]
        length = attributions.get(index, 0)
        if length and _next_words(lines, index + length) and not _is_quoted(_next_words(lines, index + length)):
            break  # the earlier mail follows without quote signs
        if not length and _begins_earlier_mail(lines, index):
            break
        if length or _is_quoted(line):
            in_signature = False  # an answer may stand below the quote
        elif line == _SIGNATURE:
            in_signature = True
        elif not in_signature and not _is_added_by_phone(line):
            kept.append(line)
        index += length or 1
    while kept and (not kept[-1] or _RULE.fullmatch(kept[-1].strip())):
        kept.pop()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).lstrip(_LEADING).rstrip()


def _attributions(lines: list[str]) -> dict[int, int]:
    """Where lines such as "On Monday X wrote:" begin, and how many lines each takes: mailers wrap them."""
    found: dict[int, int] = {}
    for last, line in enumerate(lines):
        if line.endswith(":") and (length := _attribution_length(lines, last)):
            first = last - length + 1
            first -= _is_wrapped_opening(lines, first, last)
            found[first] = last - first + 1
    return found


def _attribution_length(lines: list[str], last: int) -> int:
    """How many lines up to `last` make an attribution, 0 when they make none."""
    below = _next_words(lines, last + 1)
    joined = ""
    for length in range(1, min(_ATTRIBUTION_LINES, last + 1) + 1):
        line = lines[last - length + 1]
        if not line or _is_quoted(line):
            break
        joined = f"{line} {joined}".rstrip()
        if _is_attribution(joined, below):
            return length
    return 0


def _is_attribution(line: str, below: str) -> bool:
    """Customers too write sentences that end in "he wrote:", so there must be more than the verb.

    :param below: the next line that is not blank.
    """
    if len(line) > _ATTRIBUTION_CHARS or not ATTRIBUTION.fullmatch(line):
        return False
    dated = _DATE.search(line) is not None
    if _is_quoted(below):
        return dated or "@" in line or BARE_ATTRIBUTION.fullmatch(line) is not None
    return dated and ("@" in line or (not below and _TIME.search(line) is not None))


def _is_wrapped_opening(lines: list[str], first: int, last: int) -> bool:
    """Whether the line above belongs to it: "On Mon, Jun 1, 2026 at 10:15 Acme" / "Desk <a@b>" / "wrote:"."""
    if first == 0 or any(_DATE.search(line) for line in lines[first : last + 1]):
        return False
    above = lines[first - 1]
    return not _is_quoted(above) and bool(_DATE.search(above) and _TIME.search(above))


def _begins_earlier_mail(lines: list[str], index: int) -> bool:
    line = lines[index]
    head = ATTRIBUTION_HEAD.match(line)
    return bool(
        (head and _is_attribution(head[0], below=line[head.end() :]))
        or ORIGINAL_MESSAGE.fullmatch(line)
        or _is_header_block(lines, index)
    )


def _is_header_block(lines: list[str], index: int) -> bool:
    """Outlook's "From: … Sent: … To: … Subject: …" in any order. The subject must be among them, and an address or a
    time: a customer who writes of a journey or fills in a form also has lines that begin with From and To."""
    if not HEADER.match(lines[index]):
        return False
    block = [line for line in lines[index : index + _HEADER_BLOCK_LINES] if HEADER.match(line)]
    kinds = {found.lastgroup for line in block if (found := HEADER.match(line))}
    by_program = any("@" in line or (_DATE.search(line) and _TIME.search(line)) for line in block)
    return by_program and kinds >= {"sender", "subject", "other"}


def _is_added_by_phone(line: str) -> bool:
    return len(line) <= ADDED_CHARS and ADDED_BY_PHONE.fullmatch(line) is not None


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


def _next_words(lines: list[str], index: int) -> str:
    return next((lines[later] for later in range(index, len(lines)) if lines[later]), "")
