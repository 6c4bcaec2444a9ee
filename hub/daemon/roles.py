"""What a worker does. One that does everything needs no others; several share the work, or each takes a part."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A part of the hub's work. Every part must be done by some worker; several may do the same one."""

    PULL = "pull"  # reads closed tickets from sources and replies from gateways
    JOURNEY = "journey"  # decides whom to ask, matches answers
    DELIVER = "deliver"  # sends surveys
    WRITE = "write"  # writes results back, and to sinks
    WEB = "web"  # serves answer pages and webhooks


ALL = frozenset(Role)


def parse(text: str) -> frozenset[Role]:
    """The roles in a list such as `pull,journey`.

    :raises ValueError: one is unknown, or there is none.
    """
    names = [name for part in text.split(",") if (name := part.strip())]
    unknown = [name for name in names if name not in set(Role)]
    if unknown or not names:
        wrong = f"{unknown[0]!r} is not a role" if unknown else "there is no role"
        raise ValueError(f"{wrong}; write some of {','.join(Role)}, separated by commas")
    return frozenset(Role(name) for name in names)


def listed(roles: frozenset[Role]) -> tuple[str, ...]:
    """Their names, in the order of the work."""
    return tuple(role.value for role in Role if role in roles)
