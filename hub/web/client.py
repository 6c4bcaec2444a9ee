"""Who is asking: the client's address behind trusted proxies, and whether another site's page sent its browser here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.requests import Request

from hub.web.ports import Network

_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](:\d+)?|(?P<v4>[0-9.]+):\d+")
_OWN = ("same-origin", "none")


def address_of(request: Request, trusted: Sequence[Network]) -> str | None:
    """The client's IP address. It is used to judge and to limit, and never stored or logged.

    Each proxy appends whom it was called by to `X-Forwarded-For`. Read from the end, the first one that is not trusted
    is the client; what stands before it is what the client claims.

    :returns: None when it is not known, such as behind a socket.
    """
    last = _address(request.client.host) if request.client else None
    hops = [hop.strip() for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
    while last and hops and any(last in network for network in trusted):
        last = _address(hops.pop()) or last
    return str(last) if last else None


def device_of(address: str) -> str:
    """What stands for one device: an address, or with IPv6 the /64 that a phone or a household has at least."""
    parsed = _address(address)
    return address if not isinstance(parsed, IPv6Address) else str(IPv6Address(int(parsed) >> 64 << 64))


def is_foreign(request: Request, public_url: str) -> bool:
    """Whether another site's page made the browser send this (Fetch Metadata; the Origin header of RFC 6454).

    Browsers that say neither are believed: a page of ours may send no origin, for it has no referrer.
    """
    if site := request.headers.get("sec-fetch-site"):
        return site not in _OWN
    origin = request.headers.get("origin", "null")
    own = urlsplit(public_url)
    default = {"http": ":80", "https": ":443"}[own.scheme]
    return origin.lower() not in ("null", f"{own.scheme}://{own.netloc.lower().removesuffix(default)}")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    match = _WITH_PORT.fullmatch(text)
    try:
        found = ip_address((match["v6"] or match["v4"]) if match else text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
