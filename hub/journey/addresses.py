"""Addresses as the hub compares them: numbers in E.164, mail addresses without case and plus tags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3
_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def mobile(number: str | None, region: str) -> str | None:
    """The number in E.164 if a text message can reach it, else None."""
    parsed = _parse(number, region)
    if parsed is None or phonenumbers.number_type(parsed) not in _MOBILE:  # an invalid number has no type
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def sender(address: str, region: str) -> str:
    """Who wrote, in the form invitations store: gateways give a number as +358…, 358…, 00358… or 040…

    A short number or a name stays as it came.
    """
    if "@" in address:
        return address.strip()
    digits = address.strip().lstrip("+")
    for candidate in (address, f"+{digits.removeprefix('00')}"):
        parsed = _parse(candidate, region)
        if parsed is not None and phonenumbers.is_valid_number(parsed):
            return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    return address.strip()


def email(address: str | None) -> str | None:
    """A mail address with its domain in lower case, or None if it is none."""
    if address is None:
        return None
    local, at, domain = address.strip().rpartition("@")
    if len(address) > LONGEST_ADDRESS:
        return None
    if not (local and at and domain) or any(c.isspace() or ord(c) < 32 for c in address.strip()):
        return None
    return f"{local}@{domain.lower()}"


def identity(address: str) -> str:
    """The key of a contact: the same for all spellings of one address."""
    local, at, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}" if at else address


def domains(address: str) -> list[str]:
    """The domain of a mail address and those it lies in, such as ["mail.acme.example", "acme.example", "example"]."""
    labels = address.strip().rpartition("@")[2].lower().split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def entry(text: str, region: str) -> str | None:
    """How a line of a stop list is compared: an identity, or "@domain"; None when it is neither.

    A number may be one that takes no text messages: what it says is clear, and it may be ported.
    """
    text = text.strip()
    if text.startswith("@"):
        domain = text[1:].lower()
        return f"@{domain}" if re.fullmatch(r"[^\s@.]+(\.[^\s@.]+)*", domain) else None
    if "@" in text:
        return identity(text) if email(text) else None
    parsed = _parse(text, region)
    if parsed is None or not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


@dataclass(frozen=True, slots=True)
class StopList:
    """Entries of a stop list."""

    entries: frozenset[str] = frozenset()

    def covers(self, identity: str) -> bool:
        """Whether an identity, or the domain it lies in, is on the list."""
        return bool(self.entries) and not self.entries.isdisjoint(entries_of(identity))


def entries_of(identity: str) -> list[str]:
    """The entries that cover an identity: itself, itself as a hash, and the domains it lies in."""
    own = [identity, hashed(identity)]
    return own + [f"@{domain}" for domain in domains(identity)] if "@" in identity else own


def hashed(identity: str) -> str:
    """The entry of the stop list that keeps somebody from being asked whose address is no longer stored.

    "hash:" and a SHA-256 in hexadecimal. Who has the store can try addresses against it, and read none from it.
    """
    return f"hash:{sha256(f'stop {identity}'.encode()).hexdigest()}"


def _parse(number: str | None, region: str) -> phonenumbers.PhoneNumber | None:
    if not number:
        return None
    try:
        return phonenumbers.parse(number, region)
    except NumberParseException:
        return None
