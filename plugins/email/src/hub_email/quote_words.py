"""The words by which mail programs mark what their user did not type: fi, sv and en first, then some neighbours.

From mails of Outlook, Gmail, Apple Mail, Thunderbird, K-9, FairEmail, Samsung, Yahoo and others.
"""

from __future__ import annotations

import re

_WROTE = (
    r"kirjoitti|wrote|skrev|schrieb|kirjutas|a écrit|escribió|escreveu|ha scritto|schreef|napisał(?:\(a\))?|написал\w?"
)
ATTRIBUTION = re.compile(rf"(?:.*\W)?(?:{_WROTE})\b.*:", re.IGNORECASE)
"""Such as "ma 1.6.2026 klo 10.15 Acme <survey@acme.fi> kirjoitti:", on one line."""
BARE_ATTRIBUTION = re.compile(rf"(?:[\w.'’\"-]+,?\s+){{1,5}}(?:{_WROTE})\s*:", re.IGNORECASE)
"""A few words and the verb, such as "Acme Service Desk wrote:"; nothing to tell it from a customer's sentence."""
ATTRIBUTION_HEAD = re.compile(r"[^<>]*+<[^<>\s]+@[^<>\s]+>[^<>:]{0,20}:(?=\s{2,}\S)")
"""The attribution in "On Jun 1, 2026 at 10:15, Acme<survey@acme.fi> wrote:   How did it go?" of the Yahoo app."""

_FROM = "lähettäjä|from|från|avsändare|von|fra|saatja|de|van|da|от"
_SUBJECT = "aihe|otsikko|subject|ämne|betreff|emne|teema|objet|asunto|assunto|onderwerp|oggetto|тема"
_OTHER = (
    "lähetetty|vastaanottaja|vastaanottajat|kenelle|saaja|kopio|päivämäärä|päiväys|päivä|pvm|sent|to|date|cc|"
    "skickat|skickades|till|datum|kopia|gesendet|an|sendt|til|dato|saadetud|kellele|kuupäev|envoyé|à|enviado|para|"
    "verzonden|aan|inviato|a|кому|дата"
)
HEADER = re.compile(
    rf"[*\s]*(?:(?P<sender>{_FROM})|(?P<subject>{_SUBJECT})|(?P<other>{_OTHER}))\s*\*?\s*:", re.IGNORECASE
)
"""A line of Outlook's "From: … Sent: … To: … Subject: …"; the group that matches tells which."""

ORIGINAL_MESSAGE = re.compile(
    r"\s*-{2,}\s*(?:alkuperäinen viesti|välitetty viesti|edelleenlähetetty viesti|original message|forwarded message|"
    r"reply message|ursprungligt meddelande|vidarebefordrat meddelande|originalmeddelande|ursprüngliche nachricht|"
    r"opprinnelig melding|oprindelig meddelelse|message d'origine|mensaje original)\s*-{2,}\s*",
    re.IGNORECASE,
)

# "Sent from my iPhone" and the like: every word of the line must be one of these, so that "Lähetetty viesti katosi
# puhelimesta" and "Get the mail to my phone" stay what a customer wrote.
_BRANDS = (
    "iphone|ipad|ipod|ios|samsung|galaxy|huawei|honor|oneplus|xiaomi|redmi|nokia|sony|xperia|motorola|moto|pixel|google|"
    "android|windows|outlook|yahoo|gmail|proton|k-9|fairemail|spark|blackberry|mac|macbook"
)
_DEVICES = (
    "(?:äly|matka)?puhelime(?:sta|lla)(?:ni)?|(?:mobiili)?laittee(?:sta|lla)(?:ni)?|kännykästä(?:ni)?|tabletista(?:ni)?|"
    "(?:mobile |smart)?phone|(?:mobile )?device|tablet|"
    "mobil(?:en)?|(?:smart|mobil)?telefon(?:en)?|smartphone|enhet(?:en)?|surfplatta|läsplatta|handy"
)
_GLUE = (
    r"my|the|minun|min|mitt|meinem|for|för|für|on|på|from|från|with|med|app|mobile|mail|mailista|maililla|e-post|email|"
    r"secure|säker|sähköpostista|\d+(?::n)?|5g|plus|ultra|pro|mini|max|<\S*>|https?:\S+"
)
_PRODUCT = rf"(?:(?:{_BRANDS})[-:\w]*+(?:<\S*>)?|-?(?:{_DEVICES}))"
ADDED_BY_PHONE = re.compile(
    rf"\s*(?:(?:lähetetty|sent (?:from|via|with|using)|skicka(?:t|d|des)s? (?:från|via|med)|gesendet (?:von|mit)|"
    rf"sendt fra)\s+(?:(?:{_GLUE})\s+)*{_PRODUCT}(?:\s+(?:{_GLUE}|{_PRODUCT}))*"
    rf"|(?:hae|hanki|lataa|get|skaffa|hämta)\s+(?:outlook|yahoo mail|proton mail|spark)\s*(?:for|för)?\s*"
    rf"(?:ios|android|mac|windows)\w*(?:\s*<\S*>|\s+https?:\S+)?)[.!]?\s*",
    re.IGNORECASE,
)
ADDED_CHARS = 160
"""Longer lines are not looked at for that."""
