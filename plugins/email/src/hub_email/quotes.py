"""The words a customer wrote themselves: a reply without quoted mail, signatures and what phones add.

Line by line and with rules for Finnish, Swedish and English clients first, and the words of some neighbours. The
library for this (mail-parser-reply 1.36) knows no Finnish, loses text typed below the quote, takes lists and sentences
that begin with "Thanks" for signatures, and needs time that grows with the square of the mail.
"""

from __future__ import annotations

import re

_MARKER = re.compile(r"[>\s]*##-.{0,200}-##\s*")

_VERBS = (
    r"kirjoitti|wrote|skrev|schrieb|kirjutas|a écrit|escribió|escreveu|ha scritto|schreef|napisał(?:\(a\))?|написал\w?"
)
_ATTRIBUTION = re.compile(rf"(?:.*\W)?(?:{_VERBS})\b.*:", re.IGNORECASE)
_DATE = re.compile(r"\b\d{1,4}[./-]\s?\d{1,2}\b|\b(?:19|20)\d\d\b")
_TIME = re.compile(r"\b\d{1,2}[.:]\d{2}\b")
_DATE_OPENING = re.compile(
    r"(?:On|Den|Am|Le|El|ma|ti|ke|to|pe|la|su|mån|tis|ons|tors|fre|lör|sön|\d{1,2}\.)\b.*\d", re.IGNORECASE
)
_ATTRIBUTION_LINES = 3
_ATTRIBUTION_CHARS = 500

_FROM = "lähettäjä|from|från|avsändare|von|fra|saatja|de|van|da|от"
_SUBJECT = "aihe|otsikko|subject|ämne|betreff|emne|teema|objet|asunto|assunto|onderwerp|oggetto|тема"
_OTHER = (
    "lähetetty|vastaanottaja|kenelle|saaja|kopio|päivämäärä|päiväys|päivä|pvm|sent|to|date|cc|skickat|till|datum|kopia|"
    "gesendet|an|sendt|til|dato|saadetud|kellele|kuupäev|envoyé|à|date|enviado|para|verzonden|aan|inviato|a|кому|дата"
)
_HEADER = re.compile(
    rf"[*\s]*(?:(?P<sender>{_FROM})|(?P<subject>{_SUBJECT})|(?P<other>{_OTHER}))\s*\*?\s*:", re.IGNORECASE
)
_HEADER_BLOCK_LINES = 10

_ORIGINAL_MESSAGE = re.compile(
    r"-{2,}\s*(?:alkuperäinen viesti|välitetty viesti|original message|forwarded message|reply message|"
    r"ursprungligt meddelande|vidarebefordrat meddelande|originalmeddelande|ursprüngliche nachricht|"
    r"opprinnelig melding|oprindelig meddelelse|message d'origine|mensaje original)\s*-{2,}",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"--\s?")
_RULE = re.compile(r"[_=*-]{5,}")
_DEVICES = (
    "iphone|ipad|ios|android|outlook|windows|samsung|galaxy|yahoo|huawei|honor|oneplus|xiaomi|nokia|sony|motorola|"
    "pixel|proton|gmail|mail|puhelime|laittee|mobil|phone|telefon|device|enhet|sähköposti|e-post"
)
_ADDED_BY_PHONE = re.compile(
    rf"(?:lähetetty|sent (?:from|via|with)|skicka[td] från|gesendet (?:von|mit)|sendt fra|hae|hanki|lataa|get|skaffa|"
    rf"hämta)\s.{{0,40}}(?:{_DEVICES}).{{0,80}}",
    re.IGNORECASE,
)
_ADDED_CHARS = 120


def own_words(text: str) -> str:
    """The part of a mail's text that its sender typed for this mail. Empty when there is nothing but quotes.

    Text above the hub's marker line (`##- … -##`) wins. Otherwise quoted lines go wherever they stand, so answers
    below or between quotes are kept, and all from an unquoted copy of an earlier mail on goes.
    """
    lines = [line.replace("\xa0", " ").rstrip() for line in text.splitlines()]
    marker = next((index for index, line in enumerate(lines) if _MARKER.fullmatch(line)), None)
    if marker is not None:
        above = _without_quotes(lines[:marker])
        if above:
            return above
        del lines[marker]
    return _without_quotes(lines)


def _without_quotes(lines: list[str]) -> str:
    attributions = _attributions(lines)
    kept: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        if length := attributions.get(index):
            index += length
            if not _is_quoted(_next_words(lines, index)):
                break  # the earlier mail follows without quote signs
            continue
        if _begins_earlier_mail(lines, index):
            break
        if not _is_quoted(line) and not _added_by_phone(line):
            kept.append(line)
        index += 1
    while kept and (not kept[-1] or _RULE.fullmatch(kept[-1].strip())):
        kept.pop()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


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
    joined = ""
    for length in range(1, min(_ATTRIBUTION_LINES, last + 1) + 1):
        line = lines[last - length + 1]
        if not line or _is_quoted(line):
            break
        joined = f"{line} {joined}".rstrip()
        if _is_attribution(joined):
            return length
    is_bare = len(lines[last]) <= _ATTRIBUTION_CHARS and _ATTRIBUTION.fullmatch(lines[last])
    return 1 if is_bare and _is_quoted(_next_words(lines, last + 1)) else 0


def _is_wrapped_opening(lines: list[str], first: int, last: int) -> bool:
    """Whether the line above belongs to it: "On Mon, Jun 1, 2026 at 10:15 Acme" / "Desk <a@b>" / "wrote:"."""
    dated = any(_DATE.search(line) for line in lines[first : last + 1])
    return first > 0 and not dated and bool(_DATE_OPENING.match(lines[first - 1]))


def _is_attribution(line: str) -> bool:
    """Customers too write sentences that end in "he wrote:", so there must be more than the verb."""
    if len(line) > _ATTRIBUTION_CHARS or not _ATTRIBUTION.fullmatch(line):
        return False
    return "@" in line or bool(_DATE.search(line) and _TIME.search(line))


def _begins_earlier_mail(lines: list[str], index: int) -> bool:
    line = lines[index].strip()
    return bool(_SIGNATURE.fullmatch(line) or _ORIGINAL_MESSAGE.fullmatch(line) or _is_header_block(lines, index))


def _is_header_block(lines: list[str], index: int) -> bool:
    """Outlook's "From: … Sent: … To: … Subject: …" in any order. The subject must be among them: a customer who
    writes of a journey also has lines that begin with From and To."""
    if not _HEADER.match(lines[index]):
        return False
    headers = [found for line in lines[index : index + _HEADER_BLOCK_LINES] if (found := _HEADER.match(line))]
    kinds = {found.lastgroup for found in headers}
    return kinds >= {"sender", "subject", "other"}


def _added_by_phone(line: str) -> bool:
    return len(line) <= _ADDED_CHARS and bool(_ADDED_BY_PHONE.fullmatch(line.strip()))


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


def _next_words(lines: list[str], index: int) -> str:
    return next((lines[later] for later in range(index, len(lines)) if lines[later]), "")
