"""Finds one person in what is stored: under all addresses that are known to be theirs, in every spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import phonenumbers
import sqlalchemy as sa

from hub.api.errors import HubError
from hub.journey import addresses
from hub.store.engine import Store
from hub.store.tables import contacts

_BETWEEN = r"[\s\u00a0().\-/]{0,3}"
"""What people write between the digits of a number."""
_BEGINS = r"(?:(?<![\w.+-])|(?<=\\[nrtbf])|(?<=\\u[0-9a-f]{4}))"
"""Where an address can begin, in JSON too, where a line break is a backslash and a letter."""
_others = contacts.alias("others")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is known by their addresses."""

    identities: frozenset[str] = field(repr=False)
    """As `addresses.identity` gives them."""
    pattern: re.Pattern[str] = field(repr=False)
    """Finds each of the addresses in any text."""


async def find_person(store: Store, address: str, region: str) -> Person:
    """The person behind an address or a number in any spelling, with the other addresses known to be theirs.

    :param region: the country of numbers without a country code, such as "FI".
    :raises HubError: it is neither an address nor a number.
    """
    one = identity(address, region)
    joined = sa.select(_others.c.address).join(contacts, contacts.c.person == _others.c.person)
    async with store.read() as connection:
        others = (await connection.execute(joined.where(contacts.c.address == one))).scalars().all()
    identities = frozenset((one, *others))
    return Person(identities, spellings(identities))


def identity(address: str, region: str) -> str:
    """The identity of an address or a number as a person writes it.

    :raises HubError: it is neither.
    """
    text = address.strip()
    if "@" in text:
        if (mail := addresses.email(text)) is None:
            raise HubError("this is no mail address")
        return addresses.identity(mail)
    number = addresses.sender(text, region)
    if not re.fullmatch(r"\+\d{7,15}", number):  # E.164
        raise HubError("this is neither a mail address nor a phone number; write a number with + and its country code")
    return number


def spellings(identities: Iterable[str]) -> re.Pattern[str]:
    """A pattern that finds these addresses in all the ways they are written, and no longer address they are part of."""
    each = sorted(_mail(one) if "@" in one else _number(one) for one in identities)
    return re.compile(f"{_BEGINS}(?:{'|'.join(each)})", re.IGNORECASE)


def _mail(identity: str) -> str:
    local, _, domain = identity.rpartition("@")
    # a plus tag makes no other person; "@" is %40 in addresses of pages
    return rf"{re.escape(local)}(?:(?:\+|%2b)[^@%\s\"<>]*)?(?:@|%40){re.escape(domain)}(?![\w-]|\.\w)"


def _number(e164: str) -> str:
    parsed = phonenumbers.parse(e164)
    national = phonenumbers.national_significant_number(parsed)
    digits = _BETWEEN.join(national)
    country = _BETWEEN.join(str(parsed.country_code))
    prefixed = rf"(?:\+|00|%2b)?{_BETWEEN}{country}{_BETWEEN}(?:\(?0\)?{_BETWEEN})?"
    # without any prefix the digits could be anything, but not in a field for numbers
    return rf"(?:{prefixed}|0{_BETWEEN}|(?<=\"phone\":\")[^\d\"]{{0,3}}){digits}(?!\d)"
