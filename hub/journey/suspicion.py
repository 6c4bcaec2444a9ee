"""Whether an answer on the page came from a machine. Pure.

Security products for mail open its links, and some press the button too: they answer surveys that nobody has read. An
answer that looks like theirs is kept out of scores and alarms until a person confirms it. People come first: each
pattern is something that machines were seen to do and that people hardly can, and being quick alone is none of them.

What was seen, and the pattern it gave:

- Every link of the mail is opened, most often within a second, from several addresses (PostHog #43690: all ten
  ratings; FreeScout #1743; the help pages of Retently and Crewhu), and Microsoft's headless browser follows some 20 s
  after sending (emdash #3298). What counts is the row of visits in which the submitted form itself was fetched:
  customers come after the scanner and must not pay for it. -> all_ratings_visited
- SafeLinks submits the form (Odoo #262262), also once more after the customer has, from addresses of its own; what
  fetches and posts without showing the page takes a fraction of a second. -> too_fast
- Scanning happens while the mail is being delivered, within seconds. -> just_delivered
- The products' addresses can be known (Microsoft's were, in Odoo #262262). -> scanner_network
- What fills in forms all over the web posts without having fetched the form, or fills all of its fields. -> no_form,
  trap
- Some run scripts in a full browser, and follow what a script does on loading (fleet #26976), but none of these was
  seen to move a pointer or press a key. So a hand on the page outweighs time and address; it does not outweigh the
  trap, a missing form, or every rating opened at once.

A hand that was not seen says little: scripts may be off, and screen readers press buttons without pointer or key.
The number of earlier submissions decides nothing either: people double-click and correct themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

TOO_FAST = timedelta(seconds=1)
"""From showing the form to its submission. A tap on a phone takes longer once the page has travelled there."""
JUST_DELIVERED = timedelta(seconds=10)
"""From sending to submission. A person has to notice the message, open it, tap and confirm."""
PAUSE = timedelta(seconds=20)
"""Visits closer together than this are one row, when no hand was seen."""
PAUSE_OF_A_HAND = timedelta(milliseconds=500)
"""The same when one was: a curious person may open every rating in turn, but not twice a second."""
_FEWEST_RATINGS = 3
"""Of yes and no, a person who slips opens all."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One GET of the page through a link that carries a rating."""

    at: datetime
    rating: int | None
    network: str | None
    """Where it came from, for the operator. Scanners use many, so it decides nothing."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one submission of the page. None of it is kept longer than the judgement takes."""

    submitted_at: datetime
    shown_at: datetime | None
    """When the form was made, by its signed stamp; None when that is missing or not genuine."""
    sent_at: datetime | None
    """When the message left; while that is not stored yet, when sending began. None without a message."""
    visits: tuple[Visit, ...]
    """All before the submission, in any order."""
    hand: str | None
    """"pointer", "key" or "touch" if the page's script saw one; None if not, or if scripts are off."""
    trap_filled: bool
    """The field that no person sees."""
    address: str | None
    """The client's IP address behind trusted proxies."""
    earlier: int
    """Submissions before this one."""
    offered: int = 5
    """How many ratings the message had links for."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """What is taken for a machine."""

    scanner_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    too_fast: timedelta = TOO_FAST
    just_delivered: timedelta = JUST_DELIVERED
    pause: timedelta = PAUSE
    pause_of_a_hand: timedelta = PAUSE_OF_A_HAND


def suspicion(evidence: Evidence, patterns: Patterns) -> str | None:
    """What gives a machine away, as one word for the operator; None when a person may have answered.

    :returns: "trap", "no_form", "all_ratings_visited", "too_fast", "just_delivered" or "scanner_network".
    """
    if evidence.trap_filled:
        return "trap"
    if evidence.shown_at is None:
        return "no_form"
    if _all_ratings_visited(evidence, evidence.shown_at, patterns):
        return "all_ratings_visited"
    return None if evidence.hand else _without_a_hand(evidence, evidence.shown_at, patterns)


def _without_a_hand(evidence: Evidence, shown_at: datetime, patterns: Patterns) -> str | None:
    if timedelta() <= evidence.submitted_at - shown_at < patterns.too_fast:
        return "too_fast"  # a negative time is a clock that was set back
    if evidence.sent_at and abs(evidence.submitted_at - evidence.sent_at) < patterns.just_delivered:
        return "just_delivered"  # before, by a little, when two clocks differ
    return "scanner_network" if _is_within(evidence.address, patterns.scanner_networks) else None


def _all_ratings_visited(evidence: Evidence, shown_at: datetime, patterns: Patterns) -> bool:
    if evidence.offered < _FEWEST_RATINGS:
        return False
    pause = patterns.pause_of_a_hand if evidence.hand else patterns.pause
    before = sorted((visit for visit in evidence.visits if visit.at <= shown_at), key=_time, reverse=True)
    after = sorted((visit for visit in evidence.visits if visit.at > shown_at), key=_time)
    row = [*_without_pause(shown_at, before, pause), *_without_pause(shown_at, after, pause)]
    return len({visit.rating for visit in row if visit.rating is not None}) >= evidence.offered


def _without_pause(start: datetime, visits: Iterable[Visit], pause: timedelta) -> list[Visit]:
    """The first of these visits, up to where none follows within the pause."""
    row: list[Visit] = []
    for visit in visits:
        if abs(visit.at - start) > pause:
            break
        row.append(visit)
        start = visit.at
    return row


def _time(visit: Visit) -> datetime:
    return visit.at


def _is_within(address: str | None, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    try:
        client = ip_address(address or "")
    except ValueError:  # a socket, or nothing
        return False
    if isinstance(client, IPv6Address) and client.ipv4_mapped:
        client = client.ipv4_mapped
    return any(client in network for network in networks)
