"""The time zone of a customer, from the name a source gives or from the country of a phone number.

Pure, but for the files of the tz database, which are read once.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers


def zone_of(timezone: str | None, phone: str | None, default: ZoneInfo) -> ZoneInfo:
    """The customer's own zone where its name is known, else that of their number's country, else the default.

    `phone` is E.164. Its country counts when all of it keeps one time, as Finland, Sweden or Germany do; in the
    United States a number says too little. The table is the tz database's `zone.tab`, which comes with `tzdata`: it
    has today's names for each country, where `phonenumbers.timezone` guesses a zone from the digits of mobile numbers
    too, and gives old names.
    """
    return (timezone and _named(timezone)) or (phone and _of_number(phone)) or default


@lru_cache(maxsize=1024)  # a name that does not exist costs a search through files each time
def _named(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _of_number(phone: str) -> ZoneInfo | None:
    if not phone.startswith("+"):
        return None
    regions = _regions(phone[1:4])
    zone = _of_regions(regions)
    if zone is not None or len(regions) < 2:
        return zone
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(phone))
    except phonenumbers.NumberParseException:
        return None
    return _of_regions((region,)) if region else None


@lru_cache(maxsize=1024)
def _regions(first_digits: str) -> tuple[str, ...]:
    """The countries of a calling code. None begins another one, so three digits tell which it is (ITU-T E.164)."""
    if not (first_digits.isascii() and first_digits.isdecimal()):
        return ()
    codes = (int(first_digits[:length]) for length in (1, 2, 3))
    return next((regions for code in codes if (regions := phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code))), ())


@cache
def _of_regions(regions: tuple[str, ...]) -> ZoneInfo | None:
    """The zone of countries that share one time, now and in future."""
    names = [name for region in regions for name in _zones_by_country().get(region, ("",))]
    if not names or "" in names or len({_rule(name) for name in names}) > 1:
        return None
    return _named(names[0])


@cache
def _zones_by_country() -> dict[str, tuple[str, ...]]:
    """Zones of each country (ISO 3166), the one with most people first as a rule. Format: tz database, zone.tab."""
    table: dict[str, tuple[str, ...]] = {}
    for line in (_database() / "zone.tab").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            country, _, name = line.split("\t")[:3]
            table[country] = (*table.get(country, ()), name)
    return table


def _rule(name: str) -> bytes:
    """How a zone keeps time after its last recorded change, as in "EET-2EEST,M3.5.0/3,M10.5.0/4" (RFC 9636, 3.3)."""
    return _database().joinpath(*name.split("/")).read_bytes().rsplit(b"\n", 2)[-2]


def _database() -> Traversable:
    return resources.files("tzdata") / "zoneinfo"
